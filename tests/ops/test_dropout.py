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
from netspec.ops.dropout import Dropout, StochasticDepth
from tests.conformance.case import Numbers, candidate_outputs, case, reference
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import images, seeds, tensors

SHARES = st.sampled_from([0.0, 0.2, 0.5, 0.9])


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_dropout_of_whole_channels(space: int, data: st.DataObject) -> None:
    facts = data.draw(
        st.sampled_from([Facts(), Facts(low=0.5, high=1), Facts(low=0, high=1, sums_to_one="channel")])
    )
    op = Dropout(p=data.draw(SHARES), whole="channel")
    assert check_or_refused(op, data.draw(images(space, facts=facts)), seed=data.draw(seeds))


@given(SHARES, st.sampled_from(["row", "batch"]), tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_any_stochastic_depth(p: float, mode: str, x: TensorType, seed: int) -> None:
    op = StochasticDepth.model_validate({"p": p, "mode": mode})
    assert check_or_refused(op, x, seed=seed)


@pytest.mark.parametrize(
    "op,together",
    [
        (Dropout(), ()),
        (Dropout(whole="channel"), (2, 3)),
        (StochasticDepth(p=0.5), (1, 2, 3)),
        (StochasticDepth(p=0.5, mode="batch"), (0, 1, 2, 3)),
    ],
)
def test_what_is_whole_is_kept_or_dropped_as_one(op: Op, together: tuple[int, ...]) -> None:
    """PyTorch's own draw: the same over these axes, and different over the others."""
    use = case(op, tensor(batch=32, channel=8, height=4, width=4))
    (kept,) = candidate_outputs(use, Numbers((np.ones((32, 8, 4, 4)),)), "train")
    assert set(np.unique(kept)) <= {0.0, 2.0}
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


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_a_share_that_leaves_nothing_is_refused(p: float) -> None:
    with pytest.raises(ValidationError):
        StochasticDepth(p=p)
