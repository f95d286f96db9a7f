"""Norms of windows under random legal and illegal attributes, at zero and in the limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.lp import GlobalLpPool, LpPool
from netspec.ops.pool import GlobalMaxPool
from tests.conformance.case import Numbers, candidate, case, forward, numbers, reference
from tests.conformance.harness import check_letters, check_or_refused, refuses_attributes
from tests.ops.strategies import images, per_axis, seeds

POWERS = st.sampled_from([1, 2, 3, 1.5, 4])
FACTS = st.sampled_from(
    [
        Facts(),
        Facts(low=0, high=2, nondecreasing="channel"),
        Facts(low=-3, high=-1),
        Facts(low=0, high=1, sums_to_one="channel"),
    ]
)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_norm_of_windows(space: int, data: st.DataObject) -> None:
    op = LpPool(
        kernel_size=data.draw(per_axis(space, 1, 3)),
        norm_type=data.draw(POWERS),
        stride=data.draw(st.none() | per_axis(space, 1, 3)),
        ceil_mode=data.draw(st.booleans()),
    )
    image = data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_norm_of_all_of_space(space: int, data: st.DataObject) -> None:
    image = data.draw(images(space, facts=data.draw(FACTS)))
    assert check_or_refused(GlobalLpPool(norm_type=data.draw(POWERS)), image, seed=data.draw(seeds))


@pytest.mark.parametrize("power", [1, 2, 3, 2.5])
def test_windows_of_zeros_alone_get_no_gradient(power: float) -> None:
    kind = tensor(batch=1, channel=1, width=4)
    drawn = Numbers((np.array([[[0.0, 0.0, 3.0, 0.0]]]),))
    pull = np.array([[[1.0, 1.0]]])
    for op, g in (
        (LpPool(kernel_size=2, norm_type=power), pull),
        (GlobalLpPool(norm_type=power), pull[..., 0]),
    ):
        for run in (reference, candidate):
            made = run(case(op, kind), drawn, (g,), "eval")
            assert made.outputs[0].ravel()[-1] == pytest.approx(3.0, rel=1e-15)
            assert made.inputs[0].ravel().tolist() == pytest.approx([0, 0, 1, 0], rel=1e-15)


@pytest.mark.parametrize("low, kept", [(0.0, "channel"), (0.5, "channel"), (-0.5, None)])
def test_order_over_channels_stays_where_no_number_is_negative(low: float, kept: str | None) -> None:
    kind = tensor(batch=1, channel=2, width=4, facts=Facts(low=low, high=2, nondecreasing="channel"))
    for op in (LpPool(kernel_size=2), GlobalLpPool()):
        assert case(op, kind).inferred.outputs[0].facts.nondecreasing == kept


@given(seeds)
def test_the_norm_of_a_high_power_is_nearly_the_largest(seed: int) -> None:
    """`max <= norm <= K ** (1 / q) * max` for K numbers."""
    kind = tensor(batch=2, channel=3, height=4, width=5, facts=Facts(low=0, high=2))
    drawn = numbers(case(GlobalMaxPool(), kind), seed)
    (most,) = forward(case(GlobalMaxPool(), kind), drawn, "eval")
    (norm,) = forward(case(GlobalLpPool(norm_type=16), kind), drawn, "eval")
    assert (most * (1 - 1e-12) <= norm).all()
    assert (norm <= most * 20 ** (1 / 16) * (1 + 1e-12)).all()


@pytest.mark.parametrize("power", [0.5, 0, -2, 17, float("inf"), float("nan"), "2"])
def test_what_makes_no_norm_is_refused(power: object) -> None:
    refuses_attributes(LpPool, kernel_size=2, norm_type=power)
    refuses_attributes(GlobalLpPool, norm_type=power)
