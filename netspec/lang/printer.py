"""A graph as the text of a spec: flat, every layer on a line of its own and by its name.

What it writes is read to the same graph: the same ops on the same values with the same weights, in the same order.
Paths with dots, of blocks and formulas, become names with `_`, so they may differ; everything else is equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite

from netspec.ir.facts import Facts
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import infer_node
from netspec.ir.problem import Problem
from netspec.ir.record import Record
from netspec.ir.saying import Unsayable, call, said
from netspec.ir.types import BATCH, TensorType
from netspec.lang.names import why_refused
from netspec.lang.naming import ENTRIES
from netspec.text.flow import flow, word

LONGEST_NAME = 64


def spec_text(graph: Graph, *, name: str = "model", group: Graph | None = None, by: str = "patient") -> str:
    """The whole spec: inputs, targets, layers, outputs, loss, aggregation and metrics.

    `group` is the graph from samples to groups, if there is one. Raises Problem NS748 for a graph that the flat
    language cannot say, as one with a `map` in it.
    """
    return "".join(f"{line}\n" for line in _Printer(graph, group, by).lines(name))


def declared(kind: TensorType) -> dict[str, object]:
    """A type as `inputs` has it; what is proved beyond kind, range and unit cannot be declared and is left out."""
    shape: dict[str, object] = {}
    for axis in kind.axes:
        if axis.name == BATCH:
            continue
        if axis.size.value is None and str(axis.size) not in axis.size.symbols:
            raise _unsaid(f"no input has the size {axis.size}")
        shape[axis.name] = str(axis.size) if axis.size.value is None else axis.size.value
    found: dict[str, object] = {"shape": shape or []}
    axis_name = kind.axes[-1].name if shape else None
    found |= _kind(kind.facts, axis_name)
    if kind.unit is not None:
        found["unit"] = kind.unit
    return found


def _kind(facts: Facts, axis: str | None) -> dict[str, object]:
    """Kind and range; a kind has its own range."""
    if facts.classes is not None:
        return {"kind": "class_index", "classes": facts.classes}
    if facts.mask:
        return {"kind": "mask"}
    if facts.nondecreasing is not None and facts.nondecreasing == axis and facts.within_unit:
        return {"kind": "cdf"}
    if facts.sums_to_one is not None and facts.sums_to_one == axis and facts.within_unit:
        return {"kind": "probabilities"}
    if facts.log_probabilities is not None and facts.log_probabilities == axis:
        return {"kind": "log_probabilities"}
    if (facts.low, facts.high) == (0, 1):
        return {"kind": "unit"}
    return {"range": [facts.low, facts.high]} if isfinite(facts.low) and isfinite(facts.high) else {}


def _by_axis(pairs: object) -> dict[str, object]:
    """What an op says of axes, written beside its other arguments; the same on both sides is said once."""
    found: dict[str, object] = dict(pairs)  # type: ignore[call-overload]  # the field `axes` of such an op has pairs
    return {
        axis: one[0] if isinstance(one, tuple) and len(set(one)) == 1 else one for axis, one in found.items()
    }


def _unsaid(why: str) -> Problem:
    return Problem("NS748", f"this graph cannot be written as a flat spec: {why}")


@dataclass
class _Printer:
    """Writes one graph. `names` are the written names of values, `taken` all names that are given."""

    graph: Graph
    group: Graph | None
    by: str
    names: dict[Ref, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def lines(self, name: str) -> Iterator[str]:
        """The lines of the spec, in the order in which sections stand."""
        self._call_values()
        yield "netspec: 1"
        yield f"name: {word(name)}"
        for section, types in (("inputs", self.graph.inputs), ("targets", self.graph.targets)):
            if types:
                yield f"{section}:"
                yield from (f"  {key}: {flow(declared(kind))}" for key, kind in types.items())
        yield "layers:"
        yield from (f"  - {self._layer(node)}" for node in self._layers())
        yield f"outputs: {flow([self._named(ref) for ref in self.graph.entry('predict').values()])}"
        yield from self._formulas("loss", self.graph, self.graph.entry("loss"), self.names)
        yield from self._groups()

    def _call_values(self) -> None:
        """A legal name for every value: what an output is called, else its path where that is one."""
        self.taken = {*self.graph.inputs, *self.graph.targets}
        self.names = {Ref(one): one for one in self.taken}
        layers = list(self._layers())
        made = {ref for node in layers for ref in node.refs}
        for called, ref in self.graph.entry("predict").items():
            if ref in made and ref not in self.names:
                self.names[ref] = self._free(called)
        for node in layers:
            several = node.names or [f"{node.path}_{i}" for i in range(len(node.types))]
            for ref, wanted in zip(node.refs, [node.path] if len(node.types) == 1 else several, strict=True):
                if ref not in self.names:
                    self.names[ref] = self._free(wanted)

    def _free(self, wanted: str) -> str:
        """The name itself, or one like it that can be given and is not."""
        plain = wanted.replace(".", "_")[: LONGEST_NAME - 8]
        found, number = plain, 1
        while found in self.taken or found in ENTRIES or why_refused(found):
            number += 1
            found = f"{plain}_{number}" if why_refused(f"{plain}_{number}") is None else f"v_{number}"
        self.taken.add(found)
        return found

    def _layers(self) -> Iterator[Node]:
        """The nodes that are written as layers: all but those that live under the loss and the metrics."""
        return (
            node for node in self.graph.nodes if not node.path.startswith(tuple(f"{one}." for one in ENTRIES))
        )

    def _named(self, ref: Ref) -> str:
        if ref not in self.names:
            raise _unsaid(f"`{ref}` is an output, and belongs to the loss")
        return self.names[ref]

    def _layer(self, node: Node) -> str:
        """One layer on one line."""
        if not node.op.written:
            raise _unsaid(f"`{node.path}` belongs to a `map`")
        if node.regions:
            raise _unsaid(f"`{node.path}` holds layers")
        home = self._home(node)
        optional = node.op.optional()
        least = len(node.op.inputs()) - len(optional)
        beside, inside = (node.inputs[:least], node.inputs[least:]) if optional else (node.inputs, ())
        named = {slot: self._named(ref) for slot, ref in zip(optional, inside, strict=False)}
        parts = [f"reuse: {home}" if home else self._head(node, named)]
        if beside:
            given = [self._named(ref) for ref in beside]
            parts.append(f"from: {given[0] if len(given) == 1 else flow(given)}")
        made = [self.names[ref] for ref in node.refs]
        parts.append(f"name: {made[0] if len(made) == 1 else flow(made)}")
        if not home:
            parts += self._wires(node)
        return f"{{{', '.join(parts)}}}"

    def _head(self, node: Node, named: Mapping[str, str]) -> str:
        """The op with its arguments and the inputs that only a name can give."""
        written: dict[str, object] = dict(node.op.arguments())
        if getattr(node.op, "free_arguments", False):
            written |= _by_axis(written.pop("axes", ()))
        written |= named
        return f"{node.op.name}: {flow(written)}" if written else node.op.name

    def _wires(self, node: Node) -> Iterator[str]:
        """What stands beside an op and is no name: initialisers, freezing, claims."""
        inits = {
            local: call(record)
            for local, key in node.parameters.items()
            if isinstance(record := self.graph.parameters[key].init, Record)
        }
        if inits:
            yield f"init: {flow(inits)}"
        if node.frozen:
            yield f"freeze: {flow(sorted(node.frozen))}"
        if claim := self._claim(node):
            yield f"as: {flow(claim)}"

    def _claim(self, node: Node) -> dict[str, object]:
        """What the type of a node says beyond what its op derives."""
        derived = infer_node(node.op, tuple(self.graph.type_of(ref) for ref in node.inputs)).outputs
        found: dict[str, object] = {}
        for made, kind in zip(derived, node.types, strict=True):
            if made == kind:
                continue
            if made.unit != kind.unit:
                found["unit"] = kind.unit
            if (made.facts.low, made.facts.high) != (kind.facts.low, kind.facts.high):
                found |= _kind(Facts(low=kind.facts.low, high=kind.facts.high), None)
        return found

    def _home(self, node: Node) -> str | None:
        """The name of the layer whose weights a node uses again; None for one that has its own."""
        homes = {
            key.removesuffix(f".{local}") for local, key in (*node.parameters.items(), *node.state.items())
        } - {node.path}
        if not homes:
            return None
        home = self.graph.node(homes.pop())
        if homes or home is None or home.op != node.op:
            raise _unsaid(f"`{node.path}` shares weights with several layers")
        return self._named(home.refs[0])

    def _formulas(
        self, section: str, graph: Graph, entry: Mapping[str, Ref], names: Mapping[Ref, str]
    ) -> Iterator[str]:
        """A section of formulas: names with a formula each, or one formula alone."""
        texts = {key: self._formula(graph, ref, names) for key, ref in entry.items()}
        if not texts:
            return
        single = section == "loss" and set(texts) == {section} and not self._mapped(entry)
        if single:
            yield f"{section}: {word(texts[section])}"
            return
        yield f"{section}:"
        yield from (f"  {key}: {word(text)}" for key, text in texts.items())

    def _mapped(self, entry: Mapping[str, Ref]) -> bool:
        """Whether a loss called `loss` stands in a mapping: then its nodes say so twice."""
        return any(ref.path.startswith("loss.loss.") for ref in entry.values())

    def _formula(self, graph: Graph, ref: Ref, names: Mapping[Ref, str]) -> str:
        try:
            return said(graph, ref, names.get)
        except Unsayable as trouble:
            raise _unsaid(str(trouble)) from None

    def _groups(self) -> Iterator[str]:
        """The aggregation, and the metrics of both levels."""
        upper: dict[Ref, str] = {}
        if self.group is not None:
            outputs = {Ref(key): self._named(ref) for key, ref in self.graph.entry("predict").items()}
            names = {**outputs, **{Ref(one): one for one in self.group.targets}}
            yield "aggregate:"
            yield f"  by: {self.by}"
            yield "  outputs:"
            for key, ref in self.group.entry("predict").items():
                yield f"    {key}: {word(self._formula(self.group, ref, {**names, **upper}))}"
                upper[ref] = key
            upper = {**names, **upper}
        lower = list(self._formulas("metrics", self.graph, self.graph.entry("metrics"), self.names))
        higher = (
            list(self._formulas("metrics", self.group, self.group.entry("metrics"), upper))
            if self.group
            else []
        )
        yield from lower or higher[:1]
        yield from higher[1:]
