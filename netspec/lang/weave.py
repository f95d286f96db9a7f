"""The graph as it grows: ops are applied one by one, and what does not fit is reported where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from netspec.ir.compound import learned_by
from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.dim_decide import decide
from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Origin, Ref, Scope, Use
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.problem import NO_CURE, Cure, Problem, Warned
from netspec.ir.record import Record
from netspec.ir.types import BATCH, TensorType
from netspec.lang.cures import cured
from netspec.lang.names import meant
from netspec.lang.place import NO_WIRING, Place, Wiring, appended
from netspec.lang.report import Report
from netspec.lang.tree import Node as Written
from netspec.lang.wiring import check_start
from netspec.text import Edit, Label, Source, Span

MOST_NODES = 20_000
SAMPLES = Dim.of("N")
MOST_NUMBERS = 2**34
LONGEST_TRACE = 5

Values = Mapping[str, "Ref | None"]
"""Names in scope. None stands for a value whose layer failed: whoever uses it fails silently too."""


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
        self._homes: list[tuple[str, str, Span]] = []
        self.uses: tuple[Origin, ...] = ()
        self.scope = Scope()
        self.blocks: dict[str, Use] = {}
        self.frozen = False
        self.named: dict[str, Ref | None] = {}
        self.rows: dict[Ref, str] = {}
        self.visits = 0

    @contextmanager
    def inside(
        self, *, use: Origin | None = None, scope: Scope | None = None, frozen: bool = False
    ) -> Iterator[None]:
        """While layers are woven that a block, a copy or a frozen structure holds: what their nodes say of that."""
        before = self.uses, self.scope, self.frozen
        self.uses = self.uses if use is None else (use, *self.uses)
        self.scope = self.scope if scope is None else scope
        self.frozen = self.frozen or frozen
        try:
            yield
        finally:
            self.uses, self.scope, self.frozen = before

    @contextmanager
    def sharing(self, path: str, home: str, span: Span) -> Iterator[None]:
        """While a layer is used again: what is woven at `path` has the parameters and state that stand at `home`."""
        self._homes.append((path, home, span))
        try:
            yield
        finally:
            self._homes.pop()

    def _home(self, path: str) -> str:
        """The path under which the parameters and state of a node are kept."""
        for new, old, _ in reversed(self._homes):
            if path == new or path.startswith(f"{new}."):
                path = old + path[len(new) :]
        return path

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
            inferred = _infer(op, types)
        except Problem as problem:
            self._refuse(op, refs, problem, place)
            return None
        except DimTooComplex as trouble:
            self.report.error("NS202", f"the sizes after `{op.name}` are too complex: {trouble}", place.head)
            return None
        if not self._legal(op, refs, inferred, place):
            return None
        if (home := self._home(path)) != path and not self._same(op, inferred, home, place):
            return None
        for warned in inferred.warnings:
            self._warn(refs, warned, place)
        return self._add(op, refs, inferred, path, place, wiring)

    def _same(self, op: Op, inferred: Inferred, home: str, place: Place) -> bool:
        """Whether the parameters at `home` are those that the op needs here; they are not where sizes differ."""
        for one in inferred.parameters:
            row = self.parameters.get(f"{home}.{one.name}")
            if row is not None and row.shape == one.shape:
                continue
            there = f"there it is {list(row.shape)}" if row is not None else "there it has none"
            self.report.error(
                "NS150",
                f"`{op.name}` needs a `{one.name}` of {list(one.shape)} here, and {there}",
                self._homes[-1][2],
                labels=(Label(place.head, f"`{home}`"),),
                help="weights are used again on values of the same sizes",
            )
            return False
        return True

    def graph(self, entries: Mapping[str, Mapping[str, Ref]]) -> Graph:
        """The finished, frozen graph."""
        nodes = tuple(self._read(entries))
        return Graph(self.inputs, self.targets, nodes, self.parameters, self.state, entries, self.blocks)

    def _read(self, entries: Mapping[str, Mapping[str, Ref]]) -> Iterator[Node]:
        """The nodes, without those that nobody wrote and nobody reads: values that a map brought in for their sizes."""
        wanted = {ref.path for values in entries.values() for ref in values.values()}
        kept: set[str] = set()
        for node in reversed(self.nodes):
            if getattr(node.op, "written", True) or node.path in wanted:
                kept.add(node.path)
                wanted.update(ref.path for ref in node.inputs)
        return (node for node in self.nodes if node.path in kept)

    def _add(
        self, op: Op, refs: list[Ref], inferred: Inferred, path: str, place: Place, wiring: Wiring
    ) -> tuple[Ref, ...]:
        home = self._home(path)
        parameters = {one.name: f"{home}.{one.name}" for one in inferred.parameters}
        state = {one.name: f"{home}.{one.name}" for one in inferred.state}
        frozen = wiring.freeze
        if frozen is None or self.frozen:
            frozen = frozenset({*parameters, *(("statistics",) if state else ())})
        self._check_wiring(op, wiring, parameters, state)
        inits = {**_steps(op, tuple(self.type_of(ref) for ref in refs), wiring), **wiring.inits}
        for one in inferred.parameters if home == path else ():
            key = parameters[one.name]
            trainable = one.name not in frozen
            check_start(one, inits.get(one.name), wiring.init_places.get(one.name, place.head), self.report)
            self.parameters[key] = GraphParameter(key, one.shape, trainable, inits.get(one.name))
        for kept in inferred.state if home == path else ():
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
            self.scope,
            (Origin("layer" if place.layer else "formula", place.head, place.arguments), *self.uses),
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
                    help=f"did you mean `{near}`?"
                    if (near := meant(name, (*parameters, *(("statistics",) if state else ()))))
                    else f"it has {known}",
                )
        if wiring.freeze is None and not has:
            self.report.error(
                "NS126", f"`{op.name}` has nothing to freeze", wiring.freeze_span, help="remove `freeze`"
            )
        for name, span in wiring.init_spans.items():
            if name not in parameters:
                self.report.error(
                    "NS127",
                    f"`{op.name}` has no parameter `{name}`",
                    span,
                    help=f"did you mean `{near}`?"
                    if (near := meant(name, parameters))
                    else f"it has {known}",
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
                self._refuse(op, refs, problem, place)
                return False
        numbers = sum(GraphParameter("", one.shape).count for one in inferred.parameters)
        if numbers > MOST_NUMBERS or len(self.nodes) >= MOST_NODES:
            what = (
                f"{numbers:,} parameters in one layer" if numbers > MOST_NUMBERS else f"{MOST_NODES:,} layers"
            )
            message = f"{what} are more than can be meant"
            labels = place.why(None)
            self.report.error("NS203", message, place.head, labels=labels, help="look for a typing error")
            return False
        for out in inferred.outputs:
            if any(size.value is not None and size.value < 1 for size in out.sizes):
                problem = Problem("NS204", f"`{op.name}` leaves nothing: its result would be {out.named()}")
                self._refuse(op, refs, problem, place)
                return False
        return True

    def _refuse(self, op: Op, refs: list[Ref], problem: Problem, place: Place) -> None:
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
            here = place.head.source
            notes = self.trace(subject, here)
            if place.called and len(refs) > 1:
                notes = tuple(dict.fromkeys(note for ref in refs for note in self.trace(ref, here)[:2]))
        span = place.of(problem.at)
        message = problem.message
        if place.called:
            message = message.replace(f"`{op.name}`", f"`{place.called}`")
        self.report.error(
            problem.code,
            message,
            span,
            label=label,
            labels=place.why(problem.at),
            notes=notes,
            help=place.advice or problem.help,
            edit=self._cured(problem.cure, refs, problem.at, place),
            once=not place.layer,
        )

    def _warn(self, refs: list[Ref], warned: Warned, place: Place) -> None:
        """Report what is legal and doubtful; where one more layer cures it, offer that as an exact edit."""
        edit = None
        index = warned.at if isinstance(warned.at, int) else None
        if warned.append and index is not None and index < len(refs):
            item = self._items.get(refs[index].path)
            edit = appended(item, warned.append) if item else None
        edit = edit or self._cured(warned.cure, refs, warned.at, place)
        self.report.warning(warned.code, warned.message, place.of(warned.at), help=warned.help, edit=edit)

    def _cured(self, cure: Cure, refs: list[Ref], at: str | int | None, place: Place) -> Edit | None:
        """The exact edit of what an op says would cure it, in a formula; a layer's own is `appended`."""
        if (
            cure == NO_CURE
            or place.layer
            or not isinstance(at, int)
            or at >= min(len(refs), len(place.inputs))
        ):
            return None
        return cured(cure, refs[at], place.head, place.inputs[at], self._by_path, self._items)

    def trace(self, ref: Ref, here: Source | None = None) -> tuple[str, ...]:
        """Where the sizes of a value come from: the layers that last changed them, nearest first.

        `here` is the file that the message stands in: lines of others are told with their file.
        """
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
                notes.append(
                    f"`{node.path}` ({_line(node, here)}) makes {_sizes(made)} of {_sizes(entering)}"
                )
            ref = node.inputs[0]
        return tuple(notes)


def _line(node: Node, here: Source | None) -> str:
    """Where a node is written; the file too, where that is another than its use's."""
    if not node.origin:
        return "made here"
    span = node.origin[0].span
    elsewhere = f" of {span.source.name}" if here is not None and span.source is not here else ""
    return f"line {span.line}{elsewhere}"


def _sizes(one: TensorType) -> str:
    """The sizes without the batch: `[40, 60, 60]`."""
    return "[" + ", ".join(str(axis.size) for axis in one.axes if axis.name != BATCH) + "]"


def _steps(op: Op, types: tuple[TensorType, ...], wiring: Wiring) -> dict[str, Record]:
    """How parameters start that an op has of the ops it is said with: as the `init` section says of those."""
    if not wiring.by_op:
        return {}
    declared = (
        (name, wiring.by_op.get(of, {}).get(own)) for name, (of, own) in learned_by(op, types).items()
    )
    return {name: record for name, record in declared if record is not None}


def _infer(op: Op, types: tuple[TensorType, ...]) -> Inferred:
    """What the shape rule says; inside a `map`, whose batch is not that of the samples, what a map asks for too."""
    if all(not x.batched or x.axes[0].size == SAMPLES for x in types):
        return infer_node(op, types)
    from netspec.ops.fold import infer_inside  # noqa: PLC0415 - most specs have no map

    return infer_inside(op, types)
