"""Losses of classes as PyTorch's functions, and by functions of our own where it has none."""

from __future__ import annotations

import ast
from dataclasses import replace

from netspec.ops.class_loss import ClassLoss, CrossEntropy, Focal, Nll
from netspec_torch.loss import reduced, reducing, weighed
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(CrossEntropy)
def cross_entropy(op: CrossEntropy, at: Site) -> Lowered:
    """`F.cross_entropy(logits, target)`, the target classes or shares of them."""
    options: dict[str, Value] = {} if op.label_smoothing == 0 else {"label_smoothing": op.label_smoothing}
    return _of_pytorch(op, at, "F.cross_entropy", options)


@lowers(Nll)
def nll(op: Nll, at: Site) -> Lowered:
    """`F.nll_loss(log_probabilities, target)`, and `smoothed_nll` with smoothed labels."""
    if op.label_smoothing == 0:
        return _of_pytorch(op, at, "F.nll_loss", {})
    each = call("smoothed_nll", *at.inputs[:2], op.label_smoothing, **_listed(op))
    return _own(op, at, each, "constants", "smoothed_nll")


@lowers(Focal)
def focal(op: Focal, at: Site) -> Lowered:
    """`focal(logits, target, 2.0).mean()`."""
    return _own(
        op, at, call("focal", *at.inputs[:2], op.gamma, **_listed(op)), "constants", "share_power", "focal"
    )


def _of_pytorch(op: ClassLoss, at: Site, function: str, options: dict[str, Value]) -> Lowered:
    """A function of PyTorch, which weighs classes itself; with weights of elements its elements, weighed."""
    logits, target = at.inputs[:2]
    if op.weight is not None:
        options = {**options, "weight": call("constants", list(op.weight), logits)}
    if op.ignore_index is not None:
        options = {**options, "ignore_index": op.ignore_index}
    if not weighed(op, at):
        return _weighing(op, reducing(op, at, function, logits, target, **options))
    return _weighing(op, _own(op, at, call(function, logits, target, **options, reduction="none")))


def _weighing(op: ClassLoss, made: Lowered) -> Lowered:
    """With the support function that holds the weights of classes, where there are any."""
    return made if op.weight is None else replace(made, support=(*made.support, "constants"))


def _own(op: ClassLoss, at: Site, each: ast.expr, *support: str) -> Lowered:
    """The elements, reduced with the weights of their classes in the divisor of a mean."""
    if not op.counted(at.types[1]) or op.reduction != "mean":
        return reduced(op, at, each, support)
    counts = call("class_weight", at.inputs[1], **_listed(op), like=at.inputs[0])
    return reduced(op, at, each, (*dict.fromkeys((*support, "constants", "class_weight")),), counts)


def _listed(op: ClassLoss) -> dict[str, Value]:
    """The weights of classes, and the class that does not count, where they are given."""
    weight: dict[str, Value] = {} if op.weight is None else {"weight": list(op.weight)}
    return weight if op.ignore_index is None else {**weight, "ignore_index": op.ignore_index}
