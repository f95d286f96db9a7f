"""Overlap of regions, by functions of our own."""

from __future__ import annotations

import ast

from netspec.ops.overlap import Dice, DiceLoss, JaccardLoss, Overlap, TverskyLoss, chosen, space_of
from netspec_torch.loss import like_prediction, reduced
from netspec_torch.rule import Lowered, Site, Value, call, literal, lowers, method


@lowers(Dice)
def dice(op: Dice, at: Site) -> Lowered:
    """`region_overlap(scores, target).mean()`."""
    each: ast.expr = call("region_overlap", *at.inputs, **_classes(op, at))
    return Lowered(
        method(each, "mean") if op.reduction == "mean" else each, support=("constants", "region_overlap")
    )


@lowers(DiceLoss)
def dice_loss(op: DiceLoss, at: Site) -> Lowered:
    """`soft_overlap(*shares_of(p, t), dim=(2, 3), smooth=1.0, terms=(2.0, 1.0, 1.0)).mean()`."""
    return _soft(op, at)


@lowers(JaccardLoss)
def jaccard_loss(op: JaccardLoss, at: Site) -> Lowered:
    """`soft_overlap(*shares_of(p, t), dim=(2, 3), smooth=1.0, terms=(1.0, 1.0, 1.0)).mean()`."""
    return _soft(op, at)


@lowers(TverskyLoss)
def tversky_loss(op: TverskyLoss, at: Site) -> Lowered:
    """`soft_overlap(*shares_of(p, t), dim=(2, 3), smooth=1.0, terms=(1.0, 0.3, 0.7)).mean()`."""
    return _soft(op, at)


def _soft(op: Overlap, at: Site) -> Lowered:
    """The elements by `soft_overlap`, of classes made shares first."""
    options: dict[str, Value] = {
        "dim": space_of(at.types[0], at.types[1], op.name),
        "smooth": op.smooth,
        "terms": op.counts,
    }
    support: tuple[str, ...] = ("soft_overlap",)
    if at.types[1].dtype == "int64":
        shares = call("shares_of", *at.inputs[:2], **_classes(op, at))
        each = call("soft_overlap", **options)
        each.args.append(ast.Starred(shares, ast.Load()))
        support = ("constants", "shares_of", *support)
    else:
        each = call("soft_overlap", at.inputs[0], like_prediction(at), **options)
    if op.exponent != 1:
        each, support = call("share_power", each, op.exponent), (*support, "share_power")
    return reduced(op, at, each, support)


def _classes(op: Dice | Overlap, at: Site) -> dict[str, Value]:
    """The classes that count, where they are chosen."""
    kept = chosen(at.types[0], op.classes, op.name)
    return {} if kept is None else {"classes": literal(list(kept))}
