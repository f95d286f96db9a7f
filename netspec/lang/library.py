"""What one file brings to those who use it: its blocks, its constants, and the files it includes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netspec import ops
from netspec.lang.bind import span_of
from netspec.lang.block import LAYERS, TYPES, WORDS, Block, Param
from netspec.lang.constants import Constants
from netspec.lang.define import Define
from netspec.lang.extend import extended
from netspec.lang.files import Files
from netspec.lang.layer import GROUP
from netspec.lang.names import STRUCTURE, meant, why_no_word, why_refused
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.text import Edit, Span

KEYS = ("doc", "inputs", "params", "layers", "outputs")


@dataclass
class Library:
    """The blocks of a file by name, and the libraries of the files that it includes by alias."""

    constants: Constants
    blocks: dict[str, Block] = field(default_factory=dict)
    includes: dict[str, Library] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def find(self, name: str) -> Block | None:
        """The block called `name`, or `alias.name`; None where there is none."""
        alias, dot, inner = name.partition(".")
        if not dot:
            return self.blocks.get(name)
        library = self.includes.get(alias)
        if library is None:
            return None
        self.used.add(alias)
        return library.find(inner)

    def broken(self, name: str) -> bool:
        """Whether `name` is a block that could not be read, or of a file that could not: enough has been said of it."""
        alias, dot, inner = name.partition(".")
        if name in self.failed or alias in self.failed:
            return True
        return bool(dot) and alias in self.includes and self.includes[alias].broken(inner)

    def names(self) -> Iterator[str]:
        """Everything that can be called here besides ops."""
        yield from self.blocks
        for alias, library in self.includes.items():
            yield from (f"{alias}.{name}" for name in library.names())


def read_library(root: Mapping, define: Constants, files: Files, report: Report) -> Library:
    """The blocks of a file whose constants are read, and the libraries of the files that it includes."""
    library = Library(define)
    _includes(root.get("include"), library, files, report)
    read_blocks(root.get("blocks"), library, report)
    return library


def _includes(entry: Entry | None, library: Library, files: Files, report: Report) -> None:
    """The `include` section: an alias and a path each."""
    if entry is None:
        return
    if not isinstance(entry.value, Mapping):
        help = "`include: {heart: blocks/heart.yaml}`"
        report.error("NS114", "`include` maps aliases to files", entry.key.span, help=help)
        return
    for one in entry.value:
        why = why_refused(one.name)
        if why is not None or not isinstance(one.value, Scalar) or not isinstance(one.value.value, str):
            message = f"`{one.name}` cannot be an alias: {why}" if why else "a file is named by its path"
            place = one.key.span if why else span_of(one.value, one.key.span)
            report.error(
                "NS119" if why else "NS151", message, place, help="`include: {heart: blocks/heart.yaml}`"
            )
            library.failed.add(one.name)
            continue
        entered = files.enter(one.value, report)
        if entered is None:
            library.failed.add(one.name)
            continue
        whole = extended(entered[0], files, report)
        define = Constants()
        Define(define, {}, report).read(whole.get("define"))
        library.includes[one.name] = read_library(whole, define, files, report)
        files.leave()


def read_blocks(entry: Entry | None, library: Library, report: Report) -> None:
    """The `blocks` section; what is wrong in a definition is told there, and the block counts as broken."""
    if entry is None:
        return
    if not isinstance(entry.value, Mapping):
        help = "`blocks: {stage: {params: {channels: int}, layers: [...]}}`"
        report.error("NS114", "`blocks` maps names to their layers", entry.key.span, help=help)
        return
    for one in entry.value:
        block = _Reader(one, library, report).read()
        if block is None:
            library.failed.add(one.name)
        else:
            library.blocks[one.name] = block


class _Reader:
    """Reads one definition."""

    def __init__(self, entry: Entry, library: Library, report: Report) -> None:
        self.entry = entry
        self.library = library
        self.report = report
        self.places: dict[str, Span] = {}
        self.good = True

    def read(self) -> Block | None:
        entry, node = self.entry, self.entry.value
        why = why_refused(entry.name) if entry.name not in STRUCTURE else "the language has it as a layer"
        if why is not None:
            self._refuse(
                "NS119", f"`{entry.name}` cannot be a block's name: {why}", entry.key.span, "choose another"
            )
            return None
        if isinstance(node, Sequence):  # a block without parameters is a list of layers
            node = Mapping((Entry(Scalar(GROUP, entry.key.span, text=GROUP), node),), node.span)
        if not isinstance(node, Mapping):
            help = f"`{entry.name}: {{params: {{channels: int}}, layers: [...]}}`"
            self._refuse("NS146", "a block has `layers`, and may have `params`", entry.key.span, help)
            return None
        for one in node:
            self._known(one, node)
        inputs = self._inputs(node.get("inputs"))
        params = self._params(node.get("params"))
        outputs = self._words(node.get("outputs"), "outputs")
        layers = node.get("layers")
        if layers is None or not isinstance(layers.value, Sequence) or not layers.value.items:
            place = entry.key.span if layers is None else layers.key.span
            self._refuse(
                "NS146", f"the block `{entry.name}` needs a list of `layers`", place, "`layers: [relu]`"
            )
        doc = node.get("doc")
        if doc is not None and not (isinstance(doc.value, Scalar) and isinstance(doc.value.value, str)):
            self._refuse("NS119", "`doc` is a text", span_of(doc.value, doc.key.span), "put it in quotes")
        if not self.good or layers is None or not isinstance(layers.value, Sequence):
            return None
        text = doc.value.text if doc is not None and isinstance(doc.value, Scalar) else ""
        span = entry.key.span
        return Block(entry.name, text, inputs, params, outputs, layers.value, self.library, span, self.places)

    def _known(self, one: Entry, node: Mapping) -> None:
        if one.name in KEYS:
            return
        near = meant(one.name, [key for key in KEYS if node.get(key) is None])
        help = f"did you mean `{near}`?" if near else "a block has " + ", ".join(f"`{key}`" for key in KEYS)
        edit = Edit(one.key.span, near) if near else None
        self.report.error("NS102", f"a block has no key `{one.name}`", one.key.span, help=help, edit=edit)
        self.good = False

    def _inputs(self, entry: Entry | None) -> tuple[str, ...]:
        """The names of the values that the block takes; `x` where it says nothing."""
        found = tuple(one.text for one in self._words(entry, "inputs") if self._name(one))
        return found if entry is not None else ("x",)

    def _words(self, entry: Entry | None, what: str) -> tuple[Scalar, ...]:
        if entry is None:
            return ()
        items = entry.value.items if isinstance(entry.value, Sequence) else ()
        words = tuple(one for one in items if isinstance(one, Scalar) and isinstance(one.value, str))
        if not words or len(words) != len(items):
            place = span_of(entry.value, entry.key.span)
            self._refuse(
                "NS146", f"`{what}` of a block is a list of names", place, f"write `{what}: [x, skip]`"
            )
        return words

    def _params(self, entry: Entry | None) -> dict[str, Param]:
        if entry is None:
            return {}
        if not isinstance(entry.value, Mapping):
            help = "`params: {channels: int, stride: 1}`"
            self._refuse("NS146", "`params` maps names to types or defaults", entry.key.span, help)
            return {}
        found: dict[str, Param] = {}
        for one in entry.value:
            param = self._param(one) if self._name(one.key) else None
            if param is None:
                self.good = False
            else:
                found[one.name] = param
        return found

    def _name(self, name: Scalar) -> bool:
        """Whether an input or a parameter can have its name; both share one set of names with the file's constants."""
        why = why_no_word(name.text)
        if why is not None:
            self._refuse("NS119", f"`{name.text}` cannot be a name: {why}", name.span, "choose another")
            return False
        if name.text in self.places:
            help = "inputs, parameters and layers of a block share one set of names: choose another"
            self._refuse("NS103", f"the name `{name.text}` is taken", name.span, help)
            return False
        self.places[name.text] = name.span
        return True

    def _param(self, one: Entry) -> Param | None:
        """`channels: int`, `stride: 1`, or `{layer: relu, doc: …}`."""
        node = one.value
        if isinstance(node, Scalar) and not node.refused:
            if isinstance(node.value, str) and (node.text in TYPES or node.text in LAYERS):
                return Param(one.name, node.text, None, "", one.key.span)
            kind = _kind_of(node.value)
            if kind is not None:
                return Param(one.name, kind, node, "", one.key.span)
        if isinstance(node, Mapping):
            return self._described(one.name, node, one.key.span)
        self._no_type(node, one.key.span)
        return None

    def _described(self, name: str, node: Mapping, span: Span) -> Param | None:
        heads = [entry for entry in node if entry.name != "doc"]
        doc = node.get("doc")
        if len(heads) != 1 or heads[0].name not in WORDS:
            self._no_type(heads[0].key if heads else node, span)
            return None
        default: Node | None = heads[0].value
        if isinstance(default, Scalar) and default.value is None and not default.span.text:
            default = None
        text = doc.value.text if doc is not None and isinstance(doc.value, Scalar) else ""
        return Param(name, heads[0].name, default, text, span)

    def _no_type(self, node: Node, span: Span) -> None:
        place = span_of(node, span)
        text = node.text if isinstance(node, Scalar) else ""
        near = meant(text, WORDS) if text else None
        example = f"{{layer: {text}}}" if ops.find(text) is not None else f"{{word: {text}}}"
        help = "types are " + ", ".join(f"`{one}`" for one in WORDS)
        if text and isinstance(node, Scalar) and isinstance(node.value, str):
            help += f"; a default that is a word or a layer has its type: `{example}`"
        if near:
            help = f"did you mean `{near}`?"
        message = f"`{text}` is no type of a parameter" if text else "a parameter is a type, or a default"
        edit = Edit(place, near) if near else None
        self.report.error("NS147", message, place, help=help, edit=edit)

    def _refuse(self, code: str, message: str, span: Span, help: str) -> None:
        self.report.error(code, message, span, help=help)
        self.good = False


def _kind_of(value: object) -> str | None:
    """The type of a parameter whose default is a number or a truth."""
    return {bool: "bool", int: "int", float: "float"}.get(type(value))
