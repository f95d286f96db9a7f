"""What all losses share: from the values of elements and what weighs them to the reduced value, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netspec.ir.types import TensorType
from netspec.ops.loss import Loss, element
from netspec_numpy.laying import laid, lifted
from netspec_numpy.rule import Array, Arrays, Context


@dataclass(frozen=True)
class Weighed:
    """The values of all elements, with what the reduction and its way back need.

    `weights` is the input of that name, spread over the elements; None without it. `counts` are what elements count in
    the divisor of a mean besides: the weights of their classes, which `each` has been multiplied by already.
    """

    each: Array
    counts: Array | None = None
    weights: Array | None = None
    given: Array | None = None
    types: tuple[TensorType, TensorType] | None = None

    @property
    def total(self) -> float:
        """The divisor of the mean."""
        if self.weights is None and self.counts is None:
            return float(max(self.each.size, 1))
        one = np.ones((), self.each.dtype)
        counts = (one if self.weights is None else self.weights) * (
            one if self.counts is None else self.counts
        )
        total = float(np.broadcast_to(counts, self.each.shape).sum())
        return total or float("nan")  # the mean of nothing is no number


def weighed(op: Loss, each: Array, inputs: Arrays, at: Context, counts: Array | None = None) -> Weighed:
    """The values of elements with their weights; `counts` as in `Weighed`."""
    if len(inputs) < len(op.slots):
        return Weighed(each, counts)
    types = at.types[-1], element(op, at.types)
    weights = np.broadcast_to(laid(inputs[-1].astype(each.dtype), *types, op.name), each.shape)
    return Weighed(each, counts, weights, inputs[-1], types)


def reduced(op: Loss, parts: Weighed) -> Array:
    """The values of all elements, weighed, and reduced as the loss says."""
    each = parts.each if parts.weights is None else parts.each * parts.weights
    if op.reduction == "none":
        return each
    return np.asarray(each.sum() / parts.total if op.reduction == "mean" else each.sum(), each.dtype)


def spread(op: Loss, g: Array, parts: Weighed) -> Array:
    """The gradient of each element's value, given that of the reduced one; 0 where all of them are ignored."""
    each = np.broadcast_to(g, parts.each.shape)
    if parts.weights is not None:
        each = each * parts.weights
    elif op.reduction == "mean" and np.isnan(parts.total):
        return np.zeros_like(parts.each)
    return each / parts.total if op.reduction == "mean" else each


def back(op: Loss, g: Array, parts: Weighed, *inputs: Array | None) -> tuple[Array | None, ...]:
    """The gradients of all inputs: those of the first ones, and that of the weights where they are given."""
    if parts.weights is None or parts.given is None or parts.types is None:
        return inputs
    if not differentiable(parts.given):
        return (*inputs, None)
    wide = np.broadcast_to(g, parts.each.shape) * parts.each
    if op.reduction == "mean":
        counts = 1.0 if parts.counts is None else parts.counts
        value = (parts.each * parts.weights).sum() / parts.total
        wide = g * (parts.each - value * counts) / parts.total
    return (*inputs, lifted(wide, *parts.types, op.name))


def differentiable(x: Array) -> bool:
    """Whether gradients flow into it."""
    return bool(np.issubdtype(x.dtype, np.floating))
