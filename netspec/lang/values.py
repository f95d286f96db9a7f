"""Arguments as they are written: literals, `$` expressions, lists of these, and calls."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from netspec.ir.dim import Dim
from netspec.ir.record import Record
from netspec.lang import constants
from netspec.lang.bind import Argument, bind, span_of
from netspec.lang.constants import Constant, Scope, Sizes
from netspec.lang.expression import parse
from netspec.lang.habits import as_key, said
from netspec.lang.names import meant
from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Node, Scalar, Sequence
from netspec.text import Edit, Span

if TYPE_CHECKING:
    from netspec.recipe.initializer import Initializer

RecordT = TypeVar("RecordT", bound=Record)


def no_sizes(value: str, axis: str) -> Dim | None:
    """Where no axis can be asked for its size."""
    del value, axis
    return None


@dataclass(frozen=True)
class Values:
    """Reads values in one scope of constants."""

    scope: Scope
    report: Report
    sizes: Sizes = no_sizes

    def read(self, node: Node) -> tuple[bool, object]:
        """The value of a node as (True, value), `$` computed, lists as tuples, mappings as dicts; or (False, None)."""
        if isinstance(node, Sequence):
            items = [self.read(item) for item in node]
            return all(good for good, _ in items), tuple(value for _, value in items)
        if isinstance(node, Mapping):
            entries = {entry.name: self.read(entry.value) for entry in node}
            return all(good for good, _ in entries.values()), {
                key: value for key, (_, value) in entries.items()
            }
        return self.scalar(node)

    def scalar(self, node: Scalar) -> tuple[bool, Constant]:
        """A literal as it stands, or the value of a `$` expression, quoted or not. A free size is no setting."""
        if node.refused:
            return False, None
        if isinstance(node.value, str) and node.value.startswith("$"):
            good, value = self.computed(node)
            if good and isinstance(value, Dim):
                self.report.error(
                    "NS135",
                    f"`{node.text}` is the free size {value}, and a number is needed here",
                    node.span,
                    help="write the size as a number in the input's `shape`",
                )
                return False, None
            return good, value
        return True, node.value

    def computed(self, node: Scalar) -> tuple[bool, Constant]:
        """The value of `$expr`, free sizes included."""
        expression = parse(node, self.report, dollar=True)
        if expression is None:
            return False, None
        return constants.evaluate(expression, self.scope, self.sizes, self.report)

    def condition(self, node: Node) -> bool | None:
        """The truth of an expression that takes no `$`; None after an error."""
        if not isinstance(node, Scalar):
            self.report.error(
                "NS130", "a condition is an expression", node.span, help="write `when: stride == 1`"
            )
            return None
        if isinstance(node.value, bool):
            return node.value
        expression = parse(node, self.report)
        if expression is None:
            return None
        good, value = constants.evaluate(expression, self.scope, self.sizes, self.report)
        if good and not isinstance(value, bool):
            self.report.error(
                "NS134", "a condition is true or false", node.span, help="compare: `stride == 1`"
            )
            return None
        return value if good and isinstance(value, bool) else None

    def call(self, node: Node, table: Table[str, type[RecordT]], what: str) -> RecordT | None:
        """A record written as a call: `cosine`, `warmup: 1 epochs`, `sgd: {lr: 0.1}`; None after an error."""
        head = self.head(node, what)
        if head is None:
            return None
        name, argument = head
        kind = table.get(name.text)
        if kind is None:
            near = meant(name.text, table)
            known = ", ".join(f"`{one}`" for one in table)
            self.report.error(
                "NS113",
                f"there is no {what} `{name.text}`",
                name.span,
                help=f"did you mean `{near}`?" if near else said(name.text, "call") or f"there are {known}",
                edit=Edit(name.span, near) if near else None,
            )
            return None
        arguments = self.arguments(kind, argument, name.span)
        return None if arguments is None else bind(kind, arguments, name.span, self.report, scope=self.scope)

    def initializer(self, node: Node) -> Initializer | None:
        """An initialiser, written as a call; None after an error."""
        from netspec.recipe.initializer import INITIALIZERS  # noqa: PLC0415 - most specs say nothing of it

        return self.call(node, INITIALIZERS, "initialiser")

    def head(self, node: Node, what: str) -> tuple[Scalar, Node | None] | None:
        """The name and the written argument of a call."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node, None
        if isinstance(node, Mapping) and len(node) == 1:
            entry = node.entries[0]
            return entry.key, entry.value
        self.report.error(
            "NS114",
            f"one {what} is needed here, with its arguments under it",
            span_of(node, node.span),
            help=as_key(node)
            or f"write the {what}'s name, or its name with arguments: `name: {{argument: value}}`",
        )
        return None

    def arguments(self, kind: type[Record], node: Node | None, where: Span) -> dict[str, Argument] | None:
        """The arguments of a call by name; None after an error in one of them."""
        if node is None or (isinstance(node, Scalar) and node.value is None and not node.refused):
            return {}
        if isinstance(node, Mapping):
            return self.named(node)
        good, value = self.read(node)
        if not good:
            return None
        if kind.main is None:
            takes = ", ".join(f"`{one}`" for one in kind.model_fields) or "no arguments"
            help = f"it takes {takes}"
            if getattr(kind, "free_arguments", False):
                help = f"its arguments are called like axes: `{kind.name}: {{height: …, width: …}}`"
            elif isinstance(node, Sequence) and getattr(kind, "slots", None):
                help = f"values stand beside the op: `{{{kind.name}, from: {node.span.text}}}`"
            self.report.error("NS121", f"`{kind.name}` has no main argument", span_of(node, where), help=help)
            return None
        return {kind.main: Argument(value, span_of(node, where))}

    def named(self, node: Mapping) -> dict[str, Argument] | None:
        """Named arguments."""
        found = {entry.name: (self.read(entry.value), entry) for entry in node}
        if any(entry.key.refused or self.report.told(entry.key.span) for entry in node):
            return None
        if not all(good for (good, _), _ in found.values()):
            return None
        return {
            name: Argument(value, span_of(entry.value, entry.key.span), entry.key.span)
            for name, ((_, value), entry) in found.items()
        }
