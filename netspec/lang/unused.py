"""Blocks that nothing uses: no types reach them, so what can be said of their text alone is said.

A part has such blocks, and so has a spec while it is being written. Ops, arguments, parameters, names of layers and the
form of expressions are checked; sizes and values are not.
"""

from __future__ import annotations

from netspec import ops
from netspec.lang import layer as words
from netspec.lang.bind import Argument, span_of, unknown_argument
from netspec.lang.block import LAYERS, Block
from netspec.lang.expression import parse
from netspec.lang.layer import Layer
from netspec.lang.library import Library
from netspec.lang.names import STRUCTURE, meant
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence, Style
from netspec.text import Edit


def check_unused(library: Library, report: Report) -> None:
    """Check the blocks of a file that nothing in it has used."""
    for block in library.blocks.values():
        if not block.uses:
            block.naming(report)
            _Check(block, report).layers(block.layers)


class _Check:
    """Walks the layers of one block."""

    def __init__(self, block: Block, report: Report) -> None:
        self.block = block
        self.library = block.library
        self.report = report

    def layers(self, layers: Sequence) -> None:
        """Every layer, those inside others included."""
        for item in layers:
            layer = words.read(item, self.report)
            if layer is not None:
                self._layer(layer)

    def _layer(self, layer: Layer) -> None:
        for _, held in layer.held:
            self.layers(held)
        if (when := layer.wires.get("when")) is not None and isinstance(when.value, Scalar):
            self._expression(when.value, dollar=False)
        known = self._known(layer)
        value = layer.head.value
        if layer.op == "formula" and isinstance(value, Scalar):
            self._expression(value, dollar=False)
        elif isinstance(value, Mapping) and known is not None:
            for entry in value:
                if entry.name not in known:
                    self._unknown(layer, entry, known)
                self._values(entry.value)
        elif layer.op not in STRUCTURE:
            self._values(value)

    def _known(self, layer: Layer) -> tuple[str, ...] | None:
        """What may stand under the name of a layer; None where anything may, or nothing is known of it."""
        if layer.op in STRUCTURE or layer.op == "formula":
            return None
        if layer.op.startswith("$"):
            self._given(layer)
            return None
        block = self.library.find(layer.op)
        if block is not None:
            return (*block.params, *block.inputs)
        kind = ops.find(layer.op)
        if kind is not None:
            free = getattr(kind, "free_arguments", False)
            return None if free else (*kind.model_fields, *kind.inputs(), words.BRANCHES)
        if not self.library.broken(layer.op):
            near = meant(layer.op, {*ops.names(), *self.library.names()})
            help = f"did you mean `{near}`?" if near else "the ops are listed in specs/README.md"
            edit = Edit(layer.span, near) if near else None
            self.report.error("NS101", f"there is no op `{layer.op}`", layer.span, help=help, edit=edit)
        return None

    def _given(self, layer: Layer) -> None:
        """`$activation` stands for a parameter whose arguments are layers."""
        param = self.block.params.get(layer.op[1:].strip())
        if param is None or param.kind not in LAYERS:
            help = "a layer is an op; `$` computes arguments, or stands for a parameter of the type `layer`"
            self.report.error("NS101", f"there is no op `{layer.op}`", layer.span, help=help)

    def _unknown(self, layer: Layer, entry: Entry, known: tuple[str, ...]) -> None:
        argument = Argument(None, span_of(entry.value, entry.key.span), entry.key.span)
        shown = tuple(one for one in known if one != words.BRANCHES)
        unknown_argument(layer.op, entry.name, argument, shown, self.report)

    def _values(self, node: Node) -> None:
        """The expressions among the values."""
        if isinstance(node, Scalar):
            if node.style is Style.PLAIN and isinstance(node.value, str) and node.text.startswith("$"):
                self._expression(node, dollar=True)
        elif isinstance(node, Sequence):
            for item in node:
                self._values(item)

    def _expression(self, node: Scalar, *, dollar: bool) -> None:
        if not isinstance(node.value, bool):
            parse(node, self.report, dollar=dollar)
