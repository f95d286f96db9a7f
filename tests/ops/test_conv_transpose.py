"""Transposed convolution under random legal and illegal attributes, and what makes it a transpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.problem import Problem
from netspec.ir.types import tensor
from netspec.ops.conv import Conv, ConvTranspose
from tests.conformance.case import Numbers, case, forward, reference, shape
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import images, per_axis, seeds


@st.composite
def transposed(draw: st.DrawFn, space: int) -> ConvTranspose:
    """Transposed convolutions, most of which are legal."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    return ConvTranspose(
        out_channels=groups * draw(st.integers(1, 2)),
        kernel_size=draw(per_axis(space, 1, 3)),
        stride=draw(per_axis(space, 1, 3)),
        padding=draw(per_axis(space, 0, 1)),
        output_padding=draw(st.just(0) | per_axis(space, 0, 1)),
        dilation=draw(per_axis(space, 1, 2)),
        groups=groups,
        bias=draw(st.booleans()),
    )


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_transposed_convolution(space: int, data: st.DataObject) -> None:
    op = data.draw(transposed(space))
    kind = data.draw(images(space, channels=(op.groups, 2 * op.groups)))
    check_or_refused(op, kind, seed=data.draw(seeds))


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.integers(1, 2), st.integers(1, 9), seeds)
def test_it_is_the_transpose_of_the_convolution_with_the_same_filters(
    kernel: int, stride: int, padding: int, dilation: int, size: int, seed: int
) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> for all x and y, with the `output_padding` that gives x's size back."""
    geometry = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "bias": False,
    }
    large = tensor(batch=1, channel=2, width=size)
    try:
        down = case(Conv(out_channels=3, **geometry), large)  # type: ignore[arg-type]
    except Problem:
        return
    (small,) = down.inferred.outputs
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    up = case(ConvTranspose(out_channels=2, output_padding=span % stride, **geometry), small)  # type: ignore[arg-type]
    assert shape(up.inferred.outputs[0]) == shape(large)
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=shape(large)), rng.normal(size=shape(small))
    weight = {"weight": rng.normal(size=(3, 2, kernel))}
    (left,) = forward(down, Numbers((x,), weight), "eval")
    (right,) = forward(up, Numbers((y,), weight), "eval")
    assert float(np.sum(left * y)) == pytest.approx(float(np.sum(x * right)), rel=1e-12, abs=1e-12)


def test_a_doubling_of_a_free_size_is_twice_the_size() -> None:
    image = tensor(batch=2, channel=4, height="H", width="W")
    op = ConvTranspose(out_channels=3, kernel_size=2, stride=2)
    inferred = case(op, image).inferred
    assert inferred.outputs[0].sizes[2:] == (2 * Dim.of("H"), 2 * Dim.of("W"))
    assert inferred.constraints == ()
    assert op.macs((image,), inferred.outputs) == 3 * 4 * 4 * Dim.of("H") * Dim.of("W")


def test_a_padding_that_may_cut_all_off_is_recorded() -> None:
    row = tensor(batch=2, channel=4, width="W")
    (needed,) = case(ConvTranspose(out_channels=3, kernel_size=3, padding=2), row).inferred.constraints
    assert (needed.left, needed.relation, needed.right) == (Dim.of("W") - 2, ">=", Dim.of(1))


def test_its_filters_lie_side_by_side_where_stride_and_kernel_are_equal() -> None:
    use = case(ConvTranspose(out_channels=1, kernel_size=2, stride=2), tensor(batch=1, channel=1, width=2))
    drawn = Numbers(
        (np.array([[[1.0, 10.0]]]),), {"weight": np.array([[[2.0, 3.0]]]), "bias": np.array([0.5])}
    )
    made = reference(use, drawn, (np.ones((1, 1, 4)),), "eval")
    assert made.outputs[0].ravel().tolist() == [2.5, 3.5, 20.5, 30.5]
    assert made.inputs[0].ravel().tolist() == [5.0, 5.0]
    assert made.parameters["weight"].ravel().tolist() == [11.0, 11.0]
    assert made.parameters["bias"].tolist() == [4.0]
