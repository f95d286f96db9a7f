"""Layers of `torch.nn` on shadows: they hold what they are told, and call the functions."""

from __future__ import annotations

from typing import Any

from netspec_torch.shadow.normalising import (
    batch_norm,
    dropped,
    dropped_alpha,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from netspec_torch.shadow.pointwise import prelu, rrelu
from netspec_torch.shadow.reducing import linear
from netspec_torch.shadow.sliding import conv2d, conv_transposed, many, pad
from netspec_torch.shadow.tensor import Shadow


class Module:
    """A layer in training. Parameters and buffers are put into it by name."""

    training = True

    def __init__(self, *given: Any, **named: Any) -> None:
        self._given, self._named = given, named
        self._parameters: dict[str, Shadow | None] = {}

    def hold(self, name: str, value: Shadow) -> None:
        """Put a parameter or a buffer at its place; a dot leads into a layer inside."""
        first, _, rest = name.partition(".")
        if rest:
            getattr(self, first).hold(rest, value)
            return
        self._parameters[first] = value
        setattr(self, first, value)

    def own(self, name: str) -> Shadow | None:
        """A parameter or a buffer; None where there is none of that name."""
        return self._parameters.get(name)

    def forward(self, *given: Any, **named: Any) -> Any:
        """What the layer computes."""
        raise NotImplementedError

    def __call__(self, *given: Any, **named: Any) -> Any:
        """What the layer computes."""
        return self.forward(*given, **named)


class ParameterDict(Module):
    """Parameters without a layer."""


class _Conv(Module):
    def forward(self, x: Shadow) -> Shadow:
        named, space = self._named, x.rank - 2
        weight = self._parameters["weight"]
        assert weight is not None
        padding = named.get("padding", 0)
        if named.get("padding_mode", "zeros") != "zeros":
            kernel, gaps = weight.shape[2:], many(named.get("dilation", 1), space)
            if isinstance(padding, str):
                whole = [
                    gap * (k - 1) if padding == "same" else 0 for gap, k in zip(gaps, kernel, strict=True)
                ]
                sides = [(one // 2, one - one // 2) for one in whole]
            else:
                sides = [(one, one) for one in many(padding, space)]
            x = pad(x, [one for pair in reversed(sides) for one in pair], mode=named["padding_mode"])
            padding = 0
        return conv2d(x, weight, self.own("bias"), named.get("stride", 1), padding, named.get("dilation", 1))


class Conv1d(_Conv):
    """Over one axis."""


class Conv2d(_Conv):
    """Over two axes."""


class Conv3d(_Conv):
    """Over three axes."""


class _ConvTranspose(Module):
    def forward(self, x: Shadow) -> Shadow:
        named = self._named
        weight = self._parameters["weight"]
        assert weight is not None
        return conv_transposed(
            x,
            weight,
            self.own("bias"),
            named.get("stride", 1),
            named.get("padding", 0),
            named.get("output_padding", 0),
            named.get("groups", 1),
            named.get("dilation", 1),
        )


class ConvTranspose1d(_ConvTranspose):
    """Over one axis."""


class ConvTranspose2d(_ConvTranspose):
    """Over two axes."""


class ConvTranspose3d(_ConvTranspose):
    """Over three axes."""


class Linear(Module):
    """Rows with one matrix."""

    def forward(self, x: Shadow) -> Shadow:
        """The rows are kept where the matrix has a gradient."""
        weight = self._parameters["weight"]
        assert weight is not None
        return linear(x, weight, self.own("bias"))


class _BatchNorm(Module):
    def forward(self, x: Shadow) -> Shadow:
        own = [self.own(one) for one in ("running_mean", "running_var", "weight", "bias")]
        return batch_norm(x, *own, training=True)


class BatchNorm1d(_BatchNorm):
    """Of one axis, or none."""


class BatchNorm2d(_BatchNorm):
    """Of two axes."""


class BatchNorm3d(_BatchNorm):
    """Of three axes."""


class _InstanceNorm(Module):
    def forward(self, x: Shadow) -> Shadow:
        own = [self.own(one) for one in ("running_mean", "running_var", "weight", "bias")]
        return instance_norm(x, *own)


class InstanceNorm1d(_InstanceNorm):
    """Of one axis."""


class InstanceNorm2d(_InstanceNorm):
    """Of two axes."""


class InstanceNorm3d(_InstanceNorm):
    """Of three axes."""


class GroupNorm(Module):
    """Of groups of channels."""

    def forward(self, x: Shadow) -> Shadow:
        """As the function."""
        return group_norm(x, self._given[0], self.own("weight"), self.own("bias"))


class LayerNorm(Module):
    """Of the last axes."""

    def forward(self, x: Shadow) -> Shadow:
        """As the function."""
        sizes = self._given[0]
        return layer_norm(
            x, [sizes] if isinstance(sizes, int) else sizes, self.own("weight"), self.own("bias")
        )


class RMSNorm(Module):
    """Of the last axes."""

    def forward(self, x: Shadow) -> Shadow:
        """As the function."""
        sizes = self._given[0]
        return rms_norm(x, [sizes] if isinstance(sizes, int) else sizes, self.own("weight"))


class Dropout(Module):
    """Of single numbers."""

    @property
    def p(self) -> float:
        """The share that is dropped."""
        share: float = self._given[0] if self._given else self._named.get("p", 0.5)
        return share

    def forward(self, x: Shadow) -> Shadow:
        """Times a mask of the input's sizes."""
        return dropped(x, self.p, x.shape)


class _DropoutOfChannels(Dropout):
    def forward(self, x: Shadow) -> Shadow:
        return dropped(x, self.p, (*x.shape[:2], *[1] * (x.rank - 2)))


class Dropout1d(_DropoutOfChannels):
    """Of whole channels."""


class Dropout2d(_DropoutOfChannels):
    """Of whole channels."""


class Dropout3d(_DropoutOfChannels):
    """Of whole channels."""


class AlphaDropout(Dropout):
    """Of single numbers, mean and variance kept."""

    def forward(self, x: Shadow) -> Shadow:
        """Times a mask, and shifted."""
        return dropped_alpha(x, self.p, x.shape)


class FeatureAlphaDropout(Dropout):
    """Of whole channels, mean and variance kept."""

    def forward(self, x: Shadow) -> Shadow:
        """Times a mask, and shifted."""
        return dropped_alpha(x, self.p, (*x.shape[:2], *[1] * (x.rank - 2)))


class PReLU(Module):
    """A learned slope."""

    def forward(self, x: Shadow) -> Shadow:
        """As the function."""
        weight = self._parameters["weight"]
        assert weight is not None
        return prelu(x, weight)


class RReLU(Module):
    """A slope drawn for each number."""

    def forward(self, x: Shadow) -> Shadow:
        """As the function in training."""
        return rrelu(x, training=True)


class MultiheadAttention(Module):
    """What the layer that is copied into written files inherits from."""

    def __init__(self, embed_dim: int, num_heads: int, **named: Any) -> None:
        super().__init__(embed_dim, num_heads, **named)
        self.num_heads = num_heads
        self.q_proj_weight: Shadow | None = None
        self.k_proj_weight: Shadow | None = None
        self.v_proj_weight: Shadow | None = None
        self._parameters |= {"in_proj_weight": None, "in_proj_bias": None}
        self.out_proj = Linear(embed_dim, embed_dim)
