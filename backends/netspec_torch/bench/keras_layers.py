"""What each op is in Keras: a layer of its own, with its weights and where the spec keeps them.

A function here takes Keras, the op, its inputs as Keras has them, their types and the node, and raises LeftOut for a
form of the op that Keras has not. Whether all of them compute what the spec says is checked before a clock runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from netspec.ir.graph import Node
from netspec.ir.op import Op
from netspec.ir.types import TensorType
from netspec.ops.activation import Identity, LeakyRelu, LogSoftmax, Relu, Sigmoid, Softmax, Softplus, Tanh
from netspec.ops.arithmetic import Add, Mul, Sub
from netspec.ops.axes import along
from netspec.ops.conv import Conv, ConvTranspose, transposed_geometry
from netspec.ops.cumulative import Cumsum
from netspec.ops.dropout import Dropout
from netspec.ops.join import Concat
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.pad import PadLike
from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, pool_geometry
from netspec.ops.rectifier import Elu, Relu6, Selu
from netspec.ops.scale import Rescale
from netspec.ops.shape import Flatten, Rename, Squeeze, Unsqueeze
from netspec.ops.slicing import FrameDifference, frames
from netspec.ops.sliding import slid_geometry
from netspec.ops.smooth import Gelu, Silu
from netspec_torch.bench.contender import LeftOut

Types = Sequence[TensorType]


@dataclass(frozen=True)
class Held:
    """A weight of a Keras layer, its key in the spec, and the axes of ours in the order of Keras'."""

    variable: Any
    key: str
    axes: tuple[int, ...] = ()

    def ours_to_keras(self, value: Tensor) -> Tensor:
        """A tensor of the spec in the layout of Keras."""
        return value.permute(self.axes) if self.axes else value

    def keras_to_ours(self, value: Tensor) -> Tensor:
        """And back."""
        if not self.axes:
            return value
        back = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return value.permute(back)


@dataclass(frozen=True)
class Laid:
    """What a node gives in Keras, and the weights it holds there."""

    value: Any
    held: tuple[Held, ...] = ()


def _conv(keras: Any, op: Conv, inputs: list[Any], types: Types, node: Node) -> Laid:
    """The layer of the input's rank; padding that keeps the size is `same`, any other is a layer of zeros before."""
    (kind,) = types
    kernel, stride, padding, dilation = slid_geometry(op, kind)
    if op.padding_mode != "zeros" or op.weight_standardisation:
        raise LeftOut(f"Keras has no conv with these settings (`{node.path}`)")
    rank, x, word = kind.rank - 2, inputs[0], "valid"
    kept = tuple(step * (size - 1) for step, size in zip(dilation, kernel, strict=True))
    if set(stride) == {1} and all(
        low == high and 2 * low == all_ for (low, high), all_ in zip(padding, kept, strict=True)
    ):
        word = "same"
    else:
        x = _padded(keras, x, padding)
    layer = getattr(keras.layers, f"Conv{rank}D")(
        op.out_channels,
        kernel,
        strides=stride,
        padding=word,
        dilation_rate=dilation,
        groups=op.groups,
        use_bias=op.bias,
    )
    value = layer(x)
    held = [Held(layer.kernel, node.parameters["weight"], (*range(2, rank + 2), 1, 0))]
    if op.bias:
        held.append(Held(layer.bias, node.parameters["bias"]))
    return Laid(value, tuple(held))


def _conv_transpose(keras: Any, op: ConvTranspose, inputs: list[Any], types: Types, node: Node) -> Laid:
    """The layer of the input's rank, without padding."""
    (kind,) = types
    kernel, stride, padding, extra, dilation = transposed_geometry(op, kind)
    if any(padding) or any(extra) or op.groups != 1 or set(dilation) != {1}:
        raise LeftOut(f"Keras has no conv_transpose with these settings (`{node.path}`)")
    rank = kind.rank - 2
    layer = getattr(keras.layers, f"Conv{rank}DTranspose")(
        op.out_channels, kernel, strides=stride, padding="valid", use_bias=op.bias
    )
    value = layer(inputs[0])
    held = [Held(layer.kernel, node.parameters["weight"], (*range(2, rank + 2), 1, 0))]
    if op.bias:
        held.append(Held(layer.bias, node.parameters["bias"]))
    return Laid(value, tuple(held))


def _batch_norm(keras: Any, op: BatchNorm, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`BatchNormalization` over axis 1. Its running variance is that of the batch itself, PyTorch's an unbiased one."""
    del types
    if op.momentum is None or not op.track_running_stats:
        raise LeftOut(f"Keras has no batch_norm with these settings (`{node.path}`)")
    layer = keras.layers.BatchNormalization(
        axis=1, momentum=1 - op.momentum, epsilon=op.eps, center=op.affine, scale=op.affine
    )
    value = layer(inputs[0])
    held = [
        Held(layer.moving_mean, node.state["running_mean"]),
        Held(layer.moving_variance, node.state["running_var"]),
    ]
    if op.affine:
        held += [
            Held(layer.gamma, node.parameters["weight"]),
            Held(layer.beta, node.parameters["bias"]),
        ]
    return Laid(value, tuple(held))


def _linear(keras: Any, op: Linear, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`Dense`, which works on the last axis as ours does."""
    del types
    layer = keras.layers.Dense(op.out_features, use_bias=op.bias)
    value = layer(inputs[0])
    held = [Held(layer.kernel, node.parameters["weight"], (1, 0))]
    if op.bias:
        held.append(Held(layer.bias, node.parameters["bias"]))
    return Laid(value, tuple(held))


def _max_pool(keras: Any, op: MaxPool, inputs: list[Any], types: Types, node: Node) -> Laid:
    """The layer of the input's rank; zeros are laid around what is never below 0, as Keras' own networks do."""
    (kind,) = types
    size, stride, padding = pool_geometry(op, kind)
    padded = any(padding)
    if op.ceil_mode or op.return_indices or op.dilation != 1 or (padded and not kind.facts.low >= 0):
        raise LeftOut(f"Keras has no max_pool with these settings (`{node.path}`)")
    x = _padded(keras, inputs[0], [(one, one) for one in padding])
    return Laid(getattr(keras.layers, f"MaxPooling{kind.rank - 2}D")(size, strides=stride)(x))


def _avg_pool(keras: Any, op: AvgPool, inputs: list[Any], types: Types, node: Node) -> Laid:
    """The layer of the input's rank; what lies around counts as zeros."""
    (kind,) = types
    size, stride, padding = pool_geometry(op, kind)
    if op.ceil_mode or op.divisor_override is not None or (any(padding) and not op.count_include_pad):
        raise LeftOut(f"Keras has no avg_pool with these settings (`{node.path}`)")
    x = _padded(keras, inputs[0], [(one, one) for one in padding])
    return Laid(getattr(keras.layers, f"AveragePooling{kind.rank - 2}D")(size, strides=stride)(x))


def _padded(keras: Any, x: Any, padding: Sequence[tuple[int, int]]) -> Any:
    """Zeros around the axes of space, where any are asked for."""
    if not any(low or high for low, high in padding):
        return x
    if len(padding) == 1:
        return keras.ops.pad(x, ((0, 0), (0, 0), *padding))
    return getattr(keras.layers, f"ZeroPadding{len(padding)}D")(tuple(padding))(x)


def _global(word: str) -> Callable[..., Laid]:
    """A layer that pools over all of space."""

    def lay(keras: Any, op: Op, inputs: list[Any], types: Types, node: Node) -> Laid:
        del op, node
        return Laid(getattr(keras.layers, f"Global{word}Pooling{types[0].rank - 2}D")()(inputs[0]))

    return lay


def _flatten(keras: Any, op: Flatten, inputs: list[Any], types: Types, node: Node) -> Laid:
    """Everything but the batch in one axis, in the order in which it lies."""
    del types
    if op.axis is not None:
        raise LeftOut(f"Keras flattens all axes or none (`{node.path}`)")
    return Laid(keras.layers.Flatten(data_format="channels_last")(inputs[0]))


def _dropout(keras: Any, op: Dropout, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`Dropout` of single numbers."""
    del types
    if op.whole is not None:
        raise LeftOut(f"Keras has no dropout of whole channels that come first (`{node.path}`)")
    return Laid(keras.layers.Dropout(op.p)(inputs[0]))


def _rescale(keras: Any, op: Rescale, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`Rescaling`."""
    del types
    if op.to is not None:
        raise LeftOut(f"Keras rescales by numbers alone (`{node.path}`)")
    return Laid(keras.layers.Rescaling(1 / op.std, -op.mean / op.std)(inputs[0]))


def _frame_difference(keras: Any, op: FrameDifference, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`ops.diff` along the axis that becomes shorter."""
    del node
    return Laid(keras.ops.diff(inputs[0], axis=frames(op, types[0])))


def _pad_like(keras: Any, op: PadLike, inputs: list[Any], types: Types, node: Node) -> Laid:
    """Zeros at the end, where sizes are known to differ."""
    x, like = inputs
    missing = [
        None if a is None or b is None else b - a for a, b in zip(x.shape[2:], like.shape[2:], strict=True)
    ]
    if op.mode != "constant" or op.value or op.at != "end" or None in missing:
        raise LeftOut(f"Keras pads by numbers that are known beforehand (`{node.path}`)")
    del types
    return Laid(_padded(keras, x, [(0, one or 0) for one in missing]))


def _reshaped(keras: Any, op: Op, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`Reshape` to what the node gives, whose axes but one may be free."""
    del op, types
    sizes = [-1 if size.value is None else size.value for size in node.types[0].sizes[1:]]
    if sizes.count(-1) > 1:
        raise LeftOut(f"Keras reshapes to known sizes (`{node.path}`)")
    return Laid(keras.layers.Reshape(sizes)(inputs[0]))


def _concat(keras: Any, op: Concat, inputs: list[Any], types: Types, node: Node) -> Laid:
    """`Concatenate` along the axis."""
    del node
    return Laid(keras.layers.Concatenate(axis=along(types[0], op.axis, op.name))(inputs))


def _joined(word: str) -> Callable[..., Laid]:
    """A layer of two inputs of one shape."""

    def lay(keras: Any, op: Any, inputs: list[Any], types: Types, node: Node) -> Laid:
        del types
        if op.broadcast:
            raise LeftOut(f"Keras joins equal shapes (`{node.path}`)")
        return Laid(getattr(keras.layers, word)()(inputs))

    return lay


def _pointwise(word: str) -> Callable[..., Laid]:
    """An activation without settings, by its name in Keras."""

    def lay(keras: Any, op: Op, inputs: list[Any], types: Types, node: Node) -> Laid:
        del op, types, node
        return Laid(keras.layers.Activation(word)(inputs[0]))

    return lay


def _leaky(keras: Any, op: LeakyRelu, inputs: list[Any], types: Types, node: Node) -> Laid:
    del types, node
    return Laid(keras.layers.LeakyReLU(negative_slope=op.negative_slope)(inputs[0]))


def _along(word: str) -> Callable[..., Laid]:
    """A function along one axis, the one that is named or the op's own choice."""

    def lay(keras: Any, op: Any, inputs: list[Any], types: Types, node: Node) -> Laid:
        del node
        return Laid(getattr(keras.ops, word)(inputs[0], axis=along(types[0], op.axis, op.name)))

    return lay


def _gelu(keras: Any, op: Gelu, inputs: list[Any], types: Types, node: Node) -> Laid:
    del types, node
    return Laid(keras.ops.gelu(inputs[0], approximate=getattr(op, "approximate", "none") == "tanh"))


def _elu(keras: Any, op: Elu, inputs: list[Any], types: Types, node: Node) -> Laid:
    del types, node
    return Laid(keras.layers.ELU(alpha=op.alpha)(inputs[0]))


def _softplus(keras: Any, op: Softplus, inputs: list[Any], types: Types, node: Node) -> Laid:
    del types
    if op.beta != 1:
        raise LeftOut(f"Keras has no softplus with a beta (`{node.path}`)")
    return Laid(keras.ops.softplus(inputs[0]))


def _itself(keras: Any, op: Op, inputs: list[Any], types: Types, node: Node) -> Laid:
    del keras, op, types, node
    return Laid(inputs[0])


LAYERS: dict[type[Op], Callable[..., Laid]] = {
    Add: _joined("Add"),
    AvgPool: _avg_pool,
    BatchNorm: _batch_norm,
    Concat: _concat,
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Cumsum: _along("cumsum"),
    Dropout: _dropout,
    Elu: _elu,
    Flatten: _flatten,
    FrameDifference: _frame_difference,
    Gelu: _gelu,
    GlobalAvgPool: _global("Average"),
    GlobalMaxPool: _global("Max"),
    Identity: _itself,
    LeakyRelu: _leaky,
    Linear: _linear,
    LogSoftmax: _along("log_softmax"),
    MaxPool: _max_pool,
    Mul: _joined("Multiply"),
    PadLike: _pad_like,
    Rename: _itself,
    Relu: _pointwise("relu"),
    Relu6: _pointwise("relu6"),
    Rescale: _rescale,
    Selu: _pointwise("selu"),
    Sigmoid: _pointwise("sigmoid"),
    Silu: _pointwise("silu"),
    Softmax: _along("softmax"),
    Softplus: _softplus,
    Squeeze: _reshaped,
    Sub: _joined("Subtract"),
    Tanh: _pointwise("tanh"),
    Unsqueeze: _reshaped,
}
"""The ops that Keras has too."""
