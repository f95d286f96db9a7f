"""Losses as PyTorch's functions, and CRPS by one of our own."""

from __future__ import annotations

import ast

from netspec.ops.loss import L1, Bce, BceWithLogits, CrossEntropy, Crps, Loss, Mse, Nll
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(Crps)
def crps(op: Crps, at: Site) -> Lowered:
    """`crps(cdf, target).mean()`."""
    each: ast.expr = call("crps", *at.inputs)
    reduced = each if op.reduction == "none" else method(each, op.reduction)
    return Lowered(reduced, support=("step", "crps"))


@lowers(Bce)
def bce(op: Bce, at: Site) -> Lowered:
    """`F.binary_cross_entropy(p, t)`."""
    return _function("F.binary_cross_entropy", op, at.inputs[0], _like_prediction(at))


@lowers(BceWithLogits)
def bce_with_logits(op: BceWithLogits, at: Site) -> Lowered:
    """`F.binary_cross_entropy_with_logits(x, t)`."""
    return _function("F.binary_cross_entropy_with_logits", op, at.inputs[0], _like_prediction(at))


@lowers(CrossEntropy)
def cross_entropy(op: CrossEntropy, at: Site) -> Lowered:
    """`F.cross_entropy(logits, target)`."""
    return _function("F.cross_entropy", op, *at.inputs)


@lowers(Nll)
def nll(op: Nll, at: Site) -> Lowered:
    """`F.nll_loss(log_probabilities, target)`."""
    return _function("F.nll_loss", op, *at.inputs)


@lowers(Mse)
def mse(op: Mse, at: Site) -> Lowered:
    """`F.mse_loss(prediction, target)`."""
    return _function("F.mse_loss", op, *at.inputs)


@lowers(L1)
def l1(op: L1, at: Site) -> Lowered:
    """`F.l1_loss(prediction, target)`."""
    return _function("F.l1_loss", op, *at.inputs)


def _function(function: str, op: Loss, *inputs: ast.expr) -> Lowered:
    """A call with the reduction where it is not PyTorch's default."""
    options: dict[str, Value] = {} if op.reduction == "mean" else {"reduction": op.reduction}
    return Lowered(call(function, *inputs, **options))


def _like_prediction(at: Site) -> ast.expr:
    """The target, a mask or yes-or-no classes as floating numbers."""
    prediction, target = at.inputs
    if at.types[1].dtype == "float32":
        return target
    return method(target, "to", ast.Attribute(prediction, "dtype", ast.Load()))
