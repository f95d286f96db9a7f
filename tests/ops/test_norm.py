"""Norms of channels in training, in evaluation, and with frozen statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netspec.front import check_source
from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.ops.axis_norm import LayerNorm
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm
from netspec.ops.response import LocalResponseNorm
from netspec.text import Source
from netspec_numpy import table
from netspec_numpy.rule import Context
from netspec_torch.module import compile
from tests.conformance.case import Mode, Numbers, candidate, case, forward, numbers, pulls, reference, shape
from tests.conformance.harness import (
    check,
    check_agreement,
    check_letters,
    check_or_refused,
    check_slopes,
    compare,
)
from tests.ops.strategies import images, seeds, typed
from tests.ops.tolerance import EPS

ONES = {"weight": np.ones(2), "bias": np.zeros(2)}

FREEZING = """netspec: 1
inputs: {{image: [3, 5, 5]}}
layers:
  - {norm}
    name: norm
    freeze: {freeze}
"""


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


@st.composite
def instance_norms(draw: st.DrawFn) -> InstanceNorm:
    """Norms of every kind."""
    return InstanceNorm(
        eps=draw(st.sampled_from([1e-5, 1e-3, 0.1])),
        momentum=draw(st.sampled_from([0.1, 0.0, 1.0, 0.37])),
        affine=draw(st.booleans()),
        track_running_stats=draw(st.booleans()),
    )


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_instance_norm(space: int, data: st.DataObject) -> None:
    x = data.draw(images(space))
    accepted = check_or_refused(data.draw(instance_norms()), x, seed=data.draw(seeds))
    assert accepted == any(size != 1 for size in x.sizes[2:])


@pytest.mark.parametrize("space", [0, 1, 2, 3])
@given(data=st.data(), groups=st.integers(1, 4), affine=st.booleans(), eps=st.sampled_from([1e-5, 0.1]))
def test_numpy_and_torch_agree_on_any_group_norm(
    space: int, data: st.DataObject, groups: int, affine: bool, eps: float
) -> None:
    x = data.draw(images(space, channels=(1, 2, 3, 4, 6)) if space else rows())
    accepted = check_or_refused(
        GroupNorm(num_groups=groups, affine=affine, eps=eps), x, seed=data.draw(seeds)
    )
    count = int(x.sizes[1])
    alone = count == groups and all(size == 1 for size in x.sizes[2:])
    assert accepted == (count % groups == 0 and not alone)


@given(
    size=st.integers(1, 7),
    alpha=st.sampled_from([1e-4, 0.0, 0.5, 10.0]),
    beta=st.sampled_from([0.75, 0.0, 0.5, 2.0]),
    k=st.sampled_from([1.0, 0.1, 2.0]),
    space=st.integers(1, 3),
    data=st.data(),
)
def test_numpy_and_torch_agree_on_any_local_response_norm(
    size: int, alpha: float, beta: float, k: float, space: int, data: st.DataObject
) -> None:
    facts = data.draw(st.sampled_from([Facts(), Facts(low=0, high=3), Facts(high=-1), Facts(low=-1, high=5)]))
    x = data.draw(images(space, channels=(1, 2, 3, 5), facts=facts))
    assert check_or_refused(
        LocalResponseNorm(size=size, alpha=alpha, beta=beta, k=k), x, seed=data.draw(seeds)
    )


@pytest.mark.parametrize(
    "op", [InstanceNorm(), InstanceNorm(affine=True), GroupNorm(num_groups=2), GroupNorm(num_groups=1)]
)
def test_space_may_be_free(op: InstanceNorm | GroupNorm) -> None:
    """A norm of one number is refused, as a number and by what is asked of a letter."""
    for height, width in ((1, 1), (1, 2), (3, 2)):
        check_letters(op, tensor(batch=2, channel=2, height=height, width=width))


def test_only_training_minds_one_place_where_evaluation_has_running_statistics() -> None:
    use = case(InstanceNorm(track_running_stats=True), tensor(batch=2, channel=2, height="H", width="W"))
    places, _ = use.inferred.constraints
    assert (str(places.left), places.relation, places.training) == ("H*W", ">", True)


@given(norms() | instance_norms(), st.sampled_from([1, 2]), st.data())
def test_frozen_statistics_normalise_in_training_and_stay(
    op: BatchNorm | InstanceNorm, space: int, data: st.DataObject
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


@given(seeds, st.sampled_from([0.1, 0.9, 0.0]))
def test_running_statistics_of_instances_follow_torch_over_many_batches(seed: int, momentum: float) -> None:
    """They move by the mean over the batch; PyTorch does not count batches here, and neither do we."""
    rng = np.random.default_rng(seed)
    op = InstanceNorm(momentum=momentum, track_running_stats=True)
    kind = tensor(batch=4, channel=3, width=2)
    layer = nn.InstanceNorm1d(3, momentum=momentum, track_running_stats=True, dtype=torch.float64)
    state = {key: np.asarray(value.numpy()) for key, value in layer.named_buffers()}
    for _ in range(5):
        x = rng.normal(2.0, 3.0, size=(4, 3, 2))
        at = Context((kind,), (kind,), {}, state, mode="train")
        state |= table()[InstanceNorm].forward(op, (x,), at).state
        layer(torch.tensor(x))
    for key, value in layer.named_buffers():
        compare(key, state[key], value.numpy(), 64 * EPS * 100)


def test_one_group_is_a_layer_norm_and_single_channels_are_an_instance_norm() -> None:
    x = tensor(batch=2, channel=4, height=3, width=2)
    drawn = Numbers((np.random.default_rng(0).normal(size=(2, 4, 3, 2)),))
    together = LayerNorm(axis=x.names[1:], elementwise_affine=False)
    for groups, other in ((1, together), (4, InstanceNorm())):
        (ours,), (same,) = (
            forward(case(op, x), drawn, "eval") for op in (GroupNorm(num_groups=groups, affine=False), other)
        )
        assert np.allclose(ours, same, rtol=1e-13, atol=1e-15)


def test_alexnet_divides_by_the_five_channels_around_as_its_paper_writes_it() -> None:
    """`b = a / (k + alpha * sum of a[j] ** 2) ** beta`, j from max(0, i - n / 2) to min(N - 1, i + n / 2), n = 5."""
    rng = np.random.default_rng(2)
    a = rng.normal(scale=30, size=(1, 9, 2, 2))
    k, alpha, beta, n = 2.0, 1e-4, 0.75, 5
    wanted = np.empty_like(a)
    for i in range(9):
        j = slice(max(0, i - n // 2), min(8, i + n // 2) + 1)
        wanted[:, i] = a[:, i] / (k + alpha * (a[:, j] ** 2).sum(axis=1)) ** beta
    op = LocalResponseNorm(size=n, alpha=alpha * n, beta=beta, k=k)
    (y,) = forward(case(op, tensor(batch=1, channel=9, height=2, width=2)), Numbers((a,)), "eval")
    assert np.allclose(y, wanted, rtol=1e-14, atol=0)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_norm_that_tracks_nothing_measures_every_batch_in_evaluation_too(mode: Mode) -> None:
    use = case(BatchNorm(track_running_stats=False), tensor(batch=3, channel=2, width=4))
    assert not use.inferred.state
    (y,) = forward(use, Numbers((np.random.default_rng(0).normal(5, 3, (3, 2, 4)),), ONES), mode)
    assert np.allclose(y.mean(axis=(0, 2)), 0, atol=1e-14)
    assert np.allclose(y.std(axis=(0, 2)), 1, rtol=1e-5)


def test_without_momentum_running_statistics_are_the_mean_of_all_batches() -> None:
    rng = np.random.default_rng(0)
    kind = tensor(batch=4, channel=2)
    state = {"running_mean": np.zeros(2), "running_var": np.ones(2), "num_batches_tracked": np.array(0)}
    batches = [rng.normal(size=(4, 2)) for _ in range(7)]
    for x in batches:
        at = Context((kind,), (kind,), ONES, state, mode="train")
        state = dict(table()[BatchNorm].forward(BatchNorm(momentum=None), (x,), at).state)
    assert int(state["num_batches_tracked"]) == 7
    assert np.allclose(state["running_mean"], np.mean([x.mean(axis=0) for x in batches], axis=0), rtol=1e-12)
    assert np.allclose(
        state["running_var"], np.mean([x.var(axis=0, ddof=1) for x in batches], axis=0), rtol=1e-12
    )


def test_a_single_sample_is_measured_over_its_space_in_training() -> None:
    """A batch of one trains where it has space; the running variance divides by the places less one."""
    use = case(BatchNorm(momentum=1.0), tensor(batch=1, channel=2, height=2, width=2))
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 2))
    state = {"running_mean": np.zeros(2), "running_var": np.ones(2), "num_batches_tracked": np.array(0)}
    drawn = Numbers((x,), ONES, state)
    for run in (reference, candidate):
        after = run(use, drawn, (np.ones_like(x),), "train").state
        assert np.allclose(after["running_var"], x.var(axis=(0, 2, 3), ddof=1), rtol=1e-14)
        assert int(after["num_batches_tracked"]) == 1


FREEZES = {
    "weight": {"weight"},
    "bias": {"bias"},
    "statistics": {"running_mean", "running_var", "num_batches_tracked"},
    "[weight, statistics]": {"weight", "running_mean", "running_var", "num_batches_tracked"},
    "true": {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"},
}


@pytest.mark.parametrize("written", FREEZES)
@pytest.mark.parametrize("norm", ["batch_norm", "instance_norm: {affine: true, track_running_stats: true}"])
def test_exactly_what_is_frozen_stays_when_the_model_trains(norm: str, written: str) -> None:
    """One step of descent on the whole model: what is named beside `freeze` is as before, and all else has moved."""
    text = FREEZING.format(norm=norm if ":" in norm else f"{norm}:", freeze=written)
    spec, told = check_source(Source("norm.yaml", text), Path())
    assert spec is not None, told
    model = compile(spec.graph, seed=0).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    x = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    (model(x) ** 2).mul(torch.arange(5.0)).sum().backward()
    with torch.no_grad():
        for value in model.parameters():
            value.sub_(torch.zeros(()) if value.grad is None else 0.5 * value.grad)
    stays = {
        key.removeprefix("norm.")
        for key, value in model.state_dict().items()
        if torch.equal(value, before[key])
    }
    uncounted = {"num_batches_tracked"} if "instance" in norm else set()
    assert stays == FREEZES[written] | uncounted


def test_a_batch_of_one_number_a_channel_is_a_constraint_of_training_alone() -> None:
    (constraint,) = case(BatchNorm(), typed({"batch": 1, "channel": 3, "width": 1})).inferred.constraints
    assert constraint.training
    assert (int(constraint.left), constraint.relation, int(constraint.right)) == (1, ">", 1)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        nn.BatchNorm1d(3)(torch.zeros(1, 3, 1))
