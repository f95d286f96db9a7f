"""Axes that an argument names: found, or refused with the list of those that are there."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, TensorType

Axes = Annotated[
    str | tuple[str, ...] | None,
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
"""One axis by its name, several, or None for what the op says then."""


def positions(x: TensorType, axis: str | tuple[str, ...] | None, op: str) -> tuple[int, ...]:
    """The positions that `axis` names, all of them for None; Problem for an unknown or repeated name."""
    if not x.rank:
        raise Problem("NS254", f"`{op}` of one number", at=0, help="it has no axes: use the number as it is")
    if axis is None:
        return tuple(range(x.rank))
    words = (axis,) if isinstance(axis, str) else axis
    for i, word in enumerate(words):
        if word in words[:i]:
            raise Problem("NS258", f"`axis` names `{word}` twice", at="axis", help="name each axis once")
    return tuple(sorted(_position(x, word, op) for word in words))


def along(x: TensorType, axis: str | None, op: str) -> int:
    """The one position that `axis` names, by default the first after the batch; the batch itself is refused."""
    if axis is None and x.rank < 2:
        raise Problem(
            "NS254",
            f"`{op}` runs along an axis, and its input has none besides the batch: {x.named()}",
            at=0,
            help="give it a tensor with an axis of its own, such as the output of `linear`",
        )
    if axis is None:
        return 1
    if axis == BATCH:
        raise Problem(
            "NS256",
            f"`{op}` along the batch would mix samples",
            at="axis",
            help=f"name one of {listed(x, 1)}",
        )
    return _position(x, axis, op)


def listed(x: TensorType, start: int = 0) -> str:
    """The names of the axes from `start` on, for messages."""
    return ", ".join(f"`{name}`" for name in x.names[start:]) or "none"


def _position(x: TensorType, word: str, op: str) -> int:
    """Where the axis called `word` stands."""
    found = x.find(word)
    if found is None:
        raise Problem(
            "NS253",
            f"`{op}` wants the axis `{word}`, and its input is {x.named()}",
            at="axis",
            help=f"the axes are {listed(x)}",
        )
    return found
