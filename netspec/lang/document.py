"""The document: its sections, read in the order in which they need one another."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace

from netspec import ops
from netspec.ir.graph import Graph, Ref
from netspec.ir.record import Record
from netspec.ir.types import TensorType
from netspec.lang.body import Body
from netspec.lang.constants import Constant, Constants
from netspec.lang.define import Define
from netspec.lang.extend import extended
from netspec.lang.files import Files
from netspec.lang.habits import said
from netspec.lang.kinds import read_type
from netspec.lang.library import Library, read_library
from netspec.lang.names import MOST_TITLE, TITLE, meant
from netspec.lang.naming import Naming, name_layers
from netspec.lang.outcome import Outcome
from netspec.lang.places import places
from netspec.lang.recipe import read_data
from netspec.lang.report import Report
from netspec.lang.space import Names, Space
from netspec.lang.training import check_recomputed, check_spared, read_training
from netspec.lang.tree import Entry, Mapping, Scalar, Sequence
from netspec.lang.uses import definitions
from netspec.lang.values import Values
from netspec.lang.weave import Weaver
from netspec.lang.wiring import Inits
from netspec.recipe.data import DataRecipe
from netspec.recipe.spec import Definition
from netspec.recipe.training import Training
from netspec.text import Edit, Span

SECTIONS = (
    "netspec",
    "extends",
    "name",
    "doc",
    "include",
    "define",
    "inputs",
    "targets",
    "blocks",
    "layers",
    "outputs",
    "init",
    "loss",
    "aggregate",
    "metrics",
    "data",
    "training",
    "lint",
)


@dataclass
class Document:
    """All that a file says, checked section by section; what failed is left out.

    A `part` has blocks and no layers: it is there to be included.
    """

    name: str = "model"
    doc: str = ""
    define: Constants = field(default_factory=Constants)
    graph: Graph | None = None
    group: tuple[str, Graph] | None = None
    data: DataRecipe | None = None
    training: Training | None = None
    ignored: dict[str, tuple[str, Span]] = field(default_factory=dict)
    rules: Mapping | None = None
    places: dict[str, Span] = field(default_factory=dict)
    library: Library | None = None
    part: bool = False
    definitions: tuple[Definition, ...] = ()


def read_document(root: Mapping, settings: Table[str, Constant], files: Files, report: Report) -> Document:
    """Read every section; all that is wrong is in the report."""
    return _Reader(extended(root, files, report), files, report).read(settings)


class _Reader:
    def __init__(self, root: Mapping, files: Files, report: Report) -> None:
        self.root = root
        self.files = files
        self.report = report
        self.out = Document()
        self.places: dict[str, Span] = {}
        self.define = Define(self.out.define, self.places, report)
        self.values = Values(self.out.define, report)
        self.weaver = Weaver({}, {}, report)
        self.targets: dict[str, Ref | None] = {}

    def read(self, settings: Table[str, Constant]) -> Document:
        self._keys()
        self._head()
        part = self.root.get("layers") is None
        self.out.part = part
        self.define.read(self.root.get("define"), settings, self._start())
        library = read_library(self.root, self.out.define, self.files, self.report)
        if part and (self.report.failed or not self._is_part()):
            return self.out
        inputs = self._types("inputs", needed=not part)
        targets = self._types("targets", needed=False)
        whole = None not in (*inputs.values(), *targets.values())
        self.weaver.inputs.update({name: one for name, one in inputs.items() if one is not None})
        self.weaver.targets.update({name: one for name, one in targets.items() if one is not None})
        self.targets = {name: Ref(name) if one is not None else None for name, one in targets.items()}
        body = self._body(inputs, library)
        if not part:
            self._layers(body)
        if library.blocks:
            from netspec.lang.unused import check_unused  # noqa: PLC0415 - most specs use what they have

            check_unused(library, self.report)
        if not part:
            self._graphs(body)
        self._lint()
        self._recipes(whole=whole)
        self.out.places, self.out.definitions = places(self.root), definitions(self.root)
        self.out.library = library
        return self.out

    def _is_part(self) -> bool:
        """Whether a file without layers is one to extend or include: it says more than what it is called."""
        if len(set(self.root.keys()) - {"netspec", "name", "doc", "define", "inputs"}) == 0:
            self.report.error(
                "NS122", "a spec needs `layers`", self._start(), help="write `layers:` and a list of ops"
            )
            return False
        self.report.info(
            "NS142",
            "without `layers` this is a part: a spec that extends or includes it is a network",
            self._start(),
            help="a network has `layers:` and a list of ops",
        )
        return True

    def _recipes(self, *, whole: bool) -> None:
        """Data and training; in a part, what is missing may stand in the spec that extends it."""
        told = Report() if self.out.part else self.report
        values = Values(self.out.define, told)
        self.out.data = read_data(self.root, values, self.weaver, whole=whole and not self.out.part)
        metrics = self._metric_names()
        self.out.training = training = read_training(self.root.get("training"), values, metrics)
        if training is not None and self.out.graph is not None:
            check_spared(self.root, training, self.out.graph, told)
            check_recomputed(self.root, training, self.out.graph, told)
        if self.out.part:
            self.report.add(one for one in told.diagnostics if one.code != "NS122")

    def _body(self, inputs: dict[str, TensorType | None], library: Library) -> Body:
        """The body of the spec's own layers, with the inputs in it."""
        entry = self.root.get("layers")
        layers = entry.value if entry is not None and isinstance(entry.value, Sequence) else None
        naming = name_layers(layers, self.places, self.out.define, self.report) if layers else Naming()
        given = {name: Ref(name) if kind is not None else None for name, kind in inputs.items()}
        space = Space(Names({**dict.fromkeys(naming.failed), **given}), naming)
        body = Body(self.weaver, self.out.define, space, library, self._inits())
        if len(given) == 1:
            body.start(next(iter(given.values())))
        if not inputs:  # enough has been said of that: what would have flowed, and every name, is forgiven
            body.start(None)
            self.report.lose(len(self.root.span.text))
        return body

    def _layers(self, body: Body) -> None:
        layers = self.root.get("layers")
        assert layers is not None, "a file without layers is a part"
        if isinstance(layers.value, Sequence) and layers.value.items:
            body.read(layers.value)
            return
        self.report.error(
            "NS116", "`layers` is a list of ops", layers.key.span, help="begin each with a dash: `- relu`"
        )

    def _start(self) -> Span:
        return self.root.entries[0].key.span if self.root.entries else self.root.span

    def _keys(self) -> None:
        """Report keys that the language does not have, and read on with what was meant."""
        read: list[Entry] = []
        for entry in self.root:
            read.append(entry)
            if entry.name not in SECTIONS:
                near = meant(entry.name, SECTIONS)
                if near and self.root.get(near) is None:
                    read[-1] = Entry(replace(entry.key, text=near), entry.value)
                self.report.error(
                    "NS102",
                    f"a spec has no section `{entry.name}`",
                    entry.key.span,
                    help=f"did you mean `{near}`?"
                    if near
                    else said(entry.name, "section") or "it has " + ", ".join(f"`{one}`" for one in SECTIONS),
                    edit=Edit(entry.key.span, near) if near else None,
                )
        self.root = Mapping(tuple(read), self.root.span, self.root.flow)

    def _head(self) -> None:
        """The version, the name and the doc."""
        version = self.root.get("netspec")
        if version is None:
            self.report.error(
                "NS100",
                "the file does not say which version of the language it is written in",
                self._start(),
                help="begin it with `netspec: 1`",
            )
        elif not isinstance(version.value, Scalar) or version.value.value != 1 or version.value.value is True:
            self.report.error(
                "NS100", "this netspec reads version 1", version.value.span, help="write `netspec: 1`"
            )
        for key in ("name", "doc"):
            entry = self.root.get(key)
            if entry is None:
                continue
            if not isinstance(entry.value, Scalar) or not isinstance(entry.value.value, str):
                self.report.error("NS119", f"`{key}` is a text", entry.value.span, help="put it in quotes")
                continue
            if key == "name" and not TITLE.fullmatch(entry.value.text):
                self._bad_title(entry.value)
                continue
            setattr(self.out, key, entry.value.text)

    def _bad_title(self, value: Scalar) -> None:
        """A name that could not name a folder: it would lead elsewhere, or nowhere."""
        near = "-".join(re.findall(r"[\w.-]+", value.text)).strip("._-")[:MOST_TITLE]
        self.report.error(
            "NS119",
            f"the name of a spec is one word of letters, digits, `-`, `_` and `.`, of at most {MOST_TITLE} characters",
            value.span,
            help=f"write `name: {near}`; runs and folders are called so"
            if near
            else "write `name: my-network`",
            edit=Edit(value.span, near) if near and TITLE.fullmatch(near) else None,
        )

    def _types(self, section: str, *, needed: bool) -> dict[str, TensorType | None]:
        """Inputs or targets by name; None for one whose type is wrong."""
        entry = self.root.get(section)
        if entry is None or not isinstance(entry.value, Mapping) or not len(entry.value):
            if needed or entry is not None:
                span = entry.key.span if entry else self._start()
                help = f"`{section}: {{image: {{shape: [1, 28, 28], kind: image}}}}`"
                self.report.error(
                    "NS122", f"a spec needs `{section}`: names and their types", span, help=help
                )
            return {}
        found: dict[str, TensorType | None] = {}
        for one in entry.value:
            free = self.define.declare(one)
            kind = read_type(one.value, self.values)
            found[one.name] = kind if free else None
        return found

    def _inits(self) -> Inits:
        """The `init` section: initialisers by op and parameter."""
        entry = self.root.get("init")
        found: dict[str, dict[str, tuple[Record, Span]]] = {}
        if entry is None:
            return found
        if not isinstance(entry.value, Mapping):
            self.report.error("NS114", "`init` maps ops to their parameters", entry.key.span)
            return found
        for op in entry.value:
            if ops.find(op.name) is None or not isinstance(op.value, Mapping):
                near = meant(op.name, ops.names())
                help = f"did you mean `{near}`?" if near else "write `init: {conv: {weight: zeros}}`"
                self.report.error(
                    "NS101", f"there is no op `{op.name}` with parameters to start", op.key.span, help=help
                )
                continue
            for parameter in op.value:
                record = self.values.initializer(parameter.value)
                if record is not None:
                    found.setdefault(op.name, {})[parameter.name] = (record, parameter.key.span)
        return found

    def _graphs(self, body: Body) -> None:
        """The frozen graphs of both levels, if nothing is wrong."""
        outcome = Outcome(self.root, self.weaver, body, self.targets, self.out.define)
        entries, upper = outcome.read()
        if self.report.failed:
            return
        self.out.graph = self.weaver.graph(entries)
        self.out.group = upper

    def _metric_names(self) -> tuple[str, ...]:
        entry = self.root.get("metrics")
        return entry.value.keys() if entry is not None and isinstance(entry.value, Mapping) else ()

    def _lint(self) -> None:
        """Which warnings the spec silences, each with its reason, and which rules it sets."""
        entry = self.root.get("lint")
        if entry is None:
            return
        node = entry.value
        if not isinstance(node, Mapping) or not node.entries or set(node.keys()) - {"ignore", "rules"}:
            self.report.error(
                "NS114",
                "`lint` has `ignore` and `rules`",
                entry.key.span,
                help="`lint: {ignore: {NS320: why}}`",
            )
            return
        for part in node:
            if not isinstance(part.value, Mapping):
                example = "{NS320: why}" if part.name == "ignore" else "{heavy_layer: {share: 0.9}}"
                message = f"`{part.name}` of `lint` is a mapping"
                self.report.error("NS114", message, part.key.span, help=f"`{part.name}: {example}`")
            elif part.name == "rules":
                self.out.rules = part.value
            else:
                self._ignored(part.value)

    def _ignored(self, node: Mapping) -> None:
        """The codes that are silenced."""
        for one in node:
            reason = one.value.text if isinstance(one.value, Scalar) else ""
            if not reason.strip():
                self.report.error(
                    "NS140", f"`{one.name}` is silenced without a reason", one.key.span, help="say why"
                )
            self.out.ignored[one.name] = (reason, one.key.span)
