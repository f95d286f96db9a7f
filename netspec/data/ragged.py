"""Samples of unequal length: how long each of them is, one block of numbers for all, and what a batch takes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.study import Array, Study
from netspec.ir.types import TensorType
from netspec.text import SpecError


@dataclass(frozen=True)
class Ragged:
    """Which axes of samples differ in length.

    `lengths` holds for each such axis the length of every sample, `places` for each field that has such axes their
    places among the axes of one sample. In memory and on disk such fields are padded with zeros to the longest sample
    of all; a batch is cut to its own longest.
    """

    lengths: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    places: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def batch(self, name: str, array: Array, numbers: NDArray[np.int64]) -> Array:
        """The samples called `numbers` of a field, in memory of their own."""
        index: list[slice] = [slice(None)] * (array.ndim - 1)
        for axis, place in self.places.get(name, {}).items():
            index[place] = slice(int(self.lengths[axis][numbers].max(initial=0)))
        chosen: Any = (numbers, *index)
        return np.array(array[chosen], order="C")

    def mask(self, axis: str) -> NDArray[np.bool_]:
        """[sample, place]: whether the sample has something at this place of the axis."""
        lengths = self.lengths[axis]
        there: NDArray[np.bool_] = np.arange(int(lengths.max(initial=0))) < lengths[:, None]
        return there


def places(pad: Mapping[str, str], kinds: Mapping[str, TensorType]) -> dict[str, dict[str, int]]:
    """For each field with padded axes, where they are among the axes of one sample."""
    found = {
        name: {axis: kind.names.index(axis) for axis in pad if kind.find(axis) is not None}
        for name, kind in kinds.items()
    }
    return {name: axes for name, axes in found.items() if axes}


def longest(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The least shape that holds all of these."""
    return tuple(max(sizes) for sizes in zip(*shapes, strict=True))


def in_one(arrays: Sequence[Array]) -> Array:
    """The arrays as one, samples first, the shorter ones padded with zeros."""
    shape = longest([array.shape for array in arrays])
    if all(array.shape == shape for array in arrays):
        return np.stack(arrays)
    whole: Array = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for row, array in zip(whole, arrays, strict=True):
        row[tuple(map(slice, array.shape))] = array
    return whole


def stacked(name: str, arrays: Sequence[Array]) -> Array:
    """The slices of one stack as one array, slices first; SpecError NS535 where they are of unequal shapes."""
    other = next((array.shape for array in arrays if array.shape != arrays[0].shape), None)
    if other is not None:
        raise SpecError.of(
            "NS535",
            f"`{name}` is {list(arrays[0].shape)} in one slice and {list(other)} in another of the same stack",
            help="the slices of a stack must be of one size: add `frames: 30` or "
            "`crop: {height: ..., width: ...}` to the transforms",
        )
    return np.stack(arrays)


def stack_study(study: Study, types: Mapping[str, TensorType], axis: str) -> None:
    """Make one sample of all slices of a study: stacks where the type has `axis`, else what all slices share."""
    study.fields = {
        name: [stacked(name, arrays) if types[name].find(axis) is not None else arrays[0]]
        for name, arrays in study.fields.items()
    }
    study.planes = [None]


def one_slice(types: Mapping[str, TensorType], axis: str) -> dict[str, TensorType]:
    """The types of what lies at one place of the axis."""
    return {
        name: kind.with_axes(one for one in kind.axes if one.name != axis) for name, kind in types.items()
    }
