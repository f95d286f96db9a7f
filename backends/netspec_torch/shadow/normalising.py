"""Norms and dropout: what was measured of the batch is kept beside the input, of dropout its mask."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from netspec_torch.shadow import pointwise
from netspec_torch.shadow.moving import contiguous, reshape
from netspec_torch.shadow.reducing import mean
from netspec_torch.shadow.tensor import Shadow, elementwise, made


def batch_norm(
    x: Shadow,
    running_mean: Shadow | None,
    running_var: Shadow | None,
    weight: Shadow | None = None,
    bias: Shadow | None = None,
    *,
    training: bool = False,
    **_: Any,
) -> Shadow:
    """Input, and in training the mean and the inverse deviation of each channel."""
    measured = [Shadow((x.shape[1],)) for _ in range(2)] if training else []
    given = [one for one in (x, weight, bias) if one is not None]
    return made(x.shape, given, [x, weight, running_mean, running_var, *measured], like=x)


def instance_norm(
    x: Shadow,
    running_mean: Shadow | None = None,
    running_var: Shadow | None = None,
    weight: Shadow | None = None,
    bias: Shadow | None = None,
    *,
    use_input_stats: bool = True,
    **_: Any,
) -> Shadow:
    """As a batch norm of as many channels as samples have together; what each channel has is repeated for it."""
    rows = x.shape[0] * x.shape[1]

    def repeated(one: Shadow | None) -> Shadow | None:
        return None if one is None else made((rows,), [one])

    own = [repeated(one) for one in (weight, bias, running_mean, running_var)]
    wide = reshape(x, 1, rows, *x.shape[2:])
    y = batch_norm(wide, own[2], own[3], own[0], own[1], training=use_input_stats)
    return reshape(y, *x.shape)


def group_norm(
    x: Shadow, groups: int, weight: Shadow | None = None, bias: Shadow | None = None, eps: float = 1e-5
) -> Shadow:
    """Input, and the mean and the inverse deviation of each group of each sample."""
    del eps
    given = [one for one in (x, weight, bias) if one is not None]
    own = contiguous(x)
    measured = [Shadow((x.shape[0], groups)) for _ in range(2)]
    return made(x.shape, given, [own, weight, *measured])


def layer_norm(
    x: Shadow,
    sizes: Sequence[int],
    weight: Shadow | None = None,
    bias: Shadow | None = None,
    eps: float = 1e-5,
) -> Shadow:
    """Input, and the mean and the inverse deviation of each row."""
    del eps
    rows = x.shape[: x.rank - len(sizes)]
    given = [one for one in (x, weight, bias) if one is not None]
    return made(x.shape, given, [x, weight, *(Shadow(rows) for _ in range(2))])


def rms_norm(
    x: Shadow, sizes: Sequence[int], weight: Shadow | None = None, eps: float | None = None
) -> Shadow:
    """As PyTorch composes it: squares, their mean, its inverse root, and the product."""
    del eps
    axes = tuple(range(x.rank - len(sizes), x.rank))
    root = pointwise.rsqrt(pointwise.add(mean(pointwise.pow_(x, 2), axes, keepdim=True), 1e-5))
    y = pointwise.mul(x, root)
    return y if weight is None else pointwise.mul(y, weight)


def dropped(x: Shadow, p: float, shape: Sequence[int]) -> Shadow:
    """The input times a mask of these sizes, which is kept as numbers; nothing happens with `p` of 0."""
    if p == 0 or not prod(x.shape):
        return x
    if p == 1:
        return pointwise.mul(x, Shadow(()))
    return pointwise.mul(x, Shadow(shape, x.dtype))


def dropped_alpha(x: Shadow, p: float, shape: Sequence[int]) -> Shadow:
    """As `dropped`; what is added keeps nothing."""
    y = dropped(x, p, shape)
    return y if p in (0, 1) else elementwise(y, Shadow(shape, x.dtype))
