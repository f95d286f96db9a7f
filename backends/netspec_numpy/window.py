"""Sliding windows as strided views, and their way back."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from netspec_numpy.rule import Array


def padded(x: Array, padding: tuple[tuple[int, int], ...], fill: float = 0.0) -> Array:
    """`x` of `[n, c, *space]` with `fill` before and after each axis of space."""
    if not any(low or high for low, high in padding):
        return x
    return np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)


def windows(x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """A view `[n, c, *places, *kernel]` of the windows of `x`; nothing is copied."""
    space = tuple(range(2, x.ndim))
    extent = tuple(step * (size - 1) + 1 for size, step in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=space)
    places = tuple(slice(None, None, step) for step in stride)
    inside = tuple(slice(None, None, step) for step in dilation)
    return view[(slice(None), slice(None), *places, *inside)]


def scatter_windows(
    d: Array,
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
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
    crop = tuple(slice(low, low + size) for size, (low, _) in zip(shape[2:], padding, strict=True))
    return out[(slice(None), slice(None), *crop)]
