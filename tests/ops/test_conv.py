"""Convolution under random legal and illegal attributes, and what the teacher says of it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.dim import Dim
from netspec.ir.types import tensor
from netspec.ops.conv import Conv
from netspec.ops.sliding import PaddingMode
from tests.conformance.case import Numbers, candidate_outputs, case, forward
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, per_axis, seeds


@st.composite
def convs(draw: st.DrawFn, space: int) -> Conv:
    """Convolutions, most of which fit small images."""
    words: list[Literal["same", "valid"]] = ["same", "valid"]
    sides = st.integers(0, 3)
    each = st.tuples(*[sides | st.tuples(sides, sides)] * space)
    padding = st.one_of(per_axis(space, 0, 2), st.sampled_from(words), each)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    return Conv(
        out_channels=groups * draw(st.integers(1, 2)),
        kernel_size=draw(per_axis(space, 1, 3)),
        stride=draw(per_axis(space, 1, 2)),
        padding=draw(padding),
        padding_mode=draw(st.sampled_from(get_args(PaddingMode))),
        dilation=draw(per_axis(space, 1, 2)),
        groups=groups,
        bias=draw(st.booleans()),
        weight_standardisation=draw(st.sampled_from([False, False, True])),
    )


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_convolution(space: int, data: st.DataObject) -> None:
    op = data.draw(convs(space))
    image = data.draw(images(space, channels=(op.groups, 2 * op.groups)))
    check_or_refused(op, image, seed=data.draw(seeds))


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_a_convolution_takes_as_letters_what_it_takes_as_numbers(space: int, data: st.DataObject) -> None:
    op = data.draw(convs(space))
    check_letters(op, data.draw(images(space, channels=(op.groups, 2 * op.groups))))


@pytest.mark.parametrize("mode, most", [("reflect", Dim.of("W") - 1), ("circular", Dim.of("W"))])
def test_what_a_mode_takes_from_the_input_is_asked_of_free_sizes(mode: PaddingMode, most: Dim) -> None:
    row = tensor(batch=2, channel=1, width="W")
    op = Conv(out_channels=1, kernel_size=3, padding=((3, 0),), padding_mode=mode)
    plain = Conv(out_channels=1, kernel_size=3, padding=((3, 0),))
    asked = {one.left - one.right for one in case(op, row).inferred.constraints}
    assert asked - {one.left - one.right for one in case(plain, row).inferred.constraints} == {most - 3}


def test_the_padding_before_and_after_is_what_the_pair_says() -> None:
    use = case(Conv(out_channels=1, kernel_size=2, padding=((2, 1),)), tensor(batch=1, channel=1, width=2))
    weights = {"weight": np.array([[[1.0, 10.0]]]), "bias": np.zeros(1)}
    drawn = Numbers((np.array([[[1.0, 2.0]]]),), weights)
    for run in (forward, candidate_outputs):
        (y,) = run(use, drawn, "eval")
        assert y.ravel().tolist() == [0.0, 10.0, 21.0, 2.0]


@given(seeds, st.floats(0.5, 4.0), st.floats(-3.0, 3.0))
def test_a_standardised_filter_forgets_its_size_and_its_mean(seed: int, scale: float, shift: float) -> None:
    kind = tensor(batch=1, channel=2, height=4, width=4)
    op = Conv(out_channels=3, kernel_size=3, bias=False, weight_standardisation=True, eps=1e-12)
    rng = np.random.default_rng(seed)
    image, weight = rng.normal(size=(1, 2, 4, 4)), rng.normal(size=(3, 2, 3, 3))
    (y,) = forward(case(op, kind), Numbers((image,), {"weight": weight}), "eval")
    (z,) = forward(case(op, kind), Numbers((image,), {"weight": scale * weight + shift}), "eval")
    assert np.allclose(y, z, rtol=0, atol=1e-9)  # eps = 1e-12 of a variance near 1, in sums of 18 terms


@given(seeds, st.sampled_from([1e-6, 1e-5, 1e-3]))
def test_the_filters_are_those_of_batch_norm_over_their_own_weights(seed: int, eps: float) -> None:
    """So timm's `StdConv2d` has them: the weight goes through `F.batch_norm` with one channel for each filter."""
    kind = tensor(batch=1, channel=2, height=4, width=4)
    op = Conv(out_channels=3, kernel_size=3, bias=False, weight_standardisation=True, eps=eps)
    rng = np.random.default_rng(seed)
    image, weight = rng.normal(size=(1, 2, 4, 4)), rng.normal(size=(3, 2, 3, 3))
    normed = F.batch_norm(torch.tensor(weight).reshape(1, 3, -1), None, None, training=True, eps=eps)
    expected = F.conv2d(torch.tensor(image), normed.reshape(3, 2, 3, 3))
    (y,) = forward(case(op, kind), Numbers((image,), {"weight": weight}), "eval")
    assert np.allclose(y, expected.numpy(), rtol=0, atol=1e-12)  # 18 terms of at most some 20, 2^-53 of each


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(1, 9))
def test_same_keeps_the_size_and_counts_every_product(
    kernel: int, out: int, channels: int, size: int
) -> None:
    image = tensor(batch=2, channel=channels, height=size, width=size + 1)
    op = Conv(out_channels=out, kernel_size=kernel, padding="same")
    (y,) = case(op, image).inferred.outputs
    assert y.sizes[2:] == image.sizes[2:]
    assert op.macs((image,), (y,)) == channels * kernel**2 * out * size * (size + 1)


@given(seeds, st.integers(1, 3), st.integers(2, 3), st.integers(2, 4))
def test_the_response_is_largest_where_the_patch_equals_the_filter(
    seed: int, channels: int, side: int, across: int
) -> None:
    """Patches of the filter's norm side by side: by Cauchy and Schwarz <w, p> <= |w| |p|, equal for p = w alone."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(1, channels, side, side))
    patches = rng.normal(size=(across, across, channels, side, side))
    patches *= np.sqrt((weight**2).sum() / (patches**2).sum(axis=(2, 3, 4), keepdims=True))
    row, column = rng.integers(0, across, 2)
    patches[row, column] = weight[0]
    image = patches.transpose(2, 0, 3, 1, 4).reshape(1, channels, across * side, across * side)
    kind = tensor(batch=1, channel=channels, height=across * side, width=across * side)
    use = case(Conv(out_channels=1, kernel_size=side, stride=side, bias=False), kind)
    (response,) = forward(use, Numbers((image,), {"weight": weight}), "eval")
    found = np.unravel_index(int(response.argmax()), response.shape)[2:]
    assert found == (row, column)
    assert response[0, 0, row, column] == pytest.approx(float(np.sum(weight**2)), rel=1e-12)


@given(seeds, st.integers(2, 5), st.integers(2, 3))
def test_of_filters_of_equal_norm_the_one_that_equals_the_patch_responds_most(
    seed: int, filters: int, side: int
) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(filters, 2, side, side))
    weight /= np.sqrt((weight**2).sum(axis=(1, 2, 3), keepdims=True))
    chosen = int(rng.integers(filters))
    kind = tensor(batch=1, channel=2, height=side, width=side)
    use = case(Conv(out_channels=filters, kernel_size=side, bias=False), kind)
    (response,) = forward(use, Numbers((weight[chosen : chosen + 1],), {"weight": weight}), "eval")
    assert int(response.argmax()) == chosen


@pytest.mark.parametrize(
    "attributes",
    [
        {"out_channels": 0, "kernel_size": 3},
        {"out_channels": 4},
        {"out_channels": 4, "kernel_size": 3.0},
        {"out_channels": True, "kernel_size": 3},
        {"out_channels": 4, "kernel_size": 3, "padding": "full"},
        {"out_channels": 4, "kernel_size": 3, "padding": [[1, 2, 3]]},
        {"out_channels": 4, "kernel_size": 3, "padding": [[1, 2.0], 0]},
        {"out_channels": 4, "kernel_size": 3, "padding": 1, "padding_mode": "mirror"},
        {"out_channels": 4, "kernel_size": 3, "in_channels": 3},
    ],
)
def test_attributes_of_the_wrong_kind_are_refused(attributes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Conv(**attributes)  # type: ignore[arg-type]
