"""What ops that work element by element share: axes that must agree, units that must agree, and floating numbers."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.ir import units
from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import UNKNOWN_AXIS, Facts, same_axis
from netspec.ir.op import Constraint
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType
from netspec.ops.rearrange import OVER, about, over

Agreed = tuple[tuple[Axis, ...], tuple[Constraint, ...]]
"""The common axes, and the equalities of sizes that are not settled yet."""


def number(x: TensorType) -> float | None:
    """The value of a plain number: no axes, and both bounds are that value. None for anything else."""
    return float(x.facts.low) if x.rank == 0 and x.facts.low == x.facts.high else None


def agree(inputs: Sequence[TensorType], op: str, *, broadcast: bool = False, numbers: bool = True) -> Agreed:
    """The axes that all inputs have in common.

    Axes agree by position: equal names (`feature` agrees with any), equal sizes. With `broadcast` an axis of size 1
    spreads over its partner. Where `numbers` holds, what has no axes agrees with everything.
    """
    shaped = [(i, x) for i, x in enumerate(inputs) if x.rank or not numbers]
    if not shaped:
        return (), ()
    first, x = shaped[0]
    axes = x.axes
    constraints: tuple[Constraint, ...] = ()
    for i, y in shaped[1:]:
        if len(axes) != y.rank:
            raise _other_rank(op, inputs[first], y, i)
        pairs = [_pair(a, b, op, (x, y), i, broadcast=broadcast) for a, b in zip(axes, y.axes, strict=True)]
        axes = tuple(axis for axis, _ in pairs)
        constraints += tuple(constraint for _, constraint in pairs if constraint)
    return axes, constraints


def floating(x: TensorType, op: str, at: int) -> None:
    """Problem NS310 where the numbers of input `at` are whole numbers or a mask."""
    if x.dtype == "float32":
        return
    what, cure = (
        ("a mask", "choose numbers by it, `where(mask, 1, 0)`, or multiply by it")
        if x.dtype == "bool"
        else (
            "whole numbers",
            "whole numbers are classes: give them to a loss such as `cross_entropy`, or compare them",
        )
    )
    raise Problem(
        "NS310", f"`{op}` works on floating numbers, and input {at + 1} is {what}: `{x}`", at=at, help=cure
    )


def common_unit(inputs: Sequence[TensorType], op: str) -> str | None:
    """The unit of all inputs that have one; Problem NS311 where there are two."""
    found: str | None = None
    for i, x in enumerate(inputs):
        if x.unit is None or x.unit == found:
            continue
        if found is not None:
            raise two_units(op, found, x.unit, i)
        found = x.unit
    return found


def sum_unit(inputs: Sequence[TensorType], axes: Sequence[Axis], op: str) -> str | None:
    """The unit of a sum. Single numbers are the terms of a loss: those are weighed against one another in any units."""
    if not axes and len({x.unit for x in inputs if x.unit is not None}) > 1:
        return None
    return common_unit(inputs, op)


def two_units(op: str, found: str, other: str, at: int) -> Problem:
    """The error of two units that meet; a conversion, where there is one, is its cure."""
    by = units.factor(other, found)
    cure = (
        f"bring both to one unit first: `convert(x, {found})`, or `- convert: {found}` (1 {other} is {by:g} {found})"
        if by is not None
        else f"nothing makes `{found}` of `{other}`: look at what is compared or added, and at the declared units"
    )
    return Problem("NS311", f"`{op}` meets `{found}` and `{other}`", at=at, help=cure)


def spoken_for(facts: Facts, x: TensorType, axes: tuple[Axis, ...]) -> Facts:
    """`facts` of `x` with its axes called as they are in `axes`; statements about axes that spread are dropped."""
    if not x.rank:
        return facts.without_axes()
    names = {
        old.name: new.name if old.size == new.size else None for old, new in zip(x.axes, axes, strict=True)
    }
    return about(facts, {key: names.get(axis) for key in OVER if (axis := over(facts, key)) is not None})


def never_falls(inputs: Sequence[TensorType], axes: tuple[Axis, ...]) -> str | None:
    """The axis over which no input falls; what has no axes is level over all of them."""
    shared: str | None = None
    for x in inputs:
        if not x.rank:
            continue
        name = spoken_for(x.facts, x, axes).nondecreasing
        if name is None or shared not in (None, name):
            return None
        shared = name
    return shared


def _pair(
    a: Axis, b: Axis, op: str, inputs: tuple[TensorType, TensorType], at: int, *, broadcast: bool
) -> tuple[Axis, Constraint | None]:
    """Two axes at one position as one."""
    if not same_axis(a.name, b.name):
        raise Problem(
            "NS252",
            f"`{op}` meets the axes `{a.name}` and `{b.name}` in {inputs[0].named()} and {inputs[1].named()}",
            at=at,
            help=f"if they mean the same, write `- rename: {{{b.name}: {a.name}}}` before it",
        )
    name = b.name if a.name == UNKNOWN_AXIS else a.name
    if a.unit and b.unit and a.unit != b.unit:
        problem = two_units(op, a.unit, b.unit, at)
        raise Problem("NS311", f"{problem.message} along `{name}`", at=at, help=problem.help)
    unit = a.unit or b.unit
    equal = decide(a.size, "==", b.size)
    if equal:
        return Axis(name, a.size, unit), None
    if broadcast and Dim.of(1) in (a.size, b.size):
        return Axis(name, b.size if a.size == 1 else a.size, unit), None
    if equal is None:
        why = f"the inputs of `{op}` agree along `{name}`"
        return Axis(name, a.size if b.size.value is None else b.size, unit), Constraint(
            a.size, "==", b.size, why, at=at
        )
    spreads = Dim.of(1) in (a.size, b.size)
    cure = (
        "nothing spreads by itself: write `broadcast: true` if that is meant"
        if spreads and op in SPREADING
        else "nothing spreads by itself: give both the same shape"
        if spreads
        else "the inputs must be of one shape: crop, pad or resize one, or let one layer give as many as the other"
    )
    raise Problem(
        "NS251",
        f"`{op}` meets `{a.size}` and `{b.size}` along `{name}`: {inputs[0]} and {inputs[1]}",
        at=at,
        help=cure,
    )


SPREADING = ("add", "sub", "mul", "div", "minimum", "maximum", "matmul")
"""The ops that have `broadcast`."""


def _other_rank(op: str, x: TensorType, y: TensorType, at: int) -> Problem:
    """The error of different numbers of axes; the shorter of two that differ by axes of size 1 is named in the cure."""
    longer, shorter = (x, y) if x.rank > y.rank else (y, x)
    extra = next((axis for axis in longer.axes if shorter.find(axis.name) is None), None)
    help = "nothing spreads by itself: give both the same axes"
    if extra is not None and extra.size == 1:
        help = f"write `- squeeze: {extra.name}` to drop the axis of size 1"
    elif extra is not None:
        help += f", `unsqueeze` adds one and `mean` or `select` takes `{extra.name}` away"
    return Problem(
        "NS250", f"`{op}` meets `{x.rank}` and `{y.rank}` axes: {x.named()} and {y.named()}", at=at, help=help
    )
