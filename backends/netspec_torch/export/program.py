"""A model as the program that `torch.export` makes of it, its letters carried as free sizes.

Nothing is believed: the program is run beside the model on every trial, and must give the very same bits.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx.experimental._config as symbolic
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from netspec.backend import FreeSize, Trial
from netspec.ir.graph import Graph
from netspec.text import SpecError
from netspec_torch.export.standing import PLAIN, Standing, StandIns

WAYS = ((False, False), (True, True), (False, True))
"""How the exporter may treat a question about a free size (oblivious, deferred): answer it for the example alone and
refuse other answers; ask nothing that only a size of 0 or 1 would answer otherwise, and assert the rest in the program;
assert everything. None serves every model, so they are tried in this order until a program takes every trial."""


class Unfit(Exception):
    """The exporter does not take a model, or makes something else of it."""


@dataclass(frozen=True)
class Numbers:
    """A trial as tensors: the inputs in the model's order, and what the model makes of them."""

    trial: Trial
    inputs: tuple[Tensor, ...]
    outputs: Mapping[str, Tensor]


def numbers(model: nn.Module, graph: Graph, trials: Sequence[Trial]) -> tuple[Numbers, ...]:
    """The trials as tensors, with what the model gives."""
    found = []
    for trial in trials:
        inputs = tuple(torch.from_numpy(trial.inputs[key]) for key in graph.inputs)
        with torch.no_grad():
            found.append(Numbers(trial, inputs, named(graph, model(*inputs))))
    return tuple(found)


def named(graph: Graph, answer: object) -> dict[str, Tensor]:
    """What a model returned, by the names of the outputs."""
    keys = list(graph.entry("predict"))
    if isinstance(answer, dict):
        return {key: answer[key] for key in keys}
    assert isinstance(answer, Tensor)
    return {keys[0]: answer}


def program(
    model: nn.Module,
    graph: Graph,
    free: Sequence[FreeSize],
    tried: Sequence[Numbers],
    stand_ins: StandIns = PLAIN,
    *,
    exact: bool = True,
) -> ExportedProgram:
    """The program of a model in evaluation, free in these sizes; Unfit, with the exporter's words, where there is none.

    The last trial is the example that it is made from. `exact` wants the model's very bits of it.
    """
    shapes = _shapes(graph, free)
    told: list[str] = []
    for oblivious, deferred in WAYS:
        try:
            with (
                quiet(),
                torch.no_grad(),
                symbolic.patch(backed_size_oblivious=oblivious),  # type: ignore[attr-defined] # made when it is imported
                Standing(stand_ins),
            ):
                made = torch.export.export(
                    model,
                    tried[-1].inputs,
                    dynamic_shapes=shapes,
                    strict=False,
                    prefer_deferred_runtime_asserts_over_guards=deferred,
                )
            _unasserted(made)
            _agrees(made, graph, tried, exact=exact)
        except Unfit as trouble:
            told.append(str(trouble))
        except Exception as trouble:  # noqa: BLE001 - whatever the exporter raises, it does not take the model
            told.append(first_lines(trouble))
        else:
            return made
    raise Unfit(told[-1])


def _unasserted(made: ExportedProgram) -> None:
    """Take out what the program asserts of its sizes: `H // 8 != 1`, say, because the example's is not 1.

    Which sizes are legal netspec has proved itself; that the program is right at the least of them, the trials show.
    """
    for node in list(made.graph.nodes):
        if node.op == "call_function" and node.target is torch.ops.aten._assert_scalar.default:  # noqa: SLF001 - it has no other name
            made.graph.erase_node(node)
    made.graph.eliminate_dead_code()
    made.graph_module.recompile()


def _agrees(made: ExportedProgram, graph: Graph, tried: Sequence[Numbers], *, exact: bool) -> None:
    """Unfit unless the program takes every trial and gives what the model gives."""
    runs = made.module()
    for one in tried:
        with torch.no_grad():
            try:
                given = named(graph, runs(*one.inputs))
            except Exception as trouble:
                raise Unfit(f"at {one.trial} it refuses: {first_lines(trouble)}") from trouble
        for key, wanted in one.outputs.items():
            found = given[key]
            same = found.shape == wanted.shape and (not exact or torch.equal(found, wanted))
            if not same and not (exact and _same_with_nan(found, wanted)):
                raise Unfit(f"at {one.trial} it gives another `{key}`")


def _same_with_nan(found: Tensor, wanted: Tensor) -> bool:
    """Whether two tensors are equal, NaN at the same places included."""
    return found.shape == wanted.shape and torch.equal(found.isnan(), wanted.isnan()) and torch.equal(
        found.nan_to_num(), wanted.nan_to_num()
    )  # fmt: skip


def _shapes(graph: Graph, free: Sequence[FreeSize]) -> tuple[dict[int, Any], ...]:
    """The exporter's words for the free sizes of every input, by the place of their axis.

    A letter that is not among `free` has the size of the example. SpecError NS751 for a size that is no letter alone.
    """
    dims = {one.letter: _dim(one) for one in free}
    for key, kind in graph.inputs.items():
        for axis in kind.axes:
            if axis.size.value is None and str(axis.size) not in axis.size.symbols:
                letters = ",".join(f"{one}=..." for one in sorted(axis.size.symbols))
                raise SpecError.of(
                    "NS751",
                    f"the size `{axis.size}` of `{axis.name}` in the input `{key}` cannot stay free in a file: "
                    "only a letter alone can",
                    help=f"choose it: `--sizes {letters}`",
                )
    return tuple(
        {place: dims[str(size)] for place, size in enumerate(kind.sizes) if str(size) in dims}
        for kind in graph.inputs.values()
    )


def _dim(one: FreeSize) -> Any:
    """A letter with its bounds; of one whose legal sizes are multiples, the multiple is what is free."""
    if one.step == 1:
        return Dim(one.letter, min=one.least, max=one.most)
    times, rest = divmod(one.least, one.step)
    most = None if one.most is None else one.most // one.step
    root = Dim(f"_{one.letter}", min=max(times, 1), max=most)
    made = one.step * root
    return made + rest if rest else made


def first_lines(trouble: BaseException) -> str:
    """The exporter's own words, without its traces and advice."""
    kept: list[str] = []
    for line in str(trouble).strip().splitlines():
        plain = line.strip()
        if not plain or plain.startswith(("Suggested", "The error above", "File ", "For more", "consider")):
            break
        kept.append(plain)
        if sum(map(len, kept)) > 300:
            break
    words = " ".join(kept).removesuffix(' For more information, run with TORCH_LOGS="+dynamic".')
    return f"{type(trouble).__name__}: {words[:400]}" if words else type(trouble).__name__


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporter prints, logs and warns of while it looks for a way."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
