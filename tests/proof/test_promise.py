"""What an op promises by its samples is held to what it does; every kind of lie is planted once, and found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

import netspec_numpy
import netspec_torch
from netspec import ops
from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.proof.promise import broken, faults, held
from netspec_numpy.rule import Arrays, Backward, Context, Forward, Rule
from tests.proof.specs import Planted


@pytest.mark.parametrize("name", sorted(ops.written()))
def test_every_op_keeps_what_its_samples_promise(name: str) -> None:
    found = list(broken(ops.written()[name], reference=netspec_numpy))
    assert not found, "\n".join(map(str, found))


class Half(Op):
    """Half of every number, as an op of another package that keeps all that it promises."""

    name: ClassVar[str] = "acme.half"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The same axes; a mask has no half."""
        if x.dtype != "float32":
            raise Problem("NS310", "no half of it", at=0, help="give it floating numbers")
        return Inferred((TensorType(x.axes, "float32", x.facts.ranged(x.facts.low / 2, x.facts.high / 2)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Numbers and a mask."""
        return [
            good(tensor(batch=2, channel=3, facts=Facts(low=0, high=4))),
            bad("NS310", tensor("bool", batch=2)),
        ]


def _forward(op: Half, inputs: Arrays, at: Context) -> Forward:
    return Forward((inputs[0] / 2,))


def _backward(op: Half, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    return Backward((grads[0] / 2,))


def rule(kind: type[Op], forward: Callable[..., Forward] = _forward) -> Planted:
    """The reference, with this rule for the op."""
    made: Rule[Any] = Rule(kind, forward)
    made.backward(_backward)
    return Planted({kind: made}, name="numpy")


def said(kind: type[Op], forward: Callable[..., Forward] = _forward) -> list[str]:
    """All that is found, with the op itself as its only backend."""
    return [str(one) for one in faults(kind, reference=rule(kind, forward), candidates=())]


def test_an_op_that_keeps_its_promises_is_silent() -> None:
    assert not said(Half)


def test_a_good_sample_that_is_refused_is_told_with_the_reason() -> None:
    class Lying(Half):
        __doc__ = Half.__doc__

        @staticmethod
        def samples() -> list[Sample]:
            return [good(tensor("bool", batch=2))]

    assert said(Lying) == ["`acme.half` in sample 0: it is refused: no half of it [NS310]"]


def test_a_bad_sample_that_is_accepted_is_told() -> None:
    class Lying(Half):
        __doc__ = Half.__doc__

        @staticmethod
        def samples() -> list[Sample]:
            return [*Half.samples(), bad("NS310", tensor(batch=2))]

    assert said(Lying) == ["`acme.half` in sample 2: it is accepted, and `NS310` was promised"]


def test_another_code_and_a_refusal_without_a_cure_are_told() -> None:
    class Curt(Half):
        __doc__ = Half.__doc__

        def infer(self, x: TensorType) -> Inferred:
            if x.dtype != "float32":
                raise Problem("NS311", "no half of it", at="z")
            return super().infer(x)

    first, second, third = said(Curt)
    assert "refused with `NS311`, and `NS310` was promised" in first
    assert "`NS311` has no cure" in second
    assert "points at `z`, which is no argument" in third


@pytest.mark.parametrize(
    "forward, words",
    [
        (lambda op, x, at: Forward((x[0][:, :1] / 2,)), "is inferred [2, 3], and the reference makes [2, 1]"),
        (lambda op, x, at: Forward((x[0] > 1,)), "is inferred float32, and the reference makes bool"),
        (lambda op, x, at: Forward((x[0] * 2,)), "is claimed in [0, 2]"),
        (lambda op, x, at: 1 / 0, "the reference fails on it: ZeroDivisionError"),
    ],
)
def test_numbers_that_are_not_as_the_rule_of_types_says_are_told(
    forward: Callable[..., Forward], words: str
) -> None:
    (one,) = said(Half, forward)
    assert words in one


def test_a_rule_that_goes_wrong_with_a_letter_is_told() -> None:
    class Stiff(Half):
        __doc__ = Half.__doc__

        def infer(self, x: TensorType) -> Inferred:
            made = super().infer(x)
            axes = tuple(Axis(one.name, Dim.of(one.size.value or 7)) for one in x.axes)
            return replace(made, outputs=(made.outputs[0].with_axes(axes),))

    assert all("with a letter for" in one for one in said(Stiff))
    assert said(Stiff)


def test_a_gradient_that_is_no_slope_is_told_with_its_backend() -> None:
    def tripled(op: Half, x: Arrays, at: Context) -> Forward:
        return Forward((x[0] / 6,))

    (one,) = said(Half, tripled)
    assert "backward in `numpy` (slopes)" in one


def test_what_is_not_told_of_an_op_is_told() -> None:
    class Mute(Half):
        main: ClassVar[str | None] = "by"

        when: int = 1

        @staticmethod
        def samples() -> list[Sample]:
            raise NotImplementedError

    found = said(Mute)
    assert len(found) == 4
    assert "no docs of its own" in found[0]
    assert "main argument `by` is no argument" in found[1]
    assert "argument `when` has the name of what stands beside an op" in found[2]
    assert "samples cannot be had: NotImplementedError" in found[3]


def test_a_broken_promise_is_a_row_of_the_table() -> None:
    class Lying(Half):
        __doc__ = Half.__doc__

        @staticmethod
        def samples() -> list[Sample]:
            return [good(tensor("bool", batch=2))]

    (row,) = (held(one) for one in broken(Lying, reference=rule(Lying)))
    assert (row.ok, row.cases, row.where) == (False, 0, "0")
    assert row.note.startswith("sample 0: it is refused")


def test_an_op_of_the_catalogue_is_held_in_the_backends_that_are_given() -> None:
    assert not list(faults(ops.written()["relu"], reference=netspec_numpy, candidates=[netspec_torch]))
