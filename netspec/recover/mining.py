"""What comes again and again is written once: stretches of one form become blocks, equal neighbours become copies.

The stretch that saves most lines is taken first, and the search goes on over what is left and over the blocks
themselves, until nothing is worth a block any more. Where the source's own modules begin and end with a stretch, it is
preferred: that is how its author saw it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import replace

from netspec.recover.block import Block, Columns, parametrised
from netspec.recover.copies import copies, groups
from netspec.recover.item import Body, Item, steps_of
from netspec.recover.modules import is_module, module_of, tears
from netspec.recover.skeleton import Place, defaults
from netspec.recover.stretches import Looks, Standing, Stretch, apart, once, stretches

MOST_PARAMETERS = 6
MOST_BLOCKS = 24
LEANING = frozenset(
    {"relu", "relu6", "silu", "hardswish", "gelu", "leaky_relu", "tanh", "sigmoid", "dropout", "elu"}
)
"""What belongs to the layers before it, if anybody may choose."""

TORN = 0.4
"""What is left of the worth of a block that tears modules of the source apart."""

WORTH = 3
"""So many lines a block has to save; none where it is a module of the source."""


class Mining:
    """Finds the blocks of a body. `outputs` are values wanted outside, `shared` those of layers that share weights."""

    def __init__(
        self, body: Body, entry: str | None, outputs: Collection[str], shared: Collection[str]
    ) -> None:
        self.entry = entry
        self.blocks: dict[str, Block] = {}
        self._outputs = set(outputs)
        self._shared = set(shared)
        self._looks = Looks()
        self.body = copies(body, self._used(body))
        while len(self.blocks) < MOST_BLOCKS and self._step():
            pass
        self.body = groups(self.body, self.entry, self._used(self.body))
        for key, block in self.blocks.items():
            entered = block.inputs[0] if block.inputs else None
            self.blocks[key] = replace(
                block, body=groups(block.body, entered, Counter({**_uses(block.body), block.output: 99}))
            )

    def _used(self, body: Body) -> Counter[str]:
        used = _uses(body)
        used.update(dict.fromkeys(self._outputs | self._shared, 99))
        return used

    def _bodies(self) -> Iterator[tuple[tuple[object, ...], Body, str | None, Counter[str]]]:
        """Every body with its place, what flows into it, and how often its values are used in its whole namespace."""
        roots: list[tuple[object, Body, str | None, Counter[str]]] = [
            (None, self.body, self.entry, self._used(self.body))
        ]
        for key, block in self.blocks.items():
            used = _uses(block.body)
            used[block.output] += 99
            roots.append((key, block.body, block.inputs[0] if block.inputs else None, used))
        for root, body, entry, used in roots:
            yield from _inner((root,), body, entry, used)

    def _step(self) -> bool:
        """Make the best block there is; False where none is worth it."""
        forms: dict[Hashable, list[Stretch]] = {}
        places = [Standing(*one) for one in self._bodies()]
        bodies = {place.at: place.body for place in places}
        for one in stretches(places, self._shared, self._looks):
            forms.setdefault((one.found.form, len(one.found.outer)), []).append(one)
        best: tuple[float, list[Stretch], Columns] | None = None
        for found in forms.values():
            if len(found) < 2:
                continue
            alone = apart(found)
            if len(alone) < 2:
                continue
            items = [bodies[one.at][one.start : one.stop] for one in alone]
            first = items[0]
            lines = sum(item.lines() for item in first)
            most = len(alone) * (lines - 1) - lines - 2
            if most < 0 or (best is not None and (most + 1) * 1.3 <= best[0]):
                continue
            columns = Columns(alone[0].found.places, [one.found.numbers for one in alone], _default_at(first))
            score = self._score(alone, items, bodies, columns, lines)
            if score is not None and (best is None or score > best[0]):
                best = score, alone, columns
        if best is None:
            return False
        self._make(best[1], best[2], bodies)
        return True

    def _score(
        self,
        alone: Sequence[Stretch],
        items: Sequence[Body],
        bodies: dict[tuple[object, ...], Body],
        columns: Columns,
        lines: int,
    ) -> float | None:
        """How many lines a block saves; None where that is too few, or its calls would be too long."""
        count = len(columns.parameters)
        if count > MOST_PARAMETERS or not columns.sound:
            return None
        units = Counter(self._looks.of(item) for item in items[0] if item.branches)
        if max(units.values(), default=0) > 1:
            return None  # what comes again inside is a block first, so that its number can be a parameter
        per_call = 1 + 0.12 * max(count - 1, 0)
        saved = len(alone) * (lines - per_call) - lines - 2
        modules = all(
            is_module(body, bodies[one.at], one.start, one.stop)
            for body, one in zip(items, alone, strict=True)
        )
        if saved < (0 if modules else WORTH):
            return None
        loose = 0.5 if items[0][0].op in LEANING else 0.0
        torn = not modules and any(tears(bodies[one.at], one.start, one.stop) for one in alone)
        return (saved + 1 - loose) * (1.3 if modules else TORN if torn else 1.0)

    def _make(
        self, alone: Sequence[Stretch], columns: Columns, bodies: dict[tuple[object, ...], Body]
    ) -> None:
        """A block of these stretches, and calls in their places."""
        key = f"block/{len(self.blocks) + 1}"
        changes: dict[tuple[object, ...], list[tuple[int, int, Item]]] = {}
        names: list[str] = []
        whole, everything = True, [step.name for step in steps_of(self.body)]
        for row, one in enumerate(alone):
            stretch = bodies[one.at][one.start : one.stop]
            steps = tuple(steps_of(stretch))
            common = module_of([step.name for step in steps if step.name])
            names.append(common)
            whole = whole and len(steps) == sum(f"{name}.".startswith(f"{common}.") for name in everything)
            count = stretch[0].repeat if len(stretch) == 1 else 1
            call = Item(key, columns.arguments(row), one.found.outer, stretch[-1].outputs, (), steps, count)
            changes.setdefault(one.at, []).append((one.start, one.stop, call))
        first = once(bodies[alone[0].at][alone[0].start : alone[0].stop])
        body = parametrised(first, columns.written, {})
        self.blocks[key] = Block(
            key, body, alone[0].found.outer, first[-1].outputs[0], columns.declared(), tuple(names), whole
        )
        self._change(changes)
        self.body = copies(self.body, self._used(self.body))
        for other, block in self.blocks.items():
            self.blocks[other] = replace(
                block, body=copies(block.body, Counter({**_uses(block.body), block.output: 99}))
            )

    def _change(self, changes: dict[tuple[object, ...], list[tuple[int, int, Item]]]) -> None:
        """Put calls in the place of stretches, in all bodies."""
        self.body = _changed((None,), self.body, changes)
        for key, block in list(self.blocks.items()):
            self.blocks[key] = replace(block, body=_changed((key,), block.body, changes))


def _uses(body: Sequence[Item]) -> Counter[str]:
    """How often each value is taken in a body and all inside it."""
    return Counter(value for item in body for value in item.taken())


def _inner(
    at: tuple[object, ...], body: Body, entry: str | None, used: Counter[str]
) -> Iterator[tuple[tuple[object, ...], Body, str | None, Counter[str]]]:
    """A body and those inside it; copies are left as they are."""
    yield at, body, entry, used
    for i, item in enumerate(body):
        if item.repeat == 1:
            for j, (_, inside) in enumerate(item.branches):
                yield from _inner((*at, i, j), inside, item.inputs[0], used)


def _changed(
    at: tuple[object, ...], body: Body, changes: dict[tuple[object, ...], list[tuple[int, int, Item]]]
) -> Body:
    """A body with calls in the places of stretches."""
    made: list[Item] = []
    here = sorted(changes.get(at, ()), key=lambda one: one[0])
    i = 0
    while i < len(body):
        if here and here[0][0] == i:
            _, i, call = here.pop(0)
            made.append(call)
            continue
        item = body[i]
        if item.branches:
            item = item.with_branches(
                [
                    (name, _changed((*at, i, j), inside, changes))
                    for j, (name, inside) in enumerate(item.branches)
                ]
            )
        made.append(item)
        i += 1
    return tuple(made)


def _default_at(first: Body) -> Callable[[Place], object]:
    """The op's own default at a place of a stretch."""
    order = [item for one in first for item in one.walk()]

    def at(place: Place) -> object:
        item = order[place.item - 1]
        return None if item.call else defaults(item.op).get(place.argument)

    return at
