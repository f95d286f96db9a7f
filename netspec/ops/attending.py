"""How a query, its keys and its values go together: axes that meet, masks over them, and bounds of what is weighed."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts, same_axis
from netspec.ir.op import Constraint
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.elementwise import agree, floating


@dataclass(frozen=True)
class Meeting:
    """What query, key and value have in common: the axes before, and the places and features of the result."""

    before: tuple[Axis, ...]
    places: Axis
    features: Axis
    constraints: tuple[Constraint, ...]


def meeting(op: str, query: TensorType, key: TensorType, value: TensorType) -> Meeting:
    """How the three go together; Problem where they do not."""
    for i, one in enumerate((query, key, value)):
        floating(one, op, i)
        if one.rank < 3 or not one.batched:
            raise Problem(
                "NS286",
                f"`{op}` takes places with features, `[batch, place, feature]`, and this is {one.named()}",
                at=i,
                help="make one axis of all places, `- flatten: {axis: [height, width], to: place}`, and put the "
                "features last, `- permute: [place, channel]`",
            )
    before, constraints = agree([leading(one) for one in (query, key, value)], op)
    constraints += one_axis(op, query, key, -1, "features of query and key", 1)
    constraints += one_axis(op, key, value, -2, "places of key and value", 2, other=-2)
    places, last = query.axes[-2], value.axes[-1]
    if last.name in (*(axis.name for axis in before), places.name):
        raise Problem(
            "NS226",
            f"`{op}` would give two axes called `{last.name}`, of {query.named()} and {value.named()}",
            at=2,
            help=f"call one of them otherwise before: `- rename: {{{last.name}: feature}}`",
        )
    return Meeting(before, places, last, constraints)


def matched(query: TensorType, key: TensorType) -> TensorType:
    """The axes that a mask may have: those before, the query's places if they have a name of their own, the keys'."""
    own = [query.axes[-2]] if query.names[-2] not in key.names[:-1] else []
    return TensorType((*key.axes[:-2], *own, key.axes[-2]))


def seen_by_mask(mask: TensorType, query: TensorType, key: TensorType, before: Views) -> Views:
    """All places of the keys, of the same samples and heads, and the query's own place."""
    own = alike(query.names[-2:-1]) if query.names[-2] not in key.names[:-1] else {}
    known = matched(query, key).names
    return {axis: {**own, **before}.get(axis, EVERYTHING) for axis in mask.names if axis in known}


def leading(x: TensorType) -> TensorType:
    """The axes before places and features."""
    return TensorType(x.axes[:-2])


def one_axis(
    op: str, x: TensorType, y: TensorType, place: int, what: str, at: int, *, other: int = -1
) -> tuple[Constraint, ...]:
    """That two axes are one: equal names and sizes."""
    a, b = x.axes[place], y.axes[other]
    if not same_axis(a.name, b.name):
        raise Problem(
            "NS252",
            f"the {what} meet in `{op}`, and are `{a.name}` and `{b.name}`: {x.named()} and {y.named()}",
            at=at,
            help=f"if they mean the same, write `- rename: {{{b.name}: {a.name}}}` before it",
        )
    equal = decide(a.size, "==", b.size)
    if equal is False:
        raise Problem(
            "NS251",
            f"the {what} meet in `{op}`, and `{a.name}` is `{a.size}` and `{b.size}`: {x.named()} and {y.named()}",
            at=at,
            help="both are of one size: let the layers before give as many as each other",
        )
    return () if equal else (Constraint(a.size, "==", b.size, f"the {what} agree in `{op}`", at=at),)


def weighed(facts: Facts, *, dropout: float, hidden: bool) -> Facts:
    """The bounds of means: those of what is weighed, with 0 where weights may be missing."""
    low, high = facts.low / (1 - dropout), facts.high / (1 - dropout)
    low, high = min(low, facts.low), max(high, facts.high)
    return Facts(low=min(low, 0.0), high=max(high, 0.0)) if dropout or hidden else Facts(low=low, high=high)
