"""`map` and `parameter`: what the language makes of them; what they compute is held in the conformance tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.text import Source
from netspec.text.render import render_all
from tests.lang.marked import assert_good, assert_told

HEAD = """\
netspec: 1
inputs:
  stack: {shape: {slice: S, channel: 2, height: 8, width: 8}}
  present: {shape: {slice: S}, kind: mask}
  age: {shape: [1]}
"""


def graph(text: str) -> Graph:
    spec, found = check_source(Source("a.yaml", HEAD + text), Path(__file__).parent)
    assert spec is not None, render_all(found, color=False)
    return spec.graph


def types(text: str) -> dict[str, str]:
    return {node.path: str(node.types[0]) for node in graph(text).nodes}


def test_inside_a_map_the_axis_is_gone_and_outside_it_stands_first_again() -> None:
    made = types(
        "layers:\n  - from: stack\n    map:\n      axis: slice\n      layers:\n"
        "        - {conv: {out_channels: 4, kernel_size: 3}, name: inner}\n        - global_avg_pool\n"
        "  - {mean: slice, from: inner}\n"
    )
    assert made["map1.fold_input"] == "float32[N*S, 2, 8, 8]"
    assert made["inner"] == "float32[N*S, 4, 6, 6]"
    assert made["global_avg_pool1"] == "float32[N*S, 4]"
    assert made["map1.unfold_inner"] == "float32[N, S, 4, 6, 6]"
    assert made["mean1"] == "float32[N, 4, 6, 6]"


def test_with_a_mask_the_rows_have_a_letter_that_no_axis_has() -> None:
    text = "layers:\n  - {from: stack, map: {axis: slice, where: present, layers: [flatten, {linear: 3}]}}\n"
    assert types(text)["linear1"] == "float32[M, 3]"
    spec, _ = check_source(
        Source("a.yaml", HEAD.replace("slice: S", "slice: M") + text), Path(__file__).parent
    )
    assert spec is not None
    assert str(spec.graph.node("linear1").types[0]) == "float32[M1, 3]"  # type: ignore[union-attr]


def test_only_what_is_used_crosses_the_border_of_a_map_and_only_once() -> None:
    made = types(
        "layers:\n  - {rescale: {mean: 50}, from: age, name: unused}\n"
        "  - {rescale: {mean: 40}, from: age, name: used}\n"
        "  - from: stack\n    map:\n      axis: slice\n      layers:\n        - {flatten, name: a}\n"
        "        - {linear: 1, name: b}\n        - {add, from: [b, used]}\n        - {add, from: [_, used], name: c}\n"
        "  - {add, from: [c, c]}\n"
    )
    crossing = [path for path in made if path.startswith("map1.")]
    assert crossing == ["map1.fold_input", "map1.spread_used", "map1.unfold_c"]


def test_a_size_asked_for_inside_leaves_nothing_in_the_graph() -> None:
    made = types(
        "layers:\n  - from: stack\n    map:\n      axis: slice\n      layers:\n"
        "        - flatten\n        - linear: $age.feature\n"
    )
    assert "map1.spread_age" not in made


def test_maps_may_stand_in_maps() -> None:
    text = (
        "netspec: 1\ninputs: {x: {shape: {slice: 3, time: 5, height: 4, width: 4}}}\nlayers:\n"
        "  - map:\n      axis: slice\n      layers:\n        - map:\n            axis: time\n            layers:\n"
        "              - unsqueeze: channel\n              - {conv: {out_channels: 2, kernel_size: 3}, name: deep}\n"
        "              - global_avg_pool\n        - {linear: 7, name: shallow}\n  - {identity, from: deep}\n"
    )
    spec, found = check_source(Source("a.yaml", text), Path(__file__).parent)
    assert spec is not None, render_all(found, color=False)
    made = {node.path: str(node.types[0]) for node in spec.graph.nodes}
    assert made["deep"] == "float32[15*N, 2, 2, 2]"
    assert made["shallow"] == "float32[3*N, 5, 7]"
    assert made["identity1"] == "float32[N, 3, 5, 2, 2, 2]"


def test_a_layer_may_be_used_again_inside_a_map() -> None:
    made = graph(
        "layers:\n  - {linear: 1, from: age, name: l}\n  - {from: stack, map: {axis: slice, layers: [\n"
        "      flatten, {narrow: {axis: feature, stop: 1}}, {reuse: l}]}}\n"
    )
    assert list(made.parameters) == ["l.weight", "l.bias"]


@pytest.mark.parametrize(
    "layers, code, words",
    [
        ("  - {from: x, «map»: [relu]}\n", "NS154", ("`axis`",)),
        ("  - {from: x, «map»: {axis: slice, layers: [relu], mask: p}}\n", "NS154", ("`where`",)),
        ("  - {from: x, map: {axis: «time», layers: [relu]}}\n", "NS253", ("`time`",)),
        ("  - {from: x, map: {axis: slice, where: «q», layers: [relu]}}\n", "NS129", ("`q`",)),
        ("  - {from: x, map: {axis: slice, where: «x», layers: [relu]}}\n", "NS270", ("mask",)),
        ("  - {from: x, map: {axis: slice, layers: [{«mean»: {}}]}}\n", "NS273", ("`mean`", "all samples")),
        ("  - {from: p, map: {axis: slice, layers: [«relu»]}}\n", "NS310", ("mask",)),
        ("  - {from: x, map: {axis: «batch», layers: [relu]}}\n", "NS256", ("samples",)),
        ("  - {from: x, «unfold»: {axis: slice}}\n", "NS101", ("no op `unfold`",)),
        ('  - {formula: "«unfold»(x)", name: y}\n', "NS112", ("no function `unfold`",)),
        ("  - {from: x, map: {axis: slice, layers: [«rely»]}}\n", "NS101", ("`relu`",)),
        ("  - {from: x, map: {axis: slice, layers: [{«conv»: 3}]}}\n", "NS122", ("`kernel_size`",)),
        ("  - {«parameter»: 3, name: t}\n", "NS154", ("a `shape`",)),
        ("  - {parameter: {shape: [«H»]}, name: t}\n", "NS135", ("free size",)),
        ("  - {parameter: {shape: [], init: «zeroes»}, name: t}\n", "NS113", ("`zeros`",)),
        ("  - {parameter: {shape: []}, name: t, «from»: x}\n", "NS120", ("takes no input",)),
    ],
)
def test_a_mistake_in_a_map_or_a_parameter_is_told_at_its_words(
    layers: str, code: str, words: tuple[str, ...]
) -> None:
    head = "inputs:\n  x: {shape: {slice: 3, channel: 4, height: 5, width: 5}}\n  p: {shape: {slice: 3}, kind: mask}\n"
    if "[«H»]" in layers:
        layers = layers.replace("[«H»]", "«[H]»")
    assert_told(head + "layers:\n" + layers, code, *words)


def test_a_parameter_starts_as_it_says_and_goes_with_any_value() -> None:
    made = graph(
        "layers:\n  - {parameter: {shape: [], init: {constant: 2}}, name: t}\n  - {formula: age * t, name: y}\n"
        "  - {parameter: {shape: {bin: 3}}, name: u, init: {value: ones}}\n"
    )
    assert made.parameters["t.value"].shape == ()
    assert made.parameters["u.value"].shape == (3,)
    assert made.parameters["t.value"].init is not None
    assert made.parameters["u.value"].init is not None
    assert_good("layers:\n  - {parameter: {shape: []}, name: t}\n  - {formula: x * t, name: y}\n")
