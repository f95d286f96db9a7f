"""Norms of channels. Those with running statistics use them in evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm
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


@lowers(InstanceNorm)
def instance_norm(op: InstanceNorm, inputs: Arrays, at: Context) -> Forward:
    """`y = (x - mean) / sqrt(var + eps) * weight + bias`, each channel of each sample for itself."""
    (x,) = inputs
    space = tuple(range(2, x.ndim))
    state: dict[str, Array] = {}
    if _by_instance(op, at):
        mean, var = x.mean(axis=space, keepdims=True), x.var(axis=space, keepdims=True)
        if op.track_running_stats and x.size:
            count = x[0, 0].size
            state = {
                key: (1 - op.momentum) * at.state[key] + op.momentum * one.mean(axis=0).reshape(-1)
                for key, one in (("running_mean", mean), ("running_var", var * (count / (count - 1))))
            }
    else:
        mean, var = (_wide(at.state[key], x) for key in ("running_mean", "running_var"))
    scale = 1 / np.sqrt(var + op.eps)
    z = (x - mean) * scale
    y = z * _wide(at.parameters["weight"], x) + _wide(at.parameters["bias"], x) if op.affine else z
    return Forward((y,), (z, scale), state)


@instance_norm.backward
def instance_norm_backward(op: InstanceNorm, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = (d - mean(d) - z * mean(d * z)) / sqrt(var + eps)`, as for a batch; running statistics pass on nothing."""
    z, scale = saved
    (g,) = grads
    space = tuple(range(2, g.ndim))
    d = g * _wide(at.parameters["weight"], g) if op.affine else g
    if _by_instance(op, at):
        d = d - d.mean(axis=space, keepdims=True) - z * (d * z).mean(axis=space, keepdims=True)
    over = (0, *space)
    return Backward(
        (d * scale,), {"weight": (g * z).sum(axis=over), "bias": g.sum(axis=over)} if op.affine else {}
    )


@lowers(GroupNorm)
def group_norm(op: GroupNorm, inputs: Arrays, at: Context) -> Forward:
    """`y = (x - mean) / sqrt(var + eps) * weight + bias`, the channels of each group and all their places together."""
    (x,) = inputs
    groups = _grouped(x, op.num_groups)
    scale = 1 / np.sqrt(groups.var(axis=2, keepdims=True) + op.eps)
    z = ((groups - groups.mean(axis=2, keepdims=True)) * scale).reshape(x.shape)
    y = z * _wide(at.parameters["weight"], x) + _wide(at.parameters["bias"], x) if op.affine else z
    return Forward((y,), (z, scale))


@group_norm.backward
def group_norm_backward(op: GroupNorm, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = (d - mean(d) - z * mean(d * z)) / sqrt(var + eps)`, the means over each group."""
    z, scale = saved
    (g,) = grads
    d = g * _wide(at.parameters["weight"], g) if op.affine else g
    d, flat = _grouped(d, op.num_groups), _grouped(z, op.num_groups)
    d = d - d.mean(axis=2, keepdims=True) - flat * (d * flat).mean(axis=2, keepdims=True)
    over = (0, *range(2, g.ndim))
    gradients = {"weight": (g * z).sum(axis=over), "bias": g.sum(axis=over)} if op.affine else {}
    return Backward(((d * scale).reshape(g.shape),), gradients)


def _grouped(x: Array, groups: int) -> Array:
    """`[batch, group, all numbers of the group]`, of a batch that may be empty."""
    return x.reshape(x.shape[0], groups, int(np.prod(x.shape[1:])) // groups)


def _by_instance(op: InstanceNorm, at: Context) -> bool:
    """Whether each sample's own statistics normalise: always where none are kept, else in training unless frozen."""
    return not op.track_running_stats or (at.mode == "train" and "statistics" not in at.frozen)


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
