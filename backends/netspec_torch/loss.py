"""What all losses share: a PyTorch function that reduces itself, or its elements and what weighs them."""

from __future__ import annotations

import ast

from netspec.ops.loss import Loss, element
from netspec_torch.laying import laid
from netspec_torch.rule import Lowered, Site, Value, binary, call, method


def reducing(op: Loss, at: Site, function: str, *inputs: ast.expr, **options: Value) -> Lowered:
    """A function of PyTorch with the reduction where it is not the default; with weights its elements, weighed."""
    if not weighed(op, at):
        given = {} if op.reduction == "mean" else {"reduction": op.reduction}
        return Lowered(call(function, *inputs, **options, **given))
    return reduced(op, at, call(function, *inputs, **options, reduction="none"))


def reduced(
    op: Loss,
    at: Site,
    each: ast.expr,
    support: tuple[str, ...] = (),
    counts: ast.expr | None = None,
) -> Lowered:
    """The elements, weighed and reduced. `counts` are what the elements count in the divisor of a mean besides."""
    weights = laid_weights(op, at) if weighed(op, at) else None
    if op.reduction == "mean" and (weights is not None or counts is not None):
        if weights is None:
            assert counts is not None
            quotient = binary(method(each, "sum"), "/", method(counts, "sum"))
            return Lowered(quotient, support=support)
        more: dict[str, Value] = {} if counts is None else {"counts": counts}
        return Lowered(call("weighted_mean", each, weights, **more), support=(*support, "weighted_mean"))
    if weights is not None:
        each = binary(each, "*", weights)
    return Lowered(each if op.reduction == "none" else method(each, op.reduction), support=support)


def weighed(op: Loss, at: Site) -> bool:
    """Whether the input `weights` is given."""
    return len(at.inputs) == len(op.slots)


def laid_weights(op: Loss, at: Site) -> ast.expr:
    """The input `weights` with the axes of the elements."""
    return laid(at.inputs[-1], at.types[-1], element(op, at.types), op.name)


def like_prediction(at: Site) -> ast.expr:
    """The target, a mask or yes-or-no classes as floating numbers."""
    prediction, target = at.inputs[0], at.inputs[1]
    if at.types[1].dtype == "float32":
        return target
    return method(target, "to", ast.Attribute(prediction, "dtype", ast.Load()))
