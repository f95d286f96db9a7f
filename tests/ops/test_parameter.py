"""A free parameter: what its shape may be, and how a single number meets everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netspec.front import check_source
from netspec.ir.op import Parameter, infer_node
from netspec.ops.parameter import FreeParameter
from netspec.proof import verify
from netspec.text import Source


@pytest.mark.parametrize(
    "written,axes",
    [
        ({}, []),
        ([], []),
        ((), []),
        ([4], [("feature", 4)]),
        ({"bin": 600}, [("bin", 600)]),
        ({"channel": 2, "height": 3}, [("channel", 2), ("height", 3)]),
    ],
)
def test_a_shape_is_axes_with_sizes(written: Any, axes: list[tuple[str, int]]) -> None:
    inferred = infer_node(FreeParameter(shape=written), ())
    assert [(axis.name, int(axis.size)) for axis in inferred.outputs[0].axes] == axes
    assert inferred.parameters == (Parameter("value", tuple(size for _, size in axes)),)


@pytest.mark.parametrize(
    "written,said",
    [
        ([3, 4], "which axes"),
        (["bin", "time"], "a mapping of axes"),
        ((("bin", 3),), "a mapping of axes"),
        (7, "a mapping of axes"),
        (True, "a mapping of axes"),
        ([True], "a mapping of axes"),
        ({"batch": 3}, "same for all samples"),
        ({"Bin": 3}, "no name of an axis"),
        ({"a b": 3}, "no name of an axis"),
        ({4: 3}, "no name of an axis"),
        ({"bin": 0}, "no size"),
        ({"bin": -1}, "no size"),
        ({"bin": 2.0}, "no size"),
        ({"bin": True}, "no size"),
        ({"bin": "H"}, "no size"),
        ({"bin": 2**40}, "no size"),
    ],
)
def test_what_is_no_shape_is_refused_in_words(written: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FreeParameter(shape=written)


SPEC = """
netspec: 1
inputs: {x: {shape: [6], range: [-1, 1]}}
targets: {y: {shape: [], range: [-1, 1]}}
layers:
  - {parameter: {shape: {}}, name: scale, init: {value: {constant: 2}}}
  - {parameter: {shape: {}}, name: shift}
  - {linear: 1, from: x}
  - squeeze: feature
  - {formula: EXPRESSION, name: out}
loss: mean((out - y) ** 2) + 0.1 * scale ** 2 + abs(shift)
"""


@pytest.mark.parametrize(
    "expression",
    [
        "_ * scale + shift",
        "shift - scale * _",
        "_ / (1 + scale ** 2) - shift",
        "exp(shift) * (2 + tanh(_)) ** scale",
        "maximum(_, shift) + minimum(scale, _)",
        "where(_ > shift, _ * scale, shift)",
        "(3 - scale) * (shift + 0.5)  + _",
    ],
)
def test_a_single_number_goes_with_every_value_in_both_backends(expression: str) -> None:
    spec, found = check_source(Source("scalar.yaml", SPEC.replace("EXPRESSION", f'"{expression}"')), Path())
    assert spec is not None, [one.message for one in found]
    proof = verify(spec.graph)
    assert proof.ok, [row for row in proof.rows if not row.ok]
    gradients = {row.where for row in proof.rows if row.what == "gradient"}
    assert {"scale.value", "shift.value"} <= gradients


def test_it_starts_at_zero_or_where_the_spec_says() -> None:
    import netspec_torch

    spec, _ = check_source(Source("scalar.yaml", SPEC.replace("EXPRESSION", '"_ * scale + shift"')), Path())
    assert spec is not None
    made = netspec_torch.assemble(spec.graph).model.state_dict()
    assert made["scale.value"] == 2
    assert made["shift.value"] == 0
    assert made["scale.value"].shape == ()
