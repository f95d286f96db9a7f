"""Local connections under random legal and illegal attributes, and beside the layers they stand between."""

from __future__ import annotations

import ast
from math import prod
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.op import Op
from netspec.ir.types import TensorType, tensor
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.ops.local import LocallyConnected
from netspec.ops.sliding import PaddingMode
from tests.conformance.case import Numbers, case, forward, lowered, numbers, shape
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import images, per_axis, seeds


@st.composite
def local(draw: st.DrawFn, space: int) -> LocallyConnected:
    """Local connections, most of which fit small images."""
    sides = st.integers(0, 2)
    each = st.tuples(*[sides | st.tuples(sides, sides)] * space)
    return LocallyConnected(
        out_channels=draw(st.integers(1, 2)),
        kernel_size=draw(per_axis(space, 1, 3)),
        stride=draw(per_axis(space, 1, 2)),
        padding=draw(st.one_of(st.just(0), st.sampled_from(["same", "valid"]), each)),
        padding_mode=draw(st.sampled_from(get_args(PaddingMode))),
        dilation=draw(per_axis(space, 1, 2)),
        bias=draw(st.booleans()),
    )


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_local_connections(space: int, data: st.DataObject) -> None:
    op = data.draw(local(space))
    check_or_refused(op, data.draw(images(space, channels=(1, 2))), seed=data.draw(seeds))


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(1, 2), st.integers(5, 7), seeds)
def test_with_equal_filters_at_all_places_it_is_the_convolution(
    kernel: int, stride: int, padding: int, dilation: int, size: int, seed: int
) -> None:
    geometry = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    kind = tensor(batch=2, channel=2, height=size, width=size)
    shared = case(Conv(out_channels=3, **geometry), kind)  # type: ignore[arg-type]
    own = case(LocallyConnected(out_channels=3, **geometry), kind)  # type: ignore[arg-type]
    drawn = numbers(shared, seed)
    places = shape(shared.inferred.outputs[0])[2:]
    weight = np.repeat(drawn.parameters["weight"], prod(places), axis=0)
    bias = np.broadcast_to(drawn.parameters["bias"].reshape(-1, 1, 1), (3, *places))
    (expected,) = forward(shared, drawn, "eval")
    (y,) = forward(own, Numbers(drawn.inputs, {"weight": weight, "bias": bias}), "eval")
    assert np.allclose(y, expected, rtol=0, atol=1e-13)  # 18 terms of at most 2.4 each, 2^-53 of them apiece


def test_the_numbers_of_parameters_that_the_page_tells_are_those_of_the_three_layers() -> None:
    def count(op: Op, kind: TensorType) -> int:
        return sum(prod(one.shape) for one in case(op, kind).inferred.parameters)

    picture = tensor(batch=1, channel=1, height=28, width=28)
    counts = [
        count(Conv(out_channels=8, kernel_size=5), picture),
        count(LocallyConnected(out_channels=8, kernel_size=5), picture),
        count(Linear(out_features=8 * 24 * 24), tensor(batch=1, feature=28 * 28)),
    ]
    assert counts == [208, 119_808, 3_617_280]
    assert LocallyConnected.__doc__ is not None
    assert all(f"{one:,}" in LocallyConnected.__doc__ for one in counts)


def test_it_starts_within_the_bounds_of_a_convolution() -> None:
    """`1 / sqrt(fan_in)`, where each number of the result has `channel * kernel_size` weights."""
    use = case(LocallyConnected(out_channels=2, kernel_size=3), tensor(batch=1, channel=4, height=5, width=5))
    (_, written), *_ = lowered(use)
    assert written.construct is not None
    assert ast.unparse(written.construct).count("uniform_(-0.16666666666666666, 0.16666666666666666)") == 2
