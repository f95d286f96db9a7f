"""Models on a device that only pretends to be there: what stays behind on the CPU, and what waits for the device.

`python -m tests.backends.torch.devices` prints as JSON what it found, by what was run: a process of its own, because
PyTorch learns of the device for good. Tensors have no numbers: one on another device is refused by PyTorch itself, and
where Python asks for a number there is none to give, which is how a wait is found.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from netspec.front import load
from netspec.ir.types import TensorType
from netspec.ops import catalogue
from netspec.recipe.descent import descent
from netspec.recipe.pace import Pace
from netspec.recipe.spec import Spec
from netspec_torch.averaged import Averaged
from netspec_torch.module import assemble
from netspec_torch.optimizer import bound, build, set_pace
from tests.backends.torch.shadow.kept import empty
from tests.conformance.case import Case, _called, _run_written, lowered
from tests.conformance.harness import use_of
from tests.specs.whole import WHOLE

DEVICE = "pretended"
WAITS = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "is_nonzero",
    "equal",
    "_unique2",
    "repeat_interleave",
)
"""Ops for which the CPU waits: their result is a number or a size that only the device knows."""


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch has no types for it
    """Notes what waits for the device, and tensors elsewhere among the operands."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.waits: list[str] = []
        self.elsewhere: list[str] = []
        self._rows = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        called = func.overloadpacket.__name__
        named = kwargs or {}
        given = [one for one in tree_leaves((args, named)) if isinstance(one, Tensor)]
        here = [one for one in given if one.device.type == DEVICE]
        there = [one for one in given if one.device.type != DEVICE]
        to = None if named.get("device") is None else torch.device(named["device"]).type
        if called in ("_to_copy", "copy_"):
            if here and (to == "cpu" or (called == "copy_" and given[0].device.type != DEVICE)):
                self.waits.append("a copy to the CPU")
            if there and to == DEVICE and not named.get("non_blocking"):
                self.waits.append("a copy from the CPU")
            if (
                there and to == DEVICE
            ):  # one number PyTorch would really bring to the device, which is not there
                return torch.empty(there[0].shape, dtype=named.get("dtype") or there[0].dtype, device=DEVICE)
            return func(*args, **named)
        if here and there:
            self.elsewhere.append(f"{called} takes a tensor of `{there[0].device}`")
        if here and called in WAITS:
            self.waits.append(called)
        masks = [one for one in given[1:] if one.dtype == torch.bool]
        if called.startswith("index") and masks:
            self.waits.append("index by a mask")
            return self._as_if_all(called, given, masks[0])
        if called == "repeat_interleave" and here:
            return torch.empty(self._rows, dtype=torch.int64, device=DEVICE)
        return func(*args, **named)

    def _as_if_all(self, called: str, given: list[Tensor], mask: Tensor) -> Tensor:
        """What a mask that holds everywhere chooses, or leaves where it puts something."""
        if called != "index":
            return given[0] if called.endswith("_") else torch.empty_like(given[0])
        self._rows = mask.numel()
        return given[0].new_empty((mask.numel(), *given[0].shape[mask.dim() :]))


def on_device(run: Callable[[], object]) -> dict[str, list[str]]:
    """What a run waits for, what it takes from elsewhere, and what it fails with."""
    watch = Watch()
    fault: list[str] = []
    mode = FakeTensorMode()
    with warnings.catch_warnings(), mode:
        warnings.simplefilter("ignore")
        try:
            with watch:
                run()
        except Exception as trouble:  # noqa: BLE001 - whatever it is, it is what was found
            fault = [f"{type(trouble).__name__}: {str(trouble)[:300]}"]
    return {"waits": watch.waits, "elsewhere": watch.elsewhere, "fault": fault}


def use(case: Case) -> None:
    """One use of an op in training, forward and backward."""
    letters = {letter for kind in case.types for size in kind.sizes for letter in size.symbols}
    rows = prod(int(size) for size in case.types[-1].sizes) if letters else 0  # the last input is the mask
    known: dict[str, Any] = {
        f"x{i}": empty_like(kind, dict.fromkeys(letters, rows), grad=True)
        for i, kind in enumerate(case.types)
    }
    outputs: Any = ()
    for node, written in lowered(case):
        known.pop("layer", None)
        if written.construct is not None:
            with torch.utils._python_dispatch._disable_current_modes():
                layer = _run_written(written.construct, written, {}).train()
            empty(layer, torch._guards.detect_fake_mode() or FakeTensorMode(), DEVICE)
            known["layer"] = layer
        outputs = _run_written(written.call, written, known)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        known.update(zip(map(_called, node.refs), outputs, strict=True))
    live = [one for one in outputs if isinstance(one, Tensor) and one.requires_grad]
    if live:
        torch.autograd.backward(live, [torch.empty_like(one) for one in live])


def empty_like(kind: TensorType, sizes: Mapping[str, int], *, grad: bool = False) -> Tensor:
    """A tensor of a type that the device made."""
    shape = [int(axis.size.evaluate(sizes)) for axis in kind.axes]
    made = torch.empty(shape, dtype=getattr(torch, kind.dtype), device=DEVICE)
    return made.requires_grad_(grad and kind.dtype == "float32")


def step(spec: Spec, sizes: Mapping[str, int], made: Any) -> Callable[[], None]:
    """A step of a training as the learner takes it, and all that is measured of it."""
    graph, training = spec.graph, spec.training

    def run() -> None:
        mode = torch._guards.detect_fake_mode()
        assert mode is not None
        for part in (made.model, made.loss, made.metrics, made.aggregate, made.group_metrics):
            if isinstance(part, nn.Module):
                empty(part, mode, DEVICE)
        inputs = [empty_like(kind, sizes) for kind in graph.inputs.values()]
        targets = {key: empty_like(kind, sizes) for key, kind in graph.targets.items()}
        outputs = made.model(*inputs, **made.for_loss)
        loss = made.loss(outputs, targets)
        loss.backward()
        if training is not None:
            trained = [(key, one) for key, one in made.model.named_parameters() if one.requires_grad]
            recipe = descent(training, graph)
            rule = build(recipe, trained)
            set_pace(rule, recipe.optimizer, Pace(1.0))
            bound(recipe.clip, made.model.parameters())
            rule.step()
            if training.average:
                average = Averaged(training.average)
                average.take(made.model.state_dict())
                average.take(made.model.state_dict())
        if made.metrics is not None:
            made.metrics.values(outputs, targets)
        if made.aggregate is not None:
            named = outputs if isinstance(outputs, dict) else dict.fromkeys(graph.entry("predict"), outputs)
            whole = made.aggregate(*(named[key].detach()[None] for key in spec.group.graph.inputs))  # type: ignore[union-attr]
            if made.group_metrics is not None:
                made.group_metrics.values(whole, {key: one[:1] for key, one in targets.items()})

    return run


class Planted(nn.Module):
    """A layer with a constant that no device knows of, or that asks for a number."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "constant":
            return x * self.weight + torch.arange(3)
        if self.how == "scalar":
            return x * self.weight * torch.tensor(2.0)
        if self.how == "item":
            return x * float(self.weight.sum())
        if self.how == "branch":
            return x * self.weight if bool((x > 0).any()) else x
        return x[x > 0] * 2


def planted(how: str) -> Callable[[], None]:
    """A run with one fault in it."""
    layer = Planted(how)

    def run() -> None:
        mode = torch._guards.detect_fake_mode()
        assert mode is not None
        empty(layer, mode, DEVICE)
        layer(torch.empty(2, 3, device=DEVICE)).sum()

    return run


def everything() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """What was run, and what was found."""
    for how in ("constant", "scalar", "item", "branch", "mask"):
        yield f"planted {how}", on_device(planted(how))
    for name, kind in sorted(catalogue().items()):
        for i, sample in enumerate(kind.samples()):
            if sample.code is None:
                case = use_of(kind, sample)
                yield f"op {name}-{i}", on_device(lambda case=case: use(case))  # type: ignore[misc]
    for path in WHOLE:
        spec = load(path)
        kinds = (*spec.graph.inputs.values(), *spec.graph.targets.values())
        letters = {letter for kind in kinds for size in kind.sizes for letter in size.symbols}
        sizes = {letter: {"S": 3, "T": 4}.get(letter, 32) for letter in letters} | {"N": 2}
        group = spec.group.graph if spec.group else None
        made = assemble(spec.graph, name=spec.name, group=group)
        yield f"spec {path.stem}", on_device(step(spec, sizes, made))


if __name__ == "__main__":
    _setup_privateuseone_for_python_backend(DEVICE)
    json.dump(dict(everything()), sys.stdout)
