"""What all padding shares: how the new places are filled, what is true of them, and what they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType
from netspec.ir.view import Views, alike, scattered, shifted
from netspec.ops.rearrange import Over, apart_from
from netspec.ops.window import layout

Mode = Literal["constant", "reflect", "replicate", "circular"]

Amounts = Mapping[int, tuple[Dim, Dim]]
"""Places before and after, by the position of the axis."""


class Filling(Protocol):
    """An op that says how new places are filled."""

    @property
    def mode(self) -> Mode:
        """Where their numbers come from."""

    @property
    def value(self) -> float:
        """The number that `constant` puts there."""


def padded_type(op: Filling, x: TensorType, amounts: Amounts, at: Mapping[int, str]) -> Inferred:
    """The value with the places added: its sizes, what is still true of it, and that mirrored places are there."""
    if op.mode != "constant" and op.value != 0:
        raise Problem(
            "NS243",
            f"`mode: {op.mode}` takes its numbers from the input, so that `value: {op.value:g}` means nothing",
            at="value",
            help="leave `value` out, or use `mode: constant`",
        )
    if op.mode != "constant":
        _space_alone(op, x, [x.axes[place].name for place in amounts if place < 2])
    constraints: list[Constraint] = []
    axes = list(x.axes)
    grown = []
    for place, (low, high) in amounts.items():
        axis = x.axes[place]
        if op.mode != "constant":
            constraints += reached(op.mode, axis, (low, high), at[place])
        axes[place] = Axis(axis.name, axis.size + low + high)
        if not decide(low + high, "==", 0):
            grown.append(axis.name)
    facts = _constant_around(x.facts, op.value, grown) if op.mode == "constant" else _more(op, x.facts, grown)
    return Inferred((replace(x, axes=tuple(axes), facts=facts),), constraints=tuple(constraints))


def padded_views(op: Filling, x: TensorType, amounts: Amounts) -> Views:
    """Each place sees the one it comes from: none that slides where the other modes show places a second time."""
    views = alike(x.names)
    for place, (low, high) in amounts.items():
        axis = x.axes[place].name
        known = low.value is not None and (op.mode == "constant" or low + high == 0)
        views[axis] = shifted(axis, -int(low)) if known else scattered(axis)
    return views


def _space_alone(op: Filling, x: TensorType, others: Sequence[str]) -> None:
    """Problem NS242 where an axis that is not space would be mirrored, NS210 where there is no space."""
    if others:
        raise Problem(
            "NS242",
            f"`mode: {op.mode}` works on the axes of space, and `{others[0]}` is none: {x.named()}",
            at=others[0],
            help="use `mode: constant` for it",
        )
    layout(x, "pad")


def reached(
    mode: str, axis: Axis, amounts: tuple[Dim, Dim], at: str, *, word: str = "mode", zeros: str = "constant"
) -> list[Constraint]:
    """Each mirrored place is there once: `reflect` leaves out the edge, `circular` takes the whole axis at most.

    `word` is the argument that says the mode, and `zeros` what it is called there to add zeros.
    """
    if mode not in ("reflect", "circular"):
        return []
    most = axis.size - 1 if mode == "reflect" else axis.size
    needed = []
    for one in dict.fromkeys(amounts):
        holds = decide(most, ">=", one)
        if holds is False:
            raise Problem(
                "NS241",
                f"`{word}: {mode}` has `{most}` places to take from along `{axis.name}`, and `{one}` are wanted",
                at=at,
                help=f"add `{most}` or fewer there, or use `{word}: replicate` or `{zeros}`",
            )
        if holds is None:
            why = f"`{word}: {mode}` has enough places along `{axis.name}`"
            needed.append(Constraint(most, ">=", one, why, at=at))
    return needed


def _constant_around(facts: Facts, value: float, grown: Sequence[str]) -> Facts:
    """What is true with places of one value added: they are level over every axis but those that grew."""
    if not grown:
        return facts
    whole = value == int(value) and facts.classes is not None and 0 <= value < facts.classes
    order = facts.nondecreasing if facts.nondecreasing not in (*grown, "feature") else None
    return Facts(
        low=min(facts.low, value),
        high=max(facts.high, value),
        nondecreasing=order,
        classes=facts.classes if whole else None,
        mask=facts.mask and value in (0, 1),
    )


def _more(op: Filling, facts: Facts, grown: Sequence[str]) -> Facts:
    """What is true when places are repeated: all but what is said of the axes that grew; an edge drawn out rises on."""
    keep: tuple[Over, ...] = ("nondecreasing",) if op.mode == "replicate" else ()
    for axis in grown:
        facts = apart_from(facts, axis, keep=keep)
    return facts
