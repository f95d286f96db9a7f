"""Writing a model as a file, and making a model of one: what `netspec export` and `netspec.from_pretrained` do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

import netspec
from netspec.backend import Exported, FreeSize, Trial, needing
from netspec.ir.folding import Inference, folded
from netspec.ir.graph import Graph
from netspec.recipe.packed import pack
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec.text.shown import shown
from netspec_torch.export.program import Numbers, Unfit, named, numbers, program, quiet
from netspec_torch.export.rounding import allowances, compare
from netspec_torch.export.standing import ONNX, PLAIN
from netspec_torch.module import assemble
from netspec_torch.place import placed
from netspec_torch.weights import read

MOST_NAMES = 4
"""Names of tensors that a message lists."""


def deliver(
    spec: Spec,
    output: Path,
    *,
    form: str,
    free: Sequence[FreeSize] = (),
    trials: Sequence[Trial] = (),
    weights: Path | None = None,
    seed: int = 0,
    inference: Inference | None = None,
    force: bool = False,
) -> Exported:
    """Write a model in evaluation as `form`: `onnx`, `pt2` or `safetensors`. See `netspec.backend.Exporter`."""
    model = made(spec, weights, seed=seed)
    if inference is not None:
        model, spec = merged(spec, model, inference), replace(spec, graph=inference.graph, group=None)
    with placed(output, force=force) as beside:
        if form == "safetensors":
            result = _safetensors(spec, model, beside)
        elif form == "pt2":
            result = _pt2(spec, model, beside, free, trials)
        else:
            with needing("onnx"):
                result = _onnx(spec, model, beside, free, trials)
        size = beside.stat().st_size
    return replace(result, output=output, size=size)


def made(spec: Spec, weights: Path | Mapping[str, Tensor] | None, *, seed: int = 0) -> nn.Module:
    """The model of a spec in evaluation, with the weights of a file, a run or a state dict, else first values."""
    tensors: Mapping[str, Tensor] | None = None
    if isinstance(weights, Path):
        tensors = read(weights).tensors
        _check(spec.graph, tensors, f"the tensors of `{shown(weights.name)}`")
    elif weights is not None:
        tensors = weights
        _check(spec.graph, tensors, "the tensors that were given")
    group = spec.group.graph if spec.group else None
    model = assemble(
        spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group, seed=seed
    ).model.eval()
    if tensors is not None:
        model.load_state_dict(tensors, strict=True)
    return model


def merged(spec: Spec, model: nn.Module, inference: Inference) -> nn.Module:
    """The model of a graph that predicts alone, in evaluation, its weights made of those of `model` in float64.

    Weights of another kind than float32 are made in float64 too, and come out in the model's own kind.
    """
    made_new = assemble(
        inference.graph, name=spec.name, doc=spec.doc, digest=spec.digest, seed=0
    ).model.eval()
    wide = {
        key: value.double() if value.is_floating_point() else value
        for key, value in model.state_dict().items()
    }
    own = made_new.state_dict()
    new = {key: value for key, value in folded(inference, wide).items() if key in own}
    made_new.load_state_dict({key: value.to(own[key].dtype) for key, value in new.items()})
    return made_new.requires_grad_(requires_grad=False)


def _check(graph: Graph, tensors: Mapping[str, Tensor], what: str) -> None:
    """SpecError NS754 unless tensors are exactly the model's own, by name and shape.

    The model is not there yet: a spec that claims more than the file holds takes no memory.
    """
    nodes = list(graph.walk("predict", "train"))
    used = [key for node in nodes for key in (*node.parameters.values(), *node.state.values())]
    shapes = {key: row.shape for key, row in graph.parameters.items()}
    shapes |= {key: row.shape for key, row in graph.state.items()}
    own = {key: shapes[key] for key in used}
    missing = [key for key in own if key not in tensors]
    more = [key for key in tensors if key not in own]
    others = [
        f"{shown(key)} is {list(tensors[key].shape)} and not {list(shape)}"
        for key, shape in own.items()
        if key in tensors and tensors[key].shape != shape
    ]
    differing = ((missing, "missing"), (more, "not of the model"), (others, "of another shape"))
    told = [f"{len(names):,} {what} ({_some(names)})" for names, what in differing if names]
    if told:
        raise SpecError.of(
            "NS754",
            f"{what} are not those of the model: {'; '.join(told)}",
            help="name the file or the run that was trained with this very spec; "
            "`netspec weights SPEC FILE -o NEW` carries over what fits of another",
        )


def _some(names: Sequence[str]) -> str:
    """The first of the names."""
    more = ", ..." if len(names) > MOST_NAMES else ""
    return ", ".join(map(shown, names[:MOST_NAMES])) + more


def _safetensors(spec: Spec, model: nn.Module, beside: Path) -> Exported:
    """The weights with the spec in the header, read back and compared bit by bit."""
    state = model.state_dict()
    beside.write_bytes(packed(spec, model))
    back = read(beside).tensors
    if back.keys() != state.keys() or not all(_same(state[key], back[key]) for key in state):
        raise SpecError.of("NS752", "the file does not give back the weights", help="please report it")
    return Exported(beside, 0, f"{len(state):,} tensors read back, bit by bit")


def packed(spec: Spec, model: nn.Module) -> bytes:
    """The weights of a model with its spec, as the safetensors file that holds both: the same bytes for the same."""
    from safetensors.torch import save  # noqa: PLC0415 - the one form that needs it

    state = {key: value.detach().contiguous().clone() for key, value in model.state_dict().items()}
    return _ordered(save(state, metadata=pack(spec, netspec.__version__)))


def _ordered(content: bytes) -> bytes:
    """The same file with its header in order: safetensors lays metadata out as it comes."""
    length = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def _same(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors have the same bits, NaN included."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    return first.numpy().tobytes() == second.numpy().tobytes()


def _pt2(
    spec: Spec, model: nn.Module, beside: Path, free: Sequence[FreeSize], trials: Sequence[Trial]
) -> Exported:
    """PyTorch's own program, read back and run: it must give the model's very bits."""
    from netspec_torch.export.onnx import told  # noqa: PLC0415 - it needs no ONNX for that

    tried = numbers(model, spec.graph, trials)
    try:
        found = program(model, spec.graph, free, tried, PLAIN)
    except Unfit as trouble:
        raise _refused(spec, model, free, trials, str(trouble), form="pt2") from trouble
    for node in found.graph.nodes:
        for key in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn"):
            node.meta.pop(key, None)
    found.example_inputs = None
    with quiet(), beside.open("wb") as file:
        torch.export.save(found, file, extra_files={"netspec.json": json.dumps(told(spec, spec.graph))})
    with quiet(), beside.open("rb") as file:
        runs = torch.export.load(file).module()
    for one in tried:
        with torch.no_grad():
            given = named(spec.graph, runs(*one.inputs))
        for key, value in one.outputs.items():
            if not torch.equal(value, given[key]):
                raise _other(key, one, float((value - given[key]).abs().max()), 0.0)
    return Exported(beside, 0, f"read back and run at {_trials(tried)}: the same bits")


def _onnx(
    spec: Spec, model: nn.Module, beside: Path, free: Sequence[FreeSize], trials: Sequence[Trial]
) -> Exported:
    """An ONNX file, held against the model in onnxruntime where that is installed."""
    from netspec_torch.export.onnx import runs_with, translated  # noqa: PLC0415 - it needs the extra `onnx`

    tried = numbers(model, spec.graph, trials)
    try:
        found = program(model, spec.graph, free, tried, ONNX, exact=False)
        beside.write_bytes(translated(found, spec, spec.graph).SerializeToString(deterministic=True))
        answers = runs_with(beside, spec.graph, tried)
    except Unfit as trouble:
        raise _refused(spec, model, free, trials, str(trouble), form="onnx") from trouble
    if answers is None:
        note = "not run: onnxruntime is not installed (`pip install onnxruntime`)"
        return Exported(beside, 0, "checked by ONNX's checker", notes=(note,))
    allowed = allowances(model, spec.graph, tried)
    worst = ("", 0.0, 0.0)
    for one, given in zip(tried, answers, strict=True):
        found_worst = compare(one.outputs, given, allowed)
        if found_worst is None:
            continue
        key, off, most = found_worst
        if off > most:
            raise _other(key, one, off, most)
        if off >= worst[1]:
            worst = found_worst
    return Exported(
        beside,
        0,
        f"checked, and run in onnxruntime at {_trials(tried)}",
        difference=worst[1],
        allowed=worst[2],
    )


def _trials(tried: Sequence[Numbers]) -> str:
    return " and at ".join(str(one.trial) for one in tried)


def _other(key: str, one: Numbers, off: float, allowed: float) -> SpecError:
    return SpecError.of(
        "NS752",
        f"the file was not written: at {one.trial} its output `{key}` is off by {off:.3g}, and rounding explains "
        f"{allowed:.3g}",
        help="please report it; `.pt2` and `.safetensors` may do until then",
    )


def _refused(
    spec: Spec, model: nn.Module, free: Sequence[FreeSize], trials: Sequence[Trial], why: str, *, form: str
) -> SpecError:
    """Which layer the exporter does not take, found by exporting the values before it alone; or which size."""
    from netspec_torch.export.culprit import refusal  # noqa: PLC0415 - nothing is to be found where all goes well

    return refusal(spec, model, free, trials, why, form=form)
