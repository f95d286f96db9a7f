"""Arithmetic, elementary functions, comparisons and choices: agreement, edges, units and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.arithmetic import Add, Constant, Div, Mul, Neg, Pow, Sub
from netspec.ops.compare import Equal, Greater, GreaterEqual, Less, LessEqual, Maximum, Minimum, Where
from netspec.ops.elementary import Abs, Clamp, Exp, Log, Sqrt
from tests.conformance.case import Numbers, candidate, case, reference
from tests.conformance.harness import check, check_agreement, check_facts, check_shapes
from tests.ops.strategies import seeds, tensors, typed

POSITIVE = Facts(low=0.25, high=4.0)


def plain(value: float) -> TensorType:
    return TensorType(facts=Facts(low=value, high=value))


def check_values(op: Op, *types: TensorType, seed: int) -> None:
    """All but slopes, for ops whose kinks lie where two inputs meet."""
    use = case(op, *types)
    check_shapes(use, seed)
    check_facts(use, seed)
    check_agreement(use, seed)


def like(x: TensorType, facts: Facts) -> TensorType:
    """The axes of `x` with other facts."""
    return typed({axis.name: int(axis.size) for axis in x.axes}, facts)


@given(
    op=st.sampled_from([Add(), Sub(), Mul(), Minimum(), Maximum(), Less(), GreaterEqual()]),
    x=tensors(least=0),
    seed=seeds,
    other=st.sampled_from(["same", "positive", "number"]),
    swapped=st.booleans(),
)
def test_numpy_and_torch_agree_on_any_arithmetic(
    op: Op, x: TensorType, seed: int, other: str, *, swapped: bool
) -> None:
    y = {"same": x, "positive": like(x, POSITIVE), "number": plain(-1.5)}[other]
    check_values(op, *((y, x) if swapped else (x, y)), seed=seed)


@given(x=tensors(least=0, most=2), seed=seeds, which=st.sampled_from(["div", "pow", 0.0, 1.0, 2.0, 3.0]))
def test_numpy_and_torch_agree_on_quotients_and_powers(x: TensorType, seed: int, which: str | float) -> None:
    y = like(x, POSITIVE)
    if which == "div":
        check(case(Div(), x, y), seed)
    elif which == "pow":
        check(case(Pow(), y, like(x, Facts(low=-2, high=2))), seed)
    else:
        check_values(Pow(), x, plain(float(which)), seed=seed)


@given(
    sizes=st.lists(st.sampled_from([(1, 1), (1, 3), (2, 1), (2, 2)]), min_size=1, max_size=3),
    op=st.sampled_from([Add, Sub, Mul, Div]),
    seed=seeds,
)
def test_axes_of_size_one_spread_only_where_that_is_said(
    sizes: list[tuple[int, int]], op: type[Add | Sub | Mul | Div], seed: int
) -> None:
    names = ("channel", "height", "width")
    x = typed({"batch": 2} | {name: a for name, (a, _) in zip(names, sizes, strict=False)}, POSITIVE)
    y = typed({"batch": 2} | {name: b for name, (_, b) in zip(names, sizes, strict=False)}, POSITIVE)
    check(case(op(broadcast=True), x, y), seed)
    if any(a != b for a, b in sizes):
        with pytest.raises(Problem) as caught:
            infer_node(op(), (x, y))
        assert caught.value.code == "NS251"
        assert "broadcast: true" in caught.value.help


@given(
    op=st.sampled_from([Abs(), Exp(), Log(), Sqrt(), Neg(), Clamp(min=0.5), Clamp(min=0.3, max=2.5)]),
    x=tensors(least=0),
    seed=seeds,
    positive=st.booleans(),
)
def test_numpy_and_torch_agree_on_elementary_functions(
    op: Op, x: TensorType, seed: int, *, positive: bool
) -> None:
    check_values(op, like(x, POSITIVE) if positive or isinstance(op, (Log, Sqrt)) else x, seed=seed)


@given(
    x=tensors(least=0, most=2),
    seed=seeds,
    choices=st.sampled_from(["tensors", "numbers", "mixed"]),
    boolean=st.booleans(),
)
def test_numpy_and_torch_agree_on_choices(x: TensorType, seed: int, choices: str, *, boolean: bool) -> None:
    yes = Facts(low=0, high=1, mask=True)
    mask = TensorType(x.axes, "bool", yes) if boolean else like(x, yes)
    inputs = {
        "tensors": (x, like(x, POSITIVE)),
        "numbers": (plain(1.0), plain(0.0)),
        "mixed": (plain(2.0), x),
    }
    check(case(Where(), mask, *inputs[choices]), seed)


def gradients(op: Op, *arrays: list[float]) -> list[list[float]]:
    """Gradients of the sum at chosen numbers; the reference's, after they were found to be PyTorch's."""
    types = tuple(tensor(batch=len(one)) for one in arrays)
    use = case(op, *types)
    drawn = Numbers(tuple(np.array(one) for one in arrays))
    pull = (np.ones(len(arrays[0])),)
    ours, theirs = reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")
    for left, right in zip(ours.inputs, theirs.inputs, strict=True):
        assert np.array_equal(left, right)
    return [one.tolist() for one in ours.inputs]


def test_subgradients_at_kinks_are_those_of_torch() -> None:
    assert gradients(Abs(), [0.0, -0.0, -2.0]) == [[0, 0, -1]]
    assert gradients(Clamp(min=0.0, max=1.0), [0.0, 1.0, -0.5, 2.0]) == [[1, 1, 0, 0]]
    assert gradients(Minimum(), [1.0, 2.0], [1.0, 1.0]) == [[0.5, 0], [0.5, 1]]
    assert gradients(Maximum(), [1.0, 2.0], [1.0, 1.0]) == [[0.5, 1], [0.5, 0]]
    assert gradients(Pow(), [0.0, 0.0, 2.0], [0.0, 2.0, 0.0]) == [[0, 0, 0], [0, 0, np.log(2.0)]]


@pytest.mark.parametrize("op", [Minimum(), Maximum()])
def test_at_a_tie_with_a_plain_number_the_tensor_takes_all(op: Op) -> None:
    use = case(op, tensor(batch=2), plain(1.0))
    drawn = Numbers((np.array([1.0, 1.0]), np.array(1.0)))
    ours = reference(use, drawn, (np.ones(2),), "eval")
    theirs = candidate(use, drawn, (np.ones(2),), "eval")
    assert ours.inputs[0].tolist() == theirs.inputs[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    "op,expected",
    [
        (Less(), [True, False, False]),
        (LessEqual(), [True, True, False]),
        (Greater(), [False, False, True]),
        (GreaterEqual(), [False, True, True]),
        (Equal(), [False, True, False]),
    ],
)
def test_comparisons_say_what_their_names_say(op: Op, expected: list[bool]) -> None:
    use = case(op, tensor(batch=3), plain(1.0))
    drawn = Numbers((np.array([0.0, 1.0, 2.0]), np.array(1.0)))
    assert reference(use, drawn, (np.zeros(3),), "eval").outputs[0].tolist() == expected


def outcome(op: Op, *types: TensorType) -> TensorType:
    return infer_node(op, types).outputs[0]


def test_a_mixture_of_distribution_functions_is_one() -> None:
    cdf = tensor(batch=2, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
    half = outcome(Mul(), plain(0.5), cdf)
    assert outcome(Add(), half, half).facts.is_cdf("bin")


def test_a_product_rises_only_where_nothing_is_negative() -> None:
    rising = tensor(batch=2, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
    signed = tensor(batch=2, bin=5, facts=Facts(low=-1, high=1, nondecreasing="bin"))
    assert outcome(Mul(), rising, plain(2.0)).facts.nondecreasing == "bin"
    assert outcome(Mul(), rising, rising).facts.nondecreasing == "bin"
    assert outcome(Mul(), rising, plain(-2.0)).facts.nondecreasing is None
    assert outcome(Mul(), signed, rising).facts.nondecreasing is None
    assert outcome(Div(), rising, plain(-2.0)).facts.nondecreasing is None
    assert outcome(Sub(), plain(1.0), rising).facts.nondecreasing is None
    assert outcome(Pow(), signed, plain(2.0)).facts.nondecreasing is None


def test_units_meet_and_part_as_they_should() -> None:
    ml, mm, none = tensor(batch=2, unit="ml"), tensor(batch=2, unit="mm"), tensor(batch=2)
    assert outcome(Add(), ml, none).unit == "ml"
    assert outcome(Sub(), plain(1.0), ml).unit == "ml"
    assert outcome(Mul(), ml, plain(2.0)).unit == "ml"
    assert outcome(Mul(), ml, tensor(batch=2, facts=Facts(low=0, high=1, mask=True))).unit == "ml"
    assert outcome(Mul(), ml, none).unit == "ml"
    assert outcome(Mul(), mm, mm, mm).unit == "mm3"
    assert outcome(Div(), ml, plain(2.0)).unit == "ml"
    assert outcome(Div(), none, ml).unit == "1/ml"
    assert outcome(Pow(), mm, plain(2.0)).unit == "mm2"
    assert outcome(Pow(), mm, none).unit is None
    assert outcome(Add(), TensorType(unit="ml"), TensorType(unit="ml2")).unit is None
    assert outcome(Div(), ml, ml).unit is None
    assert outcome(Abs(), ml).unit == "ml"
    with pytest.raises(Problem, match="`ml` and `mm`"):
        infer_node(Maximum(), (ml, mm))


def test_feature_takes_the_name_of_its_partner() -> None:
    y = outcome(Sub(), tensor(batch=2, feature=5), tensor(batch=2, bin=5))
    assert y.names == ("batch", "bin")


def test_facts_follow_the_new_name_of_their_axis() -> None:
    rising = Facts(low=0, high=1, nondecreasing="feature")
    y = outcome(
        Add(),
        tensor(batch=2, feature=5, facts=rising),
        tensor(batch=2, bin=5, facts=Facts(nondecreasing="bin")),
    )
    assert y.facts.nondecreasing == "bin"


def test_sizes_that_are_not_settled_are_recorded() -> None:
    inferred: Inferred = infer_node(Add(), (tensor(batch="N", width="W"), tensor(batch="N", width=4)))
    (constraint,) = inferred.constraints
    assert {str(constraint.left), constraint.relation, str(constraint.right)} == {"W", "==", "4"}
    assert inferred.outputs[0].sizes == (Dim.of("N"), Dim.of(4))


def test_what_may_be_no_number_is_told() -> None:
    for op, x in ((Log(), tensor(batch=2, facts=Facts(low=0))), (Sqrt(), tensor(batch=2))):
        (warning,) = infer_node(op, (x,)).warnings
        assert warning.code == "NS324"
    (warning,) = infer_node(Pow(), (tensor(batch=2), plain(0.5))).warnings
    assert warning.code == "NS324"
    assert not infer_node(Pow(), (tensor(batch=2), plain(2.0))).warnings


def test_a_constant_is_written_as_its_literal_and_is_no_infinity() -> None:
    assert outcome(Constant(value=2)).facts == Facts(low=2, high=2)
    with pytest.raises(ValueError, match="finite"):
        Constant(value=float("inf"))


def test_a_mask_times_a_tensor_keeps_the_models_precision() -> None:
    use = case(Mul(), tensor(batch=2), tensor("bool", batch=2, facts=Facts(low=0, high=1, mask=True)))
    drawn = Numbers((np.array([0.1, 0.2]), np.array([True, False])))
    y = candidate(use, drawn, (np.ones(2),), "eval").outputs[0]
    assert y.dtype == np.float64
    assert torch.equal(torch.tensor(y), torch.tensor([0.1, 0.0], dtype=torch.float64))
