"""What dropout keeps: numbers, whole channels, whole samples, or whole batches; and what their mean is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ir.types import TensorType, tensor
from netspec.ops.dropout import ALPHA, AlphaDropout, Dropout, StochasticDepth
from netspec.ops.rectifier import Selu
from tests.conformance.case import Mode, Numbers, candidate_outputs, case, forward, numbers, reference
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import images, seeds, tensors

SHARES = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_dropout_of_whole_channels(space: int, data: st.DataObject) -> None:
    facts = data.draw(
        st.sampled_from([Facts(), Facts(low=0.5, high=1), Facts(low=0, high=1, sums_to_one="channel")])
    )
    op = data.draw(st.sampled_from([Dropout, AlphaDropout]))(p=data.draw(SHARES), whole="channel")
    assert check_or_refused(op, data.draw(images(space, facts=facts)), seed=data.draw(seeds))


@given(st.sampled_from([Dropout, AlphaDropout]), SHARES, tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_dropout_of_numbers(
    kind: type[Dropout | AlphaDropout], p: float, x: TensorType, seed: int
) -> None:
    assert check_or_refused(kind(p=p), x, seed=seed)


@given(SHARES, st.sampled_from(["row", "batch"]), tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_any_stochastic_depth(p: float, mode: str, x: TensorType, seed: int) -> None:
    op = StochasticDepth.model_validate({"p": p, "mode": mode})
    assert check_or_refused(op, x, seed=seed)


@pytest.mark.parametrize(
    "op,together",
    [
        (Dropout(), ()),
        (Dropout(whole="channel"), (2, 3)),
        (AlphaDropout(), ()),
        (AlphaDropout(whole="channel"), (2, 3)),
        (StochasticDepth(p=0.5), (1, 2, 3)),
        (StochasticDepth(p=0.5, mode="batch"), (0, 1, 2, 3)),
    ],
)
def test_what_is_whole_is_kept_or_dropped_as_one(op: Op, together: tuple[int, ...]) -> None:
    """PyTorch's own draw: the same over these axes, and different over the others."""
    use = case(op, tensor(batch=32, channel=8, height=4, width=4))
    (kept,) = candidate_outputs(use, Numbers((np.ones((32, 8, 4, 4)),)), "train")
    assert len(np.unique(kept)) <= 2
    for axis in range(4):
        assert bool((np.ptp(kept, axis=axis) == 0).all()) == (axis in together)


@given(st.sampled_from([0.25, 0.5, 0.75]), st.sampled_from(["row", "batch"]))
def test_the_mean_over_all_draws_stays(p: float, mode: str) -> None:
    """Keep = 1 has the probability 1 - p, so (1 - p) * x / (1 - p) + p * 0 = x."""
    use = case(StochasticDepth.model_validate({"p": p, "mode": mode}), tensor(batch=2, channel=3))
    x = np.arange(6.0).reshape(2, 3)
    (noise,) = use.inferred.noise
    count = 2 if mode == "row" else 1
    kept, dropped = (
        reference(use, Numbers((x,), noise={"keep": np.full((count, 1), one)}), (x,), "train").outputs[0]
        for one in (1.0, 0.0)
    )
    assert np.allclose(noise.keep * kept + (1 - noise.keep) * dropped, x, rtol=1e-15, atol=0)


def test_evaluation_keeps_everything() -> None:
    use = case(StochasticDepth(p=0.5), tensor(batch=2, channel=3))
    x = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(candidate_outputs(use, Numbers((x,)), "eval")[0], x)


@pytest.mark.parametrize("kind", [Dropout, AlphaDropout, StochasticDepth])
@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_what_is_no_share_is_refused(kind: type[Dropout | AlphaDropout | StochasticDepth], p: float) -> None:
    with pytest.raises(ValidationError):
        kind(p=p)


@pytest.mark.parametrize("op", [Dropout(p=1), AlphaDropout(p=1), StochasticDepth(p=1)])
def test_dropping_everything_leaves_nothing_in_training_and_is_told(op: Op) -> None:
    use = case(op, tensor(batch=4, channel=3))
    (warned,) = use.inferred.warnings
    assert warned.code == "NS304"
    drawn = numbers(use, 0)
    sides: list[tuple[Mode, float]] = [("train", 0.0), ("eval", 1.0)]
    for mode, left in sides:
        for run in (forward, candidate_outputs):
            assert np.array_equal(run(use, drawn, mode)[0], left * drawn.inputs[0])


@given(st.sampled_from([0.1, 0.3, 0.5, 0.9]))
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    """By the two moments of a keep that is 1 with probability 1 - p, for x of mean 0 and variance 1."""
    use = case(AlphaDropout(p=p), tensor(batch=2, feature=1))
    (noise,) = use.inferred.noise

    def made(x: float, keep: float) -> float:
        drawn = Numbers((np.full((2, 1), x),), noise={"keep": np.full((2, 1), keep)})
        return float(forward(use, drawn, "train")[0][0, 0])

    kept, dropped = [made(x, 1.0) for x in (-1.0, 1.0)], made(0.0, 0.0)  # x of mean 0 and variance 1
    mean = noise.keep * sum(kept) / 2 + (1 - noise.keep) * dropped
    square = noise.keep * sum(y**2 for y in kept) / 2 + (1 - noise.keep) * dropped**2
    assert mean == pytest.approx(0, abs=1e-14)
    assert square == pytest.approx(1, rel=1e-14)


def test_what_alpha_dropout_drops_is_where_selu_levels_off() -> None:
    selu = case(Selu(), tensor(batch=1)).inferred.outputs[0].facts.low
    assert pytest.approx(-ALPHA, rel=1e-15) == selu
