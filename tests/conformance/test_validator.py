"""The validator against the executor: what a rule accepts PyTorch runs, and what it refuses PyTorch does too.

Where a commit is judged 200 uses of every op are drawn, elsewhere fewer, and with `-m slow` ten times as many.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.ops import written
from netspec.ops.pool import MaxPool
from tests.conformance.case import (
    Case,
    candidate_outputs,
    floating,
    forward,
    numbers,
    shape,
    torch_attempt,
)
from tests.conformance.forbidden import FORBIDDEN
from tests.conformance.harness import inferred_or_refused
from tests.conformance.near import Drawn, Types, drawable, uses

EXAMPLES = 200 if os.environ.get("CI") else 50
MORE = 2000
LEAST = EXAMPLES // 50
"""So many of the uses of an op must be accepted at the least."""

OPS = [pytest.param(kind, id=name) for name, kind in sorted(written().items())]


def verdict(kind: type[Op], drawn: Drawn) -> str:
    """What became of a use: `schema`, `accepted`, or the code it was refused with; fails where PyTorch differs."""
    arguments, types = drawn
    try:
        op = kind.model_validate(dict(arguments))
    except ValidationError:
        return "schema"
    if not all(map(drawable, types)):
        return "nothing is of this type"
    inferred, refusal = inferred_or_refused(op, types)
    if inferred is None:
        assert refusal is not None
        assert refusal.help, f"{refusal.code} has no cure: {refusal.message}"
        return refused(op, types, refusal.code)
    asked = (one for one in inferred.constraints if not one.training)
    if not all(decide(one.left, one.relation, one.right) for one in asked):
        return refused(op, types, "constraint")
    use = Case(op, types, replace(inferred, noise=()))
    assert all(size.value for made in inferred.outputs for size in made.sizes), f"an empty output: {use}"
    given = numbers(replace(use, types=tuple(map(counted, types))), 0)
    ours, theirs = forward(use, given, "eval"), candidate_outputs(use, given, "eval")
    for made, y, z in zip(inferred.outputs, ours, theirs, strict=True):
        assert y.shape == z.shape == shape(made), f"inferred {made}, NumPy {y.shape}, torch {z.shape}: {use}"
        assert floating(y) == floating(z) == (made.dtype == "float32"), f"{y.dtype} and {z.dtype}: {use}"
    return "accepted"


def refused(op: Op, types: Types, code: str) -> str:
    """The code, after PyTorch was asked: it refuses too, or the language has its reason."""
    runs = code not in FORBIDDEN and torch_attempt(Case(op, types, Inferred(())))
    assert not runs, f"torch runs what {code} refuses: {op!r} of {', '.join(map(str, types))}"
    return code


def counted(kind: TensorType) -> TensorType:
    """Whole numbers of which nobody says how many there are: class 0 is always there."""
    unsaid = kind.dtype == "int64" and kind.facts.classes is None
    return kind.with_facts(Facts(low=0, high=0)) if unsaid else kind


def judged(kind: type[Op], examples: int) -> Counter[str]:
    """How often each verdict was given."""
    found: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        report_multiple_bugs=False,
    )
    @given(uses(kind))
    def judge(drawn: Drawn) -> None:
        found[verdict(kind, drawn)] += 1

    judge()
    return found


@pytest.mark.parametrize("kind", OPS)
def test_rules_and_torch_accept_the_same_uses(kind: type[Op]) -> None:
    found = judged(kind, EXAMPLES)
    assert found["accepted"] >= LEAST, f"{kind.name}: {found}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPS)
def test_rules_and_torch_accept_the_same_uses_of_many(kind: type[Op]) -> None:
    judged(kind, MORE)


# ------------------------------------------------------------------------------------------------- it can fail


def test_a_rule_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that counts a place too few, one that refuses what runs, one that lets everything pass."""
    true = MaxPool.infer

    def short(self: MaxPool, x: TensorType) -> Inferred:
        made = true(self, x)
        y = made.outputs[0]
        last = replace(y.axes[-1], size=y.axes[-1].size + 1)
        return replace(made, outputs=(y.with_axes((*y.axes[:-1], last)), *made.outputs[1:]))

    def strict(self: MaxPool, x: TensorType) -> Inferred:
        if self.stride is None:
            raise Problem("NS211", "no", help="none")
        return true(self, x)

    def loose(self: MaxPool, x: TensorType) -> Inferred:
        try:
            return true(self, x)
        except Problem:
            return Inferred((x,))

    for wrong in (short, strict, loose):
        monkeypatch.setattr(MaxPool, "infer", wrong)
        with pytest.raises((AssertionError, RuntimeError, ValueError, IndexError, Problem)):
            judged(MaxPool, 200)
    monkeypatch.setattr(MaxPool, "infer", true)
    judged(MaxPool, EXAMPLES)
