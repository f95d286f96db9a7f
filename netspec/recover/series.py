"""From a graph to bodies of layers: chains, residuals, branches that meet, and what is left by name.

A value that several layers take is a fork. Where all ways from it lead to one layer that joins them, and nothing else
comes or goes between, the ways are branches; else they are written one after another, and meet by `from`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from netspec.recover.item import RESIDUAL, Body, Item

JOINS = frozenset({"add", "sub", "mul", "div", "concat", "stack", "minimum", "maximum"})
"""Ops that take branches."""

WIDENING = frozenset({"conv_transpose", "resize", "resize_like", "pixel_shuffle", "max_unpool"})
"""Ops that make space wider again: a way through one is the inside of a U, whose other side is a skip, not a branch."""

MOST_INSIDE = 80
"""So many layers between a fork and its join are still seen at a glance, as residuals and branches of theirs."""

DEEPEST = 3


class Series:
    """Lays items out as bodies. `outputs` are values that are wanted from outside."""

    def __init__(self, items: Sequence[Item], outputs: Collection[str]) -> None:
        self._items = list(items)
        self._outputs = set(outputs)

    def body(self, entry: str | None) -> Body:
        """The whole."""
        return self._body(self._items, entry, 0)

    def _body(self, items: Sequence[Item], entry: str | None, depth: int) -> Body:
        """Items in the order in which values flow, their joins found."""
        left = list(items)
        made: list[Item] = []
        flow = entry
        while left:
            joined = self._join(flow, left, depth) if flow is not None else None
            if joined is not None:
                item, inside = joined
                left = [one for one in left if id(one) not in inside]
            else:
                item = self._next(left, flow)
                left.remove(item)
            made.append(item)
            flow = item.outputs[0] if len(item.outputs) == 1 else None
        return tuple(made)

    @staticmethod
    def _next(left: Sequence[Item], flow: str | None) -> Item:
        """The next item: one that takes what flows, if all it takes is there; tensors stand before who needs them."""
        waiting = {value for one in left for value in one.outputs}
        ready = [one for one in left if waiting.isdisjoint(one.inputs)]
        taking = [one for one in ready if flow is not None and flow in one.inputs]
        if taking:
            return taking[0]
        bound = [one for one in left if flow is not None and flow in one.inputs]
        missing = {value for one in bound[:1] for value in one.inputs}
        helping = [one for one in ready if not missing.isdisjoint(one.outputs)]
        return (helping or ready)[0]

    def _join(self, flow: str, left: Sequence[Item], depth: int) -> tuple[Item, set[int]] | None:
        """The join of the ways from a value, and the identities of all items in it; None where there is none."""
        takers = [one for one in left if flow in one.inputs]
        if depth >= DEEPEST or sum(one.inputs.count(flow) for one in takers) < 2:
            return None
        uses = Counter(value for one in left for value in one.inputs)
        for count in range(uses[flow], 1, -1):
            found = self._meeting(flow, count, left, uses)
            if found is None:
                continue
            join, inside = found
            if _waits([join, *inside], left):
                continue
            item = self._joined(flow, join, inside, depth)
            if item is not None:
                return item, {id(join), *map(id, inside)}
        return None

    def _meeting(
        self, flow: str, count: int, left: Sequence[Item], uses: Counter[str]
    ) -> tuple[Item, list[Item]] | None:
        """The first item that all ways from `flow` lead to, its last takers aside, and the items on the ways."""
        open_uses = {flow: count}
        inside: list[Item] = []
        for item in left:
            if open_uses.keys().isdisjoint(item.inputs):
                if not item.inputs and self._own(item, left):
                    inside.append(item)
                continue
            for value in item.inputs:
                if value in open_uses:
                    open_uses[value] -= 1
                    if not open_uses[value]:
                        del open_uses[value]
            if not open_uses:
                return (item, inside) if item.op in JOINS else None
            for value in item.outputs:
                if value in self._outputs:
                    return None
                if uses[value]:
                    open_uses[value] = uses[value]
            inside.append(item)
            if len(inside) > MOST_INSIDE:
                return None
        return None

    @staticmethod
    def _own(item: Item, left: Sequence[Item]) -> bool:
        """Whether a tensor that depends on nothing is taken once."""
        return sum(one.inputs.count(value) for one in left for value in item.outputs) == 1

    def _joined(self, flow: str, join: Item, inside: Sequence[Item], depth: int) -> Item | None:
        """The join with its branches; None where the ways share something, or are better told by name."""
        made = {value: item for item in inside for value in item.outputs}
        used: set[int] = set()
        bodies: list[Body] = []
        for value in join.inputs:
            if value != flow and value not in made:
                return None
            part = _before(value, made)
            if used & {id(one) for one in part}:
                return None
            used |= {id(one) for one in part}
            if any(not one.inputs for one in part) and len(part) == 1:
                return None
            bodies.append(
                self._body([one for one in inside if id(one) in {id(p) for p in part}], flow, depth + 1)
            )
        if len(used) != len([one for one in inside if one.inputs]) + len(
            [one for one in inside if not one.inputs and id(one) in used]
        ):
            return None
        if any(
            body and body[-1].outputs != (value,) for body, value in zip(bodies, join.inputs, strict=True)
        ):
            return None
        wide = any(item.op in WIDENING for item in inside)
        if wide and not all(bodies):
            return None
        if sum(1 for body in bodies if not body) > 1:
            return None
        return _written(flow, join, bodies)


def _waits(part: Sequence[Item], left: Sequence[Item]) -> bool:
    """Whether some of the items take what another, which is not among them, has yet to make."""
    own = {id(one) for one in part}
    later = {value for one in left if id(one) not in own for value in one.outputs}
    return any(not later.isdisjoint(one.inputs) for one in part)


def _before(value: str, made: dict[str, Item]) -> list[Item]:
    """The items that lead to a value."""
    found: dict[int, Item] = {}
    waiting = [value]
    while waiting:
        item = made.get(waiting.pop())
        if item is not None and id(item) not in found:
            found[id(item)] = item
            waiting.extend(item.inputs)
    return list(found.values())


def _written(flow: str, join: Item, bodies: Sequence[Body]) -> Item:
    """A residual where two ways are added, else the op with its branches."""
    if join.op == "add" and len(bodies) == 2 and not join.arguments:
        through, past = (0, 1) if _weight(bodies[0]) >= _weight(bodies[1]) else (1, 0)
        branches = (("layers", bodies[through]), ("shortcut", bodies[past]))
        return Item(RESIDUAL, {}, (flow,), join.outputs, branches, join.steps)
    named = tuple((f"b{i}", body) for i, body in enumerate(bodies, 1))
    return Item(join.op, join.arguments, (flow,), join.outputs, named, join.steps)


def _weight(body: Body) -> int:
    """How much a body says."""
    return sum(item.lines() for item in body)
