"""Reductions, running sums, and losses of classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ops.arithmetic import Mul, Neg
from netspec.ops.class_index import Argmax, OneHot
from netspec.ops.class_loss import CrossEntropy, Nll
from netspec.ops.cumulative import Cumsum
from netspec.ops.elementary import Abs, Exp, Log, Sqrt
from netspec.ops.order import Flip
from netspec.ops.pad import Pad
from netspec.ops.reduce import Amax, Amin, Mean, Sum
from netspec.ops.slicing import Narrow
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, dropped, lifted, named, typed, use


def _reduce(
    kind: type[Mean | Sum | Amax | Amin], before: Sequence[Op] = (), after: Sequence[Op] = ()
) -> Callable[[Node], Use]:
    """A reduction over named axes; those that ONNX keeps with one place are gone in netspec."""

    def said(node: Node) -> Use:
        x = node.given(0)
        places = _places(node, x)
        if x.size == 0:
            raise Unsaid("nothing to reduce")
        ops: list[Op] = [*before, kind(axis=named(places)), *after]
        back = _back(x, places, keep=bool(node.attributes.get("keepdims", 1)))
        return use(ops[0], lifted(x), then=ops[1:], back=back)

    return said


def _sum_of_squares(node: Node) -> Use:
    """The number times itself, summed."""
    return _squared(node, ())


def _norm(node: Node) -> Use:
    """The root of that."""
    return _squared(node, (Sqrt(),))


def _squared(node: Node, after: Sequence[Op]) -> Use:
    x = node.given(0)
    places = _places(node, x)
    if x.size == 0:
        raise Unsaid("nothing to reduce")
    back = _back(x, places, keep=bool(node.attributes.get("keepdims", 1)))
    return use(Mul(), lifted(x), lifted(x), then=[Sum(axis=named(places)), *after], back=back)


def _places(node: Node, x: Array) -> list[int]:
    """The axes that go: those of the second input, without it all, or none where the node says so."""
    axes = node.input(1)
    if axes is not None and axes.size:
        return sorted(int(one) % x.ndim for one in axes)
    return [] if node.attributes.get("noop_with_empty_axes", 0) else list(range(x.ndim))


def _back(x: Array, places: list[int], *, keep: bool) -> Callable[[Array], Array]:
    """The result with the axes that are gone as axes of size 1, or without."""
    sizes = [1 if i in places else size for i, size in enumerate(x.shape)]
    return lambda y: dropped(y).reshape(sizes) if keep else dropped(y)


def _argmax(node: Node) -> Use:
    return _place_of(node, ())


def _argmin(node: Node) -> Use:
    """The place of the largest with all signs turned."""
    return _place_of(node, (Neg(),))


def _place_of(node: Node, before: Sequence[Op]) -> Use:
    x = node.given(0)
    if node.attributes.get("select_last_index", 0):
        raise Unsaid("the last of equal ones")
    place = node.attributes.get("axis", 0) % x.ndim
    back = _back(x, [place], keep=bool(node.attributes.get("keepdims", 1)))
    first, *then = [*before, Argmax(axis=named([place])[0])]
    return use(first, lifted(x), then=then, back=back)


def _cumsum(node: Node) -> Use:
    """What leaves its own place out sums one place fewer, behind a zero; what runs backwards is turned round twice."""
    x = node.given(0)
    (axis,) = named([int(node.given(1).item()) % x.ndim])
    around: list[Op] = [Flip(axis=axis)] if node.attributes.get("reverse", 0) else []
    ops: list[Op] = [Cumsum(axis=axis)]
    if node.attributes.get("exclusive", 0):
        ops = [Narrow(axis=axis, stop=-1), *ops, Pad(axes=((axis, (1, 0)),))]
    first, *then = [*around, *ops, *around]
    return use(first, lifted(x), then=then, back=dropped)


def _hardmax(node: Node) -> Use:
    """One at the place of the largest, which is a class written as numbers."""
    x = node.given(0)
    place = node.attributes.get("axis", -1) % x.ndim
    (axis,) = named([place])
    then = [OneHot(classes=x.shape[place], axis=axis)]
    return use(Argmax(axis=axis), lifted(x), then=then, back=lambda y: np.moveaxis(dropped(y), 0, place))


def _class_loss(kind: type[CrossEntropy | Nll]) -> Callable[[Node], Use]:
    """A loss of scores `[batch, class, ...]`. Log-probabilities are taken at their word: the cases draw any numbers."""

    def said(node: Node) -> Use:
        x, target, weight = node.given(0), node.given(1), node.input(2)
        ignored = node.attributes.get("ignore_index")
        axes = ("batch", "class", *named(range(2, x.ndim)))
        facts = Facts(high=0, log_probabilities="class") if kind is Nll else Facts()
        op = kind(
            weight=None if weight is None else tuple(map(float, weight)),
            ignore_index=ignored,
            reduction=node.attributes.get("reduction", "mean"),
        )
        classes = typed(
            (axes[0], *axes[2:]),
            target.astype(np.int64),
            Facts(classes=x.shape[1], low=0, high=x.shape[1] - 1),
        )
        return use(op, typed(axes, x, facts), classes)

    return said


def _one_hot(node: Node) -> Use:
    """ONNX counts classes from the end too, and has words of its own for no and yes."""
    x, depth, (no, yes) = node.given(0), int(node.given(1).item()), node.given(2)
    axis = node.attributes.get("axis", -1)
    classes = lifted(np.mod(x, depth).astype(np.int64))
    return use(
        OneHot(classes=depth),
        classes,
        back=lambda y: np.moveaxis(np.where(dropped(y) == 1, yes, no), 0, axis),
    )


TABLE: dict[str, Callable[[Node], Use]] = {
    "ReduceMean": _reduce(Mean),
    "ReduceSum": _reduce(Sum),
    "ReduceMax": _reduce(Amax),
    "ReduceMin": _reduce(Amin),
    "ReduceL1": _reduce(Sum, [Abs()]),
    "ReduceL2": _norm,
    "ReduceSumSquare": _sum_of_squares,
    "ReduceLogSum": _reduce(Sum, after=[Log()]),
    "ReduceLogSumExp": _reduce(Sum, [Exp()], [Log()]),
    "ArgMax": _argmax,
    "ArgMin": _argmin,
    "CumSum": _cumsum,
    "Hardmax": _hardmax,
    "SoftmaxCrossEntropyLoss": _class_loss(CrossEntropy),
    "NegativeLogLikelihoodLoss": _class_loss(Nll),
    "OneHot": _one_hot,
}
