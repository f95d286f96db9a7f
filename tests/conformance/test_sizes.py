"""The size solver against brute force: what it calls legal runs in torch, and what it does not call legal does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, max_pool2d, pad

from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.passes.refusals import refusals
from netspec.passes.sizes import Legal, legal_sizes
from netspec.text import Severity, Source

LARGEST = 80
CHANNELS = 2
WIDTH = 7

Layer = Callable[[Tensor], Tensor]


@dataclass
class Network:
    """The same network twice: as a spec, and as a function of torch that keeps every value."""

    draw: st.DrawFn
    width: str
    lines: list[str] = field(default_factory=list)
    steps: list[Callable[[list[Tensor]], Tensor]] = field(default_factory=list)

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def window(self) -> None:
        """A convolution or a pool, along the height alone or along both axes."""
        kind = self.draw(st.sampled_from(["conv", "conv", "max_pool", "avg_pool"]))
        both = self.number(0, 3) == 0
        kernel, stride = self.number(1, 4), self.number(1, 3)
        padding = self.number(0, kernel // 2)
        dilation = self.number(1, 2) if kind == "conv" else 1
        k, s, p, d = (
            (a, a if both else b) for a, b in ((kernel, 1), (stride, 1), (padding, 0), (dilation, 1))
        )
        dilated = f", dilation: {list(d)}" if kind == "conv" else ""
        channels = f"out_channels: {CHANNELS}, " if kind == "conv" else ""
        self.add(
            f"{kind}: {{{channels}kernel_size: {list(k)}, stride: {list(s)}, padding: {list(p)}{dilated}}}",
            {
                "conv": lambda x: conv2d(x, torch.ones(CHANNELS, CHANNELS, *k), None, s, p, d),
                "max_pool": lambda x: max_pool2d(x, k, s, p),
                "avg_pool": lambda x: avg_pool2d(x, k, s, p),
            }[kind],
        )

    def fork(self) -> None:
        """Two windows of one stride over one value, and their sum: what only some sizes allow."""
        before, stride = len(self.steps) - 1, self.number(1, 4)
        for _ in range(2):
            k, p = self.draw(st.sampled_from([(stride, 0), (3, 1), (2, 1), (1, 0), (4, 1), (5, 2)]))
            name = f"v{len(self.steps)}"
            self.lines.append(
                f"{{conv: {{out_channels: {CHANNELS}, kernel_size: [{k}, 1], stride: [{stride}, 1], "
                f"padding: [{p}, 0]}}, from: v{before}, name: {name}}}"
            )
            self.steps.append(
                lambda values, k=k, p=p: conv2d(  # type: ignore[misc]  # bound here, as the loop goes on
                    values[before], torch.ones(CHANNELS, CHANNELS, k, 1), None, (stride, 1), (p, 0)
                )
            )
        a, b = before + 1, before + 2
        self.lines.append(f"{{add, from: [v{a}, v{b}], name: v{len(self.steps)}}}")
        self.steps.append(lambda values: _sum(values[a], values[b]))

    def up(self) -> None:
        """As many places again, or one and a half times as many."""
        if self.number(0, 1):
            k, s = self.number(1, 3), self.number(1, 3)
            self.add(
                f"conv_transpose: {{out_channels: {CHANNELS}, kernel_size: [{k}, 1], stride: [{s}, 1]}}",
                lambda x: conv_transpose2d(x, torch.ones(CHANNELS, CHANNELS, k, 1), None, (s, 1)),
            )
            return
        factor = self.draw(st.sampled_from([2.0, 1.5, 0.5]))
        self.add(
            f"resize: {{factor: [{factor}, 1]}}",
            lambda x: interpolate(x, (math.floor(x.shape[2] * factor), x.shape[3])),
        )

    def rounded(self) -> None:
        """A pool that keeps what hangs over the end, or a multiple that is filled up to."""
        n, s = self.number(2, 4), self.number(2, 3)
        if self.number(0, 1):
            written = f"max_pool: {{kernel_size: [{n}, 1], stride: [{s}, 1], ceil_mode: true}}"
            self.add(written, lambda x: max_pool2d(x, (n, 1), (s, 1), ceil_mode=True))
            return
        self.add(
            f"pad_to_multiple: [{n}, 1]", lambda x: pad(x, (0, 0, 0, -x.shape[2] % n)) if x.shape[2] else x
        )

    def fitted(self) -> None:
        """One value made as large, or as small, as another, where it is not larger, or smaller, already."""
        a, b = self.number(0, len(self.steps) - 1), self.number(0, len(self.steps) - 1)
        how = self.draw(st.sampled_from(["pad_like", "crop_like", "resize_like"]))
        self.lines.append(f"{{{how}, from: [v{a}, v{b}], name: v{len(self.steps)}}}")
        self.steps.append(lambda values: _fitted(how, values[a], values[b]))

    def cut(self) -> None:
        """A stretch of the height, counted from either end."""
        start = self.number(-4, 4)
        stop = self.draw(st.sampled_from([None, -1, -2, 3, 9]))
        ends = f", stop: {stop}" if stop is not None else ""
        self.add(f"narrow: {{axis: height, start: {start}{ends}}}", lambda x: _stretch(x, start, stop))

    def difference(self) -> None:
        """The change from row to row."""
        self.add("frame_difference: height", lambda x: _some(x[:, :, 1:] - x[:, :, :-1]))

    def join(self) -> None:
        """Two values, any two: a sum, or one behind the other along the channels or the height."""
        a, b = self.number(0, len(self.steps) - 1), self.number(0, len(self.steps) - 1)
        how = self.draw(st.sampled_from(["add", "add", "channel", "height"]))
        name = f"v{len(self.steps)}"
        if how == "add":
            self.lines.append(f"{{add, from: [v{a}, v{b}], name: {name}}}")
            self.steps.append(lambda values: _sum(values[a], values[b]))
            return
        self.lines.append(
            f"{{concat: {how}, from: [v{a}, v{b}], name: {name}{'w' if how == 'channel' else ''}}}"
        )
        place = 1 if how == "channel" else 2
        if how == "channel":  # back to as many channels as everything else has
            self.lines.append(f"{{conv: {{out_channels: {CHANNELS}, kernel_size: 1}}, name: {name}}}")
        self.steps.append(lambda values: torch.cat([values[a], values[b]], place)[:, :CHANNELS])

    def add(self, line: str, layer: Layer) -> None:
        before = len(self.steps) - 1
        chain = f", from: v{before}" if before >= 0 else ""
        self.lines.append(f"{{{line}{chain}, name: v{len(self.steps)}}}")
        self.steps.append(lambda values: layer(values[before]))

    @property
    def text(self) -> str:
        layers = "\n".join(f"  - {line}" for line in self.lines)
        return (
            "netspec: 1\ninputs: {x: {shape: {channel: 2, height: H, width: " + self.width + "}}}\n"
            f"layers:\n{layers}\n"
        )

    def runs(self, height: int, width: int = WIDTH) -> bool:
        """Whether torch takes an image of this size."""
        values: list[Tensor] = []
        image = torch.zeros(1, CHANNELS, height, width)
        try:
            for i, step in enumerate(self.steps):
                values.append(step(values if i else [image]))
        except (RuntimeError, ValueError):
            return False
        return True


def _stretch(x: Tensor, start: int, stop: int | None) -> Tensor:
    """`x[start:stop]` along the height, where that is there: torch itself cuts it short."""
    size = x.shape[2]
    low = start + size if start < 0 else start
    high = size if stop is None else stop + size if stop < 0 else stop
    if not 0 <= low < high <= size:
        raise ValueError("no such stretch")
    return x[:, :, low:high]


def _fitted(how: str, x: Tensor, like: Tensor) -> Tensor:
    (height, width), (wanted, wide) = x.shape[2:], like.shape[2:]
    if how == "resize_like":
        return interpolate(x, (wanted, wide))
    more = (wanted - height, wide - width)
    if min(more) < 0 if how == "pad_like" else max(more) > 0:
        raise ValueError("the other way")
    return pad(x, (0, more[1], 0, more[0]))


def _sum(a: Tensor, b: Tensor) -> Tensor:
    """PyTorch spreads an axis of size 1; the language does not."""
    if a.shape != b.shape:
        raise ValueError("not of one shape")
    return a + b


def _some(x: Tensor) -> Tensor:
    if not x.numel():
        raise ValueError("nothing is left")
    return x


@st.composite
def networks(draw: st.DrawFn, width: str = str(WIDTH)) -> Network:
    """Up to six layers, joins and forks over a picture of free height."""
    network = Network(draw, width)
    network.window()
    for _ in range(draw(st.integers(0, 5))):
        often = [network.window, network.fork, network.fork]
        kinds = [network.cut, network.difference, network.join, network.join, network.up, network.rounded]
        draw(st.sampled_from([*often, *often, *kinds, network.up, network.fitted]))()
    return network


def checked(text: str) -> Graph | None:
    spec, _ = check_source(Source("random.yaml", text), Path())
    return spec.graph if spec else None


def of_height(graph: Graph, **given_sizes: int) -> Legal:
    return next(one for one in legal_sizes(graph, given_sizes) if one.letter == "H")


def agrees(network: Network) -> None:
    """Solver and torch about every height up to the largest, exactly."""
    graph = checked(network.text)
    runs = [height for height in range(1, LARGEST + 1) if network.runs(height)]
    if graph is None:
        event("refused at every size")
        assert runs == []
        return
    found = of_height(graph)
    if found.alone.unknown:
        event("not known")
        assert set(runs) <= {size for size in range(1, LARGEST + 1) if size in found.alone.sizes}
        return
    event(f"period {found.alone.sizes.period}")
    assert [size for size in range(1, LARGEST + 1) if size in found.alone.sizes] == runs
    for demand in found.alone.bounds:
        assert demand.letters == {"H"}
    for height in (1, 2, 17, 64, 65):
        errors = [one for one in refusals(graph, {"H": height}) if one.severity is Severity.ERROR]
        assert (height in runs) == (not errors)
        if errors:
            assert [one.code for one in errors] == ["NS280"]


@settings(max_examples=40)
@given(networks())
def test_the_legal_heights_are_those_that_torch_runs(network: Network) -> None:
    agrees(network)


@pytest.mark.slow
@settings(max_examples=1500)
@given(networks())
def test_the_legal_heights_of_many_networks_are_those_that_torch_runs(network: Network) -> None:
    agrees(network)


@settings(max_examples=25)
@given(networks(width="W"), st.integers(1, 24))
def test_with_one_letter_given_the_other_is_solved_exactly(network: Network, width: int) -> None:
    graph = checked(network.text)
    if graph is None:
        return
    runs = [height for height in range(1, 41) if network.runs(height, width)]
    refused = {height for height in range(1, 41) if refusals(graph, {"H": height, "W": width})}
    assert [height for height in range(1, 41) if height not in refused] == runs
    found = of_height(graph, W=width)
    if runs and not found.alone.unknown and not found.joint:
        assert [height for height in range(1, 41) if height in found.alone.sizes] == runs


@settings(max_examples=25)
@given(networks())
def test_without_the_binding_layers_more_sizes_would_be_legal(network: Network) -> None:
    graph = checked(network.text)
    if graph is None:
        return
    alone = of_height(graph).alone
    refused = [size for size in range(1, LARGEST + 1) if size not in alone.sizes]
    event(f"{len(alone.bounds)} bounds")
    for demand in alone.bounds:
        assert any(not demand.holds({"H": size}) for size in refused)
    if alone.least is not None and alone.sizes.period <= 32 and not alone.unknown:
        last = max([alone.least, *(run.last for run in alone.sizes.runs if run.last is not None)])
        near = range(max(1, alone.least - 1), min(last + alone.sizes.period, alone.least + 30))
        for size in near:
            assert (size in alone.sizes) == all(demand.holds({"H": size}) for demand in alone.bounds)
