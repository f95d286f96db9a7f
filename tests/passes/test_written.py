from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.passes.flow import Flow
from netspec.passes.written import with_argument, with_layer_before
from netspec.recipe.spec import Spec
from netspec.text import Edit, Source
from netspec.text.render import render_all

HEAD = "netspec: 1\ndefine: {width: 8}\ninputs: {image: {shape: [3, 8, 8], range: [0, 255]}}\nlayers:"


def spec_of(text: str) -> Spec:
    spec, found = check_source(Source("net.yaml", text), Path(__file__).parent)
    assert spec is not None, text + render_all(found, color=False)
    return spec


def applied(text: str, edit: Edit) -> str:
    return text[: edit.span.start] + edit.text + text[edit.span.end :]


FORMS = {
    "braces": (
        "\n  - conv: {out_channels: 8, kernel_size: 3}\n",
        "\n  - conv: {out_channels: 8, kernel_size: 3, bias: false}\n",
    ),
    "a comma at the end": (
        "\n  - conv: {out_channels: 8, kernel_size: 3,}\n",
        "\n  - conv: {out_channels: 8, kernel_size: 3, bias: false,}\n",
    ),
    "a list at the end": (
        "\n  - conv: {out_channels: 8, kernel_size: [3, 3] }\n",
        "\n  - conv: {out_channels: 8, kernel_size: [3, 3], bias: false }\n",
    ),
    "braces over lines": (
        "\n  - conv: {out_channels: 8,\n      kernel_size: 3  # small\n    }\n",
        "\n  - conv: {out_channels: 8,\n      kernel_size: 3, bias: false  # small\n    }\n",
    ),
    "wires beside": (
        "\n  - {conv: {out_channels: $2 * width, kernel_size: 3}, name: a}\n",
        "\n  - {conv: {out_channels: $2 * width, kernel_size: 3, bias: false}, name: a}\n",
    ),
    "quotes": (
        "\n  - conv: {out_channels: \"$max(1, width)\", kernel_size: '$1 + 2'}\n",
        "\n  - conv: {out_channels: \"$max(1, width)\", kernel_size: '$1 + 2', bias: false}\n",
    ),
    "lines": (
        "\n  - conv:\n      out_channels: 8\n      kernel_size: 3  # small\n    name: a\n",
        "\n  - conv:\n      out_channels: 8\n      kernel_size: 3  # small\n      bias: false\n    name: a\n",
    ),
    "the end of the file": (
        "\n  - conv:\n      out_channels: 8\n      kernel_size: 3",
        "\n  - conv:\n      out_channels: 8\n      kernel_size: 3\n      bias: false",
    ),
    "written already": (
        "\n  - conv: {bias: true, out_channels: 8, kernel_size: 3}\n",
        "\n  - conv: {bias: false, out_channels: 8, kernel_size: 3}\n",
    ),
    "the main argument": (
        "\n  - flatten\n  - linear: $width\n",
        "\n  - flatten\n  - linear: {out_features: $width, bias: false}\n",
    ),
    "the main argument with wires": (
        "\n  - flatten\n  - {linear: 8, name: a}\n",
        "\n  - flatten\n  - {linear: {out_features: 8, bias: false}, name: a}\n",
    ),
    "layers on one line": (
        " [flatten, linear: 8, relu]\n",
        " [flatten, linear: {out_features: 8, bias: false}, relu]\n",
    ),
    "in a group": (
        "\n  - layers:\n      - conv:\n          out_channels: 8\n          kernel_size: 3\n",
        "\n  - layers:\n      - conv:\n          out_channels: 8\n          kernel_size: 3\n          bias: false\n",
    ),
    "lines with Windows' ends": (
        "\r\n  - conv:\r\n      out_channels: 8\r\n      kernel_size: 3\r\n  - relu\r\n",
        "\r\n  - conv:\r\n      out_channels: 8\r\n      kernel_size: 3\r\n      bias: false\r\n  - relu\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_argument_is_added_in_the_form_that_the_others_have(form: str) -> None:
    before, after = FORMS[form]
    for node in spec_of(HEAD + before).graph.nodes:
        if "bias" in node.parameters:
            edit = with_argument(node, "bias", "false")
            assert edit is not None
            assert applied(HEAD + before, edit) == HEAD + after
            made = spec_of(applied(HEAD + before, edit))
            assert not any("bias" in one.parameters for one in made.graph.nodes)


@pytest.mark.parametrize("written", ["'$max(1, width)'", "\n      8", "|\n      8"])
def test_an_edit_that_is_not_certain_is_none_or_right(written: str) -> None:
    text = f"{HEAD}\n  - flatten\n  - linear: {written}\n"
    spec, _ = check_source(Source("net.yaml", text), Path(__file__).parent)
    for node in spec.graph.nodes if spec is not None else ():
        edit = with_argument(node, "bias", "false") if node.op.name == "linear" else None
        if edit is not None:
            assert not any("bias" in one.parameters for one in spec_of(applied(text, edit)).graph.nodes)


def test_an_op_without_written_arguments_gets_none() -> None:
    (node,) = spec_of(HEAD + "\n  - batch_norm\n").graph.nodes
    assert with_argument(node, "affine", "false") is None


@pytest.mark.parametrize(
    "layer",
    [
        "  - conv: {out_channels: 8, kernel_size: 3}\n",
        "  - {conv: {out_channels: 8, kernel_size: 3}, name: a}\n",
        "  - conv:\n      out_channels: 8\n      kernel_size: 3\n",
    ],
)
def test_a_layer_is_put_before_one_that_takes_what_flows(layer: str) -> None:
    text = f"{HEAD}\n{layer}  - relu\n"
    edit = with_layer_before(spec_of(text).graph.nodes[0], "rescale: {to: [0, 1]}")
    assert edit is not None
    assert applied(text, edit) == f"{HEAD}\n  - rescale: {{to: [0, 1]}}\n{layer}  - relu\n"
    assert spec_of(applied(text, edit)).graph.nodes[1].inputs[0].path == "rescale1"


@pytest.mark.parametrize(
    "layers",
    [
        "\n  - {conv: {out_channels: 8, kernel_size: 3}, from: image}\n",
        "\n  - conv: {out_channels: 8, kernel_size: 3}\n    from: image\n",
        " [conv: {out_channels: 8, kernel_size: 3}, relu]\n",
    ],
)
def test_no_layer_is_put_before_one_that_says_what_it_takes_or_begins_no_line(layers: str) -> None:
    assert with_layer_before(spec_of(HEAD + layers).graph.nodes[0], "relu") is None


def test_a_flow_knows_readers_what_leaves_and_who_stands_last() -> None:
    text = HEAD + (
        "\n  - {relu, name: a}\n  - {tanh, name: b}\n  - {add, from: [a, b], name: c}\n"
        "  - {exp, from: a}\n  - abs\n  - {sqrt, from: c}\n"
    )
    graph = spec_of(text).graph
    flow = Flow(graph)
    a, b, c = (graph.node(name) for name in "abc")
    assert a is not None
    assert b is not None
    assert c is not None
    assert [one.op.name for one in flow.reading(a)] == ["tanh", "add", "exp"]
    assert [flow.leaves(one) for one in graph.nodes] == [False] * 5 + [True]
    dead = [one for one in graph.nodes if one not in flow.alive]
    assert [one.op.name for one in dead] == ["exp", "abs"]
    assert [(one.op.name, before) for one, before in flow.last(dead)] == [("abs", 1)]
    assert [(one.path, before) for one, before in flow.last([a, b, c])] == [("c", 2)]
