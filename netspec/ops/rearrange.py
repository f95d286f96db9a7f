"""What ops share that rename, shorten, make or drop an axis: legal names for axes, and which facts stay true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from netspec.ir.facts import Facts, same_axis
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, Axis, TensorType

Over = Literal["sums_to_one", "nondecreasing", "log_probabilities"]

OVER: tuple[Over, ...] = ("sums_to_one", "nondecreasing", "log_probabilities")
"""The facts that name an axis."""


def over(facts: Facts, key: Over) -> str | None:
    """The axis that a fact names."""
    found: str | None = getattr(facts, key)
    return found


def about(facts: Facts, axes: Mapping[Over, str | None]) -> Facts:
    """The facts with these axes in place of those they named."""
    bare = facts.without_axes()
    return replace(
        bare,
        sums_to_one=axes.get("sums_to_one"),
        nondecreasing=axes.get("nondecreasing"),
        log_probabilities=axes.get("log_probabilities"),
    )


def renamed(facts: Facts, names: Mapping[str, str]) -> Facts:
    """The facts with axes called by their new names."""
    return about(
        facts, {key: names.get(axis, axis) for key in OVER if (axis := over(facts, key)) is not None}
    )


def apart_from(facts: Facts, axis: str, *, keep: tuple[Over, ...] = ()) -> Facts:
    """The facts that stay true when the axis is shortened or dropped: those of it go, but for the ones in `keep`."""
    return about(facts, {k: over(facts, k) for k in OVER if k in keep or not same_axis(over(facts, k), axis)})


def without(axes: tuple[Axis, ...], place: int) -> tuple[Axis, ...]:
    """The axes but the one at `place`."""
    return axes[:place] + axes[place + 1 :]


def unused(x: TensorType, axis: str, *, at: str) -> None:
    """Problem NS226 where `axis` cannot be the name of a new axis of `x`: it is taken, or no word."""
    if axis in x.names or axis == BATCH:
        raise Problem(
            "NS226",
            f"`{axis}` cannot be the name of another axis of {x.named()}: there is one",
            at=at,
            help="choose a name that is free",
        )
    if not (axis.isascii() and axis.isidentifier() and axis == axis.lower()):
        help = "use small letters, digits and underscores, such as `channel`"
        raise Problem("NS226", f"`{axis!a}` is no name for an axis", at=at, help=help)
