"""Whether opened data is what the spec declares: shapes, ranges, classes and missing values, in the user's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf, isinf, isnan
from typing import Any

import numpy as np

from netspec.data.study import Array
from netspec.ir.types import TensorType
from netspec.text import SpecError


@dataclass
class Extent:
    """What is noted of a field as its samples go by: the shape they share, their range, and how many miss a value."""

    shape: tuple[int, ...] | None = None
    low: float = inf
    high: float = -inf
    missing: int = 0

    def take(self, name: str, array: Array, kind: TensorType, padded: Collection[int] = ()) -> None:
        """Note one sample; SpecError NS535 where its shape is not that of the ones before.

        The axes at the places `padded` may differ: the shape is then that of the longest, with zeros among the values.
        """
        if self.shape is None:
            self.shape = array.shape
        elif self.shape != array.shape:
            sizes = list(enumerate(zip(self.shape, array.shape, strict=False)))
            if array.ndim != len(self.shape) or any(a != b and i not in padded for i, (a, b) in sizes):
                raise _unequal(name, self.shape, array.shape, kind)
            self.shape = tuple(max(a, b) for _, (a, b) in sizes)
            self.low, self.high = min(self.low, 0.0), max(self.high, 0.0)
        if not array.size:
            return
        low, high = float(array.min()), float(array.max())
        absent = isnan(low) if kind.facts.classes is None else low == -1
        self.missing += int(absent)
        if not isnan(low):
            self.low, self.high = min(self.low, low), max(self.high, high)

    def as_json(self) -> list[object]:
        """The extent as plain data."""
        return [list(self.shape or ()), repr(self.low), repr(self.high), self.missing]

    @classmethod
    def all_from(cls, told: Mapping[str, Any]) -> dict[str, Extent]:
        """The opposite of `as_json`, for all fields."""
        return {
            name: cls(tuple(int(n) for n in shape), float(low), float(high), int(missing))
            for name, (shape, low, high, missing) in told.items()
        }


def as_stored(name: str, array: Array, kind: TensorType) -> Array:
    """The array as the network will get it: float32, int64 for classes, bool for masks.

    SpecError NS532 where classes are no whole numbers, a mask is not 0 and 1, or numbers are words.
    """
    wanted = np.dtype(kind.dtype)
    if array.dtype.kind not in "biuf":
        raise SpecError.of("NS532", f"`{name}` holds {array.dtype}, not numbers", help="choose another array")
    with np.errstate(over="ignore", invalid="ignore"):
        stored: Array = np.asarray(array, dtype=wanted, order="C")
        kept = wanted.kind == "f" or np.array_equal(stored, array)
    if not kept:
        what = "0 and 1 only" if wanted.kind == "b" else "whole numbers"
        raise SpecError.of(
            "NS532",
            f"`{name}` is declared as {_kind(kind)}, and the data is not {what}",
            help="declare what it is",
        )
    if wanted.kind == "f" and np.isinf(stored).any():
        raise SpecError.of("NS532", f"`{name}` holds infinite numbers", help="correct the data")
    return stored


def check_missing(extents: Mapping[str, Extent], kinds: Mapping[str, TensorType]) -> None:
    """Raise SpecError NS533 for fields with missing values: NaN, or -1 for classes."""
    for name, extent in extents.items():
        if extent.missing:
            example = "O" if kinds[name].facts.classes is not None else "50"
            raise SpecError.of(
                "NS533",
                f"`{name}` is missing in {extent.missing} sample{'s' if extent.missing > 1 else ''}",
                help=f"add `fill: {{{name}: {example}}}` to the transforms, with a value of your choice",
            )


def check_declared(extents: Mapping[str, Extent], kinds: Mapping[str, TensorType]) -> None:
    """Raise SpecError NS532 where a shape or a range is not the declared one."""
    letters: dict[str, int] = {}
    for name, kind in kinds.items():
        extent = extents[name]
        shape = extent.shape or ()
        sizes = [axis.size.substitute(letters) for axis in kind.axes]
        for i, size in enumerate(sizes[: len(shape)]):
            if len(size.symbols) == 1 and str(size) in size.symbols:
                letters[str(size)] = shape[i]
                sizes[i] = size.substitute(letters)
        known = [size.value for size in sizes]
        if len(known) != len(shape) or any(
            a is not None and a != b for a, b in zip(known, shape, strict=True)
        ):
            told = ", ".join(
                f"{axis}" if axis.size == size else f"{axis} = {size}"
                for axis, size in zip(kind.axes, sizes, strict=True)
            )
            raise SpecError.of(
                "NS532",
                f"`{name}` is declared [{told}], and the data's samples are {list(shape)}",
                help=f"declare `shape: {list(shape)}`, or change the transforms",
            )
        _check_range(name, extent, kind)


def _check_range(name: str, extent: Extent, kind: TensorType) -> None:
    """Raise SpecError NS532 for values outside the declared range or classes (float32 rounding forgiven)."""
    low, high = kind.facts.low, kind.facts.high
    if kind.facts.classes is not None:
        low, high = 0, kind.facts.classes - 1
    slack = 1e-6 * max([abs(end) for end in (low, high) if not isinf(end)], default=0.0)
    if extent.low < low - slack or extent.high > high + slack:
        raise SpecError.of(
            "NS532",
            f"`{name}` is declared in [{low:g}, {high:g}], and the data goes from {extent.low:g} to {extent.high:g}",
            help="normalise it, or declare the range that it has",
        )


def _unequal(name: str, one: tuple[int, ...], other: tuple[int, ...], kind: TensorType) -> SpecError:
    """The error for samples of unequal shapes, with the transform that makes them equal."""
    names = kind.names if len(kind.names) == len(one) == len(other) else ()
    odd = [axis for axis, a, b in zip(names, one, other, strict=False) if a != b]
    if odd and odd[0] not in ("time", "height", "width"):
        cure = f"`pad: {{{odd[0]}: present}}` to `data`, and declare the mask `present`"
    else:
        step = "`frames: 30`" if "time" in odd else "`crop: {height: ..., width: ...}`"
        cure = f"{step} to the transforms"
    return SpecError.of(
        "NS535",
        f"`{name}` is {list(one)} in one sample and {list(other)} in another",
        help=f"samples of one batch must be of one size: add {cure}",
    )


def _kind(kind: TensorType) -> str:
    return "mask" if kind.facts.mask else "classes"
