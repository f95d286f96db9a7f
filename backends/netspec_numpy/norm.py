"""Batch normalisation, in training by the batch's own statistics, in evaluation by the running ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.norm import BatchNorm
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(BatchNorm)
def batch_norm(op: BatchNorm, inputs: Arrays, at: Context) -> Forward:
    """`y = (x - mean) / sqrt(var + eps) * weight + bias`, each channel for itself."""
    (x,) = inputs
    over = (0, *range(2, x.ndim))
    state: dict[str, Array] = {}
    if _by_batch(op, at):
        mean, var = _statistics(x, over)
        if op.track_running_stats:
            state = _moved(op, at, mean, var, x.size // x.shape[1])
    else:
        mean, var = at.state["running_mean"], at.state["running_var"]
    scale = 1 / np.sqrt(var + op.eps)
    z = (x - _wide(mean, x)) * _wide(scale, x)
    y = z * _wide(at.parameters["weight"], x) + _wide(at.parameters["bias"], x) if op.affine else z
    return Forward((y,), (z, scale), state)


@batch_norm.backward
def batch_norm_backward(op: BatchNorm, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = (d - mean(d) - z * mean(d * z)) / sqrt(var + eps)`, `z` the normalised numbers, `d` the gradient there.

    The two means are what the batch's own mean and variance pass on; running ones are constants and pass on nothing.
    """
    z, scale = saved
    (g,) = grads
    over = (0, *range(2, g.ndim))
    d = g * _wide(at.parameters["weight"], g) if op.affine else g
    if _by_batch(op, at) and d.size:
        d = d - d.mean(axis=over, keepdims=True) - z * (d * z).mean(axis=over, keepdims=True)
    dx = d * _wide(scale, g)
    return Backward((dx,), {"weight": (g * z).sum(axis=over), "bias": g.sum(axis=over)} if op.affine else {})


def _by_batch(op: BatchNorm, at: Context) -> bool:
    """Whether the batch's own statistics normalise: always where none are kept, else in training unless frozen."""
    return not op.track_running_stats or (at.mode == "train" and "statistics" not in at.frozen)


def _statistics(x: Array, over: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and variance of each channel; of nothing, which a mask may leave, there are none to speak of."""
    if not x.size:
        return np.zeros(x.shape[1], x.dtype), np.ones(x.shape[1], x.dtype)
    return x.mean(axis=over), x.var(axis=over)


def _moved(op: BatchNorm, at: Context, mean: Array, var: Array, count: int) -> dict[str, Array]:
    """The running statistics after this batch; the running variance takes the one that divides by count - 1.

    A batch of nothing moves none, and counts.
    """
    seen = at.state["num_batches_tracked"] + 1
    if not count:
        return {"num_batches_tracked": np.asarray(seen)}
    step = 1 / float(seen) if op.momentum is None else op.momentum
    moved = {"running_mean": mean, "running_var": var * (count / (count - 1))}
    return {
        **{key: (1 - step) * at.state[key] + step * value for key, value in moved.items()},
        "num_batches_tracked": np.asarray(seen),
    }


def _wide(values: Array, x: Array) -> Array:
    """One number for each channel, laid out so that it meets `x`."""
    return values.reshape(1, -1, *[1] * (x.ndim - 2))
