"""The difference of two checked specs. Comments, order of keys and format are no part of a spec, and so no change."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.ir.graph import Ref
from netspec.passes.diff.change import GROUPS, Change, Difference, compared
from netspec.passes.diff.graphs import formulas, formulas_of, graph_changes
from netspec.passes.diff.match import match
from netspec.passes.diff.recipes import data_changes, mapping_changes, training_changes
from netspec.recipe.spec import Group, Spec


def diff(old: Spec, new: Spec) -> Difference:
    """All that changed from `old` to `new`, in the order of the groups; empty for a spec and itself."""
    changes = list(_changes(old, new))
    return Difference(tuple(sorted(changes, key=lambda one: GROUPS.index(one.group))))


def _changes(old: Spec, new: Spec) -> Iterator[Change]:
    found = match(old.graph, new.graph)
    yield from compared("spec", "name", old.name, new.name)
    yield from mapping_changes("constants", "", old.define, new.define)
    yield from graph_changes(old.graph, new.graph, found)
    yield from _groups(old, new, found.paths)
    yield from data_changes(old.data, new.data)
    yield from training_changes(old.training, new.training)


def _groups(old: Spec, new: Spec, paths: dict[str, str]) -> Iterator[Change]:
    """Changes of the level above the samples: by what they are grouped, what is aggregated, and its metrics."""
    yield from compared(
        "aggregate", "by", old.group.by if old.group else None, new.group.by if new.group else None
    )
    before, after = _aggregated(old.group, paths), _aggregated(new.group, {})
    yield from formulas("aggregate", before[0], after[0])
    yield from formulas("metrics", before[1], after[1])


def _aggregated(group: Group | None, paths: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The formulas of the aggregated outputs and of the metrics of groups."""
    if group is None:
        return {}, {}
    inputs = {Ref(name): paths.get(name, name) for name in (*group.graph.inputs, *group.graph.targets)}
    outputs = formulas_of(group.graph, "predict", inputs, upper=True)
    made = {ref: name for name, ref in group.graph.entry("predict").items()}
    return outputs, formulas_of(group.graph, "metrics", {**inputs, **made}, upper=True)
