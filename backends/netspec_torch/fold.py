"""A `map` as moves of rows between the batch and an axis.

Without a mask these are views, or one copy of the numbers. With a mask rows are chosen by boolean indexing: how many
there are is known only when the mask is computed, so on a GPU each of these lines waits for it.
"""

from __future__ import annotations

import ast

from netspec.ops.fold import Fold, Folding, Spread, Unfold
from netspec_torch.rule import Lowered, Site, call, lowers, method, subscript


@lowers(Fold)
def fold(op: Fold, at: Site) -> Lowered:
    """`x.movedim(k, 1).flatten(0, 1)`, or `x.movedim(k, 1)[mask]`, without the move where k is 1."""
    x, *mask = at.inputs
    place = op.place(at.types[0])
    rows = x if place == 1 else method(x, "movedim", place, 1)
    return Lowered(subscript(rows, *mask) if mask else method(rows, "flatten", 0, 1))


@lowers(Unfold)
def unfold(op: Unfold, at: Site) -> Lowered:
    """`y.unflatten(0, like.shape[:2])`; with a mask the support function `at_places`."""
    y, like, *mask = at.inputs
    if mask:
        return Lowered(call("at_places", y, *mask), support=("at_places",))
    return Lowered(method(y, "unflatten", 0, _sizes(op, like, at)))


@lowers(Spread)
def spread(op: Spread, at: Site) -> Lowered:
    """`x.repeat_interleave(S, 0)`; with a mask as often as it holds for each sample."""
    x, like, *mask = at.inputs
    times = method(mask[0], "sum", 1) if mask else _places(op, like, at)
    return Lowered(method(x, "repeat_interleave", times, 0))


def _shape(like: ast.expr) -> ast.expr:
    return ast.Attribute(like, "shape", ast.Load())


def _places(op: Folding, like: ast.expr, at: Site) -> ast.expr:
    """How many places the axis of `like` has: a number where it is fixed."""
    place = op.place(at.types[1])
    fixed = at.types[1].axes[place].size.value
    return subscript(_shape(like), place) if fixed is None else ast.Constant(fixed)


def _sizes(op: Folding, like: ast.expr, at: Site) -> ast.expr:
    """N and S, as `like` has them."""
    place = op.place(at.types[1])
    if place == 1:
        return subscript(_shape(like), slice(None, 2))
    return ast.Tuple([subscript(_shape(like), 0), subscript(_shape(like), place)], ast.Load())
