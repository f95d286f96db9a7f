"""How the weights of one graph move, all told: what both backends take for a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netspec.ir.compound import Compound
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.ir.types import TensorType
from netspec.recipe.optimizer import Optimizer
from netspec.recipe.training import Clip, Training

KINDS = ("norm", "bias")
"""What `no_decay` names besides layers and parameters: the parameters of normalisation ops, and biases."""


@dataclass(frozen=True)
class Descent:
    """The rule, the bound of the gradients before it, and the keys of the parameters that no weight decay draws.

    A step is: bound all gradients together (`clip`), then move every parameter that has one by the rule; for the keys
    in `undecayed` the rule's `weight_decay` is 0.
    """

    optimizer: Optimizer
    clip: Clip | None = None
    undecayed: frozenset[str] = frozenset()


def descent(training: Training, graph: Graph) -> Descent:
    """What a training section says of the steps of its graph."""
    optimizer = training.optimizer
    return Descent(optimizer, training.clip, undecayed(graph, optimizer.no_decay))


def undecayed(graph: Graph, words: Iterable[str]) -> frozenset[str]:
    """The keys of the parameters that these words of `no_decay` name; a shared one if any use of it is named."""
    return frozenset(key for word in words for key in named(graph, word))


def named(graph: Graph, word: str) -> frozenset[str]:
    """The keys of the parameters that one word names; empty where it names none.

    `norm` is every parameter of ops that normalise, `bias` every parameter whose own name ends with `bias`; any other
    word is the path of a layer, with all below it, or the key of one parameter.
    word is the path of a layer, with all below it, or the key of one parameter.
    """
    if word == "norm":
        return frozenset(
            node.parameters[own]
            for node in graph.nodes
            for own in _of_norms(node.op, [graph.type_of(ref) for ref in node.inputs], tuple(node.parameters))
        )
    if word == "bias":
        return frozenset(
            key
            for node in graph.nodes
            for own, key in node.parameters.items()
            if own.rpartition(".")[2].endswith("bias")
        )
    return frozenset(key for key in graph.parameters if key == word or key.startswith(f"{word}."))


def _of_norms(op: Op, types: Sequence[TensorType], names: Iterable[str]) -> Iterator[str]:
    """The names of an op's parameters that a norm learns: all of a norm's, and those of norms that it is said with."""
    if op.normalises:
        yield from names
    elif isinstance(op, Compound):
        for one in op.typed(*types):
            inner = _of_norms(one.step.op, one.types, [row.name for row in one.inferred.parameters])
            yield from (f"{one.step.name}.{own}" for own in inner)
