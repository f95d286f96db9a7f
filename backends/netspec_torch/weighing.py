"""What real steps of a spec take of memory, in a process of its own: `python -m netspec_torch.weighing`.

It reads what to weigh as JSON and writes what it found as JSON. A process of its own, because the most that a process
ever had can be asked of it and not be forgotten.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netspec.backend.memory import Measured
from netspec.front import load
from netspec.ir.types import TensorType
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.averaged import Averaged
from netspec_torch.module import Compiled, assemble
from netspec_torch.optimizer import build
from netspec_torch.recompute import recompute

STEPS = 3
"""The first step allocates what the optimizer remembers, the second is a step like any other, and so is the third."""


def weigh(path: Path, define: Mapping[str, Any], sizes: Mapping[str, int]) -> Measured:
    """Take steps of a spec in a process of its own; SpecError NS677 where they cannot be taken."""
    asked = json.dumps({"path": str(path), "define": dict(define), "sizes": dict(sizes)})
    done = subprocess.run(
        [sys.executable, "-m", "netspec_torch.weighing"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
        ended = "it was ended from outside, as a machine does that has no memory left"
        raise SpecError.of(
            "NS677",
            f"the steps to be measured failed: {ended if done.returncode < 0 else last[:300]}",
            help="measure a smaller `--batch`",
        )
    return Measured(**json.loads(done.stdout))


def taken(spec: Spec, sizes: Mapping[str, int]) -> Measured:
    """Take steps of a spec in this process, on numbers of its types."""
    compiled = assemble(spec.graph, name=spec.name, seed=0)
    recompute(compiled.model, spec.graph, spec.training.recompute if spec.training else ())
    inputs = {key: numbers(kind, sizes) for key, kind in spec.graph.inputs.items()}
    targets = {key: numbers(kind, sizes) for key, kind in spec.graph.targets.items()}
    trained = [(key, one) for key, one in compiled.model.named_parameters() if one.requires_grad]
    training = spec.training
    rule = build(descent(training, spec.graph), trained) if training else None
    average = Averaged(training.average) if training and training.average else None
    narrow = training is not None and training.precision == "bf16"
    before = _most()
    for _ in range(STEPS):
        with torch.autocast("cpu", torch.bfloat16) if narrow else nullcontext():
            loss = _loss(compiled, inputs, targets)
        compiled.model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if rule is not None:
            rule.step()
        if average is not None:
            average.take(compiled.model.state_dict())
    peak = _most()
    with torch.autocast("cpu", torch.bfloat16) if narrow else nullcontext(), keeping(compiled.model) as kept:
        _loss(compiled, inputs, targets)
    return Measured(
        size(kept),
        size(one.grad for _, one in trained if one.grad is not None),
        0 if rule is None else size(_tensors(rule.state_dict()["state"])),
        peak,
        before,
    )


def numbers(kind: TensorType, sizes: Mapping[str, int]) -> Tensor:
    """Numbers of a type; KeyError for a letter without a size."""
    shape = [int(axis.size.evaluate(sizes)) for axis in kind.axes]
    facts = kind.facts
    if kind.dtype == "bool" or facts.mask:
        return torch.ones(shape, dtype=torch.bool if kind.dtype == "bool" else torch.float32)
    if facts.classes is not None or kind.dtype == "int64":
        high = facts.classes if facts.classes is not None else 1
        drawn = torch.randint(0, max(high, 1), shape)
        return drawn if kind.dtype == "int64" else drawn.float()
    low, high_ = max(facts.low, -2.0), min(facts.high, 600.0)
    return torch.empty(shape).uniform_(min(low, high_), high_)


@contextmanager
def keeping(model: nn.Module) -> Iterator[list[Tensor]]:
    """Within, every tensor that is kept for gradients, but for parameters and buffers of the model."""
    own = {_piece(one) for one in (*model.parameters(), *model.buffers())}
    kept: list[Tensor] = []

    def pack(one: Tensor) -> Tensor:
        if _piece(one) not in own:
            kept.append(one)
        return one

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one):
        yield kept


def size(tensors: Iterable[Tensor]) -> int:
    """Bytes of the memory of these, each piece once."""
    return sum({_piece(one): one.untyped_storage().nbytes() for one in tensors}.values())


def _piece(one: Tensor) -> int:
    """What tells the memory of a tensor from that of others, as long as both are there."""
    found: int = one.untyped_storage()._cdata  # noqa: SLF001 - tensors without numbers have no address
    return found


def _tensors(state: Any) -> Iterator[Tensor]:
    """All tensors in what an optimizer remembers."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, dict):
        for one in state.values():
            yield from _tensors(one)


def _loss(compiled: Compiled, inputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """The loss as a training takes it."""
    made = compiled.model(*inputs.values(), **compiled.for_loss)
    whole = made if isinstance(made, dict) else {"": made}
    if compiled.loss is None:
        return torch.stack([one.float().mean() for one in whole.values() if one.requires_grad]).sum()
    wide = {key: one.float() if one.is_floating_point() else one for key, one in whole.items()}
    with torch.autocast("cpu", enabled=False):
        loss: Tensor = compiled.loss(wide if isinstance(made, dict) else wide[""], targets)
    return loss


def _most() -> int:
    """The most that this process has had in memory so far; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    found = taken(load(wanted["path"], wanted["define"]), wanted["sizes"])
    sys.stdout.write(json.dumps(asdict(found)))
