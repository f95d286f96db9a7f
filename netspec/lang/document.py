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
from netspec.lang.kinds import read_type
from netspec.lang.names import MOST_TITLE, TITLE, meant, why_refused
from netspec.lang.outcome import Outcome
from netspec.lang.places import places
from netspec.lang.recipe import read_data, read_training
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Scalar, Sequence
from netspec.lang.values import Values
from netspec.lang.weave import Weaver
from netspec.lang.wiring import Inits
from netspec.recipe.data import DataRecipe
from netspec.recipe.training import Training
from netspec.text import Edit, Label, Span

SECTIONS = (
    "netspec",
    "name",
    "doc",
    "extends",
    "include",
    "define",
    "inputs",
    "targets",
    "blocks",
    "layers",
    "outputs",
    "init",
    "loss",
    "metrics",
    "aggregate",
    "data",
    "training",
    "lint",
)
LATER = {
    "extends": "write the whole spec in one file",
    "include": "write the blocks out",
    "blocks": "write them out",
}


@dataclass
class Document:
    """All that a file says, checked section by section; parts that failed are left out."""

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


def read_document(root: Mapping, settings: Table[str, Constant], report: Report) -> Document:
    """Read every section; all that is wrong is in the report."""
    return _Reader(root, report).read(settings)


class _Reader:
    def __init__(self, root: Mapping, report: Report) -> None:
        self.root = root
        self.report = report
        self.out = Document()
        self.values = Values(self.out.define, report)
        self.weaver = Weaver({}, {}, report)
        self.places: dict[str, Span] = {}
        self.targets: dict[str, Ref | None] = {}

    def read(self, settings: Table[str, Constant]) -> Document:
        self._keys()
        self._head()
        self._define(settings)
        inputs = self._types("inputs", needed=True)
        targets = self._types("targets", needed=False)
        whole = None not in (*inputs.values(), *targets.values())
        self.weaver.inputs.update({name: one for name, one in inputs.items() if one is not None})
        self.weaver.targets.update({name: one for name, one in targets.items() if one is not None})
        self.targets = {name: Ref(name) if one is not None else None for name, one in targets.items()}
        body = Body(
            self.weaver,
            self.out.define,
            {n: Ref(n) if t is not None else None for n, t in inputs.items()},
            self._inits(),
        )
        body.places.update(self.places)
        if not inputs:  # enough has been said of that: what would have flowed, and every name, is forgiven
            body.flowing = True
            self.report.lose(len(self.root.span.text))
        layers = self.root.get("layers")
        if layers is None:
            self.report.error(
                "NS122", "a spec needs `layers`", self._start(), help="write `layers:` and a list of ops"
            )
        elif not isinstance(layers.value, Sequence) or not layers.value.items:
            self.report.error(
                "NS116", "`layers` is a list of ops", layers.key.span, help="begin each with a dash: `- relu`"
            )
        else:
            body.read(layers.value)
        self._graphs(body)
        self._lint()
        self.out.places = places(self.root)
        self.out.data = read_data(self.root, self.values, self.weaver, whole=whole)
        self.out.training = read_training(self.root.get("training"), self.values, self._metric_names())
        return self.out

    def _start(self) -> Span:
        return self.root.entries[0].key.span if self.root.entries else self.root.span

    def _keys(self) -> None:
        """Report keys that the language does not have, and parts of it that wait; read on with what was meant."""
        read: list[Entry] = []
        for entry in self.root:
            read.append(entry)
            if entry.name in LATER:
                self.report.error(
                    "NS190",
                    f"`{entry.name}` belongs to the language, and this version cannot build it yet",
                    entry.key.span,
                    help=LATER[entry.name],
                )
            elif entry.name not in SECTIONS:
                near = meant(entry.name, SECTIONS)
                if near and self.root.get(near) is None:
                    read[-1] = Entry(replace(entry.key, text=near), entry.value)
                self.report.error(
                    "NS102",
                    f"a spec has no section `{entry.name}`",
                    entry.key.span,
                    help=f"did you mean `{near}`?"
                    if near
                    else "it has " + ", ".join(f"`{one}`" for one in SECTIONS),
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

    def _define(self, settings: Table[str, Constant]) -> None:
        """Constants, with what the command line set; a setting must name one and keep its type."""
        entry = self.root.get("define")
        if entry is not None and not isinstance(entry.value, Mapping):
            self.report.error(
                "NS114", "`define` maps names to constants", entry.key.span, help="`define: {width: 40}`"
            )
        for one in entry.value if entry is not None and isinstance(entry.value, Mapping) else ():
            if self._declare(one):
                self._constant(one, settings)
            else:
                self.out.define.failed.add(one.name)
        for name in settings:
            if name not in self.out.define and name not in self.out.define.failed:
                near = meant(name, self.out.define)
                known = ", ".join(f"`{one}`" for one in self.out.define) or "none"
                help = f"did you mean `{near}`?" if near else f"constants of this spec: {known}"
                span = entry.key.span if entry is not None else self._start()
                self.report.error("NS138", f"there is no constant `{name}` to set", span, help=help)

    def _constant(self, entry: Entry, settings: Table[str, Constant]) -> None:
        """One constant with its written value, or the one it is set to; what is computed from it follows."""
        name, define = entry.name, self.out.define
        good, old = self.values.read(entry.value)
        if isinstance(entry.value, Mapping):
            self.report.error("NS114", "a constant is a number, a word or a list", entry.value.span)
        if not good or isinstance(entry.value, Mapping):
            define.failed.add(name)
            return
        define[name] = old  # type: ignore[assignment]  # mappings were refused above
        if name not in settings:
            return
        new = _as_tuple(settings[name])
        if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
            new = float(new)
        if type(old) is type(new):
            define[name] = new
            return
        help = f"the spec says `{name}: {entry.value.span.text[:60]}`"
        if isinstance(old, str):
            help = "put it in quotes that the shell leaves alone: `--set NAME='\"12\"'`"
        message = f"`{name}` is {_kind(old)}, and cannot be set to {_kind(new)}"
        self.report.error("NS138", message, entry.key.span, help=help)

    def _declare(self, entry: Entry) -> bool:
        """Whether a name can be given here; inputs, targets and constants share one namespace with the layers."""
        why = why_refused(entry.name)
        if why is not None:
            self.report.error(
                "NS119", f"`{entry.name}` cannot be a name: {why}", entry.key.span, help="choose another"
            )
            self.report.lose()
            return False
        if entry.name in self.places:
            labels = (Label(self.places[entry.name], "the first one"),)
            self.report.error(
                "NS103",
                f"the name `{entry.name}` is taken",
                entry.key.span,
                labels=labels,
                help="inputs, targets, constants and layers share one set of names: choose another",
            )
            self.report.lose()
            return False
        self.places[entry.name] = entry.key.span
        return True

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
            free = self._declare(one)
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


def _as_tuple(value: object) -> Constant:
    """A list, at any depth, as the tuple that YAML's lists are read to."""
    if isinstance(value, (list, tuple)):
        return tuple(_as_tuple(one) for one in value)
    return value  # type: ignore[return-value]  # what it is, is checked against the written constant


def _kind(value: object) -> str:
    """The type of a constant, in words."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", tuple: "a list"}
    return names.get(type(value), "empty")
