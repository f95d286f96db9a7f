"""Pictures on other grids: filters as small matrices, one for each direction."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@lru_cache(maxsize=256)
def triangle(given: int, wanted: int, scale: float, start: float) -> Matrix:
    """The matrix [wanted, given] of a triangle filter, each row summing to one.

    New pixel i has its centre at `start + (i + 0.5) * scale` on the old grid, whose pixel j has its own at j + 0.5.
    The filter reaches as far as the larger of the two pixels is wide: linear interpolation where pixels shrink, an
    average where they grow, as `torch.nn.functional.interpolate(mode="bilinear", antialias=True)` does it. A pixel
    whose filter lies wholly off the grid takes the nearest one.
    """
    width = max(scale, 1.0)
    centres = start + (np.arange(wanted, dtype=np.float64)[:, None] + 0.5) * scale
    places = np.arange(given, dtype=np.float64)[None, :] + 0.5
    weights = np.clip(1.0 - np.abs(places - centres) / width, 0.0, None)
    sums = weights.sum(axis=1, keepdims=True)
    lost = sums[:, 0] <= 0
    if lost.any():
        nearest_place = np.clip(np.floor(centres[lost, 0]), 0, given - 1).astype(np.int64)
        weights[lost, nearest_place] = 1.0
        sums = weights.sum(axis=1, keepdims=True)
    matrix: Matrix = (weights / sums).astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def nearest(given: int, wanted: int, scale: float, start: float) -> NDArray[np.int64]:
    """For each new pixel the old one that its centre lies in."""
    centres = start + (np.arange(wanted, dtype=np.float64) + 0.5) * scale
    return np.clip(np.floor(centres), 0, given - 1).astype(np.int64)


def regrid(
    picture: NDArray[Any], sizes: tuple[int, int], scales: tuple[float, float], *, bright: bool
) -> NDArray[Any]:
    """The picture [..., height, width] on a grid of `sizes` whose pixels are `scales` old ones large, centres aligned.

    `bright` averages (float32); otherwise the nearest pixel is taken and the numbers stay what they are.
    """
    given = picture.shape[-2:]
    starts = [(old - new * scale) / 2 for old, new, scale in zip(given, sizes, scales, strict=True)]
    if not bright:
        rows = nearest(given[0], sizes[0], scales[0], starts[0])
        columns = nearest(given[1], sizes[1], scales[1], starts[1])
        return picture[..., rows, :][..., columns]
    down = triangle(given[0], sizes[0], scales[0], starts[0])
    across = triangle(given[1], sizes[1], scales[1], starts[1])
    plain = np.ascontiguousarray(picture, dtype=np.float32)
    narrow: NDArray[np.float32] = plain @ across.T
    result: NDArray[np.float32] = down @ narrow
    return result


def middle(picture: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """The middle `height` x `width` pixels of [..., height, width], with zeros around where there are fewer."""
    for axis, wanted in ((-2, height), (-1, width)):
        given = picture.shape[axis]
        if given > wanted:
            first = (given - wanted) // 2
            picture = np.take(picture, np.arange(first, first + wanted), axis=axis)
        elif given < wanted:
            before = (wanted - given) // 2
            padding = [(0, 0)] * picture.ndim
            padding[axis] = (before, wanted - given - before)
            picture = np.pad(picture, padding)
    return picture


def beat(cine: NDArray[Any], count: int, *, bright: bool) -> NDArray[Any]:
    """A cine [time, ...] of one beat on `count` evenly spaced moments; behind the last frame comes the first again."""
    given = len(cine)
    if given == count:
        return cine
    moments = np.arange(count, dtype=np.float64) * given / count
    before = np.floor(moments).astype(np.int64)
    if not bright:
        rounded: NDArray[np.int64] = np.floor(moments + 0.5).astype(np.int64) % given
        return cine[rounded]
    part = (moments - before).astype(np.float32).reshape(-1, *[1] * (cine.ndim - 1))
    plain = cine.astype(np.float32, copy=False)
    mixed: NDArray[np.float32] = plain[before] * (1 - part) + plain[(before + 1) % given] * part
    return mixed
