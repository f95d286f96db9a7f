"""Blocks in the making: a stretch that comes several times, its numbers as parameters where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.recover.item import Body, Item
from netspec.recover.skeleton import Place, kind_of

Row = Mapping[Place, object]

CHANNELS = frozenset(
    {"out_channels", "groups", "squeeze_channels", "out_features", "num_groups", "channels", "hidden"}
)
WINDOWS = frozenset({"kernel_size", "padding", "dilation"})

FOLLOWING = frozenset({"padding", "groups", "squeeze_channels", "squeezed"})
"""What a person works out from something else: from the window, from the channels."""

NAMES = {
    "out_channels": "channels",
    "out_features": "features",
    "repeat": "depth",
    "squeeze_channels": "squeezed",
    "num_groups": "groups",
}
"""What a parameter is called for an argument, where it is not the argument's own word."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a block: its name, its type, and its default where most calls have the op's own."""

    name: str
    kind: str
    default: object = None


@dataclass(frozen=True)
class Block:
    """A block: what its body is with parameters in it, which values come in and which goes out.

    `names` are the source's names of where its copies stood; `whole` says that each was all of what has that name.
    """

    key: str
    body: Body
    inputs: tuple[str, ...]
    output: str
    parameters: tuple[Parameter, ...]
    names: tuple[str, ...]
    whole: bool = False


class Columns:
    """The numbers of several stretches of one form, place by place: which are one parameter, which follow from one."""

    def __init__(
        self, places: Sequence[Place], rows: Sequence[Sequence[object]], default: Callable[[Place], object]
    ) -> None:
        self._columns = {place: tuple(row[i] for row in rows) for i, place in enumerate(places)}
        self._default = default
        self.parameters: dict[str, tuple[object, ...]] = {}
        self.written: dict[Place, str] = {}
        self._kinds: dict[str, str] = {}
        self.sound = True
        self._find()

    def _find(self) -> None:
        """Parameters for the places that differ: the smaller first, of which the others may be multiples."""
        differing = {
            place: column
            for place, column in self._columns.items()
            if len(set(column)) > 1 or any(isinstance(one, str) for one in column)
        }
        last = max((p.item for p in differing if p.argument in CHANNELS), default=-1)
        ends = {differing[p] for p in differing if p.item == last and p.argument in CHANNELS}

        def order(place: Place) -> tuple[object, ...]:
            column = differing[place]
            whole = all(type(one) is int for one in column)
            follows = place.argument in FOLLOWING
            return (_family(place.argument), follows, sum(column) if whole else 0, place.item)  # type: ignore[arg-type]

        for place in sorted(differing, key=order):
            column = differing[place]
            found = self._known(place, column)
            if found is None:
                name = self._name(place, column, ends)
                self.parameters[name] = column
                self._kinds[name] = place.argument
                found = f"${name}"
                self.sound = self.sound and _typed(place.argument, column)
            self.written[place] = found

    def _known(self, place: Place, column: tuple[object, ...]) -> str | None:
        """An expression of the parameters that there are, for these numbers; None where there is none."""
        family = _family(place.argument)
        for name, other in self.parameters.items():
            if _family(self._kinds[name]) == family and other == column and _same_types(other, column):
                return f"${name}"
        for name, other in self.parameters.items():
            same = _family(self._kinds[name]) == family
            pairs = [
                (a, b)
                for a, b in zip(column, other, strict=True)
                if isinstance(a, int) and isinstance(b, int)
            ]
            if not same or len(pairs) < len(column):
                continue
            if family == "channels":
                for factor in range(2, 9):
                    if all(a == b * factor for a, b in pairs):
                        return f"${name} * {factor}"
                    if all(a * factor == b for a, b in pairs):
                        return f"${name} // {factor}"
            halves = place.argument == "padding" and self._kinds[name] == "kernel_size"
            if halves and all(a == b // 2 for a, b in pairs):
                return f"${name} // 2"
        return None

    def _name(self, place: Place, column: tuple[object, ...], ends: set[tuple[object, ...]]) -> str:
        """A name for a parameter: what comes out of the block are its `channels`, what is within is `hidden`."""
        wanted = NAMES.get(place.argument, place.argument)
        if place.argument == "out_channels" and column not in ends and _multiple(ends, column) is None:
            wanted = "hidden"
        if wanted not in self.parameters and wanted != "x":
            return wanted
        return next(name for i in range(2, 99) if (name := f"{wanted}{i}") not in self.parameters)

    def declared(self) -> tuple[Parameter, ...]:
        """The parameters with their types and defaults, the channels first."""
        found = []
        for name, column in self.parameters.items():
            argument = self._kinds[name]
            kind = _kind(argument, column)
            place = next(p for p, text in self.written.items() if text == f"${name}")
            usual = self._default(place)
            default = usual if isinstance(usual, (bool, int, float)) and usual in column else None
            found.append(Parameter(name, kind, default))
        return tuple(sorted(found, key=lambda one: (one.default is not None, _rank(one.name))))

    def arguments(self, row: int) -> dict[str, object]:
        """What the call for a row is given."""
        return {name: column[row] for name, column in self.parameters.items()}


def _rank(name: str) -> int:
    """Channels come first, for they are what a person looks for."""
    order = ("channels", "features", "hidden", "kernel_size", "stride")
    return order.index(name) if name in order else len(order)


def _multiple(ends: set[tuple[object, ...]], column: tuple[object, ...]) -> int | None:
    """How many times a column some end is."""
    for end in ends:
        for factor in range(2, 9):
            if all(
                type(a) is int and type(b) is int and a == b * factor
                for a, b in zip(end, column, strict=True)
            ):
                return factor
    return None


def _same_types(one: Sequence[object], other: Sequence[object]) -> bool:
    return all(type(a) is type(b) for a, b in zip(one, other, strict=True))


def _family(argument: str) -> str:
    """Arguments whose numbers have to do with one another."""
    stem = argument.rstrip("0123456789")
    return "channels" if stem in CHANNELS else "windows" if stem in WINDOWS else stem


def _typed(argument: str, column: Sequence[object]) -> bool:
    """Whether one type of a parameter takes all of these: a size has no 0, and an expression is no list."""
    numbers = [n for one in column for n in (one if isinstance(one, tuple) else (one,)) if type(n) is int]
    return _kind(argument, column) != "size" or all(n > 0 for n in numbers)


def _kind(argument: str, column: Sequence[object]) -> str:
    """The type of a parameter that takes all of these."""
    kinds = {kind_of(argument, list(one) if isinstance(one, tuple) else one) for one in column}
    if kinds == {"size"} and all(not isinstance(one, tuple) for one in column):
        return "int"
    if kinds <= {"int", "float"} and "float" in kinds:
        return "float"
    return next(iter(kinds)) if len(kinds) == 1 else "size" if "size" in kinds else "int"


def parametrised(body: Sequence[Item], written: Mapping[Place, str], default: Mapping[Place, object]) -> Body:
    """The body with expressions at the places that have them."""
    return _Placing(written, default).body(body)


class _Placing:
    """Walks a body in the order in which its skeleton was read."""

    def __init__(self, written: Mapping[Place, str], default: Mapping[Place, object]) -> None:
        self._written = written
        self._default = default
        self._count = 0

    def body(self, body: Sequence[Item]) -> Body:
        return tuple(self._item(item) for item in body)

    def _item(self, item: Item) -> Item:
        branches = tuple((name, self.body(inside)) for name, inside in item.branches)
        self._count += 1
        mine = {place.argument: text for place, text in self._written.items() if place.item == self._count}
        repeat = mine.pop("repeat", item.repeat)
        return replace(item, branches=branches, arguments={**item.arguments, **mine}, repeat=repeat)
