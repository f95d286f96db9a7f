"""What each transform does to numbers: one function for each record of `netspec.recipe.transform`, with the same name.

A function is bound by `@applies(Record)`, a mark from which the table is built by looking. It takes the record, the
study, and the types of the study's fields before it, and changes the study in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from netspec.data.ragged import stacked
from netspec.data.resampling import beat, middle, regrid
from netspec.data.study import Array, Plane, Study
from netspec.ir.types import TensorType
from netspec.recipe.transform import (
    Crop,
    Fill,
    Frames,
    Normalize,
    Orient,
    Resample,
    Resize,
    Square,
    Transform,
    is_bright,
)
from netspec.text import SpecError

Types = Mapping[str, TensorType]
Kind = TypeVar("Kind", bound=Transform)
Rule = Callable[[Kind, Study, Types], None]

_MOST_PIXELS = 1 << 14
_MOST_COUNTED = 1 << 16


def applies(kind: type[Kind]) -> Callable[[Rule[Kind]], Rule[Kind]]:
    """Mark a function as what `kind` does."""

    def mark(rule: Rule[Kind]) -> Rule[Kind]:
        rule.__dict__["applies"] = kind
        return rule

    return mark


@cache
def _table() -> dict[type[Transform], Callable[[Transform, Study, Types], None]]:
    """Every transform with its function, found by the marks in this module."""
    return {
        rule.__dict__["applies"]: rule
        for rule in globals().values()
        if callable(rule) and "applies" in getattr(rule, "__dict__", {})
    }


def apply(transform: Transform, study: Study, types: Types) -> None:
    """Do `transform` to the study whose fields have `types`."""
    with np.errstate(all="ignore"):  # what is not finite is told when the samples are held against the spec
        _table()[type(transform)](transform, study, types)


def _planes_last(array: Array, kind: TensorType) -> Array:
    """The array with height and width as its last axes."""
    return np.moveaxis(array, (kind.names.index("height"), kind.names.index("width")), (-2, -1))


def _planes_back(array: Array, kind: TensorType) -> Array:
    """The opposite."""
    return np.moveaxis(array, (-2, -1), (kind.names.index("height"), kind.names.index("width")))


def _each(
    transform: Transform, study: Study, types: Types, do: Callable[[int, Array, TensorType], Array]
) -> None:
    """Replace the picture of every sample in every field that the transform acts on."""
    for name, kind in types.items():
        if name in study.fields and transform.acts_on(kind):
            arrays = study.fields[name]
            arrays[:] = [
                _planes_back(do(i, _planes_last(array, kind), kind), kind) for i, array in enumerate(arrays)
            ]


def _scaled(array: Array, low: Array | float, high: Array | float, to: tuple[float, float]) -> Array:
    """Map `low` to the first end of `to` and `high` to the second, and clip; where the two are equal, the first end."""
    bottom, top = np.asarray(low, np.float64), np.asarray(high, np.float64)
    span = top - bottom
    factor = np.divide(to[1] - to[0], span, out=np.zeros_like(span), where=span > 0)
    shift = to[0] - bottom * factor
    moved = np.asarray(array, np.float32) * factor.astype(np.float32) + shift.astype(np.float32)
    clipped: Array = np.clip(moved, np.float32(to[0]), np.float32(to[1]))
    return clipped


@applies(Normalize)
def normalize(op: Normalize, study: Study, types: Types) -> None:
    """Brightnesses to a known scale, in the study as a whole or part by part."""
    for name, kind in types.items():
        if name not in study.fields or not op.acts_on(kind):
            continue
        arrays = study.fields[name]
        if op.form == "affine":
            arrays[:] = [_affine(op, array, kind) for array in arrays]
        elif op.over == "study":
            low, high = _study_limits(op, arrays)
            arrays[:] = [_scaled(array, low, high, op.to) for array in arrays]
        else:
            within = [axis for axis in op.over if kind.find(axis) is not None]
            axes = tuple(kind.names.index(axis) for axis in within)
            if len(within) < len(op.over):  # over the slices of a stack too, which are still apart here
                low, high = _limits(op, stacked(name, arrays), (0, *(axis + 1 for axis in axes)))
                arrays[:] = [_scaled(array, low[0], high[0], op.to) for array in arrays]
                continue
            for i, array in enumerate(arrays):
                low, high = _limits(op, array, axes)
                arrays[i] = _scaled(array, low, high, op.to)


def _study_limits(op: Normalize, arrays: Sequence[Array]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of a whole study that become the two ends: two percentiles, or zero and the maximum."""
    if op.percentiles is not None:
        return _two_percentiles(arrays, op.percentiles)
    return np.zeros(()), np.asarray(max(float(array.max()) for array in arrays))


def _limits(
    op: Normalize, array: Array, axes: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same for every part of one sample with these axes; what is left of the others stays."""
    if op.percentiles is None:
        top = np.asarray(array.max(axis=axes, keepdims=True), np.float64)
        return np.zeros_like(top), top
    low, high = np.percentile(np.asarray(array, np.float32), op.percentiles, axis=axes, keepdims=True)
    return np.asarray(low, np.float64), np.asarray(high, np.float64)


def _two_percentiles(
    arrays: Sequence[Array], percentiles: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two percentiles of all values together, as `numpy.percentile` (linear).

    Where the values are whole numbers of some bits, as a scanner's are, they are counted: several times faster than
    sorting them, and without another copy of the study.
    """
    whole = all(array.dtype.kind in "iu" for array in arrays)
    bottom = min(int(array.min()) for array in arrays) if whole else 0
    top = max(int(array.max()) for array in arrays) if whole else 0
    if not whole or top - bottom > _MOST_COUNTED:
        low, high = np.percentile(np.concatenate([array.ravel() for array in arrays]), percentiles)
        return np.asarray(low, np.float64), np.asarray(high, np.float64)
    counts = np.zeros(top - bottom + 1, np.int64)
    for array in arrays:
        counts += np.bincount(array.ravel().astype(np.int64) - bottom, minlength=len(counts))
    below = np.cumsum(counts)
    last = int(below[-1]) - 1
    found = []
    for percentile in percentiles:
        place = percentile / 100 * last
        first = int(place)
        one, two = np.searchsorted(below, [first, min(first + 1, last)], side="right")
        found.append(np.asarray(bottom + one + (two - one) * (place - first), np.float64))
    return found[0], found[1]


def _affine(op: Normalize, array: Array, kind: TensorType) -> Array:
    """`(x / divide - mean) / std`, with numbers for each channel where they are written so."""

    def spread(value: float | tuple[float, ...]) -> NDArray[np.float32]:
        if not isinstance(value, tuple):
            return np.asarray(value, np.float32)
        shape = [1] * array.ndim
        shape[kind.names.index("channel")] = len(value)
        return np.asarray(value, np.float32).reshape(shape)

    mean = spread(0.0 if op.mean is None else op.mean)
    std = spread(1.0 if op.std is None else op.std)
    divide = np.float32(1.0 if op.divide is None else op.divide)
    result: Array = (np.asarray(array, np.float32) / divide - mean) / std
    return result


@applies(Orient)
def orient(op: Orient, study: Study, types: Types) -> None:
    """Turn each sample by quarters; what is known of its plane turns with it."""
    turns = [_quarters(op, study, types, i) for i in range(study.count)]
    _each(op, study, types, lambda i, picture, _: np.rot90(picture, turns[i], axes=(-2, -1)))
    study.planes[:] = [
        None if plane is None else plane.turned(turn) for plane, turn in zip(study.planes, turns, strict=True)
    ]


def _uprightness(plane: Plane, quarters: int) -> float:
    """How nearly rows point to the patient's left and columns to the feet, after so many quarter turns; 2 is best."""
    turned = plane.turned(quarters)
    return turned.along_row[0] - turned.along_column[2]


def _quarters(op: Orient, study: Study, types: Types, i: int) -> int:
    """How many quarter turns sample `i` needs."""
    plane = study.planes[i]
    if op.to == "row_major":
        return 0 if plane is None else max(range(4), key=lambda turn: _uprightness(plane, turn))
    name = next(name for name, kind in types.items() if name in study.fields and op.acts_on(kind))
    height, width = _planes_last(study.fields[name][i], types[name]).shape[-2:]
    if height >= width:
        return 0
    return 1 if plane is None else max((1, 3), key=lambda turn: _uprightness(plane, turn))


@applies(Resample)
def resample(op: Resample, study: Study, types: Types) -> None:
    """Pixels of one size in millimetres, around the same centre."""
    wanted = op.spacing.value

    def do(i: int, picture: Array, kind: TensorType) -> Array:
        plane = study.planes[i]
        if plane is None:
            return picture
        sizes = [
            max(1, round(n * mm / wanted)) for n, mm in zip(picture.shape[-2:], plane.spacing, strict=True)
        ]
        if max(sizes) > _MOST_PIXELS:
            raise SpecError.of(
                "NS532",
                f"at {op.spacing} a picture would have {sizes[0]} x {sizes[1]} pixels",
                help="use a coarser `spacing`; the files' own pixels may also claim an impossible size",
            )
        scales = (wanted / plane.spacing[0], wanted / plane.spacing[1])
        return regrid(picture, (sizes[0], sizes[1]), scales, bright=is_bright(kind))

    _each(op, study, types, do)
    study.planes[:] = [
        None if plane is None else Plane((wanted, wanted), plane.along_row, plane.along_column)
        for plane in study.planes
    ]


@applies(Crop)
def crop(op: Crop, study: Study, types: Types) -> None:
    """The middle, or zeros around."""
    _each(op, study, types, lambda _i, picture, _kind: middle(picture, op.height, op.width))


@applies(Square)
def square(op: Square, study: Study, types: Types) -> None:
    """The largest square in the middle."""
    _each(op, study, types, lambda _i, picture, _kind: middle(picture, *[min(picture.shape[-2:])] * 2))


@applies(Resize)
def resize(op: Resize, study: Study, types: Types) -> None:
    """Another number of pixels for the same picture."""
    before: dict[int, tuple[int, int]] = {}

    def do(i: int, picture: Array, kind: TensorType) -> Array:
        height, width = picture.shape[-2:]
        before[i] = (height, width)
        scales = (height / op.height, width / op.width)
        return regrid(picture, (op.height, op.width), scales, bright=is_bright(kind))

    _each(op, study, types, do)
    for i, (height, width) in before.items():
        plane = study.planes[i]
        if plane is not None:
            rows, columns = plane.spacing
            spacing = (rows * height / op.height, columns * width / op.width)
            study.planes[i] = Plane(spacing, plane.along_row, plane.along_column)


@applies(Frames)
def frames(op: Frames, study: Study, types: Types) -> None:
    """The beat on another number of moments."""
    for name, kind in types.items():
        if name not in study.fields or not op.acts_on(kind):
            continue
        time = kind.names.index("time")
        arrays = study.fields[name]
        arrays[:] = [
            np.moveaxis(beat(np.moveaxis(array, time, 0), op.count, bright=is_bright(kind)), 0, time)
            for array in arrays
        ]


@applies(Fill)
def fill(op: Fill, study: Study, types: Types) -> None:
    """A value where one is missing: NaN, or -1 for classes."""
    for name, value in op.values.items():
        if name not in study.fields:
            continue
        number = _class_number(name, value, study) if isinstance(value, str) else value
        missing_class = types[name].facts.classes is not None
        arrays = study.fields[name]
        arrays[:] = [
            np.where(array == -1 if missing_class else np.isnan(array), number, array) for array in arrays
        ]


def _class_number(name: str, word: str, study: Study) -> int:
    """The number of the class called `word`."""
    words = study.words.get(name, ())
    if word not in words:
        raise SpecError.of(
            "NS507",
            f"`{word}` is none of the classes of `{name}`",
            help=f"they are {', '.join(f'`{one}`' for one in words)}" if words else "write its number",
        )
    return words.index(word)
