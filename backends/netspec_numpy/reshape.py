"""The same numbers on other axes: the backward gives the gradient the input's shape back."""

from __future__ import annotations

import math
from typing import Any

from netspec.ops.reshape import REST, Reshape
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Reshape)
def reshape(op: Reshape, inputs: Arrays, at: Context) -> Forward:
    """The numbers of each sample in their order, cut into rows of other lengths."""
    (x,) = inputs
    kind = at.types[0]
    first = 1 if kind.batched else 0
    sizes = [x.shape[kind.names.index(size)] if isinstance(size, str) else size for _, size in op.axes]
    known = math.prod(size for size in sizes if size != REST)
    left = math.prod(x.shape[first:]) // known
    return Forward(
        (x.reshape(*x.shape[:first], *(left if size == REST else size for size in sizes)),), (x.shape,)
    )


@reshape.backward
def reshape_backward(op: Reshape, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same numbers in the old shape; classes and masks have no gradient."""
    del op
    (shape,) = saved
    return Backward((grads[0].reshape(shape) if at.types[0].dtype == "float32" else None,))
