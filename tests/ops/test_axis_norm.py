"""Norms over named axes: any axes of any value, what PyTorch calls them, and how far numbers can go."""

from __future__ import annotations

from math import prod, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netspec.ir.facts import Facts
from netspec.ir.op import infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.axis_norm import LayerNorm, RmsNorm
from tests.conformance.case import Numbers, candidate, candidate_outputs, case, forward, numbers, pulls
from tests.conformance.harness import check, check_agreement, check_letters, check_or_refused
from tests.ops.strategies import seeds, tensors
from tests.ops.tolerance import EPS

IMAGE = tensor(batch=2, channel=3, height=4, width=5)


@st.composite
def layer_norms(draw: st.DrawFn, x: TensorType) -> LayerNorm:
    """Norms over any axes of `x`, and now and then over the batch, over none, or over one that is not there."""
    named = st.lists(st.sampled_from([*x.names, "depth"] if draw(st.integers(0, 9)) == 0 else x.names[1:]))
    return LayerNorm(
        axis=draw(st.none() | named.map(tuple) | named.filter(bool).map(lambda words: words[0])),
        eps=draw(st.sampled_from([1e-5, 1e-6, 1e-2])),
        elementwise_affine=draw(st.booleans()),
        bias=draw(st.booleans()),
    )


@given(st.data(), tensors(), seeds)
def test_numpy_and_torch_agree_on_layer_norms_over_any_axes(
    data: st.DataObject, x: TensorType, seed: int
) -> None:
    op = data.draw(layer_norms(x))
    accepted = check_or_refused(op, x, seed=seed)
    words = x.names[1:] if op.axis is None else (op.axis,) if isinstance(op.axis, str) else op.axis
    named = bool(words) and set(words) <= set(x.names[1:]) and len(set(words)) == len(words)
    told = named and (op.axis is not None or x.rank == 2)
    assert accepted == (told and prod(int(x.size(word)) for word in words) > 1)


@given(st.data(), tensors(), st.sampled_from([2.0**-23, 1e-6, 1e-2]), seeds)
def test_numpy_and_torch_agree_on_rms_norms_over_any_axes(
    data: st.DataObject, x: TensorType, eps: float, seed: int
) -> None:
    named = st.lists(st.sampled_from(x.names[1:]), min_size=1, unique=True).map(tuple)
    op = RmsNorm(axis=data.draw(named), eps=eps, elementwise_affine=data.draw(st.booleans()))
    words = op.axis or ()
    assert check_or_refused(op, x, seed=seed) == (prod(int(x.size(word)) for word in words) > 1)


@given(st.sampled_from(["channel", "width", ("height", "width"), ("channel", "height", "width")]))
def test_free_sizes_are_measured_where_no_weight_hangs_on_them(axis: str | tuple[str, ...]) -> None:
    for height, width in ((1, 1), (1, 4), (3, 2)):
        x = tensor(batch=2, channel=2, height=height, width=width)
        check_letters(LayerNorm(axis=axis, elementwise_affine=False), x)
        check_letters(RmsNorm(axis=axis, elementwise_affine=False), x)


def test_a_weight_of_a_free_size_is_refused_with_the_axis_that_is_free() -> None:
    x = tensor(batch="N", channel=3, height="H", width=4)
    assert infer_node(LayerNorm(axis="channel"), (x,)).parameters[0].shape == (3,)
    with pytest.raises(Problem, match="`height`, and its size H is free") as caught:
        infer_node(LayerNorm(axis=("channel", "height")), (x,))
    assert "elementwise_affine: false" in caught.value.help


@pytest.mark.parametrize("axis,shape", [(("width",), [5]), (("height", "width"), [4, 5]), (None, [3, 4, 5])])
def test_axes_at_the_end_are_the_normalized_shape_of_pytorch(
    axis: tuple[str, ...] | None, shape: list[int]
) -> None:
    """Weights of PyTorch's own layer are taken as they are, and give what it gives."""
    use = case(LayerNorm(axis=axis or IMAGE.names[1:]), IMAGE)
    theirs = nn.LayerNorm(shape, dtype=torch.float64)
    rng = np.random.default_rng(0)
    for value in theirs.parameters():
        value.data = torch.tensor(rng.normal(size=value.shape))
    ours = {key: value.numpy() for key, value in theirs.state_dict().items()}
    assert {one.name: one.shape for one in use.inferred.parameters} == {
        key: value.shape for key, value in ours.items()
    }
    x = rng.normal(size=(2, 3, 4, 5))
    wanted = theirs(torch.tensor(x)).detach().numpy()
    for run in (forward, candidate_outputs):
        (y,) = run(use, Numbers((x,), ours), "eval")
        assert np.allclose(y, wanted, rtol=1e-13, atol=1e-14)


class LayerNorm2d(nn.LayerNorm):
    """A norm of the channels of each pixel as ConvNeXt's authors describe it: channels last while it works."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, C, H, W]` in and out."""
        channels_last = x.permute(0, 2, 3, 1)
        return super().forward(channels_last).permute(0, 3, 1, 2)


def test_a_norm_of_channels_is_that_of_convnext_with_its_weights() -> None:
    use = case(LayerNorm(axis="channel", eps=1e-6), IMAGE)
    theirs = LayerNorm2d(3, eps=1e-6, dtype=torch.float64)
    rng = np.random.default_rng(1)
    drawn = Numbers((rng.normal(size=(2, 3, 4, 5)),), {key: rng.normal(size=3) for key in ("weight", "bias")})
    theirs.load_state_dict({key: torch.tensor(value) for key, value in drawn.parameters.items()}, strict=True)
    x = torch.tensor(drawn.inputs[0], requires_grad=True)
    (pull,) = pulls(drawn.inputs, 2)
    wanted = theirs(x)
    wanted.backward(torch.tensor(pull))
    made = candidate(use, drawn, (pull,), "train")
    assert np.array_equal(made.outputs[0], wanted.detach().numpy())
    assert x.grad is not None
    assert np.array_equal(made.inputs[0], x.grad.numpy())
    check(use)


def test_axes_in_any_order_share_their_weights_in_the_order_of_the_input() -> None:
    there, back = (case(LayerNorm(axis=axis), IMAGE) for axis in (("channel", "width"), ("width", "channel")))
    assert there.inferred == back.inferred
    assert there.inferred.parameters[0].shape == (3, 5)
    drawn = numbers(there, 0)
    assert np.array_equal(forward(there, drawn, "eval")[0], forward(back, drawn, "eval")[0])


@given(st.integers(2, 6), st.integers(1, 4), st.sampled_from([1e-3, 1.0, 1e6]), seeds)
def test_one_number_against_all_others_goes_as_far_as_any_can(
    n: int, rows: int, size: float, seed: int
) -> None:
    """`sqrt(n - 1)` is reached, up to eps, where n - 1 numbers are equal: the bound is the least there is."""
    op = LayerNorm(elementwise_affine=False, eps=1e-14)
    use = case(op, tensor(batch=rows, feature=n))
    facts = use.inferred.outputs[0].facts
    assert (facts.low, facts.high) == (-sqrt(n - 1), sqrt(n - 1))
    x = np.zeros((rows, n))
    x[np.arange(rows), np.random.default_rng(seed).integers(0, n, rows)] = size
    (y,) = forward(use, Numbers((x,)), "eval")
    assert y.max() <= facts.high * (1 + 64 * EPS)
    assert y.max() == pytest.approx(facts.high, rel=1e-14 * n / size**2 + 64 * EPS)


def test_without_eps_it_is_that_of_pytorch_in_single_precision_and_the_same_in_others() -> None:
    """Numbers of about its size tell: in double precision PyTorch alone would give 1 and -1."""
    use = case(RmsNorm(elementwise_affine=False), tensor(batch=1, feature=2))
    eps = 2.0**-23
    x = np.array([[eps**0.5, -(eps**0.5)]])
    theirs = nn.RMSNorm(2, elementwise_affine=False)(torch.tensor(x, dtype=torch.float32)).numpy()
    assert np.allclose(theirs, [[0.5**0.5, -(0.5**0.5)]], rtol=4 * eps, atol=0)
    for dtype, rounding in ((np.float32, 4 * eps), (np.float64, 4 * EPS)):
        for run in (forward, candidate_outputs):
            (y,) = run(use, Numbers((x.astype(dtype),)), "eval")
            assert y.dtype == dtype
            assert np.allclose(y, [[0.5**0.5, -(0.5**0.5)]], rtol=rounding, atol=0)


@given(st.integers(2, 6), st.sampled_from([1e-3, 1.0, 1e6]))
def test_one_number_among_zeros_goes_as_far_as_any_can_in_an_rms_norm(n: int, size: float) -> None:
    use = case(RmsNorm(elementwise_affine=False, eps=1e-14), tensor(batch=1, feature=n))
    facts = use.inferred.outputs[0].facts
    assert (facts.low, facts.high) == (-sqrt(n), sqrt(n))
    (y,) = forward(use, Numbers((np.eye(1, n) * size,)), "eval")
    assert y.max() <= facts.high * (1 + 64 * EPS)
    assert y.max() == pytest.approx(facts.high, rel=1e-14 * n / size**2 + 64 * EPS)


def test_order_is_kept_along_an_axis_that_is_measured_and_no_other() -> None:
    def after(axis: str, *, affine: bool = False) -> str | None:
        x = tensor(batch=2, time=3, bin=4, facts=Facts(nondecreasing="bin"))
        (y,) = case(LayerNorm(axis=axis, elementwise_affine=affine), x).inferred.outputs
        return y.facts.nondecreasing

    assert after("bin") == "bin"
    assert after("time") is None
    assert after("bin", affine=True) is None


def test_weights_are_learned_where_pytorch_learns_them_unless_it_is_said_otherwise() -> None:
    x = tensor(batch=2, feature=3)
    pairs: list[tuple[LayerNorm | RmsNorm, nn.Module]] = [
        (LayerNorm(), nn.LayerNorm(3)),
        (LayerNorm(bias=False), nn.LayerNorm(3, bias=False)),
        (LayerNorm(elementwise_affine=False), nn.LayerNorm(3, elementwise_affine=False)),
        (RmsNorm(), nn.RMSNorm(3)),
        (RmsNorm(elementwise_affine=False), nn.RMSNorm(3, elementwise_affine=False)),
    ]
    for op, layer in pairs:
        ours = [one.name for one in case(op, x).inferred.parameters]
        assert ours == [name for name, _ in layer.named_parameters()]


def test_training_and_evaluation_are_one() -> None:
    use = case(LayerNorm(axis="channel"), IMAGE)
    assert not use.inferred.state
    assert not use.inferred.noise
    check_agreement(use, mode="train")
