"""What is legal and probably not what was wanted: one file a rule, each with what, why, and what to do instead."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.windows import SLIDING
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic

RULES: dict[str, tuple[str, ...]] = {
    "bias_before_norm": ("batch_norm", "instance_norm", "group_norm", "layer_norm"),
    "dropout_before_norm": ("dropout",),
    "linear_pair": ("conv", "linear"),
    "dead_layer": ("layers",),
    "unused_definition": ("layers",),
    "shadowed_op": ("blocks",),
    "even_kernel": ("conv", "depthwise_conv", "separable_conv", "locally_connected"),
    "skipped_pixels": SLIDING,
    "dropped_border": SLIDING,
    "blind_weights": ("conv",),
    "receptive_field": (),
    "heavy_layer": ("layers",),
    "unnormalised_input": ("layers",),
    "untrained_layer": ("loss",),
    "weightless_loss": ("loss",),
    "changed_label": ("data",),
    "split_by_sample": ("data.split",),
    "metric_direction": ("training.early_stopping", "training.checkpoint", "training.schedule"),
    "learning_rate": ("training",),
    "batch_of_one": ("training",),
    "schedule_length": ("training.schedule",),
    "idle_patience": ("training.early_stopping",),
}
"""The rules by name, each in the file of its name, with the sections and ops of which one must be there.

Where none is, the rule has nothing to look at and its file is not even loaded, unless the spec sets something of it.
"""

MOST = 20
"""Places that one rule tells of: whoever has more of them has understood."""


def rule(name: str) -> type[Rule]:
    """The rule that a spec calls `name`."""
    module = importlib.import_module(f"{__name__}.{name}")
    kinds = (value for value in vars(module).values() if isinstance(value, type))
    return next(kind for kind in kinds if issubclass(kind, Rule) and kind.name == name)


def rules() -> dict[str, type[Rule]]:
    """Every rule by the name a spec calls it."""
    return {name: rule(name) for name in RULES}


def lint(spec: Spec, chosen: Mapping[str, Rule]) -> Iterator[Diagnostic]:
    """What the rules doubt in a spec; `chosen` holds those that the spec has set otherwise than by default."""
    subject = Subject(spec)
    there = _there(spec)
    for name, wanted in RULES.items():
        if name not in chosen and there.isdisjoint(wanted):
            continue
        judge = chosen.get(name) or rule(name).model_construct()
        found = list(_once(judge.check(subject)))
        if len(found) > MOST:
            more = f"so it is in {len(found) - MOST:,} more places"
            found[MOST - 1] = replace(found[MOST - 1], notes=(*found[MOST - 1].notes, more))
        yield from found[:MOST]


def _once(doubts: Iterator[Diagnostic]) -> Iterator[Diagnostic]:
    """Each place once, however many copies of a block or a repeat come from it."""
    told: set[object] = set()
    for one in doubts:
        place = one.message if one.span is None else (one.span.source.name, one.span.start, one.span.end)
        if place not in told:
            told.add(place)
            yield one


def _there(spec: Spec) -> set[str]:
    """The ops and sections of a spec, and what stands in the sections, as `training.schedule`."""
    ops = {node.op.name for node in spec.graph.nodes}
    return {"layers", *(one.what + "s" for one in spec.definitions), *ops, *spec.places}
