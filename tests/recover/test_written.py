"""Sketches drawn by hand, and the specs that are written for them: what a person would write, and nothing else."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.backend import Feed, find
from netspec.recover import written as room
from netspec.recover.draft import Draft, Unsaid
from netspec.recover.sketch import Sketch
from netspec.recover.written import Written, written

HEAD = "netspec: 1\nname: net\ninputs:\n  x: [4, 8, 8]\n"


class Net:
    """A draft of `x`, drawn shortly; `at` is the value that was made last."""

    def __init__(self, channels: int = 4) -> None:
        self.draft = Draft("net")
        self.at = self.draft.input("x", (channels, 8, 8))
        self._rng = np.random.default_rng(0)

    def conv(self, out: int, *, kernel: int = 3, stride: int = 1, name: str = "", at: str = "") -> str:
        given = at or self.at
        entering = self.draft.type(given).sizes[1].value or 0
        weight = self._rng.normal(0, 0.3, (out, entering, kernel, kernel)).astype(np.float32)
        arguments: dict[str, object] = {"out_channels": out, "kernel_size": kernel, "bias": False}
        arguments |= {"padding": kernel // 2} if kernel > 1 else {}
        arguments |= {"stride": stride} if stride > 1 else {}
        (self.at,) = self.draft.step(name, "conv", arguments, (given,), weights={"weight": weight})
        return self.at

    def do(self, op: str, *inputs: str, name: str = "", **arguments: object) -> str:
        (self.at,) = self.draft.step(name, op, arguments, inputs or (self.at,))
        return self.at

    def sketch(self) -> Sketch:
        return self.draft.sketch({"output": self.at})


def layers(net: Net) -> str:
    """What is written below the inputs."""
    text = written(net.sketch()).text
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


def test_a_chain_is_a_plain_list() -> None:
    net = Net()
    net.conv(8)
    net.do("relu")
    assert layers(net) == (
        "layers:\n  - conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}\n  - relu\n"
    )


def test_arguments_that_are_the_defaults_are_not_written() -> None:
    net = Net()
    net.do("max_pool", kernel_size=2, stride=None, padding=0, dilation=1, ceil_mode=False)
    net.do("leaky_relu", negative_slope=0.01)
    assert layers(net) == "layers:\n  - max_pool: 2\n  - leaky_relu\n"


def test_a_sum_with_what_goes_past_is_a_residual() -> None:
    net = Net()
    through = net.conv(4)
    net.do("add", "x", through)
    assert layers(net) == (
        "layers:\n  - residual:\n      - conv: {out_channels: 4, kernel_size: 3, padding: 1, bias: false}\n"
    )


def test_a_projection_is_its_shortcut() -> None:
    net = Net()
    net.conv(8, stride=2)
    net.do("relu")
    through = net.conv(8)
    past = net.conv(8, kernel=1, stride=2, at="x")
    net.do("add", through, past)
    text = layers(net)
    assert "shortcut:" in text
    assert "from:" not in text


def test_ways_that_meet_are_branches() -> None:
    net = Net()
    ways = [net.conv(2, kernel=1, at="x"), net.conv(3, at="x"), "x"]
    net.do("concat", *ways)
    text = layers(net)
    assert text.count("branches:") == 1
    assert "b3: []" in text
    assert "from:" not in text


def test_ways_that_share_a_layer_meet_by_name() -> None:
    net = Net()
    a = net.conv(4, at="x")
    b = net.conv(4, at=a)
    c = net.do("tanh", a)
    d = net.do("mul", b, c)
    net.do("concat", d, a, b)
    text = layers(net)
    assert "from: [" in text
    assert "residual" not in text


def test_a_skip_over_a_u_is_named_and_no_branch() -> None:
    net = Net()
    top = net.conv(4, name="enc1.conv")
    net.do("max_pool", kernel_size=2)
    net.conv(4)
    net.do("resize", factor=2)
    net.do("concat", top, net.at)
    text = layers(net)
    assert "- {concat, from: [enc1" in text or "from: [kept, _]" in text
    assert "branches" not in text


def test_numbers_are_formulas() -> None:
    net = Net()
    d = net.draft
    (half,) = d.step("", "mul", {}, ("x", d.number(0.5)))
    (made,) = d.step("", "sub", {}, (d.number(3), half))
    net.at = made
    net.do("pow", net.at, d.number(2))
    assert layers(net) == "layers:\n  - formula: (3 - _ * 0.5) ** 2\n"


def stacked(blocks: int, channels: int = 8, *, module: str = "") -> Net:
    """Residual blocks in a row, of the same form and other widths every two."""
    net = Net()
    for i in range(blocks):
        width = channels * (1 + i // 2)
        prefix = f"{module}.{i}." if module else ""
        net.conv(width, kernel=1, name=f"{prefix}fit")
        start = net.at
        net.conv(width, name=f"{prefix}first")
        net.do("relu")
        net.conv(width, name=f"{prefix}second")
        net.do("add", start, net.at)
        net.do("relu")
    return net


def test_what_comes_again_is_a_block_with_what_differs_as_its_parameters() -> None:
    text = layers(stacked(6))
    assert text.count("residual:") == 1
    assert "channels: int" in text
    assert text.count("$channels") == 3
    assert len(text.splitlines()) < 24


def test_equal_neighbours_are_copies() -> None:
    text = layers(stacked(6))
    assert text.count("repeat: 2") == 3 or "repeat: $depth" in text


def test_a_block_is_called_as_its_source_calls_it() -> None:
    text = layers(stacked(6, module="trunk.unit"))
    assert "unit" in text


def test_multiples_follow_from_one_parameter() -> None:
    net = Net()
    for width in (4, 8, 12):
        net.conv(width, kernel=1)
        net.do("relu")
        net.conv(width * 4, kernel=1)
        net.do("relu")
        net.conv(width * 4, kernel=3)
        net.do("tanh")
    text = layers(net)
    assert "$channels * 4" in text or "$hidden * 4" in text


def test_weights_that_are_used_again_are_said_so() -> None:
    net = Net()
    weight = np.ones((4, 4, 3, 3), np.float32)
    arguments = {"out_channels": 4, "kernel_size": 3, "padding": 1, "bias": False}
    (one,) = net.draft.step("shared", "conv", arguments, ("x",), weights={"weight": weight})
    (two,) = net.draft.step("", "relu", {}, (one,))
    (net.at,) = net.draft.step("shared", "conv", arguments, (two,), shares=one)
    result = written(net.sketch())
    assert "{reuse: shared}" in result.text or "reuse: shared" in result.text
    assert list(result.parameters) == ["shared.weight"]


def test_what_is_fixed_learns_nothing() -> None:
    net = Net()
    held = net.draft.tensor("mean", np.ones(4, np.float32), ("channel",))
    (wide,) = net.draft.step("", "expand", {}, (held, "x"))
    net.do("sub", "x", wide)
    result = written(net.sketch())
    assert "freeze: true" in result.text
    assert not any(row.trainable for row in result.spec.graph.parameters.values())


@pytest.mark.parametrize("name", ["forward", "i", "lambda", "Größe 3", "1x", "x", "../../etc", "a" * 300, ""])
def test_no_name_of_a_source_is_an_obstacle(name: str) -> None:
    net = Net()
    kept = net.conv(4, name=f"net.{name}")
    net.do("relu")
    net.conv(4)
    net.do("tanh")
    net.do("mul", kept, net.at)
    net.do("concat", net.at, kept)
    assert written(net.sketch()).spec.graph.nodes


def test_an_output_that_is_an_input_is_given_through() -> None:
    net = Net()
    net.do("relu")
    result = written(net.draft.sketch({"a": net.at, "b": "x", "c": net.at}))
    assert list(result.spec.graph.entry("predict")) == ["a", "b", "c"]


def test_a_step_that_netspec_refuses_is_unsaid_in_its_words() -> None:
    draft = Draft("net")
    x = draft.input("x", (4, 8, 8))
    with pytest.raises(Unsaid, match="does not fit"):
        draft.step("", "max_pool", {"kernel_size": 9}, (x,))
    with pytest.raises(Unsaid, match="no op `magic`"):
        draft.step("", "magic", {}, (x,))
    with pytest.raises(Unsaid, match=r"`weight` of \[2, 4, 1, 1\], and none"):
        draft.step("", "conv", {"out_channels": 2, "kernel_size": 1, "bias": False}, (x,))


@st.composite
def nets(draw: st.DrawFn) -> Net:
    """Random networks: chains, sums, joins and repetitions of them, with the source's names or without."""
    net = Net()
    values = ["x"]
    for i in range(draw(st.integers(1, 14))):
        what = draw(st.sampled_from(["conv", "conv", "relu", "tanh", "add", "concat", "number"]))
        same = [one for one in values if net.draft.type(one).sizes == net.draft.type(net.at).sizes]
        if what == "conv":
            net.conv(
                draw(st.sampled_from([2, 4])),
                kernel=draw(st.sampled_from([1, 3])),
                name=f"m{i // 3}.c{i % 3}",
            )
        elif what == "add":
            net.do("add", net.at, draw(st.sampled_from(same)))
        elif what == "concat":
            net.do("concat", draw(st.sampled_from(same)), net.at)
            net.conv(4, kernel=1)
        elif what == "number":
            (net.at,) = net.draft.step("", "mul", {}, (net.at, net.draft.number(0.5)))
        else:
            net.do(what, draw(st.sampled_from(values)) if draw(st.booleans()) else net.at)
        values.append(net.at)
    return net


def flat(sketch: Sketch, x: np.ndarray) -> np.ndarray:
    """What a sketch computes, step by step, in the reference."""
    plain: Written = room._written(sketch, structured=False)
    return _run(plain, x)


def _run(result: Written, x: np.ndarray) -> np.ndarray:
    graph = result.spec.graph
    wide = {key: one.astype(np.float64) for key, one in result.parameters.items()}
    run = find("numpy").run(graph, Feed({"x": x}, parameters=wide), gradients=False)
    (ref,) = graph.entry("predict").values()
    return np.asarray(run.values[str(ref)])


@settings(max_examples=60)
@given(net=nets())
def test_however_a_network_is_laid_out_it_computes_the_same(net: Net) -> None:
    sketch = net.sketch()
    x = np.random.default_rng(1).normal(size=(2, 4, 8, 8))
    structured = room._written(sketch, structured=True)
    assert np.allclose(_run(structured, x), flat(sketch, x), rtol=1e-9, atol=1e-9)


def test_a_group_that_comes_again_takes_one_value_however_often_it_is_read_inside() -> None:
    net = Net()
    for _ in range(2):
        net.do("concat", net.at, net.at)
        net.conv(4, kernel=1)
        net.conv(4)
    result = room._written(net.sketch(), structured=True)
    assert "repeat: 2" in result.text
    assert result.text.count("from: [_, _]") == 1


def test_a_way_that_takes_what_is_made_beside_it_is_written_behind_that() -> None:
    net = Net()
    one = net.do("relu", "x")
    two = net.do("tanh", "x")
    three = net.do("add", two, one)
    net.do("add", three, one)
    result = room._written(
        net.sketch(), structured=True
    )  # Unfit where it would read a value before it is there
    assert [node.op.name for node in result.spec.graph.nodes] == ["relu", "tanh", "add", "add"]


def test_hundreds_of_layers_in_no_order_are_searched_in_seconds() -> None:
    net, rng = Net(), np.random.default_rng(0)
    for _ in range(400):
        net.do(str(rng.choice(["relu", "tanh", "sigmoid", "silu", "gelu", "softsign", "mish"])))
    began = time.process_time()
    result = written(net.sketch())
    assert len(result.spec.graph.nodes) == 400
    assert time.process_time() - began < 20


def test_more_layers_than_are_searched_are_a_plain_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_STRUCTURED", 10)
    assert "blocks:" not in layers(stacked(6))
