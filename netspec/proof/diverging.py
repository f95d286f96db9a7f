"""Where two programs part: the first layer on the way there, or on the way back, as a message at its line."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.ir.graph import Graph, Node
from netspec.proof.result import KINDS, Row, What
from netspec.text import Diagnostic, Label, Severity


def first(graph: Graph, rows: Sequence[Row], candidate: str) -> tuple[Diagnostic, ...]:
    """One message for every kind that differs, the cause before what follows from it.

    Values are made from first to last, so the first one that differs names the layer. Gradients are made from last to
    first, so it is the last one; an input's gradient comes after those of all parameters. Where values differ,
    gradients and the state must, and are not told.
    """
    found: list[Diagnostic] = []
    for kinds in (
        ("value", "loss"),
        ("group value",),
        ("slope",),
        ("gradient", "input gradient"),
        ("state",),
        ("update",),
    ):
        if found and kinds != ("update",):
            continue
        wrong = [row for row in rows if row.what in kinds and not row.ok]
        if wrong:
            found.append(_message(graph, _origin(graph, wrong), candidate))
    return tuple(found)


def first_of_modes(graph: Graph, rows: Sequence[Row], candidate: str) -> tuple[Diagnostic, ...]:
    """One message for every mode in which a layer differs: its value, else its gradients, else its statistics.

    Every layer was given the reference's inputs, so none differs because of another, and the first one is told.
    """
    places = {node.path: i for i, node in enumerate(graph.nodes)}
    found = []
    for way in dict.fromkeys(row.way for row in rows):
        wrong = [row for row in rows if row.way == way and not row.ok]
        kinds = [what for what in KINDS if any(row.what == what for row in wrong)]
        if kinds:
            alike = [row for row in wrong if row.what == kinds[0]]
            earliest = min(alike, key=lambda row: places.get(row.layer, len(places)))
            others = len({row.layer for row in wrong} - {earliest.layer})
            found.append(_message(graph, earliest, candidate, others))
    return tuple(found)


def _origin(graph: Graph, wrong: Sequence[Row]) -> Row:
    """The row in which the difference begins; with equal claims the one of training, which comes last."""
    places = {node.path: i for i, node in enumerate(graph.nodes)}
    if wrong[0].what == "gradient":
        return max(
            (row for row in wrong if row.what == "gradient"),
            key=lambda row: places.get(_path(graph, row), -1),
        )
    return min(wrong, key=lambda row: places.get(_path(graph, row), len(places)))


def _path(graph: Graph, row: Row) -> str:
    """The path of the node that a row is about; empty where it is about none."""
    if row.layer:
        return row.layer
    if row.what in ("value", "group value"):
        return row.where.partition("[")[0]
    users = [node for node in graph.nodes if _owns(node, row.where)]
    return users[-1].path if users else ""


def _owns(node: Node, key: str) -> bool:
    """Whether a parameter or statistic belongs to a node."""
    return key in node.parameters.values() or key in node.state.values()


_SAID: dict[What, str] = {
    "value": "the value of `{where}`",
    "group value": "the value of `{where}` of a group",
    "loss": "the loss",
    "gradient": "the gradient of `{where}`",
    "input gradient": "the gradient of the input `{where}`",
    "state": "the statistic `{where}`",
    "update": "the parameter `{where}`",
    "slope": "the reference's own gradient",
}


def _message(graph: Graph, row: Row, candidate: str, others: int = 0) -> Diagnostic:
    """The message of one row; `others` counts the layers that differ besides."""
    node = graph.node(_path(graph, row))
    said = _SAID[row.what].format(where=row.where)
    if row.layer and row.what == "slope":
        said = f"what the reference's `{row.layer}` sends back"
    if row.layer and row.what == "input gradient":
        said = f"the gradient that `{row.layer}` sends back"
    place = f" at {list(row.place)}" if row.place else ""
    when = {"train": " in training", "eval": " in evaluation"}.get(row.mode, f" after {row.mode}")
    if row.way != "float64":
        when += f", in the mode `{row.way}`,"
    other = (
        "its own slope"
        if row.what == "slope" and row.layer
        else "the slope of the loss"
        if row.what == "slope"
        else f"`{candidate}`"
    )
    far = (
        row.note or f"they differ by {row.difference:.3g}{place}, where {row.tolerance:.3g} would be rounding"
    )
    notes = [f"compared: {KINDS[row.what]}"]
    if row.way != "float64":
        notes.append(f"this layer alone, on the reference's inputs{_and_others(others)}")
    return Diagnostic(
        code="NS714" if row.what != "slope" else "NS715",
        severity=Severity.ERROR,
        message=f"{said}{when} is not what {other} makes it: {far}",
        span=node.origin[0].span if node is not None and node.origin else None,
        labels=_way_here(node),
        notes=tuple(notes),
        help="this is a fault of a backend and not of the spec: please report it with the spec"
        if row.what != "slope"
        else "the loss jumps or is cut off here (`bce` of a saturated sigmoid is: use `bce_with_logits`), or the "
        "reference's backward is wrong: then please report it with the spec",
    )


def _and_others(count: int) -> str:
    """How many layers differ besides the one told."""
    if not count:
        return ""
    return f"; {count} other{'s differ' if count > 1 else ' differs'} as well, see the table"


def _way_here(node: Node | None) -> tuple[Label, ...]:
    """Where a layer inside blocks is used: the written uses that lead to its definition, nearest first."""
    if node is None:
        return ()
    return tuple(
        Label(one.span, f"`{node.scope.block}` is used here" if i == 0 else "which is used here")
        for i, one in enumerate(node.origin[1:])
    )
