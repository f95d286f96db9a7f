"""Formulas become graph: every operator and call is an op of the catalogue, checked and lowered like any layer."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

from netspec import ops
from netspec.ir.dim import Dim
from netspec.ir.graph import Ref
from netspec.ir.op import Op
from netspec.ir.record import Record
from netspec.lang.bind import Argument, bind, unknown_argument
from netspec.lang.constants import FUNCTIONS, Constant, Constants, Evaluator, Poisoned, Refused, Scope
from netspec.lang.expression import Expression, parse
from netspec.lang.habits import said
from netspec.lang.names import habit, meant
from netspec.lang.place import NO_WIRING, Place, Wiring
from netspec.lang.report import Report
from netspec.lang.tree import Scalar
from netspec.lang.weave import Values, Weaver
from netspec.text import Edit

_OPERATORS: dict[type[ast.operator | ast.cmpop], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
}


@dataclass(frozen=True)
class Value:
    """A value of the graph inside a formula; `ref` is None where its layer had failed."""

    ref: Ref | None


Item: TypeAlias = "Value | Constant"
"""What a part of a formula is: a value of the graph, or a constant that is not in the graph yet."""


class Formula:
    """Weaves one formula into a graph.

    Paths of the new nodes begin with `prefix`. With `result` the last one, whose value is the formula's, is called just
    `prefix` and gets that wiring: then the formula is a layer. `hidden` says why a name cannot be used here.
    """

    def __init__(
        self,
        weaver: Weaver,
        names: Values,
        scope: Scope,
        prefix: str,
        *,
        hidden: Mapping[str, str],
        result: Wiring | None = None,
    ) -> None:
        self.weaver = weaver
        self.result = result
        self._root: ast.expr | None = None
        self.names = names
        self.scope = scope
        self.prefix = prefix
        self.hidden = hidden
        self._evaluator = Evaluator(scope, self._size)

    @property
    def report(self) -> Report:
        """Where complaints go."""
        return self.weaver.report

    def weave(self, scalar: Scalar) -> Ref | None:
        """The value of the formula; None after an error."""
        self._expression = parse(scalar, self.report)
        if self._expression is None:
            return None
        self._root = self._expression.tree
        try:
            return self._named(self._ref(self._item(self._root), self._root))
        except Refused as refused:
            span = self._expression.span(refused.node)
            self.report.error(refused.code, refused.message, span, help=refused.help)
        except (_Failed, Poisoned):
            pass
        return None

    def _named(self, ref: Ref) -> Ref:
        """The value under the layer's own path, if the formula is a layer and only passes a value on."""
        if self.result is None or ref.path == self.prefix:
            return ref
        place = Place(self.expression.scalar.span, layer=False)
        made = self.weaver.apply(_op("identity")(), [ref], self.prefix, place, self.result)
        if made is None:
            raise _Failed
        return made[0]

    @property
    def expression(self) -> Expression:
        """The formula being woven."""
        if self._expression is None:
            raise _Failed
        return self._expression

    def _item(self, node: ast.expr) -> Item:
        """A value, or a constant where nothing in the part comes from the graph."""
        match node:
            case ast.Name():
                return self._name(node)
            case ast.BinOp():
                return self._operation(node, node.op, (node.left, node.right))
            case ast.Compare(ops=[only], comparators=[right]):
                return self._operation(node, only, (node.left, right))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return self._signed(node)
            case ast.Call():
                return self._call(node)
            case ast.Attribute():
                return self._evaluator.value(node)
            case ast.IfExp():
                chosen = node.body if self._evaluator.value(node.test) is True else node.orelse
                self._root = chosen if node is self._root else self._root
                return self._item(chosen)
            case _ if self._mentions_value(node):
                raise Refused(
                    "NS136",
                    "this works on constants, not on values of the network",
                    node,
                    "cut with `narrow(x, axis=bin, start=1)`; choose with `where(mask, a, b)`; compare two at a time",
                )
            case _:
                return self._evaluator.value(node)

    def _name(self, node: ast.Name) -> Item:
        if node.id in self.names:
            return self._known(self.names[node.id])
        if node.id in self.scope or node.id in ("true", "false"):
            return self._evaluator.value(node)
        if isinstance(self.scope, Constants) and node.id in self.scope.failed:
            raise Poisoned
        raise self._unknown(node)

    def _signed(self, node: ast.UnaryOp) -> Item:
        inner = self._item(node.operand)
        if not isinstance(inner, Value):
            return self._evaluator.value(node)
        return inner if isinstance(node.op, ast.UAdd) else self._apply("neg", [inner], [node.operand], node)

    def _known(self, ref: Ref | None) -> Value:
        if ref is None:
            raise _Failed
        return Value(ref)

    def _unknown(self, node: ast.Name) -> Refused:
        if self.report.forgives(node.id):
            raise _Failed
        if node.id in self.hidden:
            return Refused("NS115", f"`{node.id}` {self.hidden[node.id]}", node)
        if node.id in ops.names():
            return Refused("NS110", f"`{node.id}` is a function", node, f"call it: {signature(_op(node.id))}")
        if (called := habit(node.id, ops.names())) is not None:
            return Refused(
                "NS110",
                f"there is no value `{node.id}`",
                node,
                f"call the function: {signature(_op(called))}",
            )
        known = {*self.names, *self.scope}
        near = meant(node.id, known)
        shown = ", ".join(f"`{name}`" for name in sorted(known)[:12])
        return Refused(
            "NS110",
            f"there is no value `{node.id}`",
            node,
            f"did you mean `{near}`?" if near else f"here are {shown}",
        )

    def _known_names(self, node: ast.Call) -> None:
        """Raise Refused for a name in the arguments of a call that is neither a value nor a constant."""
        for part in (*node.args, *(word.value for word in node.keywords)):
            for one in ast.walk(part):
                if isinstance(one, ast.Name) and one.id not in FUNCTIONS:
                    self._name(one)

    def _mentions_value(self, node: ast.AST) -> bool:
        return any(isinstance(one, ast.Name) and one.id in self.names for one in ast.walk(node))

    def _operation(
        self,
        node: ast.expr,
        operator: ast.operator | ast.cmpop,
        parts: tuple[ast.expr, ast.expr],
    ) -> Item:
        """An operator on values is an op; on constants it is computed at once."""
        items = [self._item(part) for part in parts]
        if not any(isinstance(item, Value) for item in items):
            return self._evaluator.value(node)
        name = _OPERATORS.get(type(operator))
        if name is None:
            raise Refused(
                "NS136",
                "this operator works on constants, not on values of the network",
                node,
                "values have + - * / ** and < <= > >= ==",
            )
        return self._apply(name, items, list(parts), node)

    def _call(self, node: ast.Call) -> Item:
        name = _called(node.func)
        if (trouble := ops.trouble(name)) is not None:
            raise Refused(trouble.code, trouble.message, node.func, trouble.help)
        if not isinstance(node.func, ast.Name) and ops.find(name) is None:
            last = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            known = habit(last, ops.names()) or (last if last in ops.names() else None)
            help = f"write `{known}(…)`" if known else "functions stand by themselves: `mean(x)`"
            raise Refused("NS136", "a function is called by its name alone", node.func, help)
        kind = ops.find(name)
        if name in FUNCTIONS and not self._mentions_value(node):
            self._known_names(node)
            return self._evaluator.value(node)
        if kind is None:
            near = meant(name, ops.names())
            help = (
                f"did you mean `{near}`?"
                if near
                else said(name, "op") or "functions are the ops of the catalogue: see specs/reference/ops.md"
            )
            if near:
                span = self.expression.span(node.func)
                self.report.error(
                    "NS112", f"there is no function `{name}`", span, help=help, edit=Edit(span, near)
                )
                raise _Failed
            raise Refused("NS112", f"there is no function `{name}`", node.func, help)
        return self._op_call(kind, node)

    def _op_call(self, kind: type[Op], node: ast.Call) -> Item:
        """Rule 1 of the language: inputs first, then the main argument, then `name=value`."""
        slots, optional = list(kind.inputs()), kind.optional()
        variadic = bool(kind.slots) and kind.slots[-1].startswith("*")
        named = {word.arg: word for word in node.keywords if word.arg is not None}
        open_slots = [slot for slot in slots if slot not in named and slot not in optional]
        taken = len(node.args) if variadic else min(len(open_slots), len(node.args))
        parts: dict[str, ast.expr] = dict(zip(open_slots, node.args[:taken], strict=False))
        extra = node.args[len(open_slots) : taken] if variadic else []
        rest = node.args[taken:]
        arguments: dict[str, Argument] = {}
        if rest:
            if kind.main is None or len(rest) > 1 or kind.main in named:
                raise Refused(
                    "NS125", f"`{kind.name}` takes fewer arguments", rest[-1], f"it is {signature(kind)}"
                )
            arguments[kind.main] = self._argument(kind, kind.main, rest[0], rest[0])
        for key, word in named.items():
            if key in slots:
                parts[key] = word.value
            elif key not in kind.model_fields:
                span = self.expression.span(word)
                argument = Argument(None, span, span.part(0, len(key)))
                unknown_argument(kind.name, key, argument, (*slots, *kind.model_fields), self.report)
                raise _Failed
            else:
                arguments[key] = self._argument(kind, key, word.value, word)
        inputs = [parts[slot] for slot in slots if slot in parts] + list(extra)
        missing = next((slot for slot in slots if slot not in parts and slot not in optional), None)
        if missing is not None:
            raise Refused("NS125", f"`{kind.name}` needs `{missing}`", node, f"it is {signature(kind)}")
        items = [self._item(part) for part in inputs]
        return self._apply(kind.name, items, inputs, node, arguments)

    def _argument(self, kind: type[Op], key: str, value: ast.expr, written: ast.AST) -> Argument:
        """An argument's value; axes and units are bare words, so they never clash with a value."""
        span = self.expression.span(value)
        key_span = None
        if isinstance(written, ast.keyword):
            whole = self.expression.span(written)
            key_span = whole.part(0, len(key))
        if key in kind.words and isinstance(value, ast.Name):
            return Argument(value.id, span, key_span)
        if key == "axis":
            return Argument(self._axis(value), span, key_span)
        return Argument(self._evaluator.value(value), span, key_span)

    def _axis(self, node: ast.expr) -> str | tuple[str, ...]:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, (ast.List, ast.Tuple)) and all(isinstance(one, ast.Name) for one in node.elts):
            return tuple(one.id for one in node.elts if isinstance(one, ast.Name))
        raise Refused(
            "NS137", "an axis is said by its name", node, "write `axis=bin` or `axis=[height, width]`"
        )

    def _apply(
        self,
        name: str,
        items: list[Item],
        parts: list[ast.expr],
        node: ast.expr,
        arguments: dict[str, Argument] | None = None,
    ) -> Value:
        """One node of the graph."""
        kind = ops.find(name)
        if kind is None:
            raise Refused("NS112", f"there is no op `{name}`", node)
        span = self.expression.span(node.func if isinstance(node, ast.Call) else node)
        op = bind(kind, arguments or {}, span, self.report)
        if op is None:
            raise _Failed
        inputs = [self._ref(item, part) for item, part in zip(items, parts, strict=True)]
        spans = tuple(self.expression.span(part) for part in parts)
        place = Place(span, {key: one.span for key, one in (arguments or {}).items()}, spans, layer=False)
        last = self.result is not None and node is self._root
        path = self.prefix if last else self._path(name)
        made = self.weaver.apply(op, inputs, path, place, self.result if last and self.result else NO_WIRING)
        if made is None:
            raise _Failed
        if len(made) > 1:
            help = f"write it as a layer, with a name for each: `{{{name}: …, name: [first, second]}}`"
            raise Refused(
                "NS136", f"`{name}` gives {len(made)} values, and a formula is made of one", node, help
            )
        return Value(made[0])

    def _ref(self, item: Item, node: ast.expr) -> Ref:
        """The item as a value of the graph: a number becomes a constant."""
        if isinstance(item, Value):
            if item.ref is None:
                raise _Failed
            return item.ref
        if isinstance(item, Dim):
            raise Refused(
                "NS135", f"the free size {item} is no number yet", node, "write the size as a number"
            )
        if isinstance(item, bool) or not isinstance(item, (int, float)):
            raise Refused("NS136", f"`{self.expression.words(node)}` is no number", node)
        kind = _op("constant")
        op = kind.model_validate({"value": float(item)})
        made = self.weaver.apply(
            op, (), self._path("constant"), Place(self.expression.span(node), layer=False)
        )
        if made is None:
            raise _Failed
        return made[0]

    def _path(self, name: str) -> str:
        """A path that is not taken: `loss.crps1`."""
        taken, stem = self.weaver.paths, name.replace(".", "_")
        return next(path for number in count(1) if (path := f"{self.prefix}.{stem}{number}") not in taken)

    def _size(self, value: str, axis: str) -> Dim | None:
        """The size of an axis of a value in scope."""
        ref = self.names.get(value)
        if ref is None:
            return None
        found = self.weaver.type_of(ref)
        return found.size(axis) if found.find(axis) is not None else None


def _called(function: ast.expr) -> str:
    """The name of a function, `op` or another package's `vendor.op`; empty for anything else."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""


def _op(name: str) -> type[Op]:
    """An op that formulas need whatever they say."""
    kind = ops.find(name)
    assert kind is not None, name
    return kind


def signature(kind: type[Record]) -> str:
    """How an op is called: `` `crps(cdf, target, reduction=…)` ``."""
    slots = [f"{slot[:-1]}=…" if slot.endswith("?") else slot for slot in getattr(kind, "slots", ())]
    fields = [name if name == kind.main else f"{name}=…" for name in kind.model_fields]
    ordered = sorted(fields, key=lambda one: one != kind.main)
    return f"`{kind.name}({', '.join(slots + ordered)})`"


class _Failed(Exception):
    """An error was already reported; nothing more is to be said of this formula."""
