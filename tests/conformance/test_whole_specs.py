"""Random whole specs: what the checker accepts, torch runs with exactly the inferred shapes; what it refuses fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import event, example, given
from hypothesis import strategies as st
from torch import Tensor, nn

import netspec_torch
from netspec.backend import Feed
from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.text import Diagnostic, Severity, Source

EVEN = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
SPACE = ("depth", "height", "width")
LETTERS = ("D", "H", "W")
PLAIN = ("relu", "leaky_relu: 0.1", "tanh", "sigmoid", "softplus", "batch_norm", "dropout: 0.3", "abs")


@dataclass
class Draft:
    """A spec in the making: its layers, the names of the values in it, and how many axes of space there are."""

    draw: st.DrawFn
    rank: int
    layers: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def sizes(self, low: int, high: int) -> str:
        """One number, or a list with one for each axis of space."""
        if self.number(0, 3):
            return str(self.number(low, high))
        return str([self.number(low, high) for _ in range(self.rank)])

    def name(self) -> str:
        self.names.append(f"v{len(self.names)}")
        return self.names[-1]


def _conv(draft: Draft) -> str:
    padding = draft.draw(st.sampled_from(["same", "valid", "number", "number"]))
    stride = "1" if padding == "same" and draft.number(0, 7) else draft.sizes(1, 3)
    padding = draft.sizes(0, 2) if padding == "number" else padding
    return (
        f"conv: {{out_channels: {draft.number(1, 4)}, kernel_size: {draft.sizes(1, 5)}, "
        f"stride: {stride}, padding: {padding}, dilation: {draft.sizes(1, 2)}, "
        f"groups: {draft.number(1, 2)}, bias: {draft.draw(st.sampled_from(['true', 'false']))}}}"
    )


def _max_pool(draft: Draft) -> str:
    return (
        f"max_pool: {{kernel_size: {draft.sizes(1, 4)}, stride: {draft.sizes(1, 3)}, "
        f"padding: {draft.sizes(0, 2)}, dilation: {draft.sizes(1, 2)}}}"
    )


def _avg_pool(draft: Draft) -> str:
    stride = f", stride: {draft.sizes(1, 3)}" if draft.number(0, 1) else ""
    return f"avg_pool: {{kernel_size: {draft.sizes(1, 4)}{stride}, padding: {draft.sizes(0, 2)}}}"


def _plain(draft: Draft) -> str:
    return draft.draw(st.sampled_from(PLAIN))


def _cut(draft: Draft) -> str:
    axis = draft.draw(st.sampled_from(SPACE[3 - draft.rank :]))
    start = draft.number(0, 2)
    return f"narrow: {{axis: {axis}, start: {start}, stop: {start + draft.number(1, 3)}}}"


WINDOWS: tuple[Callable[[Draft], str], ...] = (_conv, _max_pool, _avg_pool)
LAYERS = (*WINDOWS, _conv, _plain, _plain, _plain, _cut)


@st.composite
def drafts(draw: st.DrawFn) -> str:
    """A spec of one input, up to six named layers, joins and formulas over them, and a head."""
    draft = Draft(draw, draw(st.integers(1, 3)))
    axes = dict(zip(SPACE[3 - draft.rank :], LETTERS[3 - draft.rank :], strict=True))
    shape = {"channel": str(draft.number(1, 4))}
    for axis, letter in axes.items():
        shape[axis] = letter if draft.number(0, 2) == 0 else str(draft.number(1, 10))
    for _ in range(draft.number(1, 6)):
        match draft.number(0, 7) if len(draft.names) > 1 else 0:
            case 5:
                two = [draw(st.sampled_from(draft.names)) for _ in range(2)]
                join = draw(st.sampled_from(["concat", "add", "mul", "sub", "maximum"]))
                line = f"{{{join}, from: [{', '.join(two)}], name: {draft.name()}}}"
            case 6:
                two = [draw(st.sampled_from(draft.names)) for _ in range(2)]
                line = f"{{formula: {two[0]} * 2 - exp(-abs({two[1]})), name: {draft.name()}}}"
            case _:
                line = f"{{{draw(st.sampled_from(LAYERS))(draft)}, name: {draft.name()}}}"
        draft.layers.append(f"  - {line}")
    head = draw(st.sampled_from(["", "flatten", "global_avg_pool", "global_max_pool"]))
    if head:
        draft.layers += [f"  - {head}", f"  - linear: {draft.number(1, 4)}", "  - softmax"]
    inside = ", ".join(f"{axis}: {size}" for axis, size in shape.items())
    return f"netspec: 1\ninputs: {{x: {{shape: {{{inside}}}}}}}\nlayers:\n" + "\n".join(draft.layers) + "\n"


def _checked(text: str) -> tuple[Graph | None, list[Diagnostic]]:
    spec, found = check_source(Source("random.yaml", text), Path())
    errors = [one for one in found if one.severity is Severity.ERROR]
    return (spec.graph if spec else None), errors


def _run(graph: Graph, sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of all values in torch, on two samples."""
    rng = np.random.default_rng(0)
    shape = [axis.size.evaluate({"N": 2, **sizes}) for axis in graph.inputs["x"].axes]
    made = netspec_torch.run(graph, Feed({"x": rng.normal(size=shape).astype(np.float32)}), gradients=False)
    if any((value == -np.inf).any() for value in made.values.values()):
        raise ValueError("the largest of padding alone, which torch lets pass, is no result")
    return {key: value.shape for key, value in made.values.items()}


def _holds(graph: Graph, sizes: dict[str, int]) -> bool:
    """Whether every recorded constraint holds for these sizes, and nothing is empty."""
    all_sizes = {"N": 2, **sizes}
    relations: dict[str, Callable[[int, int], bool]] = {
        "==": lambda a, b: a == b,
        ">=": lambda a, b: a >= b,
        ">": lambda a, b: a > b,
    }
    for node in graph.nodes:
        for one in node.constraints:
            left, right = one.left.evaluate(all_sizes), one.right.evaluate(all_sizes)
            if not one.training and not relations[one.relation](left, right):
                return False
    return True


@EVEN
@example(
    "netspec: 1\ninputs: {x: {shape: {channel: 1, width: W}}}\nlayers:\n"
    "  - {max_pool: {kernel_size: [2], stride: [1], padding: [1], dilation: [2]}, name: v0}\n",
    (1, 1, 1),
)
@given(drafts(), st.tuples(*(st.integers(1, 12),) * 3))
def test_an_accepted_spec_runs_with_exactly_the_inferred_shapes(text: str, drawn: tuple[int, ...]) -> None:
    graph, errors = _checked(text)
    event("accepted" if graph else f"refused: {errors[0].code}")
    if graph is None:
        assert len({one.span for one in errors}) == len(errors)
        return
    sizes = dict(zip(LETTERS, drawn, strict=True))
    if not _holds(graph, sizes):
        event("sizes that the constraints refuse")
        with pytest.raises((RuntimeError, ValueError, IndexError)):
            assert min(map(min, _run(graph, sizes).values())) > 0 or _empty()
        return
    shapes = _run(graph, sizes)
    for node in graph.nodes:
        for ref, kind in zip(node.refs, node.types, strict=True):
            assert shapes[str(ref)] == tuple(axis.size.evaluate({"N": 2, **sizes}) for axis in kind.axes)


def _empty() -> bool:
    raise ValueError("a value without elements is no result")


@dataclass(frozen=True)
class Window:
    """One layer over `[batch, channel, *space]`, as the spec and as torch write it."""

    kind: str
    channels: int
    space: tuple[int, ...]
    arguments: dict[str, Any]

    def text(self) -> str:
        shape = {"channel": self.channels, **dict(zip(SPACE[3 - len(self.space) :], self.space, strict=True))}
        written = ", ".join(
            f"{key}: {str(list(value) if isinstance(value, tuple) else value).lower()}"
            for key, value in self.arguments.items()
        )
        inside = ", ".join(f"{key}: {size}" for key, size in shape.items())
        return (
            f"netspec: 1\ninputs: {{x: {{shape: {{{inside}}}}}}}\nlayers:\n  - {self.kind}: {{{written}}}\n"
        )

    def torch(self) -> Tensor:
        """What torch itself makes of it."""
        names = {"conv": "Conv", "max_pool": "MaxPool", "avg_pool": "AvgPool"}
        module = getattr(nn, f"{names[self.kind]}{len(self.space)}d")
        own = {"in_channels": self.channels} if self.kind == "conv" else {}
        made: Tensor = module(**own, **self.arguments)(torch.zeros(2, self.channels, *self.space))
        return made


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A window near what just fits, with arguments that mostly are legal."""
    kind = draw(st.sampled_from(["conv", "max_pool", "avg_pool"]))
    rank = draw(st.integers(1, 3))

    def several(low: int, high: int) -> st.SearchStrategy[Any]:
        return st.integers(low, high) | st.tuples(*(st.integers(low, high),) * rank)

    arguments: dict[str, Any] = {
        "kernel_size": draw(several(1, 5)),
        "stride": draw(several(1, 3)),
        "padding": draw(several(0, 2)),
    }
    if kind != "avg_pool":
        arguments["dilation"] = draw(several(1, 2))
    if kind == "conv":
        arguments |= {"out_channels": draw(st.integers(1, 4)), "groups": draw(st.integers(1, 3))}
        arguments["padding"] = draw(several(0, 2) | st.sampled_from(["same", "valid"]))
    return Window(kind, draw(st.integers(1, 4)), draw(st.tuples(*(st.integers(1, 6),) * rank)), arguments)


FORBIDDEN = {"NS219"}
"""What torch runs and the language refuses: a window that sees padding alone gives minus infinity."""


@EVEN
@given(windows())
def test_checker_and_torch_accept_the_same_windows(window: Window) -> None:
    graph, errors = _checked(window.text())
    if graph is not None:
        event(f"{window.kind} accepted")
        assert tuple(window.torch().shape) == tuple(
            axis.size.evaluate({"N": 2}) for axis in graph.nodes[-1].types[0].axes
        )
        return
    event(f"{window.kind} refused: {errors[0].code}")
    assert len(errors) == 1
    if errors[0].code in FORBIDDEN:
        assert not torch.isfinite(window.torch()).all()
        return
    with pytest.raises((RuntimeError, ValueError)):
        window.torch()
