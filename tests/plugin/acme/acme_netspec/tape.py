"""A backend of few ops: it runs a graph forward and writes down, op by op, how to come back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import backend as contract
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import Op
from netspec.ops.activation import Relu, Tanh
from netspec.ops.arithmetic import Constant, Mul
from netspec.ops.linear import Linear
from netspec.ops.reduce import Sum
from netspec.ops.regression_loss import Mse
from netspec.ops.shape import Flatten
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import Sgd
from netspec.recipe.pace import Pace
from netspec.text import SpecError

from .ops import GemPool

Array = NDArray[Any]
Back = Callable[[Array], tuple[list[Array], dict[str, Array]]]
"""From the gradient of a value to those of the inputs and of the parameters."""

name = "tape"


@dataclass(frozen=True)
class Rule:
    """How one op is run: its value, and the way back."""

    lowers: type[Op]
    run: Callable[[Any, list[Array], Mapping[str, Array]], tuple[Array, Back]]


constant = Rule(Constant, lambda op, _, __: (np.asarray(op.value), lambda g: ([], {})))
relu = Rule(Relu, lambda _, x, __: (np.maximum(x[0], 0), lambda g: ([g * (x[0] > 0)], {})))
flatten = Rule(
    Flatten, lambda _, x, __: (x[0].reshape(len(x[0]), -1), lambda g: ([g.reshape(x[0].shape)], {}))
)


def _tanh(op: Tanh, x: list[Array], own: Mapping[str, Array]) -> tuple[Array, Back]:
    y = np.tanh(x[0])
    return y, lambda g: ([g * (1 - y * y)], {})


def _linear(op: Linear, x: list[Array], own: Mapping[str, Array]) -> tuple[Array, Back]:
    weight, bias = own["weight"], own.get("bias")
    y = x[0] @ weight.T if bias is None else x[0] @ weight.T + bias

    def back(g: Array) -> tuple[list[Array], dict[str, Array]]:
        rows = g.reshape(-1, g.shape[-1])
        sent = {"weight": rows.T @ x[0].reshape(-1, x[0].shape[-1])}
        return [g @ weight], sent if bias is None else {**sent, "bias": rows.sum(axis=0)}

    return y, back


def _mul(op: Mul, x: list[Array], own: Mapping[str, Array]) -> tuple[Array, Back]:
    return x[0] * x[1], lambda g: ([g * x[1], g * x[0]], {})


def _sum(op: Sum, x: list[Array], own: Mapping[str, Array]) -> tuple[Array, Back]:
    if op.axis is not None:
        raise SpecError.of("TAPE003", "the tape sums over everything", help="leave `axis` out")
    return np.asarray(x[0].sum()), lambda g: ([np.broadcast_to(g, x[0].shape)], {})


def _mse(op: Mse, x: list[Array], own: Mapping[str, Array]) -> tuple[Array, Back]:
    gap = x[0] - x[1]
    share = gap.size if op.reduction == "mean" else 1
    y = gap**2 if op.reduction == "none" else np.asarray((gap**2).sum() / share)
    return y, lambda g: ([g * 2 * gap / share, -g * 2 * gap / share], {})


def _gem_pool(op: GemPool, x: list[Array], own: Mapping[str, Array]) -> tuple[Array, Back]:
    flat = np.maximum(x[0], op.eps).reshape(*x[0].shape[:2], -1)
    m = (flat**op.p).mean(axis=2)
    y = m ** (1 / op.p)

    def back(g: Array) -> tuple[list[Array], dict[str, Array]]:
        each = (g * own["weight"] * y / m)[..., None] * flat ** (op.p - 1) / flat.shape[2]
        return [each.reshape(x[0].shape) * (x[0] >= op.eps)], {"weight": (g * y).sum(axis=0)}

    return own["weight"] * y, back


tanh, linear, mul = Rule(Tanh, _tanh), Rule(Linear, _linear), Rule(Mul, _mul)
summed, mse, gem_pool = Rule(Sum, _sum), Rule(Mse, _mse), Rule(GemPool, _gem_pool)


@cache
def table() -> contract.Rules[Rule]:
    """The rules of this file, and those that others bring for it."""
    return contract.Rules(name, contract.collect(sys.modules[__name__], Rule), Rule)


def run(graph: Graph, feed: contract.Feed, *, gradients: bool = True) -> contract.Run:
    """Run all of the graph that the feed has numbers for, in the feed's floating type."""
    graph = expanded(graph, table())
    values: dict[Ref, Array] = {Ref(key): x for key, x in {**feed.targets, **feed.inputs}.items()}
    tape: list[tuple[Node, Back]] = []
    for node in graph.nodes:
        if all(ref in values for ref in node.inputs):
            if type(node.op) not in table():
                raise SpecError.of(
                    "TAPE001", f"the tape has no rule for `{node.op.name}`", help="use `numpy`"
                )
            own = {local: feed.parameters[key] for local, key in node.parameters.items()}
            made = table()[type(node.op)].run(node.op, [values[ref] for ref in node.inputs], own)
            values[Ref(node.path)] = made[0]
            tape.append((node, made[1]))
    terms = [ref for ref in graph.entry("loss").values() if ref in values]
    loss = float(sum(values[ref] for ref in terms)) if terms else None
    sent: dict[Ref, Array] = {ref: np.ones_like(values[ref]) for ref in terms}
    moved = {key: np.zeros_like(x) for key, x in feed.parameters.items() if graph.parameters[key].trainable}
    for node, back in reversed(tape if gradients else []):
        if (g := sent.get(Ref(node.path))) is not None:
            inputs, own = back(g)
            for ref, one in zip(node.inputs, inputs, strict=True):
                sent[ref] = sent[ref] + one if ref in sent else one
            for local, one in own.items():
                moved[node.parameters[local]] = moved[node.parameters[local]] + one
    floating = {key: x for key, x in feed.inputs.items() if x.dtype.kind == "f"}
    wanted = gradients and loss is not None
    return contract.Run(
        values={str(ref): value for ref, value in values.items() if graph.node(ref.path) is not None},
        loss=loss,
        parameters=moved if wanted else {},
        inputs={key: sent.get(Ref(key), np.zeros_like(x)) for key, x in floating.items()} if wanted else {},
    )


def update(
    descent: Descent,
    parameters: contract.Arrays,
    gradients: Sequence[contract.Arrays],
    paces: Sequence[Pace],
) -> list[dict[str, Array]]:
    """Plain gradient descent: `w(t) = w(t-1) - lr(t) * dL/dw`."""
    rule = descent.optimizer
    if not isinstance(rule, Sgd) or rule.momentum or rule.weight_decay or descent.clip:
        raise SpecError.of(
            "TAPE002", f"the tape knows plain `sgd`, not `{rule.name}` with more", help="use `numpy`"
        )
    held, after = dict(parameters), []
    for sent, pace in zip(gradients, paces, strict=True):
        held = {key: w - rule.lr * pace.factor * sent.get(key, 0.0) for key, w in held.items()}
        after.append(dict(held))
    return after


backend = sys.modules[__name__]
