"""Activations of pieces and without a corner: any numbers, any facts, far from zero, and at their corners."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ir.types import TensorType, tensor
from netspec.ops import smooth
from netspec.ops.rectifier import Celu, Elu, Hardsigmoid, Hardswish, Hardtanh, Prelu, Relu6, Rrelu, Selu
from netspec.ops.shrink import Hardshrink, Softshrink, Tanhshrink, Threshold
from netspec.ops.smooth import Gelu, Logsigmoid, Mish, Silu, Softsign
from tests.conformance.case import Numbers, candidate, candidate_outputs, case, forward, reference
from tests.conformance.harness import check_or_refused
from tests.ops.large import check_large_numbers
from tests.ops.strategies import images, seeds, tensors

ALPHAS = st.sampled_from([1.0, 0.5, 2.0, 0.1])
SMOOTH: list[Op] = [Silu(), Gelu(), Gelu(approximate="tanh"), Mish(), Softsign(), Logsigmoid()]
PIECES: list[Op] = [Relu6(), Hardtanh(), Hardsigmoid(), Hardswish(), Elu(), Celu(), Selu()]
SHRINKING: list[Op] = [Hardshrink(), Softshrink(), Tanhshrink(), Threshold(threshold=0.2, value=-1.0)]
ANY = (
    st.sampled_from([*SMOOTH, *PIECES, *SHRINKING])
    | st.sampled_from([0.0, 0.3, 1.5]).map(lambda lambd: Hardshrink(lambd=lambd))
    | st.sampled_from([0.0, 0.3, 1.5]).map(lambda lambd: Softshrink(lambd=lambd))
    | st.tuples(st.sampled_from([-0.7, 0.3]), st.sampled_from([-2.0, 0.3, 1.0])).map(
        lambda pair: Threshold(threshold=pair[0], value=pair[1])
    )
    | ALPHAS.map(lambda alpha: Elu(alpha=alpha))
    | ALPHAS.map(lambda alpha: Celu(alpha=alpha))
    | st.tuples(st.floats(-3, 0.5), st.floats(0.6, 3)).map(
        lambda ends: Hardtanh(min_val=ends[0], max_val=ends[1])
    )
)


@given(ANY, tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_activations_of_every_number(op: Op, x: TensorType, seed: int) -> None:
    assert check_or_refused(op, x, seed=seed)


@given(st.sampled_from(["layer", "channel"]), st.data(), st.integers(1, 3), seeds)
def test_numpy_and_torch_agree_on_any_prelu(per: str, data: st.DataObject, space: int, seed: int) -> None:
    op = Prelu.model_validate({"per": per})
    assert check_or_refused(op, data.draw(images(space)), seed=seed)


@given(st.tuples(st.floats(-1, 1), st.floats(0, 1)), tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_slopes_by_chance(
    ends: tuple[float, float], x: TensorType, seed: int
) -> None:
    assert check_or_refused(Rrelu(lower=ends[0], upper=ends[0] + ends[1]), x, seed=seed)


def test_slopes_by_chance_are_their_mean_in_evaluation_and_differ_in_training() -> None:
    use = case(Rrelu(lower=0.2, upper=0.6), tensor(batch=50, feature=40))
    drawn = Numbers((np.full((50, 40), -1.0),))
    assert np.allclose(candidate_outputs(use, drawn, "eval")[0], -0.4, rtol=1e-15)
    assert np.allclose(forward(use, drawn, "eval")[0], -0.4, rtol=1e-15)
    slopes = -candidate_outputs(use, drawn, "train")[0]
    (said,) = use.inferred.noise
    assert said.between == (0.2, 0.6)
    assert ((slopes >= 0.2) & (slopes <= 0.6)).all()
    assert abs(slopes.mean() - 0.4) < 6 * 0.4 / 12**0.5 / 2000**0.5  # six deviations of the mean of 2000
    ours = forward(use, replace(drawn, noise={"slope": said.of(np.full((50, 40), 0.75))}), "train")[0]
    assert np.allclose(ours, -0.5, rtol=1e-15)


def test_slopes_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="`lower` is not above `upper`"):
        Rrelu(lower=0.5, upper=0.25)


@given(tensors(least=0), seeds)
def test_a_prelu_of_one_weight_takes_any_axes_and_one_for_each_channel_wants_channels(
    x: TensorType, seed: int
) -> None:
    assert check_or_refused(Prelu(), x, seed=seed)
    accepted = check_or_refused(Prelu(per="channel"), x, seed=seed)
    assert accepted == (x.rank > 1 and x.names[1] == "channel")


@pytest.mark.parametrize("op", [*SMOOTH, *PIECES, *SHRINKING])
@pytest.mark.parametrize("size", [20.0, 40.0, 700.0, 1e4])
def test_large_numbers_neither_overflow_nor_part_the_backends(op: Op, size: float) -> None:
    check_large_numbers(op, size)


@pytest.mark.parametrize(
    "op,corners",
    [
        (Relu6(), [0, 6]),
        (Hardtanh(), [-1, 1]),
        (Hardsigmoid(), [-3, 3]),
        (Hardswish(), [-3, 3]),
        (Elu(alpha=0.5), [0]),
        (Celu(alpha=0.5), [0]),
        (Selu(), [0]),
        (Hardshrink(), [-0.5, 0.5]),
        (Softshrink(), [-0.5, 0.5]),
        (Threshold(threshold=0.25, value=0.25), [0.25]),
        (Prelu(), [0]),
    ],
)
def test_the_slope_at_a_corner_is_that_of_torch(op: Op, corners: list[float]) -> None:
    use = case(op, tensor(batch=1, bin=len(corners)))
    drawn = Numbers(
        (np.array([corners], dtype=np.float64),), {"weight": np.array([0.3])} if op.name == "prelu" else {}
    )
    pull = (np.ones((1, len(corners))),)
    ours, theirs = (run(use, drawn, pull, "eval") for run in (reference, candidate))
    assert np.allclose(ours.inputs[0], theirs.inputs[0], rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "op,lowest,value",
    [
        (Silu(), smooth.SILU_LOWEST, -0.2784645427610738),
        (Gelu(), smooth.GELU_LOWEST, -0.16997120747990369),
        (Gelu(approximate="tanh"), smooth.GELU_TANH_LOWEST, -0.17004075057125412),
        (Mish(), smooth.MISH_LOWEST, -0.30884341301725043),
        (Hardswish(), -1.5, -0.375),
    ],
)
def test_a_curve_is_lowest_where_its_slope_changes_sign(op: Op, lowest: float, value: float) -> None:
    use = case(op, tensor(batch=1, bin=3))
    x = np.array([[lowest - 1e-6, lowest, lowest + 1e-6]])
    made = reference(use, Numbers((x,)), (np.ones((1, 3)),), "eval")
    before, at, after = made.inputs[0][0]
    assert before < 0 < after
    assert abs(at) < 1e-9
    assert made.outputs[0][0, 1] == pytest.approx(value, rel=1e-15)
    (any_number,) = use.inferred.outputs
    assert any_number.facts.low == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("op", [Silu(), Gelu(), Mish(), Hardswish()])
def test_order_is_kept_only_where_a_curve_rises(op: Op) -> None:
    def after(low: float, high: float) -> Facts:
        facts = Facts(low=low, high=high, nondecreasing="bin")
        return case(op, tensor(batch=2, bin=4, facts=facts)).inferred.outputs[0].facts

    assert after(-0.5, math.inf).nondecreasing == "bin"
    assert after(-4, 1).nondecreasing is None
    assert after(-4, -2).nondecreasing is None
    assert after(-4, -2).high <= 0


def test_a_prelu_of_what_is_never_negative_keeps_what_is_known() -> None:
    share = Facts(low=0, high=1, sums_to_one="bin")
    (y,) = case(Prelu(), tensor(batch=2, bin=4, facts=share, unit="ml")).inferred.outputs
    assert (y.facts, y.unit) == (share, "ml")
    (y,) = case(Prelu(), tensor(batch=2, bin=4, facts=Facts(low=-1, high=1))).inferred.outputs
    assert y.facts == Facts()


@pytest.mark.parametrize("kind", [Elu, Celu])
def test_an_alpha_that_turns_the_curve_round_is_refused(kind: type[Elu | Celu]) -> None:
    with pytest.raises(ValidationError):
        kind(alpha=-1.0)
