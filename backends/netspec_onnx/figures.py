"""Figures: several nodes by which an exporter says what netspec has one word for.

Each is looked for at its last node and read backwards; what was drawn for its other nodes falls away where nobody else
needs it. Nothing is taken for a figure unless all its constants are those of the formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from netspec_onnx.file import Node
from netspec_onnx.reader import Laid, Reader

CLOSE = 1e-4
"""How far constants may lie from those of a formula: half precision is written so."""


def figure(r: Reader, node: Node) -> Laid | None:
    """What a node of arithmetic is the end of; None where it is what it says."""
    for look in LOOKS.get(node.op, ()):
        found = look(r, node)
        if found is not None:
            return found
    return None


def near(value: float | None, wanted: float) -> bool:
    """Whether a constant is that of the formula."""
    return value is not None and math.isclose(value, wanted, rel_tol=CLOSE)


def factors(r: Reader, name: str, depth: int = 4) -> tuple[list[str], float]:
    """What a value is the product of: other values, and a number."""
    node = r.maker(name, "Mul", "Div")
    if node is None or not depth or len(node.inputs) != 2:
        return [name], 1.0
    a, b = node.inputs
    second = r.number(b)
    if node.op == "Div":
        if not second:
            return [name], 1.0
        found, number = factors(r, a, depth - 1)
        return found, number / second
    first = r.number(a)
    if first is not None or second is not None:
        found, number = factors(r, b if first is not None else a, depth - 1)
        return found, number * (first if first is not None else second or 0.0)
    left, right = factors(r, a, depth - 1), factors(r, b, depth - 1)
    return [*left[0], *right[0]], left[1] * right[1]


def shifted(r: Reader, name: str) -> tuple[str, float] | None:
    """`x + c` of a value and a number."""
    node = r.maker(name, "Add")
    if node is None or len(node.inputs) != 2:
        return None
    for x, c in (node.inputs, node.inputs[::-1]):
        number = r.number(c)
        if number is not None and x not in r.arrays:
            return x, number
    return None


def _products(r: Reader, node: Node) -> Laid | None:
    """`x * f(x)`: silu, hardswish, mish, gelu."""
    found, number = factors(r, node.outputs[0])
    if len(found) != 2:
        return None
    for x, other in (found, found[::-1]):
        for op, fits, wanted in GATES:
            arguments = fits(r, x, other) if near(number, wanted) else None
            if arguments is not None:
                return _drawn(r, node, op, arguments, x)
    return None


def _drawn(r: Reader, node: Node, op: str, arguments: dict[str, object], x: str) -> Laid | None:
    """The op on the value that the figure begins with."""
    laid = r.laid.get(x)
    if not isinstance(laid, Laid):
        return None
    (value,) = r.draw(node, op, arguments, (laid.value,))
    return Laid(value, laid.ones, laid.names)


def _of(op: str) -> Callable[[Reader, str, str], dict[str, object] | None]:
    """The other factor is this op of the value."""

    def fits(r: Reader, x: str, other: str) -> dict[str, object] | None:
        node = r.maker(other, op)
        return {} if node is not None and node.input(0) == x else None

    return fits


def _hard_sigmoid(r: Reader, x: str, other: str) -> dict[str, object] | None:
    node = r.maker(other, "HardSigmoid")
    good = node is not None and node.input(0) == x and near(node.attributes.get("alpha", 0.2), 1 / 6)
    return {} if good else None


def _clipped(r: Reader, x: str, other: str) -> dict[str, object] | None:
    """`clip(x + 3, 0, 6)`."""
    return {} if clipped(r, other) == x else None


def clipped(r: Reader, name: str) -> str | None:
    """The x of `clip(x + 3, 0, 6)`."""
    node = r.maker(name, "Clip")
    if node is None:
        return None
    limits = [
        r.number(node.input(i)) if node.input(i) else node.attributes.get(key)
        for i, key in ((1, "min"), (2, "max"))
    ]
    inner = shifted(r, node.input(0))
    return inner[0] if inner is not None and inner[1] == 3 and limits == [0, 6] else None


def _mish(r: Reader, x: str, other: str) -> dict[str, object] | None:
    outer = r.maker(other, "Tanh")
    inner = r.maker(outer.input(0), "Softplus") if outer is not None else None
    return {} if inner is not None and inner.input(0) == x else None


def _erf(r: Reader, x: str, other: str) -> dict[str, object] | None:
    """`1 + erf(x / sqrt(2))`, a half of which is the normal distribution function."""
    sum_ = shifted(r, other)
    node = r.maker(sum_[0], "Erf") if sum_ is not None and sum_[1] == 1 else None
    if node is None:
        return None
    found, number = factors(r, node.input(0))
    return {} if found == [x] and near(number, math.sqrt(0.5)) else None


def _tanh(r: Reader, x: str, other: str) -> dict[str, object] | None:
    """`1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))`."""
    sum_ = shifted(r, other)
    node = r.maker(sum_[0], "Tanh") if sum_ is not None and sum_[1] == 1 else None
    if node is None:
        return None
    found, number = factors(r, node.input(0))
    inner = r.maker(found[0], "Add") if len(found) == 1 and near(number, math.sqrt(2 / math.pi)) else None
    if inner is None or x not in inner.inputs:
        return None
    cube = inner.inputs[1] if inner.inputs[0] == x else inner.inputs[0]
    parts, share = factors(r, cube)
    power = r.maker(parts[0], "Pow") if len(parts) == 1 else None
    cubed = parts == [x, x, x] or (
        power is not None and power.input(0) == x and r.number(power.input(1)) == 3
    )
    return {"approximate": "tanh"} if cubed and near(share, 0.044715) else None


GATES: tuple[tuple[str, Callable[[Reader, str, str], dict[str, object] | None], float], ...] = (
    ("silu", _of("Sigmoid"), 1.0),
    ("hardswish", _hard_sigmoid, 1.0),
    ("hardswish", _clipped, 1 / 6),
    ("mish", _mish, 1.0),
    ("gelu", _erf, 0.5),
    ("gelu", _tanh, 0.5),
)
"""What `x * f(x) * number` is called."""


def _hardsigmoid(r: Reader, node: Node) -> Laid | None:
    """`clip(x + 3, 0, 6) / 6`."""
    found, number = factors(r, node.outputs[0])
    x = clipped(r, found[0]) if len(found) == 1 and near(number, 1 / 6) else None
    return None if x is None else _drawn(r, node, "hardsigmoid", {}, x)


def _softsign(r: Reader, node: Node) -> Laid | None:
    """`x / (1 + |x|)`."""
    below = shifted(r, node.input(1))
    inner = r.maker(below[0], "Abs") if below is not None and below[1] == 1 else None
    if inner is None or inner.input(0) != node.input(0):
        return None
    return _drawn(r, node, "softsign", {}, node.input(0))


def _layer_norm(r: Reader, node: Node) -> Laid | None:
    """`(x - m) / sqrt(mean((x - m) ** 2) + eps)` with m the mean of x, without a scale and a shift."""
    found = _normalised(r, node)
    if found is None:
        return None
    x, axes, eps = found
    value = r.value(x)
    arguments = {"axis": _said(axes), "eps": eps, "elementwise_affine": False, "bias": False}
    return Laid(r.draw(node, "layer_norm", arguments, (value,))[0])


def _normalised(r: Reader, node: Node) -> tuple[str, tuple[str, ...], float] | None:
    """What a quotient normalises, over which axes, and with which number in the root."""
    top, bottom = r.maker(node.input(0), "Sub"), r.maker(node.input(1), "Sqrt")
    if top is None or bottom is None:
        return None
    x, mean = top.input(0), r.maker(top.input(1), "ReduceMean")
    root = shifted(r, bottom.input(0))
    variance = r.maker(root[0], "ReduceMean") if root is not None else None
    if root is None or mean is None or variance is None or mean.input(0) != x or x not in r.laid:
        return None
    square = r.maker(variance.input(0), "Pow", "Mul")
    if square is None:
        return None
    inner = r.maker(square.input(0), "Sub")
    same = inner is not None and inner.inputs == top.inputs
    twice = r.number(square.input(1)) == 2 if square.op == "Pow" else square.input(0) == square.input(1)
    axes = _axes(r, mean, x)
    if not same or not twice or not axes or axes != _axes(r, variance, x):
        return None
    return x, axes, root[1]


def _said(axes: tuple[str, ...]) -> object:
    """Axes as a spec writes them: one alone, or a list."""
    return axes[0] if len(axes) == 1 else list(axes)


def _axes(r: Reader, node: Node, x: str) -> tuple[str, ...]:
    """The names of the axes that a reduction goes over, kept with one place each."""
    kind = r.type(x)
    given = r.arrays.get(node.input(1)) if node.input(1) else np.array(node.attributes.get("axes", ()))
    if given is None or not node.attributes.get("keepdims", 1):
        return ()
    return tuple(kind.names[i] for i in sorted(int(one) % kind.rank for one in given))


def _affine(r: Reader, node: Node) -> Laid | None:
    """The scale, then the shift of a normalisation that was said with a quotient."""
    for inner, shift in (node.inputs, node.inputs[::-1]):
        scaled = r.maker(inner, "Mul")
        if scaled is None or shift not in r.arrays:
            continue
        for quotient, scale in (scaled.inputs, scaled.inputs[::-1]):
            div = r.maker(quotient, "Div")
            found = _normalised(r, div) if div is not None and scale in r.arrays else None
            if found is not None:
                return _with_weights(r, node, found, (scale, shift))
    return None


def _with_weights(
    r: Reader, node: Node, found: tuple[str, tuple[str, ...], float], keys: tuple[str, str]
) -> Laid | None:
    """The norm with its weights, which must have a number for each place that is measured."""
    x, axes, eps = found
    kind = r.type(x)
    shape = tuple(kind.size(name).value or 0 for name in axes)
    weight, bias = (r.arrays[key] for key in keys)
    if weight.size != math.prod(shape) or bias.size != weight.size or weight.dtype != np.float32:
        return None
    weights = {"weight": weight.reshape(shape), "bias": np.asarray(bias, np.float32).reshape(shape)}
    arguments = {"axis": _said(axes), "eps": eps}
    return Laid(r.draw(node, "layer_norm", arguments, (r.value(x),), weights=weights, keys=keys)[0])


def _biased(r: Reader, node: Node) -> Laid | None:
    """A linear layer or a convolution without a bias, and the shift of each of its features behind it."""
    for inner, shift in (node.inputs, node.inputs[::-1]):
        laid, bias = r.laid.get(inner), r.arrays.get(shift)
        if (
            bias is None
            or not isinstance(laid, Laid)
            or r.uses.get(inner, 0) != 1
            or bias.dtype != np.float32
        ):
            continue
        step = r.draft.made(laid.value)
        if step is None or step.shares or step.op not in {"linear", "conv"} or "bias" in step.weights:
            continue
        count = step.weights["weight"].shape[0]
        rank = r.rank(inner)
        place = rank - 1 if step.op == "linear" else 1
        wide = bias.reshape((1,) * max(rank - bias.ndim, 0) + bias.shape)
        if bias.size != count or wide.shape[place] != count:
            continue
        arguments = {key: value for key, value in step.arguments.items() if key != "bias"}
        weights = {**step.weights, "bias": bias.reshape(-1)}
        made = r.draft.step(step.name, step.op, arguments, step.inputs, weights=weights)
        return Laid(made[0], laid.ones, laid.names)
    return None


def softplus(r: Reader, node: Node) -> Laid | None:
    """A softplus that is x itself above some t, where float32 no longer tells the two apart."""
    mask, made = r.maker(node.input(0), "Greater"), r.maker(node.input(2), "Softplus")
    x = node.input(1)
    if mask is None or made is None or mask.input(0) != x or made.input(0) != x:
        return None
    limit = r.number(mask.input(1))
    return _drawn(r, node, "softplus", {}, x) if limit is not None and limit >= 20 else None


def _normal_cdf(r: Reader, node: Node) -> Laid | None:
    """`(1 - erf((mu - n) / (max(sigma, 1e-15) * sqrt(2)))) / 2` for n = 0, 1, ...: the distribution at whole bins."""
    found, number = factors(r, node.outputs[0])
    rest = r.maker(found[0], "Sub") if len(found) == 1 and near(number, 0.5) else None
    erf = r.maker(rest.input(1), "Erf") if rest is not None and r.number(rest.input(0)) == 1 else None
    ratio = r.maker(erf.input(0), "Div") if erf is not None else None
    if ratio is None:
        return None
    distance, width = r.maker(ratio.input(0), "Sub"), factors(r, ratio.input(1))
    held = r.maker(width[0][0], "Clip") if len(width[0]) == 1 and near(width[1], math.sqrt(2)) else None
    bins = r.arrays.get(distance.input(1)) if distance is not None else None
    if distance is None or held is None or bins is None or bins.ndim != 1:
        return None
    if not np.array_equal(bins, np.arange(bins.size)) or not near(r.number(held.input(1)), 1e-15):
        return None
    mu, sigma = (_spread(r, one) for one in (distance.input(0), held.input(0)))
    if mu is None or sigma is None:
        return None
    return Laid(r.draw(node, "normal_cdf", {"bins": int(bins.size)}, (mu, sigma))[0])


def _spread(r: Reader, name: str) -> str | None:
    """The value that got a last axis of one place here."""
    node = r.maker(name, "Unsqueeze")
    axes = r.arrays.get(node.input(1)) if node is not None else None
    if node is None or axes is None or axes.tolist() not in ([-1], [r.rank(node.input(0))]):
        return None
    return r.value(node.input(0))


LOOKS: dict[str, tuple[Callable[[Reader, Node], Laid | None], ...]] = {
    "Mul": (_products, _hardsigmoid),
    "Div": (_products, _hardsigmoid, _softsign, _layer_norm, _normal_cdf),
    "Add": (_affine, _biased),
}
"""Which figures end with which op."""

INNER: dict[str, str] = {"Erf": "netspec has no `erf` but in `gelu` and `normal_cdf`"}
"""Ops that have no word of their own, and are parts of figures."""
