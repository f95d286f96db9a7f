"""What the layers are for: outputs, the loss, the aggregation of samples to groups, and the metrics of both levels."""

from __future__ import annotations

import ast
from collections.abc import Mapping as Table

from netspec import ops
from netspec.ir.dim import Dim
from netspec.ir.graph import Graph, Ref
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType
from netspec.lang.body import Body
from netspec.lang.constants import Constant
from netspec.lang.expression import parse
from netspec.lang.formula import Formula
from netspec.lang.names import meant, why_refused
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.lang.weave import Weaver
from netspec.ops.accumulation import accumulate
from netspec.text import Edit, Label

Names = Table[str, "Ref | None"]
Entries = dict[str, dict[str, Ref]]

GROUPS = ("patient",)
"""What samples can be grouped by: all samples of one patient stand together."""


class Outcome:
    """Reads `outputs`, `loss`, `aggregate` and `metrics` over the values of a finished body."""

    def __init__(
        self, root: Mapping, weaver: Weaver, body: Body, targets: Names, scope: Table[str, Constant]
    ) -> None:
        self.root = root
        self.weaver = weaver
        self.body = body
        self.targets = targets
        self.scope = scope

    @property
    def report(self) -> Report:
        """Where complaints go."""
        return self.weaver.report

    def read(self) -> tuple[Entries, tuple[str, Graph] | None]:
        """The entry points of the graph, and what groups samples with the graph above them."""
        outputs = self._outputs()
        names = self.body.space.names.over(self.targets)
        loss = self._loss(names)
        level = self._aggregate(outputs)
        lower, higher = self._metrics(names, level)
        predict = {name: ref for name, ref in outputs.items() if ref is not None}
        train = self._needed([*loss.values(), *lower.values()], set(predict.values()))
        entries = {"predict": predict, "train": train, "loss": loss, "metrics": lower}
        if level is None or self.report.failed:
            return entries, None
        return entries, (level.by, level.weaver.graph({"predict": level.predicted, "metrics": higher}))

    def _outputs(self) -> Names:
        """The declared outputs; the last value where none are declared."""
        entry = self.root.get("outputs")
        body = self.body
        if entry is None:
            if not body.flowing and (layers := self.root.get("layers")) is not None:
                self.report.error(
                    "NS128",
                    "the last layer gives several values: which are the outputs?",
                    layers.key.span,
                    help="write `outputs: [name, …]`",
                )
            return {body.last: body.flow} if body.last else {}
        found: dict[str, Ref | None] = {}
        for item in entry.value.items if isinstance(entry.value, Sequence) else (entry.value,):
            name = item.text if isinstance(item, Scalar) else ""
            known = body.space.names
            if name in known and name not in found:
                found[name] = known[name]
                continue
            if name not in known and self.report.forgives(name):
                continue
            near = meant(name, known)
            help = (
                f"did you mean `{near}`?"
                if near and near != name
                else "outputs are names of layers, each once"
            )
            edit = Edit(item.span, near) if near and near != name else None
            self.report.error("NS129", f"`{name}` cannot be an output", item.span, help=help, edit=edit)
        return found

    def _loss(self, names: Names) -> dict[str, Ref]:
        """Loss terms, each a number that something learned decides."""
        entry = self.root.get("loss")
        if entry is not None:
            return self._terms(entry, self.weaver, names, learned=True)
        if (training := self.root.get("training")) is not None:
            self.report.error(
                "NS122", "training needs a `loss`", training.key.span, help="`loss: crps(cdf, volume)`"
            )
        return {}

    def _terms(self, entry: Entry, weaver: Weaver, names: Names, *, learned: bool) -> dict[str, Ref]:
        """One formula, or named ones, that must each come to one number."""
        if not isinstance(entry.value, Mapping):
            ref = self._term(weaver, names, entry.value, entry.name, learned=learned)
            return {} if ref is None else {entry.name: ref}
        terms: dict[str, Ref] = {}
        for one in entry.value:
            why = why_refused(one.name)
            if why is not None:
                self.report.error(
                    "NS119", f"`{one.name}` cannot be a name: {why}", one.key.span, help="choose another"
                )
                continue
            ref = self._term(weaver, names, one.value, f"{entry.name}.{one.name}", learned=learned)
            if ref is not None:
                terms[one.name] = ref
        return terms

    def _term(self, weaver: Weaver, names: Names, node: Node, prefix: str, *, learned: bool) -> Ref | None:
        """The value of one formula; None after an error."""
        if isinstance(node, Mapping):
            self._mapping_form(prefix.rsplit(".", 1)[-1], node)
            return None
        ref = self._formula(weaver, names, node, prefix)
        if ref is None:
            return None
        found = weaver.type_of(ref)
        what = "a loss" if learned else "a metric"
        if found.rank:
            self.report.error(
                "NS205",
                f"{what} is one number, and this is {found.named()}",
                node.span,
                help="reduce it: `mean(…)` over everything",
                notes=weaver.trace(ref),
            )
            return None
        if learned and not depends_on_learning(weaver, ref):
            self.report.error(
                "NS139",
                "nothing that is learned decides this loss",
                node.span,
                help="a loss compares an output of layers that learn with a target",
            )
            return None
        if not learned and (problem := _unaccountable(weaver, ref)) is not None:
            self.report.error(problem.code, problem.message, node.span, help=problem.help)
            return None
        return ref

    def _mapping_form(self, name: str, node: Mapping) -> None:
        """`crps: {cdf: cdf, target: volume}` means a call, and is written as one."""
        inside = ", ".join(one.value.text for one in node if isinstance(one.value, Scalar))
        help = f"write `{name}({inside})`" if ops.find(name) else "write one formula for each name"
        self.report.error("NS130", "a formula is an expression, not a mapping", node.span, help=help)

    def _formula(self, weaver: Weaver, names: Names, node: Node, prefix: str) -> Ref | None:
        if not isinstance(node, Scalar):
            self.report.error("NS130", "a formula is one expression", node.span, help="put it in quotes")
            return None
        hidden = {
            name: f"is an automatic name: give that layer `name: {name}` to use it"
            for name in self.body.space.naming.automatic
        }
        if weaver is not self.weaver:
            below = set(self.body.space.names) - set(names)
            hidden |= dict.fromkeys(
                below, "is a value of one sample, and this formula speaks of whole groups"
            )
        return Formula(weaver, names, self.scope, prefix, hidden=hidden).weave(node)

    def _aggregate(self, outputs: Names) -> _Level | None:
        """The graph over all samples of one group: outputs get the axis `sample`."""
        entry = self.root.get("aggregate")
        if entry is None:
            return None
        parts = self._aggregate_parts(entry)
        if parts is None:
            return None
        by, wanted = parts
        lifted = {name: _lifted(self.weaver.type_of(ref)) for name, ref in outputs.items() if ref is not None}
        level = _Level(by, Weaver(lifted, self.weaver.targets, self.report))
        below: Names = {
            name: Ref(name) if name in lifted else None for name in outputs if name in self.body.space.names
        }
        for one in wanted:
            if not self._free(one):
                continue
            ref = self._formula(level.weaver, below, one.value, one.name)
            level.names[one.name] = ref
            if ref is None:
                continue
            if "sample" in level.weaver.type_of(ref).names:
                level.names[one.name] = None
                self.report.error(
                    "NS206",
                    f"`{one.name}` still has the axis `sample`",
                    one.value.span,
                    help="reduce it: `mean(…, axis=sample)`",
                )
                continue
            level.predicted[one.name] = ref
        return level

    def _aggregate_parts(self, entry: Entry) -> tuple[str, Mapping] | None:
        """`by` and `outputs`; None after an error."""
        node = entry.value
        if isinstance(node, Mapping) and set(node.keys()) == {"by", "outputs"}:
            by, wanted = node.get("by"), node.get("outputs")
            if by and wanted and isinstance(by.value, Scalar) and isinstance(wanted.value, Mapping):
                if by.value.text in GROUPS:
                    return by.value.text, wanted.value
                self.report.error(
                    "NS141",
                    f"samples are not grouped by `{by.value.text}`",
                    by.value.span,
                    help="write `by: patient`",
                    edit=Edit(by.value.span, "patient"),
                )
                return None
        self.report.error(
            "NS114",
            "`aggregate` has `by` and `outputs`",
            entry.key.span,
            help='`aggregate: {by: patient, outputs: {patient_cdf: "mean(cdf, axis=sample)"}}`',
        )
        return None

    def _free(self, entry: Entry) -> bool:
        """Whether an aggregated output may have its name."""
        why = why_refused(entry.name)
        if why is not None:
            self.report.error(
                "NS119", f"`{entry.name}` cannot be a name: {why}", entry.key.span, help="choose another"
            )
            return False
        if entry.name in self.body.space.naming.places:
            labels = (Label(self.body.space.naming.places[entry.name], "the first one"),)
            self.report.error("NS103", f"the name `{entry.name}` is taken", entry.key.span, labels=labels)
            return False
        self.body.space.naming.places[entry.name] = entry.key.span
        return True

    def _metrics(self, names: Names, level: _Level | None) -> tuple[dict[str, Ref], dict[str, Ref]]:
        """The metrics of samples, and those of groups: each formula stays on one level."""
        entry = self.root.get("metrics")
        lower: dict[str, Ref] = {}
        higher: dict[str, Ref] = {}
        if entry is None:
            return lower, higher
        if not isinstance(entry.value, Mapping):
            self.report.error(
                "NS114", "`metrics` maps names to formulas", entry.key.span, help="`{crps: crps(cdf, y)}`"
            )
            return lower, higher
        for one in entry.value:
            single = Entry(entry.key, Mapping((one,), one.span))
            if level is not None and _words(one.value) & set(level.names):
                higher.update(
                    self._terms(single, level.weaver, {**level.names, **self.targets}, learned=False)
                )
            else:
                lower.update(self._terms(single, self.weaver, names, learned=False))
        return lower, higher

    def _needed(self, wanted: list[Ref], given: set[Ref]) -> dict[str, Ref]:
        """The layers' values and inputs that loss and metrics use and that are no outputs, by the text of their Ref."""
        used = [ref for path, node in self.weaver.paths.items() if is_formula(path) for ref in node.inputs]
        return {
            str(ref): ref
            for ref in (*used, *wanted)
            if not is_formula(ref.path) and ref not in given and ref.path not in self.weaver.targets
        }


class _Level:
    """The level above the samples while it is read."""

    def __init__(self, by: str, weaver: Weaver) -> None:
        self.by = by
        self.weaver = weaver
        self.names: dict[str, Ref | None] = {}
        self.predicted: dict[str, Ref] = {}


def is_formula(path: str) -> bool:
    """Whether a node belongs to the loss or a metric."""
    return path.startswith(("loss.", "metrics."))


def _unaccountable(weaver: Weaver, ref: Ref) -> Problem | None:
    """Why a metric has no totals that batches add to; None where it has."""
    given = [Ref(path) for path in (*weaver.inputs, *weaver.targets, *weaver.paths) if not is_formula(path)]
    try:
        accumulate(weaver.graph({"metrics": {"metric": ref}}), given)
    except Problem as problem:
        return problem
    return None


def depends_on_learning(weaver: Weaver, ref: Ref) -> bool:
    """Whether a trainable parameter stands anywhere behind a value."""
    seen, ahead = set[str](), [ref.path]
    while ahead:
        path = ahead.pop()
        node = weaver.paths.get(path)
        if node is None or path in seen:
            continue
        seen.add(path)
        if any(weaver.parameters[key].trainable for key in node.parameters.values()):
            return True
        ahead.extend(one.path for one in node.inputs)
    return False


def _lifted(kind: TensorType) -> TensorType:
    """The type of one group's samples of a value: an axis `sample` behind the batch."""
    return kind.with_axes((kind.axes[0], Axis("sample", Dim.of("K")), *kind.axes[1:]))


def _words(node: Node) -> set[str]:
    """The names in a formula; none where it cannot be read (that is reported when it is woven)."""
    if not isinstance(node, Scalar):
        return set()
    found = parse(node, Report())
    return {one.id for one in ast.walk(found.tree) if isinstance(one, ast.Name)} if found else set()
