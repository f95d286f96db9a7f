"""The training section, bound to its records and held against the metrics and the graph."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.record import Record
from netspec.lang.bind import Argument, bind, span_of, worded
from netspec.lang.names import meant
from netspec.lang.recipe import place, record
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Sequence
from netspec.lang.values import Values
from netspec.recipe.average import Average
from netspec.recipe.descent import KINDS, named
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.plan import Plan
from netspec.recipe.plateau import Plateau
from netspec.recipe.recompute import BLOCKS, segments, stranger, trained
from netspec.recipe.recompute import named as recomputed
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.training import Checkpoint, Clip, EarlyStopping, Training
from netspec.recipe.watch import Watch
from netspec.text import Edit, Span

_NESTED: dict[str, type[Record]] = {
    "clip": Clip,
    "average": Average,
    "early_stopping": EarlyStopping,
    "checkpoint": Checkpoint,
}


def read_training(entry: Entry | None, values: Values, metrics: tuple[str, ...]) -> Training | None:
    """The training section; None where it is absent or wrong."""
    if entry is None:
        return None
    report, node = values.report, entry.value
    if not isinstance(node, Mapping):
        report.error("NS114", "`training` is a mapping", entry.key.span, help="`training: {epochs: 10, …}`")
        return None
    arguments: dict[str, Argument] = {}
    good = True
    for one in node:
        value = _training_value(one, values)
        good = good and value is not _WRONG and not report.told(one.key.span)
        arguments[one.name] = Argument(value, span_of(one.value, one.key.span), one.key.span)
    if not good:
        return None
    training = bind(Training, arguments, entry.key.span, report, called="training", scope=values.scope)
    if training is not None:
        _watched(node, training, metrics, values)
    return training


_WRONG = object()


def _training_value(entry: Entry, values: Values) -> object:
    """One value of the training section; `_WRONG` after an error."""
    if entry.name == "optimizer":
        return values.call(entry.value, OPTIMIZERS, "optimizer") or _WRONG
    if entry.name == "schedule":
        items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
        phases = [values.call(item, SCHEDULES, "schedule") for item in items]
        return _WRONG if None in phases else tuple(phases)
    if entry.name in _NESTED:
        return record(_NESTED[entry.name], entry, values) or _WRONG
    if entry.name == "plan" and isinstance(entry.value, Mapping):
        return record(Plan, entry, values) or _WRONG
    good, value = values.read(entry.value)
    if entry.name == "plan" and good and value not in ("auto", None):
        values.report.error(
            "NS123",
            f"`plan` is `auto` or a mapping, and it is {worded(value)}",
            span_of(entry.value, entry.key.span),
            help="write `plan: auto`, or pin what is known: `plan: {memory_format: channels_last, compile: false}`",
        )
        return _WRONG
    return value if good else _WRONG


def _watched(node: Mapping, training: Training, metrics: tuple[str, ...], values: Values) -> None:
    """Report a metric that is watched and not declared."""
    watches: list[tuple[tuple[str | int, ...], Watch | None]] = [
        (("early_stopping",), training.early_stopping),
        (("checkpoint",), training.checkpoint),
    ]
    watches += [
        (("schedule", i, phase.name), phase)
        for i, phase in enumerate(training.schedule)
        if isinstance(phase, Plateau)
    ]
    known = (*metrics, "loss")
    for path, watch in watches:
        if watch is None or watch.metric in known:
            continue
        span = place(node, (*path, "minimize" if watch.minimize is not None else "maximize"))
        near = meant(watch.metric, known)
        values.report.error(
            "NS129",
            f"there is no metric `{watch.metric}`",
            span,
            help=f"did you mean `{near}`?"
            if near
            else "metrics are " + ", ".join(f"`{one}`" for one in known),
            edit=Edit(span, near) if near else None,
        )


def check_spared(root: Mapping, training: Training, graph: Graph, report: Report) -> None:
    """Report words of `no_decay` that name no parameter; `norm` and `bias` may find none."""
    optimizer = training.optimizer
    for i, word in enumerate(optimizer.no_decay):
        if word in KINDS or named(graph, word):
            continue
        span = place(root, ("training", "optimizer", optimizer.name, "no_decay", i))
        paths = {key.rsplit(".", 1)[0] for key in graph.parameters} | set(graph.parameters)
        near = meant(word, {*KINDS, *paths})
        report.error(
            "NS550",
            f"`no_decay` names `{word[:64]}`, and there are no weights there",
            span,
            help=f"did you mean `{near}`?"
            if near
            else "it takes `norm`, `bias`, the name of a layer with weights, or the key of one of them, such as "
            f"`{next(iter(graph.parameters), 'conv1.weight')}`",
            edit=Edit(span, near) if near and span.text == word else None,
        )


def check_recomputed(root: Mapping, training: Training, graph: Graph, report: Report) -> None:
    """Report words of `recompute` that name nothing, and what cannot be run by itself."""
    for i, word in enumerate(training.recompute):
        span = place(root, ("training", "recompute", i))
        paths = recomputed(graph, word)
        if not paths:
            _nothing_there(graph, word, span, report)
            continue
        for path in paths:
            between = stranger(graph, segments(graph, [path])[path])
            if between is not None:
                report.error(
                    "NS676",
                    f"`{path}` cannot be run again by itself: `{between.path}` runs between its layers",
                    span,
                    help="name the parts of it that run in one go",
                )


def _nothing_there(graph: Graph, word: str, span: Span, report: Report) -> None:
    """Report a word of `recompute` that names no part of the network."""
    nodes = trained(graph)
    if word == BLOCKS:
        report.error(
            "NS676",
            "`recompute` names `blocks`, and the network uses none",
            span,
            help="name groups or layers by their paths",
        )
        return
    parts = {
        ".".join(node.path.split(".")[:depth])
        for node in nodes
        for depth in range(1, node.path.count(".") + 2)
    }
    uses = {node.scope.block for node in nodes if node.scope.block}
    near = meant(word, {BLOCKS, *uses, *parts})
    report.error(
        "NS676",
        f"`recompute` names `{word[:64]}`, and the network has no such block or layer",
        span,
        help=f"did you mean `{near}`?"
        if near
        else "it takes `blocks`, the name of a block, or the path of a layer or a group as `netspec show` has it",
        edit=Edit(span, near) if near and span.text == word else None,
    )
