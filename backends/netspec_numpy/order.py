"""The same numbers in another order: the backward puts them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.order import Flip, Permute, Roll, flipped, permuted, shifts
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Permute)
def permute(op: Permute, inputs: Arrays, at: Context) -> Forward:
    """`y[..., j, i] = x[..., i, j]`: every axis in its new place."""
    return Forward((inputs[0].transpose(permuted(op, at.types[0])),))


@permute.backward
def permute_backward(op: Permute, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every axis back in its old place."""
    del saved
    return _floating(grads[0].transpose(np.argsort(permuted(op, at.types[0]))), at)


@lowers(Flip)
def flip(op: Flip, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = x[n - 1 - i]` along every named axis."""
    return Forward((np.flip(inputs[0], flipped(op, at.types[0])),))


@flip.backward
def flip_backward(op: Flip, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Turned round again."""
    del saved
    return _floating(np.flip(grads[0], flipped(op, at.types[0])), at)


@lowers(Roll)
def roll(op: Roll, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = x[(i - shift) mod n]` along every named axis."""
    by = shifts(op, at.types[0])
    return Forward((np.roll(inputs[0], tuple(by.values()), tuple(by)),))


@roll.backward
def roll_backward(op: Roll, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """As far the other way."""
    del saved
    by = shifts(op, at.types[0])
    return _floating(np.roll(grads[0], tuple(-one for one in by.values()), tuple(by)), at)


def _floating(gradient: Array, at: Context) -> Backward:
    """Classes and masks have no gradient."""
    return Backward((gradient if at.types[0].dtype == "float32" else None,))
