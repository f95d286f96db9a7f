"""Batch normalisation in training, in evaluation, and with frozen statistics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netspec.ir.types import TensorType, tensor
from netspec.ops.norm import BatchNorm
from netspec_numpy import table
from netspec_numpy.rule import Context
from tests.conformance.case import case, numbers, pulls, reference, shape
from tests.conformance.harness import check, check_agreement, check_slopes, compare
from tests.ops.strategies import images, seeds, typed
from tests.ops.tolerance import EPS


@st.composite
def norms(draw: st.DrawFn) -> BatchNorm:
    """Norms of every kind."""
    return BatchNorm(
        eps=draw(st.sampled_from([1e-5, 1e-3, 0.1])),
        momentum=draw(st.sampled_from([0.1, 0.0, 1.0, 0.37, None])),
        affine=draw(st.booleans()),
        track_running_stats=draw(st.booleans()),
    )


@st.composite
def rows(draw: st.DrawFn) -> TensorType:
    """`[batch, feature]`."""
    return typed({"batch": draw(st.integers(2, 5)), "feature": draw(st.integers(1, 4))})


@pytest.mark.parametrize("space", [0, 1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_batch_norm(space: int, data: st.DataObject) -> None:
    x = data.draw(images(space, channels=(1, 2), least=2) if space else rows())
    check(case(data.draw(norms()), x), seed=data.draw(seeds))


@given(norms(), st.sampled_from([1, 2]), st.data())
def test_frozen_statistics_normalise_in_training_and_stay(
    op: BatchNorm, space: int, data: st.DataObject
) -> None:
    use = case(op, data.draw(images(space, channels=(1, 2), least=2)), frozen=frozenset({"statistics"}))
    seed = data.draw(seeds)
    for mode in ("train", "eval"):
        check_agreement(use, seed, mode)
        check_slopes(use, seed, mode)
    drawn = numbers(use, seed)
    after = reference(
        use, drawn, pulls(tuple(np.zeros(shape(y)) for y in use.inferred.outputs), seed), "train"
    )
    for key, value in drawn.state.items():
        assert np.array_equal(after.state[key], value), f"{key} moved"


@given(seeds, st.sampled_from([0.1, 0.9, None]))
def test_running_statistics_follow_torch_over_many_batches(seed: int, momentum: float | None) -> None:
    rng = np.random.default_rng(seed)
    op = BatchNorm(momentum=momentum)
    kind = tensor(batch=4, channel=3, width=2)
    layer = nn.BatchNorm1d(3, momentum=momentum, dtype=torch.float64)
    state = {key: np.asarray(value.numpy()) for key, value in layer.named_buffers()}
    parameters = {key: value.detach().numpy() for key, value in layer.named_parameters()}
    for _ in range(5):
        x = rng.normal(2.0, 3.0, size=(4, 3, 2))
        at = Context((kind,), (kind,), parameters, state, mode="train")
        ahead = table()[BatchNorm].forward(op, (x,), at)
        assert ahead.state.keys() == state.keys()
        state = dict(ahead.state)
        layer(torch.tensor(x))
    for key, value in layer.named_buffers():
        compare(key, state[key], value.numpy(), 64 * EPS * 100)


def test_a_batch_of_one_number_a_channel_is_a_constraint_of_training_alone() -> None:
    (constraint,) = case(BatchNorm(), typed({"batch": 1, "channel": 3, "width": 1})).inferred.constraints
    assert constraint.training
    assert (int(constraint.left), constraint.relation, int(constraint.right)) == (1, ">", 1)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        nn.BatchNorm1d(3)(torch.zeros(1, 3, 1))
