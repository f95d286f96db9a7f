"""Losses of yes and no as PyTorch's functions."""

from __future__ import annotations

import ast
from dataclasses import replace

from netspec.ops.binary_loss import Bce, BceWithLogits, SigmoidFocal
from netspec_torch.loss import like_prediction, reduced, reducing
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method, subscript


@lowers(Bce)
def bce(op: Bce, at: Site) -> Lowered:
    """`F.binary_cross_entropy(p, t)`."""
    return reducing(op, at, "F.binary_cross_entropy", at.inputs[0], like_prediction(at))


@lowers(BceWithLogits)
def bce_with_logits(op: BceWithLogits, at: Site) -> Lowered:
    """`F.binary_cross_entropy_with_logits(x, t)`, the weights of the yes along the first axis after the batch."""
    x = at.inputs[0]
    options: dict[str, Value] = {}
    if op.pos_weight is not None:
        options["pos_weight"] = _pos_weight(op, at)
    made = reducing(op, at, "F.binary_cross_entropy_with_logits", x, like_prediction(at), **options)
    listed = isinstance(op.pos_weight, tuple)
    return replace(made, support=(*made.support, "constants")) if listed else made


@lowers(SigmoidFocal)
def sigmoid_focal(op: SigmoidFocal, at: Site) -> Lowered:
    """`sigmoid_focal(x, t, 2.0, 0.25).mean()`."""
    each = call("sigmoid_focal", at.inputs[0], like_prediction(at), op.gamma, op.alpha)
    return reduced(op, at, each, ("share_power", "sigmoid_focal"))


def _pos_weight(op: BceWithLogits, at: Site) -> ast.expr:
    """`constants([0.5, 2.0], x)[:, None, None]`, and of one number `x.new_full((), 2.0)`."""
    if not isinstance(op.pos_weight, tuple):
        return method(at.inputs[0], "new_full", (), op.pos_weight)
    table = call("constants", list(op.pos_weight), at.inputs[0])
    space = at.types[0].rank - 2
    return subscript(table, slice(None), *[None] * space) if space else table
