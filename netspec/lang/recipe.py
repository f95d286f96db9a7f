"""The data section, bound to its records and held against what the spec declares."""

from __future__ import annotations

from typing import Any, TypeVar

from netspec.ir.problem import Problem
from netspec.ir.record import Record
from netspec.lang.bind import bind, span_of
from netspec.lang.habits import said
from netspec.lang.names import meant
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.lang.values import Values
from netspec.lang.weave import Weaver
from netspec.recipe.augment import Zoom
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.data import DataRecipe, Found, check, maker, one_sample
from netspec.recipe.source import SOURCES
from netspec.recipe.split import Split
from netspec.text import Edit, Label, Span

RecordT = TypeVar("RecordT", bound=Record)

DATA_KEYS = ("source", "fields", "split", "transforms", "pad", "cache", "workers")


def read_data(root: Mapping, values: Values, weaver: Weaver, *, whole: bool) -> DataRecipe | None:
    """The data section, or None where it is absent or wrong.

    It is checked against the declared inputs and targets if these are `whole`: else the data would be blamed for
    their mistakes.
    """
    entry = root.get("data")
    if entry is None:
        return None
    report, node = values.report, entry.value
    if not isinstance(node, Mapping):
        report.error("NS114", "`data` is a mapping", entry.key.span, help="`data: {source: digits}`")
        return None
    unknown = [one for one in node if not _known(one, DATA_KEYS, "`data`", values)]
    good = not unknown
    written = node.get("source")
    if written is None:
        report.error("NS122", "`data` needs a `source`", entry.key.span, help=_choices("source", SOURCES))
        return None
    source = values.call(written.value, SOURCES, "source")
    fields = _words(
        node.get("fields"), values, "the spec's names to the source's", "{cine: pixels, volume: Systole}"
    )
    pad = _words(node.get("pad"), values, "axes to the masks that say what is there", "{slice: present}")
    split = _split(node.get("split"), values)
    transforms = _calls(node.get("transforms"), values)
    options = _options(node, values)
    if (
        not good
        or source is None
        or fields is None
        or pad is None
        or split is None
        or transforms is None
        or options is None
    ):
        return None
    recipe = DataRecipe(source, fields, split, transforms, pad=pad, **options)
    if whole and weaver.targets:
        _relabels(root, recipe, weaver, report)
    if whole and weaver.inputs:
        for found in check(recipe, weaver.inputs, weaver.targets):
            problem, (span, labels) = found.problem, _places(root, recipe, found, weaver)
            if problem.code == "NS504" and found.place[0] == "targets":
                _forget_units(report, weaver.targets[str(found.place[1])].unit)
            report.error(problem.code, problem.message, span, labels=labels, help=problem.help)
    return recipe


def _relabels(root: Mapping, recipe: DataRecipe, weaver: Weaver, report: Report) -> None:
    """Report what a zoom says of targets and cannot be computed."""
    for i, transform in enumerate(recipe.transforms):
        for name, text in transform.targets.items() if isinstance(transform, Zoom) else ():
            from netspec.lang.relabel import check_relabel  # noqa: PLC0415 - few specs change a label

            numbers = [key for key, kind in weaver.targets.items() if not one_sample(kind).rank]
            try:
                check_relabel(text, numbers)
            except Problem as problem:
                where = place(root, ("data", "transforms", i, transform.name, "targets", name))
                report.error(problem.code, problem.message, where, help=problem.help)


def _forget_units(report: Report, declared: str | None) -> None:
    """Take back that a value met the unit a target is declared in by mistake: the declaration is told instead."""
    words = f"`{declared}`"
    report.diagnostics[:] = [
        one for one in report.diagnostics if one.code != "NS311" or words not in one.message
    ]


_DECLARED = {"NS502": "shape", "NS503": "shape", "NS504": "unit", "NS505": "range"}
"""The key of a declaration that each disagreement with the data is about."""


def _places(
    root: Mapping, recipe: DataRecipe, found: Found, weaver: Weaver
) -> tuple[Span, tuple[Label, ...]]:
    """Where a disagreement is shown: at the transform that made it, else at the declaration; the other is a label."""
    if found.problem.code == "NS536":
        return _key(root, found.place), ()
    if found.place[0] not in ("inputs", "targets") or found.problem.code in ("NS537", "NS538"):
        return place(root, found.place), ()
    name = str(found.place[1])
    declared = place(root, (*found.place, _DECLARED.get(found.problem.code, "")))
    made = maker(recipe, {**weaver.inputs, **weaver.targets}, name, found.problem)
    if made is not None:
        axis = found.problem.at if isinstance(found.problem.at, str) else "to"
        where = place(root, ("data", "transforms", made, recipe.transforms[made].name, axis))
        return where, (Label(declared, f"`{name}` is declared here"),)
    if name not in recipe.fields:
        return declared, ()
    return declared, (Label(place(root, ("data", "fields", name)), "the data's field"),)


def _key(root: Mapping, path: tuple[str | int, ...]) -> Span:
    """The last key of a path of keys."""
    node: Node = root
    span = root.span
    for key in path:
        if isinstance(node, Mapping) and (inside := node.get(str(key))) is not None:
            node, span = inside.value, inside.key.span
    return span


def place(root: Mapping, path: tuple[str | int, ...]) -> Span:
    """The deepest part of a path of keys and indices that was written."""
    node: Node = root
    span = root.span
    for key in path:
        if isinstance(node, Mapping) and (inside := node.get(str(key))) is not None:
            span = (
                inside.key.span
                if isinstance(inside.value, Mapping)
                or (isinstance(inside.value, Sequence) and not inside.value.flow)
                else span_of(inside.value, inside.key.span)
            )
            node = inside.value
        elif isinstance(node, Sequence) and isinstance(key, int) and key < len(node):
            node = node.items[key]
            span = node.span
        elif not (isinstance(node, Scalar) and node.text == key):
            break
    return span


def _known(entry: Entry, keys: tuple[str, ...], what: str, values: Values) -> bool:
    """Whether a key belongs here; an unknown one is reported."""
    if entry.name in keys:
        return True
    near = meant(entry.name, keys)
    values.report.error(
        "NS102",
        f"{what} has no key `{entry.name}`",
        entry.key.span,
        help=f"did you mean `{near}`?"
        if near
        else said(entry.name, "data") or "it has " + ", ".join(f"`{key}`" for key in keys),
        edit=Edit(entry.key.span, near) if near else None,
    )
    return False


def _choices(what: str, table: dict[str, Any]) -> str:
    return f"{what}s are " + ", ".join(f"`{name}`" for name in table)


def _words(entry: Entry | None, values: Values, what: str, example: str) -> dict[str, str] | None:
    """A mapping of words to words; None after an error."""
    if entry is None:
        return {}
    good, value = values.read(entry.value)
    if good and isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        return value
    if good:
        values.report.error(
            "NS114",
            f"`{entry.name}` maps {what}",
            entry.key.span,
            help=f"`{entry.name}: {example}`",
        )
    return None


def _split(entry: Entry | None, values: Values) -> Split | None:
    if entry is None:
        return Split(train=0.8, validation=0.2)
    return record(Split, entry, values)


def record(kind: type[RecordT], entry: Entry, values: Values) -> RecordT | None:
    """A section that is one record with named arguments."""
    if not isinstance(entry.value, Mapping):
        takes = ", ".join(f"`{name}`" for name in kind.model_fields)
        values.report.error("NS114", f"`{entry.name}` is a mapping", entry.key.span, help=f"it has {takes}")
        return None
    arguments = values.named(entry.value)
    return (
        None
        if arguments is None
        else bind(kind, arguments, entry.key.span, values.report, called=entry.name, scope=values.scope)
    )


def _calls(entry: Entry | None, values: Values) -> tuple[Any, ...] | None:
    """The transforms; None after an error in one of them."""
    if entry is None:
        return ()
    if not isinstance(entry.value, Sequence):
        values.report.error(
            "NS114", "`transforms` is a list", entry.key.span, help=_choices("transform", TRANSFORMS)
        )
        return None
    found = [values.call(item, TRANSFORMS, "transform") for item in entry.value]
    return None if None in found else tuple(found)


def _options(node: Mapping, values: Values) -> dict[str, Any] | None:
    """`cache` and `workers`; None after an error."""
    found: dict[str, Any] = {}
    for key, words in (("cache", ("auto", "none")), ("workers", ("auto",))):
        entry = node.get(key)
        if entry is None:
            continue
        good, value = values.read(entry.value)
        count = (
            key == "workers" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 64
        )
        if not good or (value not in words and not count):
            if good:
                values.report.error("NS123", f"`{key}` must be one of {', '.join(words)}", entry.value.span)
            return None
        found[key] = value
    return found
