"""Constants: the `define` section, with what the command line sets instead."""

from __future__ import annotations

from collections.abc import Mapping as Table

from netspec.lang.constants import Constant, Constants
from netspec.lang.names import meant, why_refused
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping
from netspec.lang.values import Values
from netspec.text import Label, Span

NOTHING: Table[str, Constant] = {}


class Define:
    """Reads constants into `define`; `places` are the names that are given so far, with their places."""

    def __init__(self, define: Constants, places: dict[str, Span], report: Report) -> None:
        self.define = define
        self.places = places
        self.report = report
        self.values = Values(define, report)

    def read(
        self, entry: Entry | None, settings: Table[str, Constant] = NOTHING, start: Span | None = None
    ) -> None:
        """All constants, with those that were set; a setting must name one and keep its type."""
        if entry is not None and not isinstance(entry.value, Mapping):
            self.report.error(
                "NS114", "`define` maps names to constants", entry.key.span, help="`define: {width: 40}`"
            )
        for one in entry.value if entry is not None and isinstance(entry.value, Mapping) else ():
            if self.declare(one):
                self._constant(one, settings)
            else:
                self.define.failed.add(one.name)
        for name in settings:
            if name not in self.define and name not in self.define.failed:
                near = meant(name, self.define)
                known = ", ".join(f"`{one}`" for one in self.define) or "none"
                help = f"did you mean `{near}`?" if near else f"constants of this spec: {known}"
                span = entry.key.span if entry is not None else start
                self.report.error("NS138", f"there is no constant `{name}` to set", span, help=help)

    def declare(self, entry: Entry) -> bool:
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

    def _constant(self, entry: Entry, settings: Table[str, Constant]) -> None:
        """One constant with its written value, or the one it is set to; what is computed from it follows."""
        name, define = entry.name, self.define
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


def _as_tuple(value: object) -> Constant:
    """A list, at any depth, as the tuple that YAML's lists are read to."""
    if isinstance(value, (list, tuple)):
        return tuple(_as_tuple(one) for one in value)
    return value  # type: ignore[return-value]  # what it is, is checked against the written constant


def _kind(value: object) -> str:
    """The type of a constant, in words."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", tuple: "a list"}
    return names.get(type(value), "empty")
