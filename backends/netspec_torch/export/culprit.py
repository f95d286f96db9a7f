"""Why a model cannot be exported: the first layer whose value alone cannot be, or the letter that cannot stay free."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from netspec.backend import FreeSize, Trial
from netspec.ir.graph import Graph, Node
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic, Severity, SpecError
from netspec.text.shown import shown
from netspec_torch.export.program import Unfit, numbers, program
from netspec_torch.export.standing import ONNX, PLAIN
from netspec_torch.module import assemble

FORMS = {"onnx": "ONNX", "pt2": "a PyTorch program"}


def refusal(
    spec: Spec, model: nn.Module, free: Sequence[FreeSize], trials: Sequence[Trial], why: str, *, form: str
) -> SpecError:
    """NS751 where the model could be exported with sizes of its own, NS750 where not; either at the layer."""
    batch = [one for one in free if one.letter == "N"]
    others = [one for one in free if one.letter != "N"]
    for kept, bound in ((batch, others), ([], free)):
        if bound and not _trouble(spec, spec.graph, model, kept, trials[-1:], form):
            node, told = _first(spec, model, free, trials, form, why)
            return _bound([one.letter for one in bound], trials[-1], node, told, form)
    node, told = _first(spec, model, [], trials[-1:], form, why)
    where = f"`{node.path}` (`{node.op.name}`)" if node else "the model"
    return _error(
        "NS750",
        f"{where} cannot be exported as {FORMS[form]}: {told}",
        node,
        f"say it with other ops, or write {'`.pt2` or ' if form == 'onnx' else ''}`.safetensors`",
    )


def _bound(letters: Sequence[str], trial: Trial, node: Node | None, told: str, form: str) -> SpecError:
    """The error for letters that cannot stay free."""
    names = " and ".join(f"`{one}`" for one in letters)
    at = f" past `{node.path}` (`{node.op.name}`)" if node else ""
    chosen = ",".join(f"{one}={trial.sizes[one]}" for one in letters)
    return _error(
        "NS751",
        f"{names} cannot stay free{at} in {FORMS[form]}: {told}",
        node,
        f"choose the size that the file is for, such as `--sizes {chosen}`",
    )


def _error(code: str, message: str, node: Node | None, help: str) -> SpecError:
    span = node.origin[0].span if node and node.origin else None
    return SpecError((Diagnostic(code, Severity.ERROR, message, span, help=help),))


def _first(
    spec: Spec, model: nn.Module, free: Sequence[FreeSize], trials: Sequence[Trial], form: str, why: str
) -> tuple[Node | None, str]:
    """The first node whose value cannot be exported, and the exporter's words, by halving."""
    nodes = list(spec.graph.walk("predict"))

    def trouble(place: int) -> str:
        value = replace(spec.graph, entries={"predict": {"value": nodes[place].refs[0]}})
        return _trouble(spec, value, model, free, trials, form)

    place = _halved(len(nodes), lambda one: bool(trouble(one)))
    if place is None:
        return None, shown(why)
    return nodes[place], shown(trouble(place))


def _halved(count: int, fails: Callable[[int], bool]) -> int | None:
    """The first place that fails, where all behind it do too; None where the last one does not."""
    if not count or not fails(count - 1):
        return None
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        if fails(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _trouble(
    spec: Spec, graph: Graph, model: nn.Module, free: Sequence[FreeSize], trials: Sequence[Trial], form: str
) -> str:
    """Why a graph with the weights of `model` cannot be exported, in the exporter's words; empty where it can."""
    part = assemble(graph, name=spec.name, seed=0).model.eval()
    part.load_state_dict(
        {key: value for key, value in model.state_dict().items() if key in part.state_dict()}
    )
    try:
        tried = numbers(part, graph, trials)
        found = program(part, graph, free, tried, ONNX if form == "onnx" else PLAIN, exact=form != "onnx")
        if form == "onnx":
            from netspec_torch.export.onnx import runs_with, translated  # noqa: PLC0415 - an extra of its own

            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "part.onnx"
                file.write_bytes(translated(found, spec, graph).SerializeToString())
                runs_with(file, graph, tried)
    except Unfit as trouble:
        return str(trouble)
    return ""
