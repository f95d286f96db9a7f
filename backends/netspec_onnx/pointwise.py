"""Activations, elementary functions, arithmetic and comparisons; figures of several nodes stand in `figures`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.types import TensorType
from netspec.recover.draft import Unsaid
from netspec_onnx import figures
from netspec_onnx.file import Node
from netspec_onnx.reader import Laid, Reader, Rule, floats

Array = NDArray[Any]

SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""alpha and gamma of the paper in float32."""


def on(
    op: str, arguments: Callable[[Node], dict[str, object]] = lambda _: {}
) -> Callable[[Reader, Node], Sequence[Laid]]:
    """An op of one tensor, whatever its axes; axes that are not there stay away."""

    def said(r: Reader, node: Node) -> Sequence[Laid]:
        laid = r.at(node.input(0))
        (value,) = r.draw(node, op, arguments(node), (laid.value,))

        def back() -> str:
            return r.draw(node, op, arguments(node), (r.full(laid),))[0]

        return (Laid(value, laid.ones, laid.names, None if laid.back is None else back),)

    return said


def written(node: Node, attribute: str, argument: str, default: float) -> dict[str, object]:
    """An attribute as an argument, where it is not the default of both."""
    value = float(node.attributes.get(attribute, default))
    return {argument: value}


def _same(r: Reader, node: Node) -> Sequence[Laid]:
    return (r.at(node.input(0)),)


def _dropout(r: Reader, node: Node) -> Sequence[Laid]:
    """In evaluation nothing is dropped; the layer is kept, for a network that is to be trained again."""
    training = r.array(node, 2)
    ratio = r.array(node, 1)
    if training is not None and training.any():
        raise Unsaid("what is dropped is drawn by chance")
    p = float(node.attributes.get("ratio", 0.5)) if ratio is None else float(str(floats(ratio).ravel()[0]))
    if p == 0 or not 0 < p < 1:
        return _same(r, node)
    return on("dropout", lambda _: {"p": p})(r, node)


def _selu(r: Reader, node: Node) -> Sequence[str | Laid]:
    alpha, gamma = (
        float(node.attributes.get(key, one)) for key, one in zip(("alpha", "gamma"), SELU, strict=True)
    )
    if not np.allclose((alpha, gamma), SELU, rtol=1e-6, atol=0):
        raise Unsaid("constants that are not those of the paper")
    return on("selu")(r, node)


def _hard_sigmoid(r: Reader, node: Node) -> Sequence[str | Laid]:
    """PyTorch's has the slope 1/6, in as many digits as the file likes; any other is a formula held within 0 and 1."""
    alpha, beta = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    if abs(alpha - 1 / 6) < 1e-5 and beta == 0.5:
        return on("hardsigmoid")(r, node)
    laid = r.at(node.input(0))
    (scaled,) = r.draw(node, "mul", {}, (laid.value, r.draft.number(alpha)))
    (moved,) = r.draw(node, "add", {}, (scaled, r.draft.number(beta)))
    (value,) = r.draw(node, "hardtanh", {"min_val": 0.0, "max_val": 1.0}, (moved,))
    return (Laid(value, laid.ones, laid.names),)


def _swish(r: Reader, node: Node) -> Sequence[str | Laid]:
    if float(node.attributes.get("alpha", 1.0)) != 1:
        raise Unsaid("a factor inside the sigmoid")
    return on("silu")(r, node)


def _shrink(r: Reader, node: Node) -> Sequence[str | Laid]:
    """What is small becomes 0; what is not stays, or is drawn as far."""
    lambd, bias = float(node.attributes.get("lambd", 0.5)), float(node.attributes.get("bias", 0.0))
    if bias not in {0.0, lambd}:
        raise Unsaid("drawn by another distance")
    return on("softshrink" if bias else "hardshrink", lambda _: {"lambd": lambd})(r, node)


def _prelu(r: Reader, node: Node) -> Sequence[str]:
    slope, x = r.numbers(node, 1), r.value(node.input(0))
    kind = r.draft.type(x)
    keys = [node.input(1)]
    if slope.size == 1:
        return r.draw(node, "prelu", {}, (x,), weights={"weight": slope.reshape(1)}, keys=keys)
    wide = slope.reshape((1,) * (kind.rank - slope.ndim) + slope.shape)
    if kind.rank < 2 or wide.size != wide.shape[1]:
        raise Unsaid("slopes for another axis than the channels")
    return r.draw(node, "prelu", {"per": "channel"}, (x,), weights={"weight": wide.reshape(-1)}, keys=keys)


def _clip(r: Reader, node: Node) -> Sequence[str | Laid]:
    """Limits are inputs, or attributes in old files. From 0 to 6 is a word of its own."""
    limits: list[float | None] = []
    for i, key in ((1, "min"), (2, "max")):
        if node.input(i):
            limit = r.number(node.input(i))
            if limit is None:
                raise Unsaid("limits that the network computes")
        else:
            limit = node.attributes.get(key)
        limits.append(None if limit is None or not abs(limit) < 3.4e38 else limit)
    low, high = limits
    if low is None and high is None:
        return _same(r, node)
    if (low, high) == (0.0, 6.0):
        return on("relu6")(r, node)
    if (low, high) == (0.0, None):
        return on("relu")(r, node)
    if low is not None and high is not None:
        if low >= high:
            raise Unsaid("limits the wrong way round")
        return on("hardtanh", lambda _: {"min_val": low, "max_val": high})(r, node)
    return on("clamp", lambda _: {"min": low} if high is None else {"max": high})(r, node)


def _softmax(op: str) -> Rule:
    """Along one axis; before opset 13 along all axes from one on, which is one where there is no other."""

    def said(r: Reader, node: Node) -> Sequence[str]:
        x = r.value(node.input(0))
        kind = r.draft.type(x)
        axis = node.attributes.get("axis", 1 if r.model.opset < 13 else -1) % kind.rank
        if r.model.opset < 13 and any(one != 1 for one in kind.sizes[axis + 1 :]):
            raise Unsaid("probabilities over several axes at once")
        if axis == 0:
            raise Unsaid("probabilities over the samples of a batch")
        return r.draw(node, op, {"axis": kind.names[axis]} if kind.rank > 2 else {}, (x,))

    return said


# ------------------------------------------------------------------------------------------------ two operands

NOTHING = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0}
"""What changes nothing as the second operand."""


def _arithmetic(op: str) -> Rule:
    """An op of two tensors; a constant is a number, or a tensor that is the same for all samples."""

    def said(r: Reader, node: Node) -> Sequence[str | Laid]:
        figure = figures.figure(r, node)
        if figure is not None:
            return (figure,)
        names = [name for name in node.inputs if name]
        if len(names) == 1:
            return _same(r, node)
        result: str | Laid = names[0]
        held: str | Laid | None = None
        for name in names[1:]:
            result = _pair(r, node, op, names[0] if held is None else held, name)
            held = result
        return (result,)

    return said


def _pair(r: Reader, node: Node, op: str, left: str | Laid, right: str) -> str | Laid:
    """One op of two operands, each a name or what was made of one."""
    first = left if isinstance(left, Laid) else None
    if isinstance(left, str) and left in r.arrays:
        return _with_constant(r, node, op, right, left, swapped=True)
    if right in r.arrays:
        return _with_constant(r, node, op, left, right, swapped=False)
    a, b = first or (r.at(left) if isinstance(left, str) else left), r.at(right)
    if a.ones == b.ones and a.ones and r.draft.type(a.value).sizes == r.draft.type(b.value).sizes:
        (value,) = r.draw(node, op, {}, (a.value, b.value))
        return Laid(value, a.ones, a.names)
    return _of_values(r, node, op, r.full(a), r.full(b))


def _of_values(r: Reader, node: Node, op: str, x: str, y: str) -> str:
    """Axes agree by position; where one has a single place, it spreads."""
    a, b = r.draft.type(x), r.draft.type(y)
    if a.rank != b.rank:
        raise Unsaid(f"values of {a.rank} and of {b.rank} axes meet")
    broadcast = _spreads(a, b)
    arguments: dict[str, object] = {"broadcast": True} if broadcast else {}
    if broadcast and op == "pow":
        raise Unsaid("a power of a value that is spread")
    y = renamed(r, node, y, a)
    return r.draw(node, op, arguments, (x, y))[0]


def renamed(r: Reader, node: Node, value: str, like: TensorType) -> str:
    """The value with the axis names of another, where they are not the same."""
    kind = r.draft.type(value)
    pairs = {
        own: theirs
        for own, theirs in zip(kind.names[1:], like.names[1:], strict=True)
        if own != theirs and "feature" not in (own, theirs)
    }
    return r.draw(node, "rename", pairs, (value,), name="")[0] if pairs else value


def _spreads(a: TensorType, b: TensorType) -> bool:
    return any(p != q and 1 in (p, q) for p, q in zip(a.sizes, b.sizes, strict=True))


def _with_constant(
    r: Reader, node: Node, op: str, value: str | Laid, constant: str, *, swapped: bool
) -> str | Laid:
    """One operand is known: a number, a factor or a shift of each channel, or any tensor."""
    laid = value if isinstance(value, Laid) else r.at(value)
    number = r.number(constant)
    if number is not None:
        if number == NOTHING.get(op) and (not swapped or op in {"add", "mul"}):
            return laid
        plain = r.draft.number(number)
        inputs = (plain, laid.value) if swapped else (laid.value, plain)
        (made,) = r.draw(node, op, {}, inputs)
        return Laid(made, laid.ones, laid.names)
    array = floats(np.asarray(r.arrays[constant]))
    x = r.full(laid)
    kind = r.draft.type(x)
    if array.ndim > kind.rank:
        raise Unsaid("a constant with more axes than the value it meets")
    wide = array.reshape((1,) * (kind.rank - array.ndim) + array.shape)
    places = [i for i, size in enumerate(wide.shape) if size != 1]
    if places and places[0] == 0:
        raise Unsaid("a constant that is another one for each sample")
    for place in places:
        if kind.sizes[place] != wide.shape[place]:
            raise Unsaid("a value is spread along a constant")
    axes = tuple(kind.names[place] for place in places)
    held = wide.reshape([wide.shape[place] for place in places])
    if op == "mul" and len(places) == 1 and r.words.learned(constant):
        arguments = {} if axes == kind.names[1:2] else {"axis": axes[0]}
        weight = held.reshape((-1, *(1,) * (kind.rank - 1 - places[0])))
        return r.draw(node, "layer_scale", arguments, (x,), weights={"weight": weight}, keys=[constant])[0]
    tensor = _tensor(r, constant, held, axes)
    (wide_value,) = r.draft.step("", "expand", {}, (tensor, x))
    inputs = (wide_value, x) if swapped else (x, wide_value)
    return r.draw(node, op, {}, inputs)[0]


def _tensor(r: Reader, constant: str, array: Array, axes: Sequence[str]) -> str:
    """The constant as a learned tensor that is learned only where its name says so; once for all who use it."""
    key = (constant, *axes)
    if key not in r.tensors:
        name = r.words.of(Node("", "", (), ()), [constant])
        r.tensors[key] = r.draft.tensor(name, array, axes, frozen=not r.words.learned(constant))
    return r.tensors[key]


def _reciprocal(r: Reader, node: Node) -> Sequence[str]:
    return r.draw(node, "div", {}, (r.draft.number(1.0), r.value(node.input(0))))


def _pow(r: Reader, node: Node) -> Sequence[str | Laid]:
    """A square is a product, which PyTorch computes faster; any other number is an exponent."""
    exponent = r.number(node.input(1))
    laid = r.at(node.input(0))
    if exponent is None:
        return _arithmetic("pow")(r, node)
    if exponent == 0.5:
        return on("sqrt")(r, node)
    (made,) = r.draw(node, "pow", {}, (laid.value, r.draft.number(exponent)))
    return (Laid(made, laid.ones, laid.names),)


def _compare(op: str) -> Rule:
    def said(r: Reader, node: Node) -> Sequence[str]:
        inputs = []
        for name in node.inputs:
            number = r.number(name)
            inputs.append(r.value(name) if number is None else r.draft.number(number))
        return r.draw(node, op, {}, inputs)

    return said


def _where(r: Reader, node: Node) -> Sequence[str | Laid]:
    figure = figures.softplus(r, node)
    return (figure,) if figure is not None else _compare("where")(r, node)


def _extreme(op: str) -> Rule:
    """Of two or more; a number among them is a limit."""

    def said(r: Reader, node: Node) -> Sequence[str | Laid]:
        numbers = [r.number(name) for name in node.inputs]
        if len(node.inputs) == 2 and any(one is not None for one in numbers):
            i = 0 if numbers[0] is not None else 1
            laid = r.at(node.inputs[1 - i])
            if op == "maximum" and numbers[i] == 0:
                (made,) = r.draw(node, "relu", {}, (laid.value,))
            else:
                limit = {"min" if op == "maximum" else "max": numbers[i]}
                (made,) = r.draw(node, "clamp", limit, (laid.value,))
            return (Laid(made, laid.ones, laid.names),)
        return _arithmetic(op)(r, node)

    return said


TABLE: dict[str, Rule] = {
    "Identity": _same,
    "Cast": _same,
    "CastLike": _same,
    "Dropout": _dropout,
    "Relu": on("relu"),
    "LeakyRelu": on("leaky_relu", lambda node: written(node, "alpha", "negative_slope", 0.01)),
    "Tanh": on("tanh"),
    "Sigmoid": on("sigmoid"),
    "Softplus": on("softplus"),
    "Softsign": on("softsign"),
    "Elu": on("elu", lambda node: written(node, "alpha", "alpha", 1.0)),
    "Celu": on("celu", lambda node: written(node, "alpha", "alpha", 1.0)),
    "Selu": _selu,
    "PRelu": _prelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": on("hardswish"),
    "Gelu": on("gelu", lambda node: {"approximate": node.attributes.get("approximate", "none")}),
    "Mish": on("mish"),
    "Swish": _swish,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Shrink": _shrink,
    "ThresholdedRelu": on(
        "threshold", lambda node: {"threshold": float(node.attributes.get("alpha", 1.0)), "value": 0.0}
    ),
    "Abs": on("abs"),
    "Exp": on("exp"),
    "Log": on("log"),
    "Sqrt": on("sqrt"),
    "Neg": on("neg"),
    "Clip": _clip,
    "Reciprocal": _reciprocal,
    "Add": _arithmetic("add"),
    "Sum": _arithmetic("add"),
    "Sub": _arithmetic("sub"),
    "Mul": _arithmetic("mul"),
    "Div": _arithmetic("div"),
    "Pow": _pow,
    "Max": _extreme("maximum"),
    "Min": _extreme("minimum"),
    "Less": _compare("less"),
    "LessOrEqual": _compare("less_equal"),
    "Greater": _compare("greater"),
    "GreaterOrEqual": _compare("greater_equal"),
    "Equal": _compare("equal"),
    "Where": _where,
}
