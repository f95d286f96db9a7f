"""Layers that hold layers: groups, residuals, branches, joins, copies, and weights used again."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.text import Source
from netspec.text.render import render_all
from tests.lang.marked import assert_good, assert_told

IMAGE = "netspec: 1\ninputs: {x: [4, 8, 8]}\n"


def graph(text: str) -> Graph:
    """The graph of a good spec of one image."""
    spec, found = check_source(Source("a.yaml", IMAGE + text), Path(__file__).parent)
    assert spec is not None, render_all(found, color=False)
    return spec.graph


def paths(text: str) -> list[str]:
    return [node.path for node in graph(text).nodes]


def test_a_group_adds_its_name_to_paths_and_without_a_name_nothing() -> None:
    assert paths("layers:\n  - layers: [relu, {conv: {out_channels: 2, kernel_size: 1}}]\n  - relu\n") == [
        "relu1", "conv1", "relu2",
    ]  # fmt: skip
    assert paths("layers:\n  - {name: stem, layers: [relu, relu]}\n  - relu\n") == [
        "stem.relu1", "stem.relu2", "relu1",
    ]  # fmt: skip


def test_names_inside_a_group_are_names_of_the_body() -> None:
    text = "layers:\n  - layers: [{relu, name: a}]\n"
    text += "  - {name: g, layers: [{tanh, name: b}]}\n  - {add, from: [a, b, g]}\n"
    made = graph(text)
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["a", "g.b", "g.b"]


def test_a_residual_adds_what_went_past_its_layers() -> None:
    made = graph("layers:\n  - residual: [relu, tanh]\n")
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["tanh1", "x"]
    assert (made.nodes[-1].path, made.nodes[-1].op.name) == ("residual1", "add")
    made = graph("layers:\n  - {residual: {layers: [relu], shortcut: [{tanh, name: past}]}, name: r}\n")
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["r.relu1", "r.past"]


def test_a_shortcut_whose_condition_is_false_lets_the_value_pass() -> None:
    made = graph("layers:\n  - residual: {layers: [relu], shortcut: [{tanh, when: x.channel == 3}]}\n")
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["relu1", "x"]


def test_branches_are_values_for_later_and_nothing_flows_behind_them() -> None:
    text = "layers:\n  - branches: {a: [relu], b: []}\n  - {concat, from: [a, b]}\n"
    made = graph(text)
    assert [node.path for node in made.nodes] == ["a.relu1", "concat1"]
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["a.relu1", "x"]
    assert_told(
        "inputs: {x: [4]}\nlayers:\n  - branches: {a: [relu], b: []}\n  - «relu»\n", "NS128", "`from: "
    )


def test_a_join_takes_its_branches_in_order_and_has_its_arguments_beside_them() -> None:
    text = "layers:\n  - concat: {axis: height, branches: {left: [relu], right: [tanh]}}\n"
    made = graph(text)
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["left.relu1", "right.tanh1"]
    assert str(made.nodes[-1].types[0]) == "float32[N, 4, 16, 8]"


def test_two_joins_whose_branches_are_called_alike_have_layers_of_their_own() -> None:
    join = "  - add: {branches: {a: [{conv: {out_channels: 4, kernel_size: 1}}], b: []}}\n"
    made = graph("layers:\n" + join + join)
    assert [node.path for node in made.nodes] == ["a.conv1", "add1", "a.conv2", "add2"]
    assert len(made.parameters) == 4


def test_copies_stand_in_series_and_the_name_is_the_last_ones_value() -> None:
    made = graph(
        "layers:\n  - {conv: {out_channels: $i + 1, kernel_size: 1}, repeat: 3, name: c}\n  - {relu, from: c}\n"
    )
    assert [node.path for node in made.nodes] == ["c.0", "c.1", "c.2", "relu1"]
    assert [node.types[0].sizes[1].value for node in made.nodes[:3]] == [1, 2, 3]
    assert [str(ref) for node in made.nodes[1:] for ref in node.inputs] == ["c.0", "c.1", "c.2"]


def test_a_copied_group_numbers_its_copies_and_keeps_the_last_names() -> None:
    text = "layers:\n  - {repeat: 2, layers: [relu, {tanh, name: t}]}\n  - {add, from: [x, t]}\n"
    made = graph(text)
    assert [node.path for node in made.nodes] == [
        "layers1.0.relu1", "layers1.0.t", "layers1.1.relu1", "layers1.1.t", "add1",
    ]  # fmt: skip
    assert str(made.nodes[-1].inputs[1]) == "layers1.1.t"


def test_no_copies_are_nothing_and_the_name_stands_for_what_flows() -> None:
    made = graph("layers:\n  - tanh\n  - {relu, repeat: 0, name: c}\n  - {add, from: [_, c]}\n")
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["tanh1", "tanh1"]


def test_copies_keep_their_other_inputs() -> None:
    made = graph("layers:\n  - {add, from: [x, x], repeat: 3}\n")
    assert [[str(ref) for ref in node.inputs] for node in made.nodes] == [
        ["x", "x"], ["add1.0", "x"], ["add1.1", "x"],
    ]  # fmt: skip


def test_a_table_gives_every_copy_its_arguments() -> None:
    text = (
        "layers:\n  - conv: {bias: false}\n    repeat:\n      columns: [out_channels, kernel_size]\n"
        "      rows: [[8, 3], [$2 * 8, 1]]\n"
    )
    made = graph(text)
    assert [str(node.types[0]) for node in made.nodes] == ["float32[N, 8, 6, 6]", "float32[N, 16, 6, 6]"]


def test_weights_used_again_are_one_row_of_the_table() -> None:
    text = (
        "layers:\n  - {conv: {out_channels: 4, kernel_size: 1}, name: c}\n  - relu\n  - {reuse: c, name: d}\n"
        "  - {reuse: c, from: x}\n"
    )
    made = graph(text)
    assert list(made.parameters) == ["c.weight", "c.bias"]
    assert [node.path for node in made.nodes] == ["c", "relu1", "d", "reuse1"]
    assert {tuple(node.parameters.values()) for node in made.nodes if node.parameters} == {
        ("c.weight", "c.bias")
    }


def test_a_group_used_again_shares_everything_inside_and_keeps_its_own_names() -> None:
    text = (
        "layers:\n  - {name: g, layers: [{conv: {out_channels: 4, kernel_size: 1}, name: c}, batch_norm]}\n"
        "  - {reuse: g, name: h}\n  - {add, from: [c, h]}\n"
    )
    made = graph(text)
    assert sorted(made.parameters) == ["g.batch_norm1.bias", "g.batch_norm1.weight", "g.c.bias", "g.c.weight"]
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["g.c", "h.batch_norm1"]


def test_a_frozen_structure_freezes_everything_inside() -> None:
    made = graph(
        "layers:\n  - {freeze: true, layers: [{conv: {out_channels: 4, kernel_size: 1}}, batch_norm]}\n"
    )
    assert not any(row.trainable for row in made.parameters.values())
    assert made.nodes[-1].frozen == {"weight", "bias", "statistics"}


@pytest.mark.parametrize(
    "layers, code, words",
    [
        ("  - {«layers»: 3}\n", "NS154", ("list of ops",)),
        ("  - «residual»: 3\n", "NS154", ("`shortcut`",)),
        ("  - residual: {layers: [relu], «shortcuts»: []}\n", "NS154", ("`shortcut`",)),
        ("  - «residual»: [{linear: 3}]\n", "NS251", ("4", "3", "`shortcut`")),
        ("  - branches: {«a»: 3}\n", "NS154", ("lists of layers",)),
        ("  - relu: {«branches»: {a: [], b: []}}\n", "NS120", ("does not join 2",)),
        ("  - {residual: [relu], «init»: {weight: zeros}}\n", "NS154", ("section `init`",)),
        ("  - {layers: [relu], «as»: {unit: ml}}\n", "NS154", ("`- {identity, as: …}`",)),
        ("  - {layers: [relu], freeze: «weight»}\n", "NS126", ("`true`",)),
        ("  - {relu, repeat: «-1»}\n", "NS144", ("from 0 to 10,000",)),
        ("  - {relu, repeat: «many»}\n", "NS144", ("`repeat: 3`",)),
        ("  - {relu, repeat: «20000»}\n", "NS144", ("10,000",)),
        ("  - {linear: 3, repeat: $«q»}\n", "NS110", ("no constant `q`",)),
        ("  - {unbind: feature, «repeat»: 2}\n", "NS144", ("several values",)),
        ("  - {linear: , repeat: «{columns: [out_features]}»}\n", "NS149", ("`rows`",)),
        ("  - {linear: , repeat: {columns: [out_features], rows: [«[1, 2]»]}}\n", "NS149", ("2 values", "1 col")),
        ("  - {linear: «3», repeat: {columns: [bias], rows: [[true]]}}\n", "NS149", ("by name",)),
        (
            "  - {linear: {«bias»: true}, repeat: {columns: [bias, out_features], rows: [[true, 3]]}}\n",
            "NS149", ("a column",),
        ),
        ("  - {linear: , repeat: {columns: [«out_featurs»], rows: [[1]]}}\n", "NS121", ("`out_features`",)),
        ("  - {reuse: «c»}\n", "NS150", ("no layer `c`",)),
        ("  - {linear: 3, name: c}\n  - {«reuse»: c}\n", "NS150", ("[3, 3]", "[3, 4]")),
        ("  - {relu, name: a}\n  - layers: [{tanh, name: «a»}]\n", "NS103", ("the first one",)),
        ("  - layers: [{relu, name: a}, «rely»]\n  - {add, from: [_, a]}\n", "NS101", ("`relu`",)),
        ("  - {add, from: [x, «later»]}\n  - {relu, name: later}\n", "NS129", ("is made later, at line",)),
    ],
)  # fmt: skip
def test_a_mistake_in_structure_is_told_at_its_words(layers: str, code: str, words: tuple[str, ...]) -> None:
    assert_told("layers:\n" + layers, code, *words)


def test_what_is_wrong_in_every_copy_is_told_once() -> None:
    assert_told("layers:\n  - {repeat: 4, layers: [«rely»]}\n", "NS101", "`relu`")
    assert_told(
        "layers:\n  - {narrow: {axis: feature, «start»: 1}, repeat: 9}\n".replace("«start»: 1", "start: «1»"),
        "NS230",
    )


def test_a_value_inside_a_structure_is_reached_by_its_written_path() -> None:
    text = (
        "inputs: {x: [4]}\nlayers:\n  - {linear: 4, repeat: 3, name: c}\n"
        "  - {name: g, layers: [{relu, name: a}]}\n  - {add, from: [c.0, c.1, g.a]}\n"
    )
    assert_good(text)
    assert_told(text.replace("c.1", "«c.7»"), "NS129", "`c.0`")
    assert_told(text.replace("g.a", "«g.b»"), "NS129", "`g.a`")


def test_a_residual_that_does_not_fit_shows_both_ways_and_is_called_what_was_written() -> None:
    text = (
        "inputs: {x: [4, 8, 8]}\nlayers:\n  - «residual»:\n      layers:\n"
        "        - {conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}, name: body}\n"
        "      shortcut:\n        - {conv: {out_channels: 4, kernel_size: 3}, name: past}\n"
    )
    assert_told(
        text, "NS251", "`residual` meets", "`body` (line", "`past` (line", "the same channels, `stride`"
    )


def test_a_lost_dollar_is_seen_in_expressions_and_copies() -> None:
    text = "define: {width: 2}\ninputs: {x: [4]}\nlayers:\n"
    assert_told(text + "  - linear: «2 * width»\n", "NS123", "`$2 * width`")
    assert_told(text + "  - {linear: 3, repeat: «width»}\n", "NS144", "`$width`")
    assert_told(text + "  - linear: «$width / 4»\n", "NS123", "`//`")
