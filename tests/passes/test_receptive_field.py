"""The receptive field against gradients of torch with weights of one: nothing cancels, so what is seen has a slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import avg_pool1d, conv1d, conv_transpose1d

from netspec.front import check_source
from netspec.ir.graph import Graph, Ref
from netspec.ir.view import EVERYTHING, View, fixed
from netspec.passes.receptive_field import receptive_fields, slides, sliding_axes
from netspec.text import Source

WIDTH = 360
SHORTEST = 8


@dataclass
class Line:
    """A network over a row of numbers, as a spec and as a function of torch."""

    draw: st.DrawFn
    lines: list[str] = field(default_factory=list)
    steps: list[Callable[[list[Tensor]], Tensor]] = field(default_factory=list)

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def layer(self, written: str, layer: Callable[[Tensor], Tensor], start: int | None = None) -> int:
        before = len(self.steps) - 1 if start is None else start
        self.lines.append(
            f"{{{written}, from: {'x' if before < 0 else f'v{before}'}, name: v{len(self.steps)}}}"
        )
        self.steps.append(lambda values: layer(values[before + 1]))
        return len(self.steps) - 1

    def conv(self) -> None:
        k, s, p, d = self.number(1, 4), self.number(1, 3), self.number(0, 3), self.number(1, 3)
        self.layer(
            f"conv: {{out_channels: 1, kernel_size: {k}, stride: {s}, padding: {p}, dilation: {d}}}",
            lambda x: conv1d(x, torch.ones(1, 1, k, dtype=x.dtype), None, s, p, d),
        )

    def pool(self) -> None:
        k, s = self.number(1, 4), self.number(1, 3)
        self.layer(f"avg_pool: {{kernel_size: {k}, stride: {s}}}", lambda x: avg_pool1d(x, k, s))

    def transposed(self) -> None:
        k, s, d = self.number(1, 4), self.number(1, 3), self.number(1, 2)
        p = self.number(0, d * (k - 1) // 2)
        self.layer(
            f"conv_transpose: {{out_channels: 1, kernel_size: {k}, stride: {s}, padding: {p}, dilation: {d}}}",
            lambda x: conv_transpose1d(x, torch.ones(1, 1, k, dtype=x.dtype), None, s, p, 0, 1, d),
        )

    def cut(self) -> None:
        start = self.number(0, 3)
        self.layer(f"narrow: {{axis: width, start: {start}}}", lambda x: x[:, :, start:])

    def difference(self) -> None:
        """With a sum in torch: what a difference sees, without slopes that cancel."""
        self.layer("frame_difference: width", lambda x: x[:, :, 1:] + x[:, :, :-1])

    def fork(self) -> None:
        """Two ways of one stride and of windows with a middle, and a sum, or both as channels of one."""
        start, stride = len(self.steps) - 1, self.number(1, 3)
        ends = []
        for _ in range(2):
            k, d = self.draw(st.sampled_from([1, 3, 5])), self.number(1, 3)
            p = d * (k - 1) // 2
            written = f"out_channels: 1, kernel_size: {k}, stride: {stride}, padding: {p}, dilation: {d}"

            def layer(x: Tensor, k: int = k, p: int = p, d: int = d) -> Tensor:
                return conv1d(x, torch.ones(1, 1, k, dtype=x.dtype), None, stride, p, d)

            ends.append(self.layer(f"conv: {{{written}}}", layer, start))
        a, b = ends
        if self.number(0, 1):
            self.lines.append(f"{{add, from: [v{a}, v{b}], name: v{len(self.steps)}}}")
            self.steps.append(lambda values: values[a + 1] + values[b + 1])
            return
        self.lines.append(f"{{concat, from: [v{a}, v{b}], name: both{len(self.steps)}}}")
        self.lines.append(f"{{conv: {{out_channels: 1, kernel_size: 1}}, name: v{len(self.steps)}}}")
        self.steps.append(lambda values: torch.cat([values[a + 1], values[b + 1]], 1).sum(1, keepdim=True))

    @property
    def text(self) -> str:
        layers = "\n".join(f"  - {line}" for line in self.lines)
        return f"netspec: 1\ninputs: {{x: {{shape: {{channel: 1, width: {WIDTH}}}}}}}\nlayers:\n{layers}\n"

    def run(self, x: Tensor) -> Tensor:
        values = [x]
        for step in self.steps:
            values.append(step(values))
            assume(values[-1].shape[2] >= SHORTEST)
        return values[-1]


@st.composite
def networks(draw: st.DrawFn) -> Line:
    line = Line(draw)
    kinds = [
        line.conv,
        line.conv,
        line.pool,
        line.transposed,
        line.cut,
        line.difference,
        line.fork,
        line.fork,
    ]
    for _ in range(draw(st.integers(1, 6))):
        draw(st.sampled_from(kinds))()
    return line


def graph(text: str) -> Graph:
    spec, found = check_source(Source("a.yaml", text), Path())
    assert spec is not None, found
    return spec.graph


def agrees(line: Line) -> None:
    """The field in the middle of the last value, against the places of the input that it has a slope to."""
    x = torch.rand(1, 1, WIDTH, dtype=torch.float64, requires_grad=True)
    made = line.run(x)
    one = graph(line.text)
    view = receptive_fields(one)[Ref(f"v{len(line.steps) - 1}")]["x", "width"]
    assert view is not None
    event(f"period {view.period}")
    middle = made.shape[2] // 2
    for place in range(middle - 2, middle + 3):
        span = view.span(place)
        if span is not None and not (span[0] >= 0 and span[1] < WIDTH):
            continue
        (slope,) = torch.autograd.grad(made[0, 0, place], x, retain_graph=True)
        seen = slope[0, 0].abs().gt(1e-9).nonzero().flatten().tolist()
        assert (span is None) == (not seen)
        assert span is None or (seen[0], seen[-1]) == span


@settings(max_examples=60)
@given(networks())
def test_the_field_is_what_the_gradient_reaches(line: Line) -> None:
    agrees(line)


@pytest.mark.slow
@settings(max_examples=1500)
@given(networks())
def test_the_field_of_many_networks_is_what_the_gradient_reaches(line: Line) -> None:
    agrees(line)


def fields_of(layers: str, inputs: str = "{x: {shape: [3, H, W]}}") -> dict[str, dict[str, View | None]]:
    one = graph(f"netspec: 1\ninputs: {inputs}\nlayers:\n{layers}")
    return {
        ref.path: {f"{name}.{axis}": view for (name, axis), view in found.items()}
        for ref, found in receptive_fields(one).items()
    }


def test_a_residual_block_sees_what_its_widest_way_sees() -> None:
    found = fields_of(
        "  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}, name: a}\n"
        "  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}}\n  - relu\n"
        "  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}, name: b}\n  - {add, from: [a, b], name: sum}\n"
    )
    (a, b, total) = (found[name]["x.height"] for name in ("a", "b", "sum"))
    assert a is not None
    assert a.size == 3
    assert total == b
    assert total is not None
    assert (total.size, float(total.jump), total.start) == (7, 1.0, -3)


def test_each_axis_and_each_input_has_its_own_field() -> None:
    found = fields_of(
        "  - {conv: {out_channels: 2, kernel_size: [1, 5], stride: [1, 2]}, from: x, name: a}\n"
        "  - {conv: {out_channels: 2, kernel_size: [3, 1], stride: [1, 2]}, from: y, name: b}\n"
        "  - {add, from: [a, b], name: sum}\n",
        "{x: {shape: [2, 8, 13]}, y: {shape: [2, 10, 9]}}",
    )["sum"]
    sizes = {name: view.size for name, view in found.items() if view is not None and view.is_window}
    assert sizes == {"x.height": 1, "x.width": 5, "y.height": 3, "y.width": 1}


def test_global_pools_and_heads_see_everything_and_what_is_not_known_is_said() -> None:
    found = fields_of(
        "  - {conv: {out_channels: 4, kernel_size: 3}, name: a}\n  - {global_avg_pool, name: pooled}\n"
        "  - {linear: 2, name: head}\n  - {softmax, name: chances}\n"
        "  - {cumsum: width, from: a, name: summed}\n"
    )
    assert found["pooled"]["x.height"] == EVERYTHING
    assert found["chances"] == dict.fromkeys(("x.channel", "x.height", "x.width"), EVERYTHING)
    (width, height) = (found["summed"]["x.width"], found["summed"]["x.height"])
    assert width is not None
    assert not width.is_window
    assert height is not None
    assert height.size == 3


def test_flatten_and_linear_see_everything() -> None:
    found = fields_of("  - {flatten, name: flat}\n  - {linear: 2, name: head}\n", "{x: {shape: [3, 8, 8]}}")
    flat = found["flat"]["x.height"]
    assert flat is not None
    assert not flat.is_window
    assert not flat.is_everything
    assert found["head"]["x.height"] == EVERYTHING


def test_the_axis_of_time_slides_too_and_follows_its_name() -> None:
    found = fields_of(
        "  - {frame_difference: time}\n  - {frame_difference: time, name: twice}\n"
        "  - {select: {axis: time, index: 1}, name: one}\n"
        "  - {rename: {height: depth}, name: renamed}\n",
        "{x: {shape: {time: 9, height: 8, width: 8}}}",
    )
    twice = found["twice"]["x.time"]
    assert twice is not None
    assert (twice.size, twice.along) == (3, "time")
    assert found["one"]["x.time"] == View(None, 1, 0, (1,), (3,))
    height = found["renamed"]["x.height"]
    assert height is not None
    assert height.along == "depth"


def test_ways_of_different_strides_have_no_common_window() -> None:
    found = fields_of(
        "  - {conv: {out_channels: 2, kernel_size: 1, stride: 2}, name: a}\n"
        "  - {narrow: {axis: height, stop: 4}, from: x, name: b}\n  - {add, from: [a, b], name: sum}\n",
        "{x: {shape: {channel: 2, height: 8}}}",
    )["sum"]["x.height"]
    assert found is not None
    assert not found.is_window


def test_what_is_spread_is_seen_from_everywhere_in_one_place() -> None:
    found = fields_of(
        "  - {narrow: {axis: width, stop: 1}, from: x, name: column}\n"
        "  - {mul: {broadcast: true}, from: [x, column], name: gated}\n"
        "  - {mul: {broadcast: true}, from: [y, column], name: other}\n",
        "{x: {shape: [2, 4, 5]}, y: {shape: [2, 4, 5]}}",
    )
    assert found["other"]["x.width"] == fixed(0)
    assert found["gated"]["x.width"] is None


def test_only_axes_along_which_something_can_slide_are_told_to_people() -> None:
    one = graph(
        "netspec: 1\ninputs: {x: {shape: [3, 8, 8]}, age: {shape: [1]}, cine: {shape: {time: 3, height: 4}}}\n"
        "layers:\n  - {conv: {out_channels: 2, kernel_size: 3}, from: x, name: a}\n  - global_avg_pool\n"
    )
    assert sliding_axes(one) == {"x": ("height", "width"), "cine": ("time", "height")}
    fields = receptive_fields(one)
    assert slides(fields[Ref("a")], "x", ("height", "width"))
    assert not slides(fields[Ref("global_avg_pool1")], "x", ("height", "width"))
    assert not slides(fields[Ref("a")], "cine", ("time", "height"))
