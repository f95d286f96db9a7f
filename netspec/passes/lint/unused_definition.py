"""Names that are defined and never used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.ir.compound import learned_by
from netspec.ir.graph import Graph, Node
from netspec.passes.lint.rule import Rule, Subject
from netspec.recipe.spec import Definition
from netspec.text import Diagnostic


class UnusedDefinition(Rule):
    """A constant, input, target, block, parameter of a block, included file or initialiser that nothing uses.

    Why: a constant or parameter that nothing reads changes nothing when it is set, which is a poor surprise after an
    experiment; an input or target that nothing reads is still read from disk for every sample.

    Instead: use it, or remove it. What an included or extended file defines is that file's own affair.
    """

    name: ClassVar[str] = "unused_definition"
    code: ClassVar[str] = "NS406"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such name of the spec's own file."""
        read, judged = (
            _read(subject),
            bool(subject.spec.graph.entry("loss") or subject.spec.graph.entry("metrics")),
        )
        for one in subject.spec.definitions:
            if one.read or not subject.is_own(one.span):
                continue
            if one.what == "input" and one.name in read:
                continue
            if one.what == "target" and (one.name in read or not judged):
                continue  # what targets are for may not be written yet
            message, help = _said(one)
            yield self.doubt(message, one.span, help=help)
        yield from self._initialisers(subject)

    def _initialisers(self, subject: Subject) -> Iterator[Diagnostic]:
        ops = {
            name
            for flow in subject.flows
            for node in flow.graph.nodes
            for name in _learning(flow.graph, node)
        }
        for path, span in subject.spec.places.items():
            section, _, op = path.partition(".")
            if (
                section == "init"
                and op.endswith(":")
                and "." not in op
                and op[:-1] not in ops
                and subject.is_own(span)
            ):
                yield self.doubt(
                    f"there is no layer `{op[:-1]}` to start this way",
                    span,
                    help="remove it, or name an op of this spec",
                )


def _learning(graph: Graph, node: Node) -> set[str]:
    """The op, and those that it is said with."""
    types = tuple(graph.type_of(ref) for ref in node.inputs)
    return {node.op.name, *(of for of, _ in learned_by(node.op, types).values())}


def _read(subject: Subject) -> set[str]:
    """The inputs and targets that some node reads, or that leave the graph as they are."""
    spec = subject.spec
    graphs = [flow.graph for flow in subject.flows] + ([spec.group.graph] if spec.group else [])
    read = {ref.path for graph in graphs for node in graph.nodes for ref in node.inputs}
    return read | {ref.path for graph in graphs for entry in graph.entries.values() for ref in entry.values()}


def _said(one: Definition) -> tuple[str, str]:
    """The message about a definition, and the cure."""
    name = one.name
    return {
        "constant": (
            f"nothing uses the constant `{name}`",
            f"remove it, or write `${name}` where it is meant",
        ),
        "input": (f"no layer reads the input `{name}`", f"remove it, or let a layer take it: `from: {name}`"),
        "target": (
            f"neither `loss` nor `metrics` reads the target `{name}`",
            "remove it, or compare an output with it",
        ),
        "block": (f"no layer is a `{name}`", f"remove the block, or write `- {name}` where it is meant"),
        "file": (f"nothing of `{name}` is used", f"remove it, or write `- {name}.block` where one is meant"),
        "parameter": (
            f"nothing in `{one.block}` reads its parameter `{name}`",
            f"remove it, or write `${name}` where it is meant",
        ),
        "input of a block": (
            f"nothing in `{one.block}` reads its input `{name}`",
            f"remove it, or let a layer take it: `from: {name}`",
        ),
    }[one.what]
