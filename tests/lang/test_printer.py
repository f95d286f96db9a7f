"""What the printer writes is read to the same graph: of every spec, of random ones, and of what is hard to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from netspec.front import check, check_source
from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Ref, Scope
from netspec.ir.problem import Problem
from netspec.lang.printer import spec_text
from netspec.recipe.spec import Spec
from netspec.text import Severity, Source
from netspec.text.render import render_all
from tests.conformance.test_whole_specs import drafts

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))


def again(graph: Graph, group: Graph | None = None) -> Spec:
    """The printed graph, read."""
    text = spec_text(graph, group=group)
    spec, found = check_source(Source("printed.yaml", text), Path())
    errors = [one for one in found if one.severity is Severity.ERROR]
    assert spec is not None, text + render_all(errors, color=False)
    return spec


def plain(graph: Graph, paths: dict[str, str]) -> tuple[object, ...]:
    """A graph as it means: under other paths, without places, and in a form that compares."""

    def ref(one: Ref) -> Ref:
        return Ref(paths.get(one.path, one.path), one.output)

    def key(one: str) -> str:
        steps = one.split(".")
        homes = (".".join(steps[:i]) for i in range(len(steps) - 1, 0, -1))
        home = next((path for path in homes if path in paths), one.rpartition(".")[0])
        return f"{paths.get(home, home)}{one.removeprefix(home)}"

    def node(one: Node) -> Node:
        return replace(
            one,
            path=paths.get(one.path, one.path),
            inputs=tuple(map(ref, one.inputs)),
            parameters={local: key(where) for local, where in one.parameters.items()},
            state={local: key(where) for local, where in one.state.items()},
            origin=(),
            scope=Scope(),
            names=(),
        )

    parameters: dict[str, GraphParameter] = {
        key(where): replace(row, key=key(where)) for where, row in graph.parameters.items()
    }
    state: dict[str, GraphState] = {
        key(where): replace(row, key=key(where)) for where, row in graph.state.items()
    }
    entries = {
        name: [ref(one) for one in values.values()] if name in ("predict", "train") else
        {one: ref(value) for one, value in values.items()}
        for name, values in graph.entries.items()
    }  # fmt: skip
    return dict(graph.inputs), dict(graph.targets), tuple(map(node, graph.nodes)), parameters, state, entries


def held(graph: Graph, read: Graph, kept: Iterable[str] = ()) -> None:
    """Equal but for places and for paths that cannot be names."""
    assert len(graph.nodes) == len(read.nodes)
    paths = {one.path: other.path for one, other in zip(graph.nodes, read.nodes, strict=True)}
    assert plain(graph, paths) == plain(read, {})
    names = {old for old in kept if "." not in old and len(old) <= 56}
    formulas = {old for old in paths if old.startswith(("loss.", "metrics."))}
    assert {old: new for old, new in paths.items() if old in names | formulas and old != new} == {}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_every_spec_of_ours_is_printed_and_read_to_the_same_graph(path: Path) -> None:
    spec, _ = check(path)
    if spec is None:
        pytest.skip("a part, which is no network of its own")
    group = spec.group.graph if spec.group else None
    if not all(node.op.written for node in spec.graph.nodes):
        with pytest.raises(Problem, match="belongs to a `map`"):
            spec_text(spec.graph, group=group)
        return
    read = again(spec.graph, group)
    held(spec.graph, read.graph, [node.path for node in spec.graph.nodes if len(node.types) == 1])
    if group is not None:
        assert read.group is not None
        held(group, read.group.graph)
    assert spec_text(read.graph, group=read.group.graph if read.group else None) == spec_text(
        spec.graph, group=group
    )


@given(drafts())
def test_a_random_spec_is_printed_and_read_to_the_same_graph(text: str) -> None:
    spec, _ = check_source(Source("random.yaml", text), Path())
    if spec is None:
        return
    held(
        spec.graph, again(spec.graph).graph, [node.path for node in spec.graph.nodes if len(node.types) == 1]
    )


HARD = {
    "shared weights": """
inputs: {left: [4], right: [4]}
layers:
  - {linear: 3, from: left, name: a, init: {weight: {normal: {std: 0.1}}}, freeze: bias}
  - {reuse: a, from: right, name: b}
  - {add, from: [a, b]}
""",
    "formulas, numbers and signs": """
inputs: {x: [4]}
targets: {y: {shape: [], range: [0, 9]}}
layers:
  - {linear: 1, name: h}
  - {squeeze: feature, name: p}
  - formula: -(p - (1 - p)) ** 2 / (p * p + 0.5) - -3.5e-7 * p
    name: q
loss:
  loss: mean((q - y) ** 2) + mean(abs(q)) * 1e-3
  other: mse(q, y, reduction='sum') / 2 - 1
metrics:
  close: mean(where(abs(q - y) < 0.5, 1, 0))
  far: mean((q - y) - (q - y) - 1)
""",
    "several results and names that are no names": """
inputs: {x: {shape: {channel: 2, height: H, width: 8}}}
layers:
  - {unbind: channel, name: [a, b]}
  - {sub, from: [a, b], name: c}
  - {unsqueeze: channel, from: c}
  - layers:
      - {conv: {out_channels: 2, kernel_size: 3, padding: [1, 1]}, name: down}
      - {batch_norm: {momentum: null}, freeze: statistics}
    repeat: 2
  - {rename: {height: width, width: height}}
""",
    "blocks, residuals, branches and claims": """
inputs: {x: {shape: [1, 8, 8], kind: image, range: [0, 255]}}
blocks:
  cell:
    params: {channels: int}
    layers:
      - {conv: {out_channels: $channels, kernel_size: 3, padding: same, bias: false}, init: {weight: kaiming_normal}}
      - batch_norm
      - relu
layers:
  - rescale: {to: [-1, 1]}
  - {cell: 4, repeat: 2, name: first}
  - residual: [cell: 4, cell: 4]
  - concat: {branches: {one: [cell: 2], two: [max_pool: {kernel_size: 3, stride: 1, padding: 1}]}}
  - global_avg_pool
  - {linear: 1}
  - {squeeze: channel}
  - {sigmoid, name: share}
  - {formula: 5 * share, name: v, as: {unit: ml}}
  - {formula: v + v, name: w, as: {range: [0, 8]}}
""",
    "places by axis beside other arguments": """
inputs: {x: {shape: {channel: 1, time: 4, width: 8}}}
layers:
  - {pad: {time: 1, mode: circular}}
  - pad: 1
  - {crop: {width: 6, at: end}}
  - {crop: 4}
""",
    "ops that are said with other ops": """
inputs: {x: {shape: [4, 8, 8]}}
layers:
  - {squeeze_excite: 2, init: {fc1.bias: zeros}}
  - {separable_conv: {out_channels: 3, kernel_size: 3}, freeze: pointwise.weight}
init: {conv: {weight: kaiming_normal}}
""",
    "a free tensor and masks": """
inputs: {x: {shape: {slice: 3, feature: 4}}, present: {shape: {slice: 3}, kind: mask}}
layers:
  - {parameter: {shape: []}, init: {value: {constant: 1}}, name: temperature}
  - {formula: x * temperature, name: warm}
  - {formula: "mean(warm, axis=slice, where=present)", name: m}
  - {mean: {axis: slice, where: present}, from: warm, name: n}
""",
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_what_is_hard_to_say_is_said(text: str) -> None:
    spec, found = check_source(Source("hard.yaml", f"netspec: 1\n{text}"), Path())
    assert spec is not None, render_all(found, color=False)
    held(spec.graph, again(spec.graph).graph)


def test_an_output_keeps_its_name() -> None:
    layers = "layers:\n  - {b, name: one}\n  - {b, name: two}\noutputs: [one, two]\n"
    text = f"netspec: 1\ninputs: {{x: [4]}}\nblocks: {{b: [relu, tanh]}}\n{layers}"
    spec, found = check_source(Source("blocks.yaml", text), Path())
    assert spec is not None, render_all(found, color=False)
    assert list(again(spec.graph).graph.entry("predict")) == ["one", "two"]


def test_a_map_cannot_be_said_flat_and_the_problem_says_so() -> None:
    text = "netspec: 1\ninputs: {x: {shape: {slice: 3, feature: 4}}}\nlayers:\n  - map: {axis: slice, layers: [relu]}\n"
    spec, found = check_source(Source("map.yaml", text), Path())
    assert spec is not None, render_all(found, color=False)
    with pytest.raises(Problem, match="belongs to a `map`") as trouble:
        spec_text(spec.graph)
    assert trouble.value.code == "NS748"
