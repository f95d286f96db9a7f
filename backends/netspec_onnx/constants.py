"""What can be worked out before the network runs: constants, and sizes, which may have letters in them.

Exporters compute shapes with nodes (`Shape`, `Gather`, `Concat`, `Reshape`). A vector of sizes is an array of Dims
here, so that NumPy's own arithmetic works on it, and what comes of it is known as far as netspec knows any size.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.dim import Dim
from netspec_onnx.file import Node

Array = NDArray[Any]

MOST = 2**26
"""So many numbers a computed constant may have."""

Fold = Callable[[Node, Sequence[Array]], Array | tuple[Array, ...]]


class Unfolded(Exception):
    """This cannot be worked out beforehand."""


def sizes(dims: Sequence[Dim]) -> Array:
    """A vector of sizes: whole numbers, or Dims where one has letters."""
    if all(one.value is not None for one in dims):
        return np.array([one.value for one in dims], np.int64)
    found = np.empty(len(dims), object)
    found[:] = [one if one.value is None else one.value for one in dims]
    return found


def settled(array: Array) -> Array:
    """The same as whole numbers where no letter is left."""
    if array.dtype != object:
        return array
    flat = [one.value if isinstance(one, Dim) else one for one in array.ravel()]
    if any(one is None for one in flat):
        return array
    return np.array(flat, np.int64).reshape(array.shape)


def whole(array: Array) -> tuple[int, ...]:
    """The numbers of a vector; Unfolded where one is not known."""
    known = settled(np.asarray(array))
    if known.dtype == object:
        raise Unfolded("a size that is not known")
    return tuple(int(one) for one in known.ravel())


def fold(node: Node, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """The outputs of a node whose inputs are all known; Unfolded where that is not to be had."""
    rule = FOLDS.get(node.op)
    if rule is None:
        raise Unfolded(node.op)
    if sum(one.size for one in inputs) > MOST:
        raise Unfolded("too large")
    try:
        with np.errstate(all="ignore"):
            made = rule(node, inputs)
    except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError, KeyError) as trouble:
        raise Unfolded(node.op) from trouble
    outputs = made if isinstance(made, tuple) else (made,)
    return tuple(settled(np.asarray(one)) for one in outputs)


def _of_two(apply: Callable[[Any, Any], Any]) -> Fold:
    return lambda _, inputs: apply(_plain(inputs[0]), _plain(inputs[1]))


def _plain(array: Array) -> Array:
    return array


def _div(_: Node, inputs: Sequence[Array]) -> Array:
    """Whole numbers are divided towards zero; sizes are never negative."""
    x, y = inputs
    if any(one.dtype == object for one in inputs):
        return np.asarray(x // y)
    if np.issubdtype(x.dtype, np.integer):
        return np.asarray(np.trunc(np.divide(x, y))).astype(x.dtype)
    return np.asarray(x / y)


def _floor(_: Node, inputs: Sequence[Array]) -> Array:
    return inputs[0] if inputs[0].dtype == object else np.floor(inputs[0])


def _cast(node: Node, inputs: Sequence[Array]) -> Array:
    """Sizes with letters stay as they are: no number is lost in a type that holds whole ones."""
    from onnx import helper  # noqa: PLC0415 - whoever comes here has it

    kind = np.dtype(helper.tensor_dtype_to_np_dtype(node.attributes["to"]))
    return inputs[0] if inputs[0].dtype == object else inputs[0].astype(kind)


def _gather(node: Node, inputs: Sequence[Array]) -> Array:
    return np.take(inputs[0], inputs[1].astype(np.int64), axis=node.attributes.get("axis", 0))


def _concat(node: Node, inputs: Sequence[Array]) -> Array:
    return np.concatenate(list(inputs), axis=node.attributes["axis"])


def axes_of(node: Node, inputs: Sequence[Array]) -> tuple[int, ...]:
    """Axes, which are an attribute in old files and an input in new ones."""
    if len(inputs) > 1:
        return whole(inputs[1])
    return tuple(node.attributes.get("axes", ()))


def _unsqueeze(node: Node, inputs: Sequence[Array]) -> Array:
    return np.expand_dims(inputs[0], axes_of(node, inputs))


def _squeeze(node: Node, inputs: Sequence[Array]) -> Array:
    return np.squeeze(inputs[0], axis=axes_of(node, inputs) or None)


def _slice(node: Node, inputs: Sequence[Array]) -> Array:
    x = inputs[0]
    index = [slice(None)] * x.ndim
    for place, start, stop, step in slices(node, inputs[1:], x.ndim):
        index[place] = slice(start, stop, step)
    return x[tuple(index)]


def slices(node: Node, given: Sequence[Array], rank: int) -> list[tuple[int, int, int, int]]:
    """Axis, start, stop and step of each cut."""
    if not given:
        starts, stops = node.attributes["starts"], node.attributes["ends"]
        axes, steps = node.attributes.get("axes", range(len(starts))), (1,) * len(starts)
    else:
        starts, stops = whole(given[0]), whole(given[1])
        axes = whole(given[2]) if len(given) > 2 and given[2].size else range(len(starts))
        steps = whole(given[3]) if len(given) > 3 and given[3].size else (1,) * len(starts)
    return [(a % rank, b, c, d) for a, b, c, d in zip(axes, starts, stops, steps, strict=True)]


def _reshape(node: Node, inputs: Sequence[Array]) -> Array:
    x, shape = inputs[0], list(whole(inputs[1]))
    if not node.attributes.get("allowzero", 0):
        shape = [x.shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return x.reshape(shape)


def _transpose(node: Node, inputs: Sequence[Array]) -> Array:
    return np.transpose(inputs[0], node.attributes.get("perm"))


def _filled(node: Node, inputs: Sequence[Array]) -> Array:
    """One number over and over; over a free shape it is kept as one, which spreads."""
    value = node.attributes.get("value", np.zeros(1, np.float32))
    if inputs[0].dtype == object:
        return np.full((1,) * len(inputs[0]), value.ravel()[0], value.dtype)
    shape = whole(inputs[0])
    _small(shape)
    return np.full(shape, value.ravel()[0], value.dtype)


def _expand(_: Node, inputs: Sequence[Array]) -> Array:
    if inputs[1].dtype == object and inputs[0].size == 1:
        return inputs[0].reshape((1,) * max(len(inputs[1]), inputs[0].ndim))
    shape = np.broadcast_shapes(inputs[0].shape, whole(inputs[1]))
    _small(shape)
    return np.broadcast_to(inputs[0], shape).copy()


def _small(shape: Sequence[int]) -> None:
    total = 1
    for size in shape:
        total *= max(int(size), 0)
    if total > MOST:
        raise Unfolded("too large")


def _range(_: Node, inputs: Sequence[Array]) -> Array:
    start, stop, step = (one.item() for one in inputs)
    _small([int(abs((stop - start) / step)) + 1])
    return np.arange(start, stop, step, dtype=inputs[0].dtype)


def _shape(node: Node, inputs: Sequence[Array]) -> Array:
    return part_of_shape(node, np.array(inputs[0].shape, np.int64))


def part_of_shape(node: Node, shape: Array) -> Array:
    """The part of a shape that a node asks for."""
    return shape[node.attributes.get("start", 0) : node.attributes.get("end")]


def _reduced(apply: Callable[..., Any]) -> Fold:
    def made(node: Node, inputs: Sequence[Array]) -> Array:
        axes = axes_of(node, inputs)
        keep = bool(node.attributes.get("keepdims", 1))
        return np.asarray(apply(inputs[0], axis=axes or None, keepdims=keep))

    return made


def _split(node: Node, inputs: Sequence[Array]) -> tuple[Array, ...]:
    axis = node.attributes.get("axis", 0)
    parts = whole(inputs[1]) if len(inputs) > 1 else node.attributes.get("split")
    if parts is None:
        return tuple(np.array_split(inputs[0], len(node.outputs), axis))
    return tuple(np.split(inputs[0], np.cumsum(parts)[:-1], axis))


def _where(_: Node, inputs: Sequence[Array]) -> Array:
    if inputs[0].dtype == object:
        raise Unfolded("where")
    return np.where(*inputs)


def _compared(apply: Callable[[Any, Any], Any]) -> Fold:
    def made(_: Node, inputs: Sequence[Array]) -> Array:
        if any(one.dtype == object for one in inputs):
            raise Unfolded("a comparison of letters")
        return np.asarray(apply(*inputs))

    return made


def _constant(node: Node, inputs: Sequence[Array]) -> Array:
    del inputs
    found = next((one for one in node.attributes.values() if one is not None), None)
    if found is None:
        raise Unfolded("a constant of another kind")
    if isinstance(found, np.ndarray):
        return found
    kind = next(key for key in node.attributes)
    return np.asarray(found, np.float32 if "float" in kind else np.int64 if "int" in kind else None)


FOLDS: dict[str, Fold] = {
    "Constant": _constant,
    "Identity": lambda _, inputs: inputs[0],
    "Shape": _shape,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Range": _range,
    "Split": _split,
    "Cast": _cast,
    "Floor": _floor,
    "Ceil": lambda _, inputs: inputs[0] if inputs[0].dtype == object else np.ceil(inputs[0]),
    "Add": _of_two(operator.add),
    "Sub": _of_two(operator.sub),
    "Mul": _of_two(operator.mul),
    "Div": _div,
    "Pow": _compared(np.power),
    "Neg": lambda _, inputs: -inputs[0],
    "Sqrt": lambda _, inputs: np.sqrt(inputs[0]),
    "Reciprocal": lambda _, inputs: 1 / inputs[0],
    "Exp": lambda _, inputs: np.exp(inputs[0]),
    "Log": lambda _, inputs: np.log(inputs[0]),
    "Not": lambda _, inputs: ~inputs[0],
    "Equal": _compared(np.equal),
    "Greater": _compared(np.greater),
    "Less": _compared(np.less),
    "Where": _where,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "Size": lambda _, inputs: np.asarray(inputs[0].size, np.int64),
}
"""How each op is worked out. Nothing else is: an op that is not here is one of the network's."""
