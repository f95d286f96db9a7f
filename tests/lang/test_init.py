"""How parameters start: what `init` says of an op holds wherever that op learns, within other ops too."""

from __future__ import annotations

from pathlib import Path

from netspec.front import check_source
from netspec.ir.record import Record
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec.text.render import render_all

HEAD = """\
netspec: 1
inputs: {image: {shape: [4, 8, 8], range: [-1, 1]}}
layers:
"""


def checked(text: str) -> Spec:
    spec, found = check_source(Source("init.yaml", HEAD + text), Path())
    assert spec is not None, render_all(found, color=False)
    assert found == (), render_all(found, color=False)
    return spec


def starts(text: str) -> dict[str, str]:
    """The name of each parameter's initialiser; those that start as PyTorch starts them are left out."""
    rows = checked(text).graph.parameters.values()
    return {row.key: type(row.init).name for row in rows if isinstance(row.init, Record)}


def test_what_is_said_of_convolutions_holds_for_those_of_an_op_that_is_said_with_them() -> None:
    found = starts(
        "  - {squeeze_excite: 2, name: gate}\ninit: {conv: {weight: kaiming_normal, bias: zeros}}\n"
    )
    assert found == {
        "gate.fc1.weight": "kaiming_normal",
        "gate.fc1.bias": "zeros",
        "gate.fc2.weight": "kaiming_normal",
        "gate.fc2.bias": "zeros",
    }


def test_the_op_itself_goes_before_those_it_is_said_with_and_the_layer_before_both() -> None:
    found = starts(
        "  - {squeeze_excite: 2, name: gate, init: {fc2.bias: ones}}\n"
        "init:\n"
        "  conv: {weight: kaiming_normal, bias: zeros}\n"
        "  squeeze_excite: {fc1.bias: {constant: 2}, fc2.bias: {constant: 3}}\n"
    )
    assert found["gate.fc1.weight"] == "kaiming_normal"
    assert found["gate.fc1.bias"] == "constant"
    assert found["gate.fc2.bias"] == "ones"


def test_ops_within_ops_within_ops_are_reached() -> None:
    found = starts(
        "  - {separable_conv: {out_channels: 2, kernel_size: 3}, name: apart}\ninit: {conv: {weight: zeros}}\n"
    )
    assert found == {"apart.depthwise.weight": "zeros", "apart.pointwise.weight": "zeros"}


def test_an_op_without_parts_starts_as_it_is_said_and_no_other() -> None:
    assert starts(
        "  - {conv: {out_channels: 2, kernel_size: 1}, name: one}\ninit: {conv: {bias: zeros}}\n"
    ) == {"one.bias": "zeros"}
