"""What became of weights when a norm was folded into the layer before it: as data, and as arithmetic on any arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netspec.ir.graph import Graph


@dataclass(frozen=True)
class Fold:
    """A norm in evaluation and the layer that took it over, by the keys of their tensors in the graph that was.

    `y = (x - mean) / sqrt(var + eps) * scale + shift` of `x = W u + bias` is `W' u + bias'`. The channels that leave
    lie along the axis `axis` of the weight, in each of `groups` blocks of its first axis.
    """

    weight: str
    bias: str
    had_bias: bool
    mean: str
    var: str
    scale: str | None
    shift: str | None
    eps: float
    axis: int = 0
    groups: int = 1


@dataclass(frozen=True)
class Inference:
    """A graph that predicts and does nothing else, and how its weights are made of those of the graph that was."""

    graph: Graph
    folds: tuple[Fold, ...] = ()


def folded(inference: Inference, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of the graph that predicts, of those of the graph that was: NumPy's arrays or PyTorch's.

    In the arrays' own precision, so that of float64 is wanted: a weight's factor and its product are rounded each.
    """
    found = dict(tensors)
    for fold in inference.folds:
        factor = (tensors[fold.var] + fold.eps) ** -0.5
        if fold.scale is not None:
            factor = factor * tensors[fold.scale]
        shift = -tensors[fold.mean] if not fold.had_bias else tensors[fold.bias] - tensors[fold.mean]
        shift = shift * factor
        if fold.shift is not None:
            shift = shift + tensors[fold.shift]
        found[fold.weight] = _scaled(tensors[fold.weight], factor, fold)
        found[fold.bias] = shift
    graph = inference.graph
    return {key: found[key] for key in (*graph.parameters, *graph.state)}


def _scaled(weight: Any, factor: Any, fold: Fold) -> Any:
    """The weight with every filter times its factor."""
    shape = tuple(weight.shape)
    window = (1,) * (len(shape) - 2)
    if fold.axis == 0:
        return weight * factor.reshape((-1, 1, *window))
    blocks = weight.reshape((fold.groups, shape[0] // fold.groups, *shape[1:]))
    return (blocks * factor.reshape((fold.groups, 1, shape[1], *window))).reshape(shape)
