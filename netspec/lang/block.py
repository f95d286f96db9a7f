"""Blocks: layers with typed parameters, written once and used like an op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from netspec.lang.bind import Argument, span_of, unknown_argument, worded
from netspec.lang.constants import Constant, Constants, Sizes
from netspec.lang.layer import Layer
from netspec.lang.names import meant
from netspec.lang.naming import Naming, name_layers
from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Node, Scalar, Sequence
from netspec.lang.values import Values
from netspec.text import Edit, Label, Span

if TYPE_CHECKING:
    from netspec.lang.body import Body
    from netspec.lang.library import Library

LAYERS = ("layer", "layers")
"""The types of parameters whose arguments are layers."""


@dataclass(frozen=True)
class Given:
    """Layers given as an argument: what was written, and the scope that its `$` expressions see."""

    items: tuple[Node, ...]
    scope: Constants
    library: Library
    naming: Naming
    single: bool


@dataclass(frozen=True)
class Param:
    """A parameter of a block: its type, its default as written (None where an argument must be given), its doc."""

    name: str
    kind: str
    default: Node | None
    doc: str
    span: Span


@dataclass(eq=False)
class Block:
    """A block as it is defined: nothing of it is woven until it is used."""

    name: str
    doc: str
    inputs: tuple[str, ...]
    params: dict[str, Param]
    outputs: tuple[Scalar, ...]
    layers: Sequence
    library: Library
    span: Span
    places: dict[str, Span] = field(default_factory=dict)
    uses: int = 0
    _naming: Naming | None = None

    def naming(self, report: Report) -> Naming:
        """What its layers are called, settled with its first use."""
        if self._naming is None:
            self._naming = name_layers(self.layers, self.places, self.library.constants, report)
        return self._naming

    @property
    def main(self) -> Param | None:
        """The parameter whose argument needs no name: the first."""
        return next(iter(self.params.values()), None)


class Call:
    """One use of a block while its arguments are read: first what is written, then, knowing the inputs, the parameters.

    `good` says whether nothing is wrong so far, `inputs` are those that the use names.
    """

    def __init__(self, body: Body, layer: Layer, block: Block) -> None:
        self.body = body
        self.layer = layer
        self.block = block
        self.report = body.report
        self.good = True
        self.inputs: dict[str, Node] = {}
        self.meant: set[str] = set()
        self.scope = block.library.constants.extended({})
        self.arguments: dict[str, Node] = {}
        self._written()

    def bind(self, sizes: Sizes) -> Constants | None:
        """What the block sees: every parameter in order, so that a default may use those before it, and `sizes`."""
        for param in self.block.params.values():
            if param.name in self.arguments:
                self._set(param, self.arguments[param.name], self.body.values, self.body)
            elif param.default is not None:
                if not self.good:  # what it is computed from may be what is missing
                    continue
                self._set(param, param.default, Values(self.scope, self.report, sizes), None)
            elif param.name not in self.meant:
                self._missing(param)
        return self.scope if self.good else None

    def _written(self) -> None:
        """What stands under the name of the block: named arguments and inputs, or the main argument."""
        value, block = self.layer.head.value, self.block
        if isinstance(value, Scalar) and value.value is None and not value.refused:
            return
        if not isinstance(value, Mapping):
            if block.main is None:
                message = f"`{self.layer.op}` has no parameters, so it takes no argument"
                self._refuse("NS121", message, value.span, self._shown())
                return
            self.arguments[block.main.name] = value
            return
        for entry in value:
            if entry.name in block.params:
                self.arguments[entry.name] = entry.value
            elif entry.name in block.inputs:
                self.inputs[entry.name] = entry.value
            elif not self.report.told(entry.key.span):
                argument = Argument(None, span_of(entry.value, entry.key.span), entry.key.span)
                known = (*block.params, *block.inputs)
                unknown_argument(self.layer.op, entry.name, argument, known, self.report)
                self.meant.add(meant(entry.name, known) or "")
                self.good = False

    def _missing(self, param: Param) -> None:
        called = self.layer.op
        main = f" or `{called}: …`" if self.block.main is param else ""
        help = f"write `{called}: {{{param.name}: …}}`{main}: {WORDS[param.kind]}"
        message = f"`{called}` needs `{param.name}`"
        labels = (Label(param.span, "the parameter"),)
        self.report.error("NS122", message, self.layer.span, labels=labels, help=help)
        self.good = False

    def _set(self, param: Param, node: Node, values: Values, writer: Body | None) -> None:
        """Give a parameter what is written for it."""
        if param.kind in LAYERS:
            given = self._layers(param, node, writer)
            if given is None:
                self.good = False
            else:
                self.scope.layers[param.name] = given
            return
        good, value = values.read(node)
        if not good:
            self.good = False
            return
        fits, read = TYPES[param.kind](value)
        if fits:
            self.scope[param.name] = read
            self.scope.given[param.name] = _origin(node, values.scope, self.layer.span)
            return
        place = span_of(node, self.layer.span)
        edit = None
        help = self._shown()
        if isinstance(value, str) and value in values.scope:
            help, edit = f"did you mean `${value}`?", Edit(place, f"${value}")
        message = f"`{param.name}` of `{self.layer.op}` is {WORDS[param.kind]}, and this is {worded(value)}"
        labels = (Label(param.span, "the parameter"),)
        self.report.error("NS148", message, place, labels=labels, help=help, edit=edit)
        self.good = False

    def _layers(self, param: Param, node: Node, writer: Body | None) -> Given | None:
        """Layers as an argument: a list of them or one, or those that the writer was given itself."""
        scope = self.scope if writer is None else writer.scope
        library = self.block.library if writer is None else writer.library
        if isinstance(node, Scalar) and node.text.startswith("$"):
            passed = scope.layers.get(node.text[1:].strip())
            if isinstance(passed, Given) and (passed.single or param.kind == "layers"):
                return passed
            self._refuse("NS156", f"`{node.text}` is no {param.kind}", node.span, self._shown())
            return None
        single = not isinstance(node, Sequence)
        if param.kind == "layer" and not single:
            message = f"`{param.name}` of `{self.layer.op}` is one layer, and this is a list"
            self._refuse("NS156", message, span_of(node, self.layer.span), "write `relu`, or `{conv: 32}`")
            return None
        if isinstance(node, Scalar) and not isinstance(node.value, str):
            message = f"`{param.name}` of `{self.layer.op}` is {WORDS[param.kind]}, and this is {worded(node.value)}"
            self._refuse("NS156", message, span_of(node, self.layer.span), "write `relu`, or `{conv: 32}`")
            return None
        items = node.items if isinstance(node, Sequence) else (node,)
        naming = name_layers(Sequence(items, node.span), {}, scope, self.report)
        return Given(items, scope, library, naming, single)

    def _refuse(self, code: str, message: str, span: Span, help: str) -> None:
        self.report.error(code, message, span, help=help)
        self.good = False

    def _shown(self) -> str:
        """How the block is called."""
        inside = ", ".join(f"{one.name}: {one.kind}" for one in self.block.params.values())
        return f"it is `{self.layer.op}: {{{inside}}}`" if inside else f"write `- {self.layer.op}`"


def _origin(node: Node, scope: object, where: Span) -> Span:
    """Where a value is written: of one that is only passed on, where it was given first."""
    if isinstance(node, Scalar) and isinstance(scope, Constants) and node.text.startswith("$"):
        passed = scope.given.get(node.text[1:].strip())
        if passed is not None:
            return passed
    return span_of(node, where)


def _whole(value: object) -> tuple[bool, Constant]:
    good = isinstance(value, int) and not isinstance(value, bool)
    return good, value if good else None  # type: ignore[return-value]  # so the check has shown


def _number(value: object) -> tuple[bool, Constant]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return False, None
    return True, float(value)


def _truth(value: object) -> tuple[bool, Constant]:
    return (True, value) if isinstance(value, bool) else (False, None)


def _word(value: object) -> tuple[bool, Constant]:
    return (True, value) if isinstance(value, str) else (False, None)


def _size(value: object) -> tuple[bool, Constant]:
    """A whole number of at least 1, or a list with one for each axis."""
    parts = value if isinstance(value, tuple) else (value,)
    good = bool(parts) and all(_whole(one)[0] and int(str(one)) >= 1 for one in parts)
    return good, value if good else None  # type: ignore[return-value]  # so the check has shown


def _list(value: object) -> tuple[bool, Constant]:
    return (True, value) if isinstance(value, tuple) else (False, None)


TYPES: dict[str, Callable[[object], tuple[bool, Constant]]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "word": _word,
    "axis": _word,
    "size": _size,
    "list": _list,
}
"""Whether a value is of a type, and the value as that type has it."""

WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "word": "a word",
    "axis": "the name of an axis",
    "size": "a size of at least 1, or a list of such",
    "list": "a list",
    "layer": "a layer",
    "layers": "a list of layers",
}
"""The types of parameters, in words."""
