"""Reductions, running sums, classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.types import CHANNEL, SPATIAL
from netspec.recover.draft import Unsaid
from netspec_onnx.constants import whole
from netspec_onnx.file import Node
from netspec_onnx.reader import Laid, Reader, Rule
from netspec_onnx.window import over_space

Array = NDArray[Any]

SPACE = {"mean": ("global_avg_pool", "adaptive_avg_pool"), "amax": ("global_max_pool", "adaptive_max_pool")}


def _reduce(op: str, before: Sequence[str] = (), after: Sequence[str] = ()) -> Rule:
    """A reduction over named axes; those that ONNX keeps with one place are put back where they are wanted."""

    def said(r: Reader, node: Node) -> Sequence[Laid]:
        kind = r.type(node.input(0))
        given = r.array(node, 1)
        axes = whole(given) if given is not None else tuple(node.attributes.get("axes", ()))
        if not axes and node.attributes.get("noop_with_empty_axes", 0):
            return (r.at(node.input(0)),)
        places = sorted({one % kind.rank for one in axes}) or list(range(kind.rank))
        if 0 in places:
            raise Unsaid("samples are reduced to one")
        keep = bool(node.attributes.get("keepdims", 1))
        names = kind.names[1:]
        space = (
            places == list(range(2, kind.rank)) and names[:1] == (CHANNEL,) and set(names[1:]) <= set(SPATIAL)
        )
        if space and op in SPACE and not before and not after and kind.rank > 2:
            found = over_space(r, node, *SPACE[op])
            return (found if keep else Laid(found.value),)
        laid = r.at(node.input(0))
        x = laid.value if not set(laid.ones) - set(places) else r.full(laid)
        gone = [kind.names[i] for i in places if kind.names[i] in r.draft.type(x).names]
        for one in before:
            (x,) = r.draw(node, one, {}, (x,) if one != "mul" else (x, x))
        if gone:
            (x,) = r.draw(node, op, {"axis": gone[0] if len(gone) == 1 else gone}, (x,))
        for one in after:
            (x,) = r.draw(node, one, {}, (x,))
        return (Laid(x, tuple(places), tuple(kind.names[i] for i in places)) if keep else Laid(x),)

    return said


def _argmax(before: Sequence[str] = ()) -> Rule:
    """The place of the largest; of equal ones the first."""

    def said(r: Reader, node: Node) -> Sequence[Laid]:
        if node.attributes.get("select_last_index", 0):
            raise Unsaid("the last of equal ones")
        x = r.value(node.input(0))
        kind = r.draft.type(x)
        place = node.attributes.get("axis", 0) % kind.rank
        for one in before:
            (x,) = r.draw(node, one, {}, (x,))
        arguments = {} if place == 1 else {"axis": kind.names[place]}
        (value,) = r.draw(node, "argmax", arguments, (x,))
        keep = bool(node.attributes.get("keepdims", 1))
        return (Laid(value, (place,), (kind.names[place],)) if keep else Laid(value),)

    return said


def _given(r: Reader, node: Node) -> Array:
    """The axis, which is an input."""
    found = r.array(node, 1)
    if found is None:
        raise Unsaid("a running sum without an axis")
    return np.atleast_1d(found)


def _cumsum(r: Reader, node: Node) -> Sequence[str]:
    """What runs backwards is turned round twice."""
    x = r.value(node.input(0))
    kind = r.draft.type(x)
    (place,) = (one % kind.rank for one in whole(_given(r, node)))
    axis = kind.names[place]
    if node.attributes.get("exclusive", 0):
        raise Unsaid("a running sum without its own place")
    turn = bool(node.attributes.get("reverse", 0))
    arguments = {} if place == 1 else {"axis": axis}
    if turn:
        (x,) = r.draw(node, "flip", {"axis": axis}, (x,))
    (x,) = r.draw(node, "cumsum", arguments, (x,))
    return r.draw(node, "flip", {"axis": axis}, (x,)) if turn else (x,)


TABLE: dict[str, Rule] = {
    "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("amax"),
    "ReduceMin": _reduce("amin"),
    "ReduceL1": _reduce("sum", ("abs",)),
    "ReduceL2": _reduce("sum", ("mul",), ("sqrt",)),
    "ReduceSumSquare": _reduce("sum", ("mul",)),
    "ArgMax": _argmax(),
    "ArgMin": _argmax(("neg",)),
    "CumSum": _cumsum,
}
