"""An axis laid into the batch and taken out of it again: numbers are moved, left out, repeated, and never computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.fold import Fold, Spread, Unfold
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

Sizes = tuple[int, int]


@lowers(Fold)
def fold(op: Fold, inputs: Arrays, at: Context) -> Forward:
    """The rows `x[n, s]`, s fastest; with a mask those where it holds."""
    x, *mask = inputs
    rows = np.moveaxis(x, op.place(at.types[0]), 1)
    return Forward((_taken(rows, mask),), (rows.shape[:2], mask))


@fold.backward
def fold_backward(op: Fold, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every row's gradient goes back to its place; a row that was left out gets 0."""
    sizes, mask = saved
    dx = np.moveaxis(_put(grads[0], sizes, mask), 1, op.place(at.types[0]))
    return Backward((_of_floating(dx, at), *[None] * len(mask)))


@lowers(Unfold)
def unfold(op: Unfold, inputs: Arrays, at: Context) -> Forward:
    """Rows at their places `[n, s]`, 0 where the mask holds none."""
    y, like, *mask = inputs
    sizes = _sizes(op, like, at)
    return Forward((_put(y, sizes, mask),), (mask,))


@unfold.backward
def unfold_backward(op: Unfold, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Each row gets the gradient of its place."""
    del op
    (mask,) = saved
    return Backward((_of_floating(_taken(grads[0], mask), at), None, *[None] * len(mask)))


@lowers(Spread)
def spread(op: Spread, inputs: Arrays, at: Context) -> Forward:
    """`y[n, s] = x[n]`, s fastest; with a mask the rows where it holds."""
    x, like, *mask = inputs
    n, s = sizes = _sizes(op, like, at)
    wide = np.broadcast_to(x[:, None], (n, s, *x.shape[1:]))
    return Forward((_taken(wide, mask),), (sizes, mask))


@spread.backward
def spread_backward(op: Spread, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """A sample gets the sum over its places."""
    del op
    sizes, mask = saved
    dx = _put(grads[0], sizes, mask).sum(axis=1)
    return Backward((_of_floating(dx, at), None, *[None] * len(mask)))


def _sizes(op: Unfold | Spread, like: Array, at: Context) -> Sizes:
    """How many samples there are, and how many places of the axis."""
    return like.shape[0], like.shape[op.place(at.types[1])]


def _taken(places: Array, mask: list[Array]) -> Array:
    """The rows of `[n, s, ...]`, all or those where the mask holds."""
    if mask:
        return places[mask[0]]
    n, s, *rest = places.shape
    return places.reshape(n * s, *rest)


def _put(rows: Array, sizes: Sizes, mask: list[Array]) -> Array:
    """Rows at their places `[n, s, ...]`, the opposite of `_taken`."""
    if not mask:
        return rows.reshape(*sizes, *rows.shape[1:])
    places = np.zeros((*sizes, *rows.shape[1:]), rows.dtype)
    places[mask[0]] = rows
    return places


def _of_floating(gradient: Array, at: Context) -> Array | None:
    """The gradient; None where the input is whole numbers or a mask."""
    return gradient if at.types[0].dtype == "float32" else None
