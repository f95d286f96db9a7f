"""Activations, elementary functions, arithmetic and comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ir.types import TensorType
from netspec.ops import arithmetic, compare, elementary
from netspec.ops.activation import Identity, LeakyRelu, LogSoftmax, Relu, Sigmoid, Softmax, Softplus, Tanh
from netspec.ops.dropout import Dropout
from netspec.ops.rectifier import Celu, Elu, Hardswish, Prelu, Selu
from netspec.ops.reduce import Amax, Amin, Mean
from netspec.ops.shrink import Hardshrink, Softshrink, Threshold
from netspec.ops.smooth import Gelu, Mish, Silu, Softsign
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import (
    Given,
    Unsaid,
    Use,
    dropped,
    lifted,
    moved,
    named,
    number,
    typed,
    use,
)

SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""alpha and gamma as ONNX has them by default, which are those of the paper in float32."""


def _on(make: Callable[[Node], Op]) -> Callable[[Node], Use]:
    """An op of one tensor, whatever its axes."""

    def said(node: Node) -> Use:
        return use(make(node), lifted(node.given(0)), back=dropped)

    return said


def _of_two(op: Op) -> Callable[[Node], Use]:
    """An op of two tensors of the same axes."""
    return lambda node: use(op, *_laid(node), back=dropped)


def _spread(
    kind: type[arithmetic.Add | arithmetic.Sub | arithmetic.Mul | arithmetic.Div],
) -> Callable[[Node], Use]:
    """An op of tensors, one of which may be spread over the other."""

    def said(node: Node) -> Use:
        inputs = _laid(node)
        if len(inputs) == 1:
            return use(Identity(), *inputs, back=dropped)
        return use(kind(broadcast=len({x.sizes for x, _ in inputs}) > 1), *inputs, back=dropped)

    return said


def _equal(node: Node) -> Use:
    """What is compared alone may be of any type: ONNX has no case of floating numbers."""
    return _of_two(compare.Equal())(replace(node, inputs=tuple(map(moved, node.inputs))))


def _over_all(kind: type[Amax | Amin | Mean]) -> Callable[[Node], Use]:
    """The largest, the smallest or the mean of several tensors, laid on top of one another as one."""

    def said(node: Node) -> Use:
        arrays = [x for x in node.inputs if x is not None]
        return use(kind(axis="a0"), lifted(np.stack(np.broadcast_arrays(*arrays))), back=dropped)

    return said


def _extreme(pair: Op, kind: type[Amax | Amin]) -> Callable[[Node], Use]:
    """`minimum` and `maximum` take two tensors; `amin` and `amax` as many as there are."""
    return lambda node: _of_two(pair)(node) if len(node.inputs) == 2 else _over_all(kind)(node)


def _laid(node: Node) -> list[Given]:
    """All inputs with as many axes as the one that has most."""
    arrays = [x for x in node.inputs if x is not None]
    return [lifted(x, max(x.ndim for x in arrays)) for x in arrays]


def _pow(node: Node) -> Use:
    """A plain number may be the exponent of a tensor."""
    x, y = node.given(0), node.given(1)
    if y.ndim or x.ndim == 0:
        return use(arithmetic.Pow(), *_laid(node), back=dropped)
    return use(arithmetic.Pow(), lifted(x), _plain(float(y)), back=dropped)


def _plain(value: float) -> Given:
    """A plain number."""
    return TensorType(facts=Facts(low=value, high=value)), np.asarray(value)


def _reciprocal(node: Node) -> Use:
    return use(arithmetic.Div(), _plain(1.0), lifted(node.given(0)), back=dropped)


def _clip(node: Node) -> Use:
    low, high = (None if one is None else float(one) for one in (node.input(1), node.input(2)))
    if low is None and high is None:
        return use(Identity(), lifted(node.given(0)), back=dropped)
    return use(elementary.Clamp(min=low, max=high), lifted(node.given(0)), back=dropped)


def _along(kind: type[Softmax | LogSoftmax]) -> Callable[[Node], Use]:
    """A softmax along one axis."""

    def said(node: Node) -> Use:
        x = node.given(0)
        (axis,) = named([node.attributes.get("axis", -1) % x.ndim])
        return use(kind(axis=axis), lifted(x), back=dropped)

    return said


def _prelu(node: Node) -> Use:
    """One slope for each number makes each number a channel; one for each place of the last axis makes that one so."""
    x, slope = node.given(0), node.given(1)
    if slope.shape == x.shape:
        return _prelu_of(x.reshape(1, -1), slope.ravel(), lambda y: y.reshape(x.shape))
    if slope.shape == x.shape[-1:]:
        return _prelu_of(x.reshape(-1, x.shape[-1]), slope, lambda y: y.reshape(x.shape))
    raise Unsaid("slopes for another axis than the last")


def _prelu_of(x: Array, slope: Array, back: Callable[[Array], Array]) -> Use:
    parameters = {"weight": slope.astype(np.float64)}
    return use(Prelu(per="channel"), typed(("batch", "channel"), x), parameters=parameters, back=back)


def _selu(node: Node) -> Use:
    alpha, gamma = number(node, "alpha", SELU[0]), number(node, "gamma", SELU[1])
    if not np.allclose((alpha, gamma), SELU, rtol=1e-6, atol=0):
        raise Unsaid("constants that are not those of the paper")
    return use(Selu(), lifted(node.given(0)), back=dropped)


def _swish(node: Node) -> Use:
    if number(node, "alpha", 1.0) != 1:
        raise Unsaid("a factor inside the sigmoid")
    return use(Silu(), lifted(node.given(0)), back=dropped)


def _shrink(node: Node) -> Use:
    """What is small becomes 0; what is not stays, or is drawn as far."""
    lambd, bias = number(node, "lambd", 0.5), number(node, "bias", 0.0)
    if bias not in (0.0, lambd):
        raise Unsaid("drawn by another distance")
    op = Softshrink(lambd=lambd) if bias else Hardshrink(lambd=lambd)
    return use(op, lifted(node.given(0)), back=dropped)


def _dropout(node: Node) -> Use:
    """In evaluation nothing is dropped; in training what is dropped is drawn by chance, unless it is nothing."""
    ratio, training = node.input(1), node.input(2)
    p = number(node, "ratio", 0.5) if ratio is None else float(ratio)
    if training is not None and bool(training) and p > 0:
        raise Unsaid("what is dropped is drawn by chance")
    said = use(Dropout(p=p), lifted(node.given(0)), back=dropped)
    if training is None or not bool(training):
        return said
    noise = {one.name: np.ones(said.numbers.inputs[0].shape) for one in said.case.inferred.noise}
    return replace(said, mode="train", numbers=replace(said.numbers, noise=noise))


TABLE: dict[str, Callable[[Node], Use]] = {
    "Identity": _on(lambda _: Identity()),
    "Relu": _on(lambda _: Relu()),
    "LeakyRelu": _on(lambda node: LeakyRelu(negative_slope=number(node, "alpha", 0.01))),
    "Tanh": _on(lambda _: Tanh()),
    "Sigmoid": _on(lambda _: Sigmoid()),
    "Softplus": _on(lambda _: Softplus()),
    "Softsign": _on(lambda _: Softsign()),
    "Elu": _on(lambda node: Elu(alpha=number(node, "alpha", 1.0))),
    "Celu": _on(lambda node: Celu(alpha=number(node, "alpha", 1.0))),
    "Selu": _selu,
    "PRelu": _prelu,
    "HardSwish": _on(lambda _: Hardswish()),
    "Gelu": _on(lambda node: Gelu(approximate=node.attributes.get("approximate", "none"))),
    "Mish": _on(lambda _: Mish()),
    "Swish": _swish,
    "Softmax": _along(Softmax),
    "LogSoftmax": _along(LogSoftmax),
    "Dropout": _dropout,
    "Shrink": _shrink,
    "ThresholdedRelu": _on(lambda node: Threshold(threshold=number(node, "alpha", 1.0), value=0.0)),
    "Abs": _on(lambda _: elementary.Abs()),
    "Exp": _on(lambda _: elementary.Exp()),
    "Log": _on(lambda _: elementary.Log()),
    "Sqrt": _on(lambda _: elementary.Sqrt()),
    "Neg": _on(lambda _: arithmetic.Neg()),
    "Clip": _clip,
    "Reciprocal": _reciprocal,
    "Add": _spread(arithmetic.Add),
    "Sum": _spread(arithmetic.Add),
    "Sub": _spread(arithmetic.Sub),
    "Mul": _spread(arithmetic.Mul),
    "And": _spread(arithmetic.Mul),
    "Div": _spread(arithmetic.Div),
    "Pow": _pow,
    "Mean": _over_all(Mean),
    "Max": _extreme(compare.Maximum(), Amax),
    "Min": _extreme(compare.Minimum(), Amin),
    "Less": _of_two(compare.Less()),
    "LessOrEqual": _of_two(compare.LessEqual()),
    "Greater": _of_two(compare.Greater()),
    "GreaterOrEqual": _of_two(compare.GreaterEqual()),
    "Equal": _equal,
    "Where": _of_two(compare.Where()),
}
