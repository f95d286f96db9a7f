"""Straight code: the nodes of a graph as statements, one after another."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.types import TensorType
from netspec_torch.layers import Layers, Table, home, lower
from netspec_torch.naming import Locals
from netspec_torch.rule import name

MOST_INLINE = 70
"""A formula is written as one expression up to so many characters."""


@dataclass(frozen=True)
class Step:
    """What one statement says: `write` gives the expression of its values from those of what it reads.

    `called` are the names its values would like, `comment` their shapes. `is_automatic` says that nobody gave it its
    name, `is_apart` that it may not stand inside another expression. With `when` it is done only if that holds; else
    whoever reads one of its values reads what `instead` names.
    """

    path: str
    inputs: tuple[Ref, ...]
    refs: tuple[Ref, ...]
    write: Callable[[tuple[ast.expr, ...]], ast.expr]
    called: tuple[str, ...]
    comment: str
    is_automatic: bool = True
    is_apart: bool = False
    when: ast.expr | None = None
    instead: Mapping[Ref, Ref] = field(default_factory=dict)


@dataclass
class Body:
    """Statements under construction.

    `values` holds the expression of every value known so far, `comments` what stands at the end of a statement's
    first line (by the statement's id), `support` the support functions that are called, in order of first use.
    """

    graph: Graph
    layers: Layers
    table: Table
    names: Locals
    values: dict[Ref, ast.expr] = field(default_factory=dict)
    statements: list[ast.stmt] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    support: dict[str, None] = field(default_factory=dict)
    _waiting: dict[Ref, ast.expr] = field(default_factory=dict)
    _until: int = -1

    def add(self, nodes: Sequence[Node], kept: Mapping[Ref, str], *, inline: bool = False) -> None:
        """Append the statements of `nodes`, as `put` does."""
        self.put([self._step(node) for node in nodes], kept, inline=inline)

    def _step(self, node: Node) -> Step:
        """A node as a step."""

        def write(inputs: tuple[ast.expr, ...]) -> ast.expr:
            lowered = lower(node, self.graph, self.table, inputs, self.layers.expression(home(node)))
            self.support.update(dict.fromkeys(lowered.support))
            return lowered.call

        return step_of(node, node.inputs, write)

    def put(
        self,
        steps: Sequence[Step],
        kept: Mapping[Ref, str],
        *,
        inline: bool = False,
        passing: str | None = None,
        returned: Sequence[Ref] = (),
    ) -> None:
        """Append the statements of `steps`.

        `kept` are the values read after these steps, with the names they are wanted under. Any other value that has
        no name of its own and is read once, by the next step, shares one local, `passing`, else `x`. The steps of a
        formula are written inside one another, as a person does; `inline` says that all are such steps. `returned` are
        values read after these steps whose names do not matter.
        """
        turns = _turns(steps)
        readers: dict[Ref, list[int]] = {}
        for turn, step in zip(turns, steps, strict=True):
            for ref in (*step.inputs, *(step.instead.values() if step.when is not None else ())):
                readers.setdefault(ref, []).append(turn)
        for ref in returned:
            readers.setdefault(ref, []).append(len(steps))
        passing = passing or self.names.fresh("x")
        self._until = -1
        paths = {step.path for step in steps if not step.is_apart}
        for i, step in enumerate(steps):
            if step.when is not None:
                if turns[i] == i:
                    self._choose(steps[i : i + turns.count(i)], i, readers, kept, passing)
                continue
            read = readers.get(step.refs[0], []) if len(step.refs) == 1 else []
            free = not any(ref in kept for ref in step.refs)
            value = step.write(tuple(self._read(ref) for ref in step.inputs))
            part = inline or step.path.rpartition(".")[0] in paths  # a step of a formula
            inside = part and len(read) == 1 and read[0] < len(steps) and _fits(steps[read[0]], step, value)
            if free and (inside or is_literal(value)):
                self.values[step.refs[0]] = value
                self._waiting[step.refs[0]] = value
            elif (
                free
                and step.is_automatic
                and self._until <= i
                and self._passes(steps, i, read)
                and not self._is_awaited(passing)
            ):
                self._assign(step, value, passing, kept)
                self._until = read[0]
            else:
                self._assign(step, value, None, kept)

    def _passes(self, steps: Sequence[Step], i: int, read: Sequence[int]) -> bool:
        """Whether a value may stand in the local that all share: one place reads it, with only choices between."""
        return len(set(read)) == 1 and all(step.when is not None for step in steps[i + 1 : read[0]])

    def _is_awaited(self, local: str) -> bool:
        """Whether an expression that is yet to be written reads a local."""
        return any(
            isinstance(one, ast.Name) and one.id == local
            for value in self._waiting.values()
            for one in ast.walk(value)
        )

    def _choose(
        self,
        steps: Sequence[Step],
        start: int,
        readers: Mapping[Ref, list[int]],
        kept: Mapping[Ref, str],
        passing: str,
    ) -> None:
        """Steps that are done under one condition. What is read behind them stands in a local that is there anyway."""
        held: dict[Ref, str] = {}
        for j, step in enumerate(steps):
            for i, ref in enumerate(step.refs):
                if ref not in kept and all(turn <= start for turn in readers.get(ref, ())):
                    continue
                other = step.instead[ref]
                value = self.values[other]
                last = other not in kept and all(turn <= start for turn in readers[other])
                last = last and not any(other in one.inputs for one in steps[j + 1 :])
                if last and ref not in kept and isinstance(value, ast.Name) and self._is_free(value.id, held):
                    held[ref] = value.id
                    if value.id == passing:
                        self._until = max(readers[ref])
                    continue
                later = {turn for turn in readers[ref] if turn > start} if ref in readers else set()
                if (
                    ref not in kept
                    and later == {start + len(steps)}
                    and self._until <= start
                    and self._is_free(passing, held)
                ):
                    held[ref] = passing
                    self._until = start + len(steps)
                else:
                    held[ref] = self.names.fresh(kept.get(ref, step.called[i]))
                self.statements.append(ast.Assign([ast.Name(held[ref], ast.Store())], value))
        before, self.statements = self.statements, []
        for j, step in enumerate(steps):
            value = step.write(tuple(self._read(ref) for ref in step.inputs))
            self._assign(step, value, self._spare(steps[j:], held), {}, held)
        inner, self.statements = self.statements, before
        assert steps[0].when is not None  # they are under one
        self.statements.append(ast.If(steps[0].when, inner, []))

    def _read(self, ref: Ref) -> ast.expr:
        """The expression of a value; KeyError names a value that is read before it is there."""
        self._waiting.pop(ref, None)
        return self.values[ref]

    def _is_free(self, local: str, held: Mapping[Ref, str]) -> bool:
        """Whether a local may take a value of a choice."""
        return local not in held.values() and not self._is_awaited(local)

    def _spare(self, steps: Sequence[Step], held: Mapping[Ref, str]) -> str | None:
        """The local of the only value of a choice, where what it holds now is read by no later step of the choice."""
        first, *later = steps
        if len(held) != 1 or len(first.refs) != 1:
            return None
        ref, local = next(iter(held.items()))
        read = [self.values.get(one) for step in later for one in step.inputs if one not in first.refs]
        busy = any(isinstance(one, ast.Name) and one.id == local for one in read)
        return None if busy or first.refs[0] == ref else local

    def _assign(
        self,
        step: Step,
        value: ast.expr,
        passing: str | None,
        kept: Mapping[Ref, str],
        held: Mapping[Ref, str] | None = None,
    ) -> None:
        """`name = value  # [N, 40, 60, 60]`, or `first, second = value` for an op with several outputs.

        `held` names locals that are there already.
        """
        targets: list[ast.expr] = []
        for ref, label in zip(step.refs, step.called, strict=True):
            local = (held or {}).get(ref) or passing or self.names.fresh(kept.get(ref, label))
            targets.append(ast.Name(local, ast.Store()))
            self.values[ref] = name(local)
        target = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
        statement = ast.Assign([target], value)
        self.statements.append(statement)
        self.comments[id(statement)] = step.comment


def step_of(node: Node, inputs: tuple[Ref, ...], write: Callable[[tuple[ast.expr, ...]], ast.expr]) -> Step:
    """A node as a step that is written so."""
    last = node.path.rsplit(".", 1)[-1]
    numbered = tuple(f"{last}_{ref.output}" for ref in node.refs) if len(node.refs) > 1 else (last,)
    return Step(
        node.path,
        inputs,
        node.refs,
        write,
        node.names or numbered,
        ", ".join(shape(one) for one in node.types),
        is_automatic=_is_automatic(node),
        is_apart=bool(node.noise or node.state),
    )


def _turns(steps: Sequence[Step]) -> list[int]:
    """For each step where the run of steps under its condition begins; its own place where it has none."""
    turns: list[int] = []
    for i, step in enumerate(steps):
        before = steps[i - 1].when if i else None
        together = step.when is not None and before is not None and ast.dump(step.when) == ast.dump(before)
        turns.append(turns[-1] if together else i)
    return turns


def shape(one: TensorType) -> str:
    """The sizes of a type as a comment: `[N, 40, 60, 60]`, with the kind of number where it is not the model's own."""
    sizes = f"[{', '.join(str(size) for size in one.sizes)}]"
    return sizes if one.dtype == "float32" else f"{one.dtype}{sizes}"


def _is_automatic(node: Node) -> bool:
    """Whether the node was given its name by counting: `conv1`."""
    stem = node.path.rpartition(".")[2]
    word = stem.rstrip("0123456789")
    return word in (node.op.name.rpartition(".")[2], "residual") or stem.isdigit()


def is_literal(value: ast.expr) -> bool:
    """Whether an expression is a plain number, which needs no local."""
    inner = value.operand if isinstance(value, ast.UnaryOp) else value
    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "float":
        return True
    return isinstance(inner, ast.Constant)


def _fits(reader: Step, step: Step, value: ast.expr) -> bool:
    """Whether `value` may stand inside its reader: it is short, and the reader writes that input exactly once."""
    if step.is_apart or reader.when is not None or len(ast.unparse(value)) > MOST_INLINE:
        return False
    mark = name("it")
    inputs = tuple(mark if ref == step.refs[0] else name("other") for ref in reader.inputs)
    written = reader.write(inputs)
    return sum(isinstance(one, ast.Name) and one.id == "it" for one in ast.walk(written)) == 1


def depends(nodes: Iterable[Node], known: Callable[[str], bool]) -> list[Node]:
    """Those of `nodes`, in order, whose every input is known by path or is the output of such a node."""
    found: dict[str, Node] = {}
    for node in nodes:
        if all(ref.path in found or known(ref.path) for ref in node.inputs):
            found[node.path] = node
    return list(found.values())
