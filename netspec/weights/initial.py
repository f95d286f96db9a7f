"""First values of parameters, drawn in NumPy: the same numbers for every backend, each from its own place and the seed.

What a parameter starts with depends on the seed, its path and its initialiser alone: a layer that is added elsewhere
changes nothing. The text that `netspec compile` writes calls PyTorch's initialisers instead: it has the same
distributions, and other numbers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.compound import learned_by
from netspec.ir.graph import Graph, GraphParameter, Node
from netspec.ops.density import OrdinalCdf
from netspec.ops.scale import LAYER_SCALE
from netspec.recipe.initializer import (
    Constant,
    Dirac,
    Initializer,
    Kaiming,
    KaimingNormal,
    KaimingUniform,
    Normal,
    Ones,
    Orthogonal,
    Sparse,
    TruncNormal,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
)

Array = NDArray[np.float64]
Shape = tuple[int, ...]

_LIKE_PYTORCH = KaimingUniform(a=math.sqrt(5))
"""How `nn.Linear` and `nn.ConvNd` start their weights: uniform in `[-b, b)`, `b = 1 / sqrt(fan_in)`."""


class _Even(Initializer):
    """The gaps of `ordinal_cdf`, before `softplus`, that make all bins and what is beyond equally likely."""


FANS = frozenset({"conv", "conv_transpose", "linear", "locally_connected"})
"""Ops whose weights start so, and whose biases start uniform within the same bound as the weight beside them."""

PLAIN: dict[str, dict[str, Initializer]] = {
    **{
        name: {"weight": Ones(), "bias": Zeros()}
        for name in ("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm")
    },
    "prelu": {"weight": Constant(value=0.25)},
    "layer_scale": {"weight": Constant(value=LAYER_SCALE)},
    "parameter": {"value": Zeros()},
    "multi_head_attention": {
        "in_proj_weight": XavierUniform(),
        "in_proj_bias": Zeros(),
        "out_proj.weight": _LIKE_PYTORCH,
        "out_proj.bias": Zeros(),
    },
}
"""How the parameters of other ops start, by op and own name. An op that is said with others starts as these do."""


def first(graph: Graph, seed: int) -> dict[str, NDArray[np.float32]]:
    """The first values of all parameters whose initialiser is known here, by their keys, as float32.

    A parameter that starts as its op says starts as PyTorch's layer of that name does. One that only its backend knows
    how to start (of an op of another package) is left out.
    """
    owners = _owners(graph)
    found: dict[str, NDArray[np.float32]] = {}
    for key, row in graph.parameters.items():
        init = row.init if row.init is not None else _default(graph, row, owners.get(key))
        draw = DRAWS.get(type(init))
        if draw is not None and isinstance(init, Initializer):
            found[key] = draw(init, row.shape, generator(seed, key)).astype(np.float32)
    return found


def generator(seed: int, key: str) -> np.random.Generator:
    """The random numbers of one parameter (Philox, keyed by what the seed and the path are hashed to)."""
    mark = hashlib.blake2b(f"{seed} {key}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(mark, np.uint64)))


def _owners(graph: Graph) -> dict[str, tuple[Node, str]]:
    """The first node that has a parameter, and its own name for it."""
    found: dict[str, tuple[Node, str]] = {}
    for node in _nodes(graph):
        for own, key in node.parameters.items():
            found.setdefault(key, (node, own))
    return found


def _nodes(graph: Graph) -> list[Node]:
    """The nodes of a graph and of the regions in it."""
    return [
        one
        for node in graph.nodes
        for one in (node, *(two for inner in node.regions for two in _nodes(inner)))
    ]


def _default(graph: Graph, row: GraphParameter, owner: tuple[Node, str] | None) -> Initializer | None:
    """How a parameter starts of which nothing is said."""
    if owner is None:
        return None
    node, own = owner
    types = [graph.type_of(ref) for ref in node.inputs]
    op, own = learned_by(node.op, types).get(own, (node.op.name, own))
    if isinstance(node.op, OrdinalCdf):
        return Constant(value=-math.log(node.op.bins)) if own == "threshold" else _Even()
    if op not in FANS:
        return PLAIN.get(op, {}).get(own)
    if own.endswith("weight"):
        return _LIKE_PYTORCH
    weight = graph.parameters.get(row.key.removesuffix("bias") + "weight")
    if weight is None:
        return None
    bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
    return Uniform(range=(-bound, bound))


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input, as PyTorch counts them over a weight's axes."""
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def gain(init: Kaiming) -> float:
    """`torch.nn.init.calculate_gain`."""
    if init.nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + init.a**2))
    return {"relu": math.sqrt(2.0), "tanh": 5 / 3, "selu": 3 / 4}.get(init.nonlinearity, 1.0)


def _within(bound: float, shape: Shape, rng: np.random.Generator) -> Array:
    return rng.uniform(-bound, bound, shape)


def _xavier(init: XavierUniform | XavierNormal, shape: Shape) -> float:
    return init.gain * math.sqrt(2 / sum(fans(shape)))


def _kaiming(init: Kaiming, shape: Shape) -> float:
    return gain(init) / math.sqrt(fans(shape)[init.mode == "fan_out"])


def _trunc_normal(init: TruncNormal, shape: Shape, rng: np.random.Generator) -> Array:
    """Draw until every number passes; where the interval is short, evenly, and pass by the density."""
    count = math.prod(shape)
    narrow = init.b - init.a < 2 * init.std
    peak = min(max(init.mean, init.a), init.b)
    found = np.empty(0)
    while len(found) < count:
        need = 2 * (count - len(found)) + 16
        x = rng.uniform(init.a, init.b, need) if narrow else rng.normal(init.mean, init.std, need)
        if narrow:
            fall = ((x - init.mean) ** 2 - (peak - init.mean) ** 2) / (2 * init.std**2)
            x = x[rng.random(need) < np.exp(-fall)]
        found = np.concatenate([found, x[(x >= init.a) & (x <= init.b)]])
    return found[:count].reshape(shape)


def _orthogonal(init: Orthogonal, shape: Shape, rng: np.random.Generator) -> Array:
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return np.asarray(init.gain * (q if rows >= columns else q.T)).reshape(shape)


def _dirac(init: Dirac, shape: Shape, rng: np.random.Generator) -> Array:
    del rng
    found = np.zeros(shape)
    of_group = shape[0] // init.groups
    middle = tuple(size // 2 for size in shape[2:])
    for group in range(init.groups):
        for i in range(min(of_group, shape[1])):
            found[(group * of_group + i, i, *middle)] = 1
    return found


def _sparse(init: Sparse, shape: Shape, rng: np.random.Generator) -> Array:
    found = rng.normal(0, init.std, shape)
    zeros = math.ceil(init.sparsity * shape[0])
    ranks = rng.random(shape).argsort(axis=0).argsort(axis=0)
    found[ranks < zeros] = 0
    return found


def _even(init: _Even, shape: Shape, rng: np.random.Generator) -> Array:
    del init, rng
    n = np.arange(1, shape[0] + 2)
    return np.log(np.expm1(np.diff(np.log(n) - np.log(shape[0] + 2 - n))))


DRAWS: Mapping[type[Any], Callable[[Any, Shape, np.random.Generator], Array]] = {
    Zeros: lambda _, shape, __: np.zeros(shape),
    Ones: lambda _, shape, __: np.ones(shape),
    Constant: lambda init, shape, _: np.full(shape, init.value),
    Uniform: lambda init, shape, rng: rng.uniform(init.range[0], init.range[1], shape),
    Normal: lambda init, shape, rng: rng.normal(init.mean, init.std, shape),
    XavierUniform: lambda init, shape, rng: _within(math.sqrt(3) * _xavier(init, shape), shape, rng),
    XavierNormal: lambda init, shape, rng: rng.normal(0, _xavier(init, shape), shape),
    KaimingUniform: lambda init, shape, rng: _within(math.sqrt(3) * _kaiming(init, shape), shape, rng),
    KaimingNormal: lambda init, shape, rng: rng.normal(0, _kaiming(init, shape), shape),
    TruncNormal: _trunc_normal,
    Orthogonal: _orthogonal,
    Dirac: _dirac,
    Sparse: _sparse,
    _Even: _even,
}
"""How each initialiser draws a parameter of a shape."""
