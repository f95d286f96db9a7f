"""Blocks: layers with typed parameters, used like an op."""

from __future__ import annotations

import pytest

from netspec.text import Severity
from netspec.text.render import render_all
from tests.lang.marked import MARK, assert_good, assert_told, check, completed
from tests.lang.test_structure import graph

HEAD = "inputs: {x: {shape: [4]}}\n"
BLOCK = (
    HEAD + "blocks:\n  stage:\n    params: {width: int, deep: false}\n"
    "    layers:\n      - linear: $width\n      - {relu, when: deep}\n"
)


def test_a_block_is_called_like_an_op_and_its_layers_stand_under_its_name() -> None:
    text = (
        "blocks:\n  stage:\n    params: {channels: int, stride: 1}\n    layers:\n"
        "      - conv: {out_channels: $channels, kernel_size: 3, stride: $stride}\n      - batch_norm\n      - relu\n"
        "layers:\n  - stage: 8\n  - {stage: {channels: 16, stride: 2}, name: deep}\n"
        "  - {stage: 4, when: deep.channel < 3}\n"
        "  - relu\n"
    )
    made = graph(text)
    assert [node.path for node in made.nodes] == [
        "stage1.conv1", "stage1.batch_norm1", "stage1.relu1", "deep.conv1", "deep.batch_norm1", "deep.relu1", "relu1",
    ]  # fmt: skip
    assert {(node.scope.block, node.scope.instance) for node in made.nodes[:6]} == {
        ("stage", "stage1"), ("stage", "deep"),
    }  # fmt: skip
    assert [origin.what for origin in made.nodes[0].origin] == ["layer", "use"]


def test_a_block_of_several_inputs_and_outputs_is_wired_like_an_op() -> None:
    text = (
        "blocks:\n  cross:\n    inputs: [a, b]\n    layers:\n      - {add, from: [a, b], name: sum}\n"
        "      - {sub, from: [a, b], name: difference}\n    outputs: [sum, difference]\n"
        "layers:\n  - {tanh, name: t}\n  - {cross, from: [x, t], name: [s, d]}\n"
        "  - {cross: {b: s}, from: d, name: [u, v]}\n"
        "  - {add, from: [u, v]}\n"
    )
    made = graph(text)
    assert [str(ref) for ref in made.nodes[-1].inputs] == ["cross2.sum", "cross2.difference"]
    assert [str(ref) for ref in made.node("cross2.sum").inputs] == ["cross1.difference", "cross1.sum"]  # type: ignore[union-attr]


def test_a_block_that_is_only_a_list_has_no_parameters() -> None:
    made = graph("blocks:\n  twice: [relu, tanh]\nlayers:\n  - twice\n  - twice\n")
    assert [node.path for node in made.nodes] == [
        "twice1.relu1",
        "twice1.tanh1",
        "twice2.relu1",
        "twice2.tanh1",
    ]


def test_a_block_wins_over_an_op_of_the_same_name() -> None:
    made = graph("blocks:\n  relu: [tanh]\nlayers:\n  - relu\n")
    assert [node.op.name for node in made.nodes] == ["tanh"]


def test_a_default_may_use_constants_and_the_parameters_before_it() -> None:
    text = (
        "define: {base: 2}\nblocks:\n  b:\n    params: {c: int, half: {int: $c // base}}\n    layers:\n"
        "      - conv: {out_channels: $half, kernel_size: 1}\nlayers:\n  - b: 8\n  - b: {c: 8, half: 3}\n"
    )
    made = graph(text)
    assert [node.types[0].sizes[1].value for node in made.nodes] == [4, 3]


def test_a_default_may_use_sizes_of_what_the_block_is_given() -> None:
    text = (
        "blocks:\n  b:\n    params: {c: {int: $x.channel // 2}, twice: {int: $2 * c}}\n    layers:\n"
        "      - conv: {out_channels: $twice, kernel_size: 1}\n"
        "  join:\n    inputs: [a, b]\n    params: {c: {int: $a.channel + b.channel}}\n    layers:\n"
        "      - {conv: {out_channels: $c, kernel_size: 1}, from: b}\n"
        "layers:\n  - {conv: {out_channels: 6, kernel_size: 1}, name: t}\n  - b\n  - b: 1\n"
        "  - {join: {b: t}, from: _}\n"
    )
    made = graph(text)
    assert [node.types[0].sizes[1].value for node in made.nodes] == [6, 6, 2, 8]


@pytest.mark.parametrize(
    "default, words",
    [
        ("«$x.feature»", ("`x.feature`",)),
        ("«$y.channel»", ("`y.channel`",)),
        ("«$_.channel»", ("`_.channel`",)),
    ],
)
def test_a_size_that_a_default_cannot_know_is_told_at_the_default(
    default: str, words: tuple[str, ...]
) -> None:
    marked = (
        "inputs: {image: {shape: [3, 4, 4]}}\nblocks:\n  b:\n"
        f"    params: {{c: {{int: {default}}}}}\n    layers:\n      - conv: {{out_channels: $c, kernel_size: 1}}\n"
        "layers:\n  - b\n"
    ).replace("«$", "$«")
    assert_told(marked, "NS111", *words)


def test_a_default_keeps_still_about_a_value_whose_layer_failed() -> None:
    marked = (
        "inputs: {image: {shape: [3, 4, 4]}}\nblocks:\n  b:\n    params: {c: {int: $x.channel}}\n"
        "    layers:\n      - conv: {out_channels: $c, kernel_size: 1}\n"
        "layers:\n  - max_pool: «9»\n  - b\n"
    )
    assert_told(marked, "NS211")


def test_a_default_keeps_still_about_a_parameter_that_was_given_wrongly() -> None:
    marked = (
        HEAD
        + "blocks:\n  b:\n    params: {c: int, half: {int: $c // 2}}\n    layers:\n      - linear: $half\n"
        "layers:\n  - b: $«wdth»\n"
    )
    assert_told(marked, "NS110")


def test_layers_are_arguments_too_and_see_the_scope_they_were_written_in() -> None:
    text = (
        "define: {slope: 0.3}\nblocks:\n  inner:\n    params: {act: layer}\n    layers: [$act]\n"
        "  outer:\n    params: {act: {layer: relu}, slope: 0.7, rest: {layers: [tanh]}}\n    layers:\n"
        "      - inner: {act: $act}\n      - $rest\n"
        "layers:\n  - outer\n  - outer: {act: {leaky_relu: $slope}, rest: [sigmoid, {inner: exp}]}\n"
    )
    made = graph(text)
    assert [(node.path, node.op.name) for node in made.nodes] == [
        ("outer1.inner1.act1", "relu"), ("outer1.rest1.tanh1", "tanh"), ("outer2.inner1.act1", "leaky_relu"),
        ("outer2.rest1.sigmoid1", "sigmoid"), ("outer2.rest1.inner1.act1", "exp"),
    ]  # fmt: skip
    assert made.nodes[2].op.arguments() == {"negative_slope": 0.3}


def test_conditions_ask_for_parameters_and_for_the_incoming_type() -> None:
    text = (
        "blocks:\n  b:\n    params: {channels: int, stride: 1}\n    layers:\n"
        "      - conv: {out_channels: $channels, kernel_size: 1, stride: $stride}\n        name: c\n"
        "      - {add, from: [x, c], when: stride == 1 and x.channel == channels}\n"
        "layers:\n  - b: 4\n  - b: 5\n  - b: {channels: 5, stride: 2}\n"
    )
    assert [node.op.name for node in graph(text).nodes] == ["conv", "add", "conv", "conv"]


def test_the_index_of_a_copy_is_for_its_arguments_and_not_for_the_inside_of_a_block() -> None:
    text = (
        HEAD
        + "blocks:\n  b: {params: {n: int}, layers: [{linear: $n}]}\nlayers:\n  - {b: $i + 2, repeat: 3}\n"
    )
    assert_good(text)
    told = text.replace("$n}", "$«i»}").replace("b: $i + 2", "b: 2")
    found = [one for one in check(completed(MARK.sub(r"\1", told))) if one.severity is Severity.ERROR]
    assert [one.code for one in found] == ["NS110"]


@pytest.mark.parametrize(
    "layers, code, words",
    [
        ("  - «stage»\n", "NS122", ("needs `width`", "a whole number")),
        ("  - stage: «3.5»\n", "NS148", ("a whole number", "`3.5`")),
        ("  - stage: {width: 3, deep: «1»}\n", "NS148", ("`true` or `false`", "`1`")),
        ("  - stage: {«widht»: 3}\n", "NS121", ("`width`",)),
        ("  - stage: {width: 3, «name»: a}\n", "NS121", ("beside the op",)),
        ("  - {stage: 3, from: «[x, x]»}\n", "NS120", ("takes 1 input", "2 are given")),
        ("  - «stag»: 3\n", "NS101", ("`stage`",)),
        ("  - {stage: 3, «as»: {unit: ml}}\n", "NS154", ("identity",)),
    ],
)
def test_a_wrong_use_of_a_block_is_told_where_it_is_used(
    layers: str, code: str, words: tuple[str, ...]
) -> None:
    if code == "NS122":
        words = (*words, "the parameter")
    diagnostic = assert_told(BLOCK + "layers:\n" + layers, code, *words) if code != "NS121x" else None
    assert diagnostic is not None


@pytest.mark.parametrize(
    "block, code, words",
    [
        ('  «"3"»: [relu]\n', "NS119", ("small letters",)),
        ("  «Stage»: [relu]\n", "NS119", ("small letters",)),
        ("  «residual»: [relu]\n", "NS119", ("as a layer",)),
        ("  «b»: 3\n", "NS146", ("`layers`",)),
        ("  «b»: {params: {c: int}}\n", "NS146", ("list of `layers`",)),
        ("  b: {layers: [relu], «param»: {c: int}}\n", "NS102", ("`params`",)),
        ("  b: {layers: [relu], params: {c: «itn»}}\n", "NS147", ("`int`",)),
        ("  b: {layers: [relu], params: {c: «relu»}}\n", "NS147", ("`{layer: relu}`",)),
        ("  b: {layers: [relu], params: {c: {«foo»: 3}}}\n", "NS147", ("no type",)),
        ("  b: {layers: [relu], params: {«x»: int}}\n", "NS103", ()),
        ("  b: {layers: [relu], inputs: «3»}\n", "NS146", ("list of names",)),
        ("  b: {layers: [relu], «params»: 3}\n", "NS146", ("types or defaults",)),
    ],
)
def test_a_wrong_definition_is_told_and_its_uses_are_forgiven(
    block: str, code: str, words: tuple[str, ...]
) -> None:
    if code == "NS103":
        block = block.replace(
            "layers: [relu], params: {«x»: int}", "inputs: [x], params: {«x»: int}, layers: [relu]"
        )
    text = HEAD + "blocks:\n" + block + "layers:\n  - b: 3\n  - relu\n"
    if code in ("NS010", "NS119"):
        text = text.replace("  - b: 3\n", "")
    assert_told(text, code, *words)


def test_what_is_wrong_inside_is_told_once_with_the_definition_and_the_use() -> None:
    marked = (
        HEAD
        + "blocks:\n  b:\n    layers:\n      - linear: 2\n      - {narrow: {axis: feature, stop: «7»}}\n"
        + "layers:\n  - b\n  - b\n  - b\n"
    )
    diagnostic = assert_told(marked, "NS230", "`b` is used here")
    assert [label.span.line for label in diagnostic.labels] == [8]


def test_a_block_that_uses_itself_is_refused() -> None:
    assert_told(HEAD + "blocks:\n  b: [«b»]\nlayers:\n  - b\n", "NS145", "uses itself")
    told = HEAD + "blocks:\n  a: [b]\n  b: [«a»]\nlayers:\n  - a\n"
    assert_told(told, "NS145", "uses itself")


def test_blocks_of_blocks_of_blocks_are_counted_and_stop() -> None:
    text = HEAD + "blocks:\n  b0: [{relu, when: false}]\n"
    text += "".join(f"  b{n + 1}: [{', '.join([f'b{n}'] * 8)}]\n" for n in range(9)) + "layers:\n  - b9\n"
    found = [one for one in check(completed(text)) if one.severity is Severity.ERROR]
    assert [one.code for one in found] == ["NS203"], render_all(found, color=False)


def test_a_layer_as_an_argument_has_no_wires_that_only_its_place_has() -> None:
    block = HEAD + "blocks:\n  b: {params: {act: layer}, layers: [$act]}\nlayers:\n"
    assert_told(block + "  - b: {act: {relu: , «name»: a}}\n", "NS156", "no `name`")
    assert_told(block + "  - b: «[relu, tanh]»\n", "NS156", "one layer")
    assert_told(block + "  - b: «3»\n", "NS156", "a layer")
    assert_told(block.replace("[$act]", "[{«$act»: 3}]") + "  - b: relu\n", "NS156", "no arguments")
    assert_told(block + "  - b: «rely»\n", "NS101", "`relu`")


@pytest.mark.parametrize(
    "block, code, words",
    [
        ("  b: [«rely»]\n", "NS101", ("`relu`",)),
        ("  b: [{linear: {«out_featurs»: 3}}]\n", "NS121", ("`out_features`",)),
        ("  b: [{residual: [«rely»]}]\n", "NS101", ("`relu`",)),
        ("  b: [{concat: {branches: {a: [«rely»], b: []}}}]\n", "NS101", ("`relu`",)),
        ("  b: [{linear: $3 «^» 4}]\n", "NS133", ("`**`",)),
        ("  b: [{relu, when: x.feature «&&» true}]\n", "NS130", ("`and`",)),
        ("  b: [{relu, name: a}, {tanh, name: «a»}]\n", "NS103", ("the first one",)),
        ("  b: [«$act»]\n", "NS101", ("type `layer`",)),
        (
            "  b: [{c: {«widht»: 3}}]\n  c: {params: {width: int}, layers: [{linear: $width}]}\n",
            "NS121",
            ("`width`",),
        ),
        ("  b: [«3»]\n", "NS116", ("name of an op",)),
    ],
)
def test_a_block_that_nothing_uses_is_checked_by_its_text(
    block: str, code: str, words: tuple[str, ...]
) -> None:
    assert_told(HEAD + "blocks:\n" + block + "layers:\n  - relu\n", code, *words)
    part = "netspec: 1\nblocks:\n" + MARK.sub(r"\1", block)
    found = [one.code for one in check(part) if one.severity is Severity.ERROR]
    assert found == [code]


def test_where_a_parameter_got_its_value_is_shown_with_what_is_wrong_with_it() -> None:
    text = (
        HEAD + "blocks:\n  outer: {params: {end: 7}, layers: [{inner: $end}]}\n"
        "  inner: {params: {stop: int}, layers: [{narrow: {axis: feature, stop: «$stop + 1»}}]}\n"
        "layers:\n  - outer\n"
    )
    diagnostic = assert_told(text, "NS230", "`stop` is 7")
    assert next((label.span.text, label.span.line) for label in diagnostic.labels) == ("7", 3)
