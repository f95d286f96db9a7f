"""One run of a graph: forward through the nodes in order, and back through them for the gradients of the loss.

The way back is the chain rule, node by node: the gradient of a value is the sum of what all its readers send to it, a
node's own backward turns it into gradients of the node's inputs and parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netspec.backend import Feed, Run
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import Op
from netspec.text import SpecError
from netspec_numpy.rule import Array, Context, Rule

Table = Mapping[type[Op], Rule[Any]]
Gradients = dict[Ref, Array]
Around = Callable[[Node, Rule[Any]], Rule[Any]]


@dataclass(frozen=True)
class _Step:
    """One node as it ran: what its backward wants to see again."""

    node: Node
    rule: Rule[Any]
    at: Context
    saved: tuple[Any, ...]


def run(
    graph: Graph,
    feed: Feed,
    *,
    gradients: bool = True,
    rules: Table | None = None,
    around: Around | None = None,
) -> Run:
    """Run all of the graph that the feed has numbers for, in float64 whatever floating type they have.

    The loss is the sum of the loss terms. Its gradients go to trainable parameters and to floating inputs, zeros where
    it does not reach; a parameter that is used twice gets the sum of both gradients, a frozen one none. In train mode
    running statistics move, and dropout takes the feed's keep masks. `rules` replaces the table of the backend, and
    `around` may put another rule in place of a node's own. SpecError NS710 for an op without a rule, KeyError for
    numbers that are missing.
    """
    table = _table() if rules is None else rules
    told = graph
    graph = expanded(graph, table)
    given = {**feed.targets, **feed.inputs}
    values = {Ref(name): _number(given[name]) for name in (*graph.inputs, *graph.targets) if name in given}
    parameters = {key: _number(feed.parameters[key]) for key in graph.parameters if key in feed.parameters}
    state = {key: _number(value) for key, value in feed.state.items() if key in graph.state}
    # An overflow or 0 / 0 is a number to compare like any other, not an accident of this program.
    with np.errstate(all="ignore"):
        steps = _forward(graph, feed, _chosen(table, around), values, parameters, state)
        loss = _loss(graph, values)
        starts = _starts(graph, feed, values) if gradients and (feed.arriving or loss is not None) else None
        back, moved = ({}, {}) if starts is None else _backward(steps, starts, values)
    floating = [name for name in graph.inputs if Ref(name) in values and _is_floating(values[Ref(name)])]
    trainable = [key for key in parameters if graph.parameters[key].trainable]
    return Run(
        values={str(ref): value for ref, value in values.items() if told.node(ref.path) is not None},
        loss=loss,
        parameters={} if starts is None else _filled(moved, {key: parameters[key] for key in trainable}),
        inputs={} if starts is None else _filled(back, {Ref(name): values[Ref(name)] for name in floating}),
        state=state,
        back={str(ref): gradient for ref, gradient in back.items() if graph.node(ref.path) is not None},
    )


def _starts(graph: Graph, feed: Feed, values: Mapping[Ref, Array]) -> Gradients:
    """Where the way back begins: at the gradients that arrive from outside, else at the terms of the loss."""
    if feed.arriving:
        return {ref: _number(feed.arriving[str(ref)]) for ref in values if str(ref) in feed.arriving}
    starts: Gradients = {}
    for ref in graph.entry("loss").values():
        _add(starts, ref, np.ones_like(values[ref]))
    return starts


def _filled(gradients: Mapping[Any, Array], of: Mapping[Any, Array]) -> dict[str, Array]:
    """The gradients of these values by their names; zeros where none has arrived."""
    return {
        str(key): gradients[key] if key in gradients else np.zeros_like(value) for key, value in of.items()
    }


def _chosen(table: Table, around: Around | None) -> Callable[[Node], Rule[Any]]:
    """What finds a node's rule."""
    if around is None:
        return lambda node: _rule(node, table)
    return lambda node: around(node, _rule(node, table))


def _table() -> Table:
    """The rules of this backend."""
    from netspec_numpy import table  # noqa: PLC0415 - the package itself imports this module

    return table()


def _forward(
    graph: Graph,
    feed: Feed,
    chosen: Callable[[Node], Rule[Any]],
    values: dict[Ref, Array],
    parameters: Mapping[str, Array],
    state: dict[str, Array],
) -> list[_Step]:
    """Compute every node whose inputs are known; `values` gets its outputs, `state` what it is afterwards."""
    steps: list[_Step] = []
    for node in graph.nodes:
        if not all(ref in values for ref in node.inputs):
            continue
        rule = chosen(node)
        at = Context(
            types=tuple(graph.type_of(ref) for ref in node.inputs),
            outputs=node.types,
            parameters={local: parameters[key] for local, key in node.parameters.items()},
            state={local: state[key] for local, key in node.state.items()},
            noise=_masks(node, feed),
            mode=feed.mode,
            frozen=node.frozen,
        )
        made = rule.forward(node.op, tuple(values[ref] for ref in node.inputs), at)
        values.update(zip(node.refs, made.outputs, strict=True))
        state.update({node.state[local]: value for local, value in made.state.items()})
        steps.append(_Step(node, rule, at, made.saved))
    return steps


def _backward(
    steps: list[_Step], starts: Gradients, values: Mapping[Ref, Array]
) -> tuple[Gradients, dict[str, Array]]:
    """The gradients of what the starts belong to: of every value it is made of, and of every parameter by its key."""
    back: Gradients = dict(starts)
    moved: dict[str, Array] = {}
    for step in reversed(steps):
        if not any(ref in back for ref in step.node.refs):
            continue
        if step.rule.pull is None:
            raise SpecError.of(
                "NS710", f"the reference has no backward for `{step.node.op.name}`", help=_CURE
            )
        arrived = tuple(back.get(ref, np.zeros(values[ref].shape)) for ref in step.node.refs)
        sent = step.rule.pull(step.node.op, step.saved, arrived, step.at)
        for ref, gradient in zip(step.node.inputs, sent.inputs, strict=True):
            if gradient is not None:
                _add(back, ref, gradient)
        for local, gradient in sent.parameters.items():
            _add(moved, step.node.parameters[local], gradient)
    return back, moved


def _add(sums: dict[Any, Array], key: Ref | str, gradient: Array) -> None:
    """Add one reader's gradient to what has arrived."""
    sums[key] = sums[key] + gradient if key in sums else gradient


def _loss(graph: Graph, values: Mapping[Ref, Array]) -> float | None:
    """The sum of the loss terms; None where the spec has none or the feed no numbers for one of them."""
    terms = list(graph.entry("loss").values())
    if not terms or not all(ref in values for ref in terms):
        return None
    return float(sum(values[ref].sum() for ref in terms))


_CURE = "add it to the package that brings the op, beside its other lowerings"


def _rule(node: Node, table: Table) -> Rule[Any]:
    """The rule of a node's op; SpecError NS710 at the layer where there is none."""
    found = table.get(type(node.op))
    if found is None:
        span = node.origin[0].span if node.origin else None
        raise SpecError.of("NS710", f"the reference has no rule for `{node.op.name}`", help=_CURE, span=span)
    return found


def _masks(node: Node, feed: Feed) -> dict[str, Array]:
    """The keep masks of a node by their local names; they act in train mode alone."""
    if feed.mode != "train":
        return {}
    return {one.name: _number(feed.noise[f"{node.path}.{one.name}"]) for one in node.noise}


def _number(value: Array) -> Array:
    """A floating array in float64, any other as it is; a view where nothing changes."""
    array = np.asarray(value)
    return array.astype(np.float64, copy=False) if _is_floating(array) else array


def _is_floating(value: Array) -> bool:
    """Whether gradients flow into it."""
    return bool(np.issubdtype(value.dtype, np.floating))
