"""Convolutions taken apart, under random legal and illegal attributes, and beside those that are whole."""

from __future__ import annotations

from math import prod
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.op import Op
from netspec.ir.types import TensorType, tensor
from netspec.ops.conv import Conv
from netspec.ops.separable import DepthwiseConv, SeparableConv
from netspec.ops.sliding import PaddingMode
from tests.conformance.case import Numbers, case, forward, numbers
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, per_axis, seeds


@st.composite
def apart(draw: st.DrawFn, space: int) -> DepthwiseConv | SeparableConv:
    """Convolutions taken apart, most of which fit small images."""
    sides = st.integers(0, 2)
    each = st.tuples(*[sides | st.tuples(sides, sides)] * space)
    common: dict[str, Any] = {
        "kernel_size": draw(per_axis(space, 1, 3)),
        "stride": draw(per_axis(space, 1, 2)),
        "padding": draw(st.one_of(st.just(0), st.sampled_from(["same", "valid"]), each)),
        "padding_mode": draw(st.sampled_from(get_args(PaddingMode))),
        "dilation": draw(per_axis(space, 1, 2)),
        "multiplier": draw(st.integers(1, 2)),
        "bias": draw(st.booleans()),
    }
    if draw(st.booleans()):
        return DepthwiseConv(**common)
    return SeparableConv(out_channels=draw(st.integers(1, 3)), **common)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_the_formula_and_the_steps_agree_on_any_convolution_taken_apart(
    space: int, data: st.DataObject
) -> None:
    op = data.draw(apart(space))
    image = data.draw(images(space, channels=(1, 2)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@given(seeds, st.integers(1, 3), st.integers(1, 3))
def test_a_whole_convolution_whose_filters_are_products_is_the_separable_one(
    seed: int, channels: int, out: int
) -> None:
    kind = tensor(batch=2, channel=channels, height=5, width=4)
    parts = case(SeparableConv(out_channels=out, kernel_size=3, padding=1), kind)
    drawn = numbers(parts, seed)
    depth, point, bias = (
        drawn.parameters[f"{key}"] for key in ("depthwise.weight", "pointwise.weight", "pointwise.bias")
    )
    whole = case(Conv(out_channels=out, kernel_size=3, padding=1), kind)
    weight = point * depth[:, 0][None]  # [out, channel, 3, 3]
    (y,) = forward(whole, Numbers(drawn.inputs, {"weight": weight, "bias": bias}), "eval")
    (z,) = forward(parts, drawn, "eval")
    assert np.allclose(y, z, rtol=0, atol=1e-13)  # 27 terms of at most 2.9, 2^-53 of each


def test_the_weights_that_the_page_tells_are_those_of_the_layers() -> None:
    image = tensor(batch=1, channel=64, height=8, width=8)

    def count(op: Op) -> int:
        return sum(prod(one.shape) for one in case(op, image).inferred.parameters)

    counts = [
        count(Conv(out_channels=128, kernel_size=3, bias=False)),
        count(SeparableConv(out_channels=128, kernel_size=3, bias=False)),
    ]
    assert counts == [73_728, 8_768]
    assert SeparableConv.__doc__ is not None
    assert all(f"{one:,}" in SeparableConv.__doc__ for one in counts)


def test_its_cost_is_that_of_both_steps() -> None:
    image: TensorType = tensor(batch=1, channel=4, height="H", width=6)
    op = SeparableConv(out_channels=5, kernel_size=3, padding=1, multiplier=2)
    total = op.macs((image,), case(op, image).inferred.outputs).substitute({"H": 7})
    assert total == 7 * 6 * (8 * 9 + 8 * 5)


def test_a_bias_is_learned_behind_the_last_step_unless_it_is_said_not_to_be() -> None:
    image = tensor(batch=1, channel=2, height=4, width=4)

    def names(op: Op) -> list[str]:
        return [one.name for one in case(op, image).inferred.parameters]

    assert names(DepthwiseConv(kernel_size=3)) == ["depthwise.weight", "depthwise.bias"]
    assert names(SeparableConv(out_channels=2, kernel_size=3)) == [
        "depthwise.weight",
        "pointwise.weight",
        "pointwise.bias",
    ]
