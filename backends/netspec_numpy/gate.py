"""Gates over features, written from the papers' formulas and not from the steps that other backends run."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.gate import ACTIVATIONS, Cbam, SqueezeExcite
from netspec_numpy.activation import logistic, relu, sigmoid
from netspec_numpy.rectifier import hardsigmoid, hardswish
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, Rule, lowers
from netspec_numpy.smooth import gelu, silu

_RULES: dict[str, Rule[Any]] = {
    "relu": relu,
    "silu": silu,
    "hardswish": hardswish,
    "gelu": gelu,
    "sigmoid": sigmoid,
    "hardsigmoid": hardsigmoid,
}


@lowers(SqueezeExcite)
def squeeze_excite(op: SqueezeExcite, inputs: Arrays, at: Context) -> Forward:
    """`y = x * s` with `s = scale(W2 h + b2)`, `h = activation(W1 m + b1)` and m the mean of each channel."""
    (x,) = inputs
    m = _rows(x).mean(axis=2)
    a = _affine(m, at, "fc1")
    (h,), seen = _apply(op.activation, a)
    (s,), scaled = _apply(op.scale_activation, _affine(h, at, "fc2"))
    return Forward((x * _over(s, x),), (x, m, h, s, seen, scaled))


@squeeze_excite.backward
def squeeze_excite_backward(
    op: SqueezeExcite, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """`dx = g * s + dm / places`, where dm comes back through both matrices from `ds = sum over space of g * x`."""
    x, m, h, s, seen, scaled = saved
    (g,) = grads
    ds = _back(op.scale_activation, scaled, _rows(g * x).sum(axis=2))
    dh, second = _affine_back(ds, h, at, "fc2")
    dm, first = _affine_back(_back(op.activation, seen, dh), m, at, "fc1")
    dx = g * _over(s, x) + _over(dm, x) / _rows(x).shape[2]
    return Backward((dx,), first | second)


@lowers(Cbam)
def cbam(op: Cbam, inputs: Arrays, at: Context) -> Forward:
    """`y = x * sigmoid(f(mean) + f(max))` over space, then `z = y * sigmoid(conv([mean, max]))` over the channels."""
    (x,) = inputs
    rows = _rows(x)
    first = rows.argmax(axis=2)
    pooled = rows.mean(axis=2), rows.max(axis=2)
    hidden = [_affine(one, at, "fc1") for one in pooled]
    of_mean, of_largest = (_affine(np.maximum(one, 0), at, "fc2") for one in hidden)
    s = logistic(of_mean + of_largest)
    y = x * _over(s, x)
    maps = np.stack([y.mean(axis=1), y.max(axis=1)], axis=1)
    t = logistic(
        _correlated(maps, at.parameters["conv.weight"]) + (at.parameters["conv.bias"] if op.bias else 0)
    )
    return Forward((y * t[:, None],), (x, first, pooled, hidden, s, y, maps, t))


@cbam.backward
def cbam_backward(op: Cbam, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Back through the gates of places, then through those of channels; of equal largest numbers over the channels
    each gets its share, over space the first gets all.
    """
    x, first, pooled, hidden, s, y, maps, t = saved
    (g,) = grads
    weight = at.parameters["conv.weight"]
    dt = (g * y).sum(axis=1) * t * (1 - t)
    dmaps, dweight = _correlated_back(dt, maps, weight)
    top = (y == maps[:, 1:2]).astype(y.dtype)
    dy = g * t[:, None] + dmaps[:, :1] / x.shape[1] + dmaps[:, 1:] * top / top.sum(axis=1, keepdims=True)
    ds = _rows(dy * x).sum(axis=2) * s * (1 - s)
    gradients = {"conv.weight": dweight}
    if op.bias:
        gradients["conv.bias"] = dt.sum().reshape(1)
    into = []
    for one, inner in zip(pooled, hidden, strict=True):
        dh, second = _affine_back(ds, np.maximum(inner, 0), at, "fc2")
        dm, earlier = _affine_back(dh * (inner > 0), one, at, "fc1")
        into.append(dm)
        for key, value in (second | earlier).items():
            gradients[key] = gradients[key] + value if key in gradients else value
    dx = dy * _over(s, x) + _over(into[0], x) / _rows(x).shape[2]
    largest = np.zeros_like(_rows(x))
    np.put_along_axis(largest, first[:, :, None], into[1][:, :, None], axis=2)
    return Backward((dx + largest.reshape(x.shape),), gradients)


def _rows(x: Array) -> Array:
    """`[n, c, places]`."""
    return x.reshape(*x.shape[:2], int(np.prod(x.shape[2:])))


def _over(s: Array, x: Array) -> Array:
    """A number for each channel, to be spread over space."""
    return s.reshape(*s.shape, *[1] * (x.ndim - 2))


def _affine(x: Array, at: Context, name: str) -> Array:
    """`W x + b` with the weights of a convolution of one place."""
    weight = at.parameters[f"{name}.weight"]
    y = x @ weight.reshape(weight.shape[:2]).T
    return y + at.parameters[f"{name}.bias"] if f"{name}.bias" in at.parameters else y


def _affine_back(g: Array, x: Array, at: Context, name: str) -> tuple[Array, dict[str, Array]]:
    """The gradients of x, and of W and b."""
    weight = at.parameters[f"{name}.weight"]
    gradients = {f"{name}.weight": (g.T @ x).reshape(weight.shape)}
    if f"{name}.bias" in at.parameters:
        gradients[f"{name}.bias"] = g.sum(axis=0)
    return g @ weight.reshape(weight.shape[:2]), gradients


def _apply(word: Any, x: Array) -> tuple[Arrays, tuple[Any, ...]]:
    """A function of every number, and what its backward wants to see again."""
    made = _RULES[word].forward(ACTIVATIONS[word], (x,), Context())
    return made.outputs, made.saved


def _back(word: Any, saved: tuple[Any, ...], g: Array) -> Array:
    """The gradient before the function."""
    pull = _RULES[word].pull
    assert pull is not None, word
    (dx,) = pull(ACTIVATIONS[word], saved, (g,), Context()).inputs
    return np.asarray(dx)


def _correlated(maps: Array, weight: Array) -> Array:
    """`y[n, p] = sum over c, k of weight[0, c, k] * maps[n, c, p + k - middle]`, with zeros around."""
    windows = _windows(maps, weight.shape[2:])
    return np.asarray(
        np.tensordot(windows, weight[0], axes=([1, *range(-(weight.ndim - 2), 0)], [*range(weight.ndim - 1)]))
    )


def _correlated_back(g: Array, maps: Array, weight: Array) -> tuple[Array, Array]:
    """The gradients of the maps, where every place gets what its windows got, and of the weights."""
    size = weight.shape[2:]
    space = list(range(1, g.ndim))
    windows = _windows(maps, size)
    dweight = np.tensordot(g, windows, axes=([0, *space], [0, *(axis + 1 for axis in space)]))
    turned = np.flip(weight[0], axis=tuple(range(1, weight.ndim - 1)))
    dmaps = np.tensordot(
        _windows(g[:, None], size)[:, 0], turned, axes=([*range(-len(size), 0)], [*range(1, len(size) + 1)])
    )
    return np.moveaxis(dmaps, -1, 1), dweight[None]


def _windows(x: Array, size: tuple[int, ...]) -> Array:
    """`[n, c, *space, *window]`: what an odd window around every place sees, zeros outside."""
    around = [(0, 0), (0, 0), *((one // 2, one // 2) for one in size)]
    axes = tuple(range(2, 2 + len(size)))
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, around), size, axis=axes)
