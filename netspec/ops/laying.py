"""What is laid over another value by the names of its axes: a mask over what it hides, weights over what they weigh."""

from __future__ import annotations

from netspec.ir.dim_decide import decide
from netspec.ir.op import Constraint
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.ops.axes import listed

Laid = tuple[tuple[int, ...], tuple[Constraint, ...]]
"""For every axis of what is laid the position of its namesake, and the equalities of sizes that are not settled yet."""


def lay(x: TensorType, over: TensorType, op: str, at: int, word: str) -> Laid:
    """Where the axes of `x` lie in `over`; it spreads along those that it has not.

    `word` names the input for messages. Problem NS336 for an axis that is not there, NS251 for another size.
    """
    found: list[int] = []
    constraints: list[Constraint] = []
    for axis in x.axes:
        place = over.find(axis.name)
        if place is None:
            raise Problem(
                "NS336",
                f"`{word}` of `{op}` has the axis `{axis.name}`, and what it is for has not: {over.named()}",
                at=at,
                help=f"the axes to choose from are {listed(over)}: `rename`, `squeeze` or reduce `{word}`",
            )
        size = over.axes[place].size
        equal = decide(axis.size, "==", size)
        if equal is False:
            raise Problem(
                "NS251",
                f"`{op}` meets `{size}` and `{axis.size}` along `{axis.name}`: {over.named()} and {x.named()}",
                at=at,
                help="both sides must be of one size: crop, pad or resize one",
            )
        if equal is None:
            why = f"`{word}` of `{op}` agrees along `{axis.name}`"
            constraints.append(Constraint(size, "==", axis.size, why, at=at))
        found.append(place)
    return tuple(found), tuple(constraints)


def is_mask(x: TensorType) -> bool:
    """Whether its numbers mean no and yes."""
    return x.dtype == "bool" or (x.facts.mask and x.dtype == "float32")


def mask_over(where: TensorType, x: TensorType, op: str, at: int = 1) -> Laid:
    """`lay` of a mask; Problem NS325 for what is none."""
    if not is_mask(where):
        raise Problem(
            "NS325",
            f"`where` of `{op}` is a mask, and this is `{where.named()}`",
            at=at,
            help="declare it `kind: mask`, or compare something: `where=x > 0`",
        )
    return lay(where, x, op, at, "where")
