"""Metrics, by functions of our own."""

from __future__ import annotations

import ast

from netspec.ops.metric import Accuracy
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(Accuracy)
def accuracy(op: Accuracy, at: Site) -> Lowered:
    """`accuracy(scores, target, k).mean()`."""
    options: dict[str, Value] = {} if op.k == 1 else {"k": op.k}
    each: ast.expr = call("accuracy", *at.inputs, **options)
    return Lowered(method(each, "mean") if op.reduction == "mean" else each, support=("accuracy",))
