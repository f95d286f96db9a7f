"""Vectors and numbers that are compared with one another, as PyTorch's functions where it has them."""

from __future__ import annotations

from netspec.ops.pair import CosineEmbedding, CosineSimilarity, MarginRanking, TripletMargin, compared
from netspec_torch.loss import reduced, reducing
from netspec_torch.rule import Lowered, Site, Value, binary, call, lowers, method


@lowers(CosineSimilarity)
def cosine_similarity(op: CosineSimilarity, at: Site) -> Lowered:
    """`F.cosine_similarity(x, y, dim=1)`."""
    options: dict[str, Value] = {"dim": compared(at.types, op.axis, op.name)}
    if op.eps != 1e-8:
        options["eps"] = op.eps
    return Lowered(call("F.cosine_similarity", *at.inputs, **options))


@lowers(CosineEmbedding)
def cosine_embedding(op: CosineEmbedding, at: Site) -> Lowered:
    """`cosine_embedding(x, y, yes, 0.0, dim=1).mean()`: PyTorch's own takes rows alone, and other targets."""
    each = call("cosine_embedding", *at.inputs[:3], op.margin, dim=compared(at.types[:2], op.axis, op.name))
    return reduced(op, at, each, ("cosine_embedding",))


@lowers(TripletMargin)
def triplet_margin(op: TripletMargin, at: Site) -> Lowered:
    """`F.triplet_margin_loss(a, p, n)`, the axis of the vectors moved last where it is not."""
    place = compared(at.types[:3], op.axis, op.name)
    three = at.inputs[:3]
    if place != at.types[0].rank - 1:
        three = tuple(method(x, "movedim", place, -1) for x in three)
    given = op.arguments()
    options: dict[str, Value] = {
        key: getattr(op, key) for key in ("margin", "p", "eps", "swap") if key in given
    }
    return reducing(op, at, "F.triplet_margin_loss", *three, **options)


@lowers(MarginRanking)
def margin_ranking(op: MarginRanking, at: Site) -> Lowered:
    """`F.margin_ranking_loss(first, second, 2 * yes.type_as(first) - 1)`; a yes has no gradient."""
    first, second, yes = at.inputs[:3]
    if at.types[2].dtype == "float32":
        yes = method(yes, "bool")
    sign = binary(binary(2, "*", method(yes, "type_as", first)), "-", 1)
    options: dict[str, Value] = {"margin": op.margin} if op.margin else {}
    return reducing(op, at, "F.margin_ranking_loss", first, second, sign, **options)
