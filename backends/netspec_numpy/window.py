"""Sliding windows as strided views, and their way back."""

from __future__ import annotations

import math
from itertools import product
from typing import Any, Literal

import numpy as np

from netspec_numpy.rule import Array

Pairs = tuple[tuple[int, int], ...]
"""Places before and after each axis of space."""

_NUMPY: dict[str, Literal["reflect", "edge", "wrap"]] = {
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}
"""How NumPy calls the modes that take the numbers of the padding from the input."""


def padded(x: Array, padding: Pairs, fill: float = 0.0, mode: str = "zeros") -> Array:
    """`x` of `[n, c, *space]` with places around each axis of space: `fill`, or what `mode` takes from `x` itself."""
    if not any(low or high for low, high in padding):
        return x
    if mode == "zeros":
        return np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)
    for axis, (low, high) in enumerate(padding, start=2):
        x = x.take(source(mode, x.shape[axis], low, high), axis=axis)
    return x


def unpadded(d: Array, padding: Pairs, mode: str = "zeros") -> Array:
    """The adjoint of `padded`: without the places around, whose gradients go to where their numbers came from."""
    for axis, (low, high) in enumerate(padding, start=2):
        before = (slice(None),) * axis
        size = d.shape[axis] - low - high
        inside = d[(*before, slice(low, low + size))]
        if mode != "zeros" and (low or high):
            inside = inside.copy()
            origin = source(mode, size, low, high)
            for place in (*range(low), *range(low + size, low + size + high)):
                inside[(*before, origin[place])] += d[(*before, place)]
        d = inside
    return d


def source(mode: str, size: int, low: int, high: int) -> Array:
    """Which place of the input each place of the padded axis shows."""
    return np.pad(np.arange(size), (low, high), mode=_NUMPY[mode])


def windows(x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """A view `[n, c, *places, *kernel]` of the windows of `x`; nothing is copied."""
    space = tuple(range(2, x.ndim))
    extent = tuple(step * (size - 1) + 1 for size, step in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=space)
    places = tuple(slice(None, None, step) for step in stride)
    inside = tuple(slice(None, None, step) for step in dilation)
    return view[(slice(None), slice(None), *places, *inside)]


def columns(view: Array, groups: int = 1) -> Array:
    """Windows `[n, c, *places, *kernel]` as a matrix for each group, `[group, c / group * kernel, n * places]`.

    A row holds what one weight of a filter meets, sample by sample and place by place. So they lie in the input too,
    which makes the one copy fast, and one matrix product does the work of all samples.
    """
    space = (view.ndim - 2) // 2
    n, c, *sizes = view.shape
    rows = view.transpose(1, *range(2 + space, view.ndim), 0, *range(2, 2 + space))
    return rows.reshape(groups, c // groups * math.prod(sizes[space:]), n * math.prod(sizes[:space]))


def from_columns(
    d: Array, channels: int, kernel: tuple[int, ...], samples: int, places: tuple[int, ...]
) -> Array:
    """The way back: the matrices as windows `[n, c, *places, *kernel]`, a view."""
    rows = d.reshape(channels, *kernel, samples, *places)
    space = len(kernel)
    return rows.transpose(1 + space, 0, *range(2 + space, rows.ndim), *range(1, 1 + space))


def rows_of(x: Array, groups: int = 1) -> Array:
    """`[n, c, *places]` as a matrix for each group, `[group, c / group, n * places]`."""
    n, c, *places = x.shape
    return x.swapaxes(0, 1).reshape(groups, c // groups, n * math.prod(places))


def from_rows(rows: Array, samples: int, places: tuple[int, ...]) -> Array:
    """The way back: the matrices as `[n, c, *places]`, a view."""
    return rows.reshape(rows.shape[0] * rows.shape[1], samples, *places).swapaxes(0, 1)


def scatter_windows(
    d: Array,
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: Pairs,
    mode: str = "zeros",
) -> Array:
    """The adjoint of `padded` then `windows`: add `d` of `[n, c, *places, *kernel]` back to an array of `shape`."""
    space = len(kernel)
    whole = [size + low + high for size, (low, high) in zip(shape[2:], padding, strict=True)]
    out = np.zeros((*shape[:2], *whole), dtype=d.dtype)
    places = d.shape[2 : 2 + space]
    for offset in product(*(range(size) for size in kernel)):
        target = tuple(
            slice(k * dil, k * dil + step * (count - 1) + 1, step)
            for k, dil, step, count in zip(offset, dilation, stride, places, strict=True)
        )
        here: tuple[Any, ...] = (..., *offset)
        out[(slice(None), slice(None), *target)] += d[here]
    return unpadded(out, padding, mode)
