"""What ops share that give axes other sizes: amounts by axis, the end or the middle, and values that go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import same_axis
from netspec.ir.op import Constraint
from netspec.ir.problem import Problem
from netspec.ir.record import Record
from netspec.ir.types import BATCH, Axis, TensorType
from netspec.ops.axes import listed
from netspec.ops.window import layout
from netspec.text import nearest

End = Literal["end", "center"]
"""Where places are added or taken away: at the end of an axis, or evenly on both sides and an odd one at the end."""

Sides = tuple[tuple[str, tuple[int, int]], ...]
"""Two whole numbers for each of some axes."""


def split(amount: Dim, at: End) -> tuple[Dim, Dim]:
    """How many of so many places lie before, and how many after."""
    low = amount // 2 if at == "center" else Dim.of(0)
    return low, amount - low


def by_axis(kind: type[Record], written: Any, *, pairs: bool) -> Any:
    """The written arguments with all that are no field of the op gathered under `axes`: `{height: 1, width: [0, 2]}`.

    Each is a whole number, which stands for two of them, or with `pairs` a list of two. ValueError for anything else.
    """
    if not isinstance(written, Mapping) or "axes" in written:
        return written
    own = {key: value for key, value in written.items() if key in kind.model_fields}
    fields = [key for key in kind.model_fields if key != "axes"]
    axes = tuple(
        (str(key), _two(key, written[key], fields, pairs=pairs)) for key in written if key not in own
    )
    return {**own, "axes": axes} if axes else own


def _two(axis: object, value: object, fields: list[str], *, pairs: bool) -> tuple[int, int]:
    """One number twice, or the two of a list."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    if pairs and isinstance(value, (list, tuple)) and len(value) == 2:
        low, high = value
        if all(isinstance(one, int) and not isinstance(one, bool) for one in (low, high)):
            return low, high
    takes = "a whole number, or a list of two: before and after" if pairs else "a whole number"
    near = nearest(str(axis), fields)
    meant = f"; did you mean `{near}`?" if near else ""
    raise ValueError(f"`{axis}` is the name of an axis here, and takes {takes}{meant}")


def named_places(op: str, axes: Sides, x: TensorType) -> Iterator[tuple[int, str, tuple[int, int]]]:
    """Position, name and numbers of each named axis; Problem for one that is not there, and for the batch."""
    for axis, numbers in axes:
        if axis == BATCH:
            help = f"name one of {listed(x, 1)}"
            raise Problem("NS256", f"`{op}` along the batch would make or lose samples", at=axis, help=help)
        place = x.find(axis)
        if place is None:
            raise Problem(
                "NS253",
                f"`{op}` wants the axis `{axis}`, and its input is {x.named()}",
                at=axis,
                help=f"the axes are {listed(x, 1)}",
            )
        yield place, axis, numbers


def same_space(x: TensorType, like: TensorType, op: str) -> None:
    """Problem NS244 unless both values have channels and the same axes of space; their sizes are another question."""
    space = layout(x, op)
    other = like.axes[2:] if like.batched else ()
    if len(space) != len(other) or not all(
        same_axis(a.name, b.name) for a, b in zip(space, other, strict=True)
    ):
        raise Problem(
            "NS244",
            f"`{op}` gives the axes of space of `x` the sizes of `like`: {x.named()} and {like.named()}",
            at=1,
            help="take a value with a channel axis and the same axes of space",
        )


def matched(op: str, x: Axis, like: Axis, *, pads: bool) -> list[Constraint]:
    """That `x` is nowhere larger than `like` where it is padded, nowhere smaller where it is cropped.

    Nothing where that is proved, a constraint where it depends, Problem NS239 or NS240 where it never is so.
    """
    larger, smaller = (like.size, x.size) if pads else (x.size, like.size)
    holds = decide(larger, ">=", smaller)
    if holds is False:
        does, cure, code = ("adds", "crop_like", "NS239") if pads else ("takes away", "pad_like", "NS240")
        raise Problem(
            code,
            f"`{op}` {does} places, and `{x.name}` is `{x.size}` in `x` and `{like.size}` in `like`",
            at=1,
            help=f"use `{cure}`, or {'pad' if pads else 'crop'} the other value",
        )
    why = f"`{op}` only {'adds' if pads else 'takes away'} places along `{x.name}`"
    return [] if holds else [Constraint(larger, ">=", smaller, why, at=1)]
