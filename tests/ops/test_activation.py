"""Activations of any numbers with any facts, far from zero as well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ir.types import TensorType, tensor
from netspec.ops.activation import (
    Identity,
    LeakyRelu,
    LogSoftmax,
    Relu,
    Sigmoid,
    Softmax,
    Softmin,
    Softplus,
    Tanh,
)
from tests.conformance.case import case
from tests.conformance.harness import check_or_refused
from tests.ops.large import check_large_numbers
from tests.ops.strategies import seeds, tensors

SLOPES = st.sampled_from([0.01, 0.0, 0.5, 1.0, 2.0, -0.3])
PLAIN = st.sampled_from([Identity(), Relu(), Tanh(), Sigmoid(), Softplus(), Softplus(beta=2.5)]) | SLOPES.map(
    lambda slope: LeakyRelu(negative_slope=slope)
)


@given(PLAIN, tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_functions_of_every_number(op: Op, x: TensorType, seed: int) -> None:
    assert check_or_refused(op, x, seed=seed)


@given(
    st.sampled_from([Softmax, LogSoftmax, Softmin]),
    st.none() | st.sampled_from(["channel", "time", "bin", "width", "batch"]),
    tensors(least=0),
    seeds,
)
def test_numpy_and_torch_agree_on_softmax_along_any_axis(
    kind: type[Softmax | LogSoftmax | Softmin], axis: str | None, x: TensorType, seed: int
) -> None:
    accepted = check_or_refused(kind(axis=axis), x, seed=seed)
    assert accepted == (x.rank > 1 if axis is None else axis != "batch" and axis in x.names)


@pytest.mark.parametrize(
    "op", [Tanh(), Sigmoid(), Softplus(), Softplus(beta=8), Softmax(), Softmin(), LogSoftmax(), LeakyRelu()]
)
@pytest.mark.parametrize("size", [20.0, 40.0, 700.0, 1e4])
def test_large_numbers_neither_overflow_nor_part_the_backends(op: Op, size: float) -> None:
    check_large_numbers(op, size)


@pytest.mark.parametrize(
    "op,x,code",
    [
        (Sigmoid(), tensor(batch=2, bin=4, facts=Facts(low=0, high=1)), "NS300"),
        (Softmax(), tensor(batch=2, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin")), "NS301"),
        (LogSoftmax(), tensor(batch=2, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin")), "NS301"),
        (Softmax(), tensor(batch=2, feature=1), "NS302"),
        (Softmin(), tensor(batch=2, feature=1), "NS302"),
    ],
)
def test_squashing_what_is_squashed_is_told(op: Op, x: TensorType, code: str) -> None:
    (warned,) = case(op, x).inferred.warnings
    assert warned.code == code
    assert warned.help


@pytest.mark.parametrize("op", [Sigmoid(), Softmax(), LogSoftmax()])
def test_plain_numbers_are_squashed_without_a_word(op: Op) -> None:
    assert not case(op, tensor(batch=2, bin=4)).inferred.warnings


@given(seeds)
def test_rising_numbers_become_a_cdf_under_sigmoid(seed: int) -> None:
    x = tensor(batch=2, bin=5, facts=Facts(nondecreasing="bin"))
    (y,) = case(Sigmoid(), x).inferred.outputs
    assert y.facts.is_cdf("bin")
    assert check_or_refused(Sigmoid(), x, seed=seed)
