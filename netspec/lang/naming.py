"""Names of layers, settled before anything is woven: so conditions and copies never change what a layer is called.

Layers without a name are called `conv1`, `conv2`, counted over the written unnamed layers of a body; what a
named or copied structure or a branch holds is counted apart, because its paths begin with that name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field

from netspec.lang.layer import BRANCHES, Layer, split
from netspec.lang.names import why_refused
from netspec.lang.report import Report
from netspec.lang.tree import Node, Scalar, Sequence
from netspec.text import Label, Span

ENTRIES = ("loss", "metrics")
"""Words that paths of formulas begin with."""


@dataclass(frozen=True)
class Called:
    """What one written layer is called: its word in paths, and the names its values were given."""

    word: str
    names: tuple[str, ...] = ()


@dataclass
class Naming:
    """The names of one body of layers. `places` says where each was given, `automatic` which were counted."""

    called: dict[int, Called] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    automatic: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def of(self, item: Node) -> Called:
        """What a layer of this body is called."""
        return self.called[id(item)]


def name_layers(layers: Sequence, places: dict[str, Span], taken: Container[str], report: Report) -> Naming:
    """Settle the names of all layers of a body, those in groups, residuals, branches and maps included.

    `places` holds the names given before (inputs, targets, constants, parameters), `taken` what else cannot be counted.
    """
    naming = Naming(places=dict(places))
    _Namer(naming, taken, report).read(layers)
    return naming


class _Namer:
    def __init__(self, naming: Naming, taken: Container[str], report: Report) -> None:
        self.naming = naming
        self.taken = taken
        self.report = report
        self._counts: dict[str, Counter[str]] = {}
        self._written: set[str] = set()

    def read(self, layers: Sequence) -> None:
        self._written = set(_all_written(layers))
        self._layers(layers, "")

    def _layers(self, layers: Sequence, prefix: str) -> None:
        for item in layers:
            layer = split(item)
            if layer is None:
                continue
            names = self._names(layer)
            word = names[0] if len(names) == 1 else self._count(layer.op, prefix)
            self.naming.called[id(item)] = Called(word, names)
            inside = f"{prefix}{word}." if len(names) == 1 or _copied(layer) else prefix
            for branch, held in layer.held:
                if layer.op == BRANCHES:
                    self._branch(layer, branch)
                self._layers(held, f"{inside}{branch}." if branch else inside)

    def _names(self, layer: Layer) -> tuple[str, ...]:
        """The names a layer is given; a refused name is as good as none."""
        entry = layer.wires.get("name")
        for item in entry.value.items if entry and isinstance(entry.value, Sequence) else ():
            if not isinstance(item, Scalar):
                self.report.error("NS119", "a name is one word", item.span)
        if entry is not None and not isinstance(entry.value, (Scalar, Sequence)):
            self.report.error("NS119", "a name is one word", entry.value.span)
        return tuple(item.text for item in layer.written if self._give(item.text, item.span))

    def _branch(self, layer: Layer, name: str) -> None:
        """A branch without a join is a value like any other."""
        entry = layer.head.value.get(name) if hasattr(layer.head.value, "get") else None
        if entry is not None:
            self._give(name, entry.key.span)

    def _give(self, name: str, span: Span) -> bool:
        """Whether a name can be given here."""
        why = why_refused(name)
        if why is None and name in self.naming.places:
            labels = (Label(self.naming.places[name], "the first one"),)
            self.report.error(
                "NS103",
                f"the name `{name}` is taken",
                span,
                labels=labels,
                help="inputs, targets, constants and layers share one set of names: choose another",
            )
            self.report.lose()
            return False
        if name in ENTRIES:
            why = "the file has a section of that name, whose formulas live under it"
        if why is not None:
            self.report.error("NS119", f"`{name}` cannot be a name: {why}", span, help="choose another")
            self.naming.failed.add(name)
            self.report.lose()
            return False
        self.naming.places[name] = span
        return True

    def _count(self, op: str, prefix: str) -> str:
        """`conv1`, `conv2`: the next that is not a written name."""
        stem = op.removeprefix("$").replace(".", "_")
        counts = self._counts.setdefault(prefix, Counter())
        while True:
            counts[stem] += 1
            name = f"{stem}{counts[stem]}"
            if name not in self._written and name not in self.taken and name not in self.naming.places:
                self.naming.automatic.add(name)
                return name


def _copied(layer: Layer) -> bool:
    """Whether a layer has copies, which need a word of their own."""
    return "repeat" in layer.wires


def _all_written(layers: Sequence) -> list[str]:
    """The names that the layers of a body give, wherever in it they stand."""
    found: list[str] = []
    for item in layers:
        layer = split(item)
        if layer is None:
            continue
        found.extend(one.text for one in layer.written)
        for branch, held in layer.held:
            found.extend([branch] if layer.op == BRANCHES else [])
            found.extend(_all_written(held))
    return found
