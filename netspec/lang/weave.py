"""The graph as it grows: ops are applied one by one, and what does not fit is reported where it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from netspec.ir.dim import DimTooComplex
from netspec.ir.dim_decide import decide
from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Origin, Ref, Scope
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.problem import Problem, Warned
from netspec.ir.record import Record
from netspec.ir.types import BATCH, TensorType
from netspec.lang.report import Report
from netspec.lang.tree import Mapping as Table
from netspec.lang.tree import Node as Written
from netspec.lang.tree import Sequence as Sequenced
from netspec.text import Edit, Span

MOST_NODES = 20_000
MOST_NUMBERS = 2**34
LONGEST_TRACE = 5

Values = Mapping[str, "Ref | None"]
"""Names in scope. None stands for a value whose layer failed: whoever uses it fails silently too."""


@dataclass(frozen=True)
class Place:
    """Where one use of an op is written: its name, its arguments, its inputs."""

    head: Span
    arguments: Mapping[str, Span] = field(default_factory=dict)
    inputs: Sequence[Span | None] = ()
    layer: bool = True
    item: Written | None = None

    def of(self, at: str | int | None) -> Span:
        """The place a Problem speaks of."""
        if isinstance(at, str):
            return self.arguments.get(at, self.head)
        if isinstance(at, int) and at < len(self.inputs):
            return self.inputs[at] or self.head
        return self.head


@dataclass(frozen=True)
class Wiring:
    """What is written beside an op and ends up in the node: freezing, initialisers, a claim about the result, names."""

    freeze: frozenset[str] | None = frozenset()
    inits: Mapping[str, Record] = field(default_factory=dict)
    init_spans: Mapping[str, Span] = field(default_factory=dict)
    claim: TensorType | None = None
    freeze_span: Span | None = None
    names: tuple[str, ...] = ()


NO_WIRING = Wiring()


class Weaver:
    """Collects nodes, parameters and state of one graph."""

    def __init__(
        self, inputs: Mapping[str, TensorType], targets: Mapping[str, TensorType], report: Report
    ) -> None:
        self.inputs = dict(inputs)
        self.targets = dict(targets)
        self.report = report
        self.nodes: list[Node] = []
        self.parameters: dict[str, GraphParameter] = {}
        self.state: dict[str, GraphState] = {}
        self._types: dict[str, tuple[TensorType, ...]] = {}
        self._by_path: dict[str, Node] = {}
        self._items: dict[str, Written] = {}

    @property
    def paths(self) -> Mapping[str, Node]:
        """The nodes so far by path."""
        return self._by_path

    def type_of(self, ref: Ref) -> TensorType:
        """The type of a value that is in the graph."""
        if ref.path in self._types:
            return self._types[ref.path][ref.output]
        return self.inputs[ref.path] if ref.path in self.inputs else self.targets[ref.path]

    def apply(
        self, op: Op, inputs: Sequence[Ref | None], path: str, place: Place, wiring: Wiring = NO_WIRING
    ) -> tuple[Ref, ...] | None:
        """Add one node; None, with a report unless an input had failed before, where it does not fit."""
        refs = [ref for ref in inputs if ref is not None]
        if len(refs) != len(inputs):
            return None
        types = tuple(self.type_of(ref) for ref in refs)
        try:
            inferred = infer_node(op, types)
        except Problem as problem:
            self._refuse(refs, problem, place)
            return None
        except DimTooComplex as trouble:
            self.report.error("NS202", f"the sizes after `{op.name}` are too complex: {trouble}", place.head)
            return None
        if not self._legal(op, refs, inferred, place):
            return None
        for warned in inferred.warnings:
            self._warn(refs, warned, place)
        return self._add(op, refs, inferred, path, place, wiring)

    def graph(self, entries: Mapping[str, Mapping[str, Ref]]) -> Graph:
        """The finished, frozen graph."""
        return Graph(self.inputs, self.targets, tuple(self.nodes), self.parameters, self.state, entries)

    def _add(
        self, op: Op, refs: list[Ref], inferred: Inferred, path: str, place: Place, wiring: Wiring
    ) -> tuple[Ref, ...]:
        parameters = {one.name: f"{path}.{one.name}" for one in inferred.parameters}
        state = {one.name: f"{path}.{one.name}" for one in inferred.state}
        frozen = wiring.freeze
        if frozen is None:
            frozen = frozenset({*parameters, *(("statistics",) if state else ())})
        self._check_wiring(op, wiring, parameters, state)
        for one in inferred.parameters:
            key = parameters[one.name]
            trainable = one.name not in frozen
            self.parameters[key] = GraphParameter(key, one.shape, trainable, wiring.inits.get(one.name))
        for kept in inferred.state:
            self.state[state[kept.name]] = GraphState(state[kept.name], kept.shape, kept.fill, kept.dtype)
        types = inferred.outputs
        if wiring.claim is not None and len(types) == 1:
            types = (self._claimed(types[0], wiring.claim, place),)
        node = Node(
            path,
            op,
            tuple(refs),
            types,
            parameters,
            state,
            inferred.noise,
            inferred.constraints,
            frozen,
            Scope(),
            (Origin("layer" if place.layer else "formula", place.head),),
            names=wiring.names if len(wiring.names) == len(types) else (),
        )
        self.nodes.append(node)
        self._types[path] = types
        self._by_path[path] = node
        if place.item is not None:
            self._items[path] = place.item
        return node.refs

    def _check_wiring(
        self, op: Op, wiring: Wiring, parameters: Mapping[str, str], state: Mapping[str, str]
    ) -> None:
        """Report a name beside `freeze` or `init` that the op does not have."""
        has = [f"`{name}`" for name in (*parameters, *(("statistics",) if state else ()))]
        known = ", ".join(has) or "nothing that learns"
        for name in sorted(wiring.freeze or ()):
            if name not in parameters and not (name == "statistics" and state):
                self.report.error(
                    "NS126",
                    f"`{op.name}` has no `{name}` to freeze",
                    wiring.freeze_span,
                    help=f"it has {known}",
                )
        if wiring.freeze is None and not has:
            self.report.error(
                "NS126", f"`{op.name}` has nothing to freeze", wiring.freeze_span, help="remove `freeze`"
            )
        for name, span in wiring.init_spans.items():
            if name not in parameters:
                self.report.error(
                    "NS127", f"`{op.name}` has no parameter `{name}`", span, help=f"it has {known}"
                )

    def _claimed(self, found: TensorType, claim: TensorType, place: Place) -> TensorType:
        """The type with what `as` claims, unless that contradicts what was derived."""
        if claim.unit and found.unit and claim.unit != found.unit:
            self.report.error(
                "NS303",
                f"`as` says `{claim.unit}`, and the value is in `{found.unit}`",
                place.head,
                help=f"write `unit: {found.unit}`, or convert the value first",
            )
        facts, said = found.facts, claim.facts
        if said.low > facts.high or said.high < facts.low:
            self.report.error(
                "NS303",
                f"`as` says values in [{said.low:g}, {said.high:g}], and they are in [{facts.low:g}, {facts.high:g}]",
                place.head,
                help="remove the claim",
            )
        merged = replace(
            said,
            low=max(facts.low, said.low),
            high=min(facts.high, said.high),
            sums_to_one=said.sums_to_one or facts.sums_to_one,
            nondecreasing=said.nondecreasing or facts.nondecreasing,
            log_probabilities=said.log_probabilities or facts.log_probabilities,
        )
        return replace(found, unit=claim.unit or found.unit, facts=merged)

    def _legal(self, op: Op, refs: list[Ref], inferred: Inferred, place: Place) -> bool:
        """Whether the sizes can be: every constraint that is decided holds, nothing is empty, nothing is absurd."""
        for one in inferred.constraints:
            if not one.training and decide(one.left, one.relation, one.right) is False:
                never = f"{one.left} {one.relation} {one.right} never holds"
                problem = Problem("NS201", f"`{op.name}` cannot run: {never} ({one.why})", at=one.at)
                self._refuse(refs, problem, place)
                return False
        numbers = sum(GraphParameter("", one.shape).count for one in inferred.parameters)
        if numbers > MOST_NUMBERS or len(self.nodes) >= MOST_NODES:
            what = (
                f"{numbers:,} parameters in one layer" if numbers > MOST_NUMBERS else f"{MOST_NODES:,} layers"
            )
            self.report.error(
                "NS203", f"{what} are more than can be meant", place.head, help="look for a typing error"
            )
            return False
        for out in inferred.outputs:
            if any(size.value is not None and size.value < 1 for size in out.sizes):
                problem = Problem("NS204", f"`{op.name}` leaves nothing: its result would be {out.named()}")
                self._refuse(refs, problem, place)
                return False
        return True

    def _refuse(self, refs: list[Ref], problem: Problem, place: Place) -> None:
        """Report a broken rule at its place, with the chain that led to the input."""
        at = problem.at if isinstance(problem.at, int) else 0
        label = ""
        notes: tuple[str, ...] = ()
        if refs:
            subject = refs[min(at, len(refs) - 1)]
            types = [self.type_of(ref) for ref in refs]
            label = (
                f"input is {types[0]}" if len(refs) == 1 else "inputs are " + " and ".join(map(str, types))
            )
            notes = self.trace(subject)
        span = place.of(problem.at)
        self.report.error(
            problem.code,
            problem.message,
            span,
            label=label,
            notes=notes,
            help=problem.help,
            once=not place.layer,
        )

    def _warn(self, refs: list[Ref], warned: Warned, place: Place) -> None:
        """Report what is legal and doubtful; where one more layer cures it, offer that as an exact edit."""
        edit = None
        index = warned.at if isinstance(warned.at, int) else None
        if warned.append and index is not None and index < len(refs):
            item = self._items.get(refs[index].path)
            edit = appended(item, warned.append) if item else None
        self.report.warning(warned.code, warned.message, place.of(warned.at), help=warned.help, edit=edit)

    def trace(self, ref: Ref) -> tuple[str, ...]:
        """Where the sizes of a value come from: the layers that last changed them, nearest first."""
        notes: list[str] = []
        while len(notes) < LONGEST_TRACE:
            node = self._by_path.get(ref.path)
            if node is None:
                break
            made = self.type_of(ref)
            if not node.inputs:
                break
            entering = self.type_of(node.inputs[0])
            if _sizes(made) != _sizes(entering):
                line = node.origin[0].span.line if node.origin else 0
                notes.append(f"`{node.path}` (line {line}) makes {_sizes(made)} of {_sizes(entering)}")
            ref = node.inputs[0]
        return tuple(notes)


def appended(item: Written, layer: str) -> Edit | None:
    """The edit that puts one more layer behind a written one; a name goes over to the new layer.

    None where that is more than an insertion: the name must stand last, in a layer that begins a line.
    """
    source, start = item.span.source, item.span.start
    line = source.line(item.span.line)
    indent = line[: len(line) - len(line.lstrip())]
    if line[: item.span.column - 1].strip() != "-":
        return None
    if not isinstance(item, Table) or item.get("name") is None:
        if isinstance(item, Table) and len(item) > 1:
            return None
        return Edit(source.span(item.span.end, item.span.end), f"\n{indent}- {layer}")
    *before, last = item.entries
    if last.name != "name" or isinstance(last.value, Sequenced) or not before:
        return None
    head = source.text[start : last.span.start].rstrip()
    if item.flow:
        place = start + len(head.rstrip(","))
        return Edit(source.span(place, place), f"}}\n{indent}- {{{layer}")
    place = start + len(head)
    return Edit(source.span(place, place), f"\n{indent}- {layer}:")


def _sizes(one: TensorType) -> str:
    """The sizes without the batch: `[40, 60, 60]`."""
    return "[" + ", ".join(str(axis.size) for axis in one.axes if axis.name != BATCH) + "]"
