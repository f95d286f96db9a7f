"""Where two programs part: the first layer on the way there, or on the way back, as a message at its line."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.ir.graph import Graph, Node
from netspec.proof.result import KINDS, Row, What
from netspec.text import Diagnostic, Severity


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


def _message(graph: Graph, row: Row, candidate: str) -> Diagnostic:
    """The message of one row."""
    node = graph.node(_path(graph, row))
    said = _SAID[row.what].format(where=row.where)
    place = f" at {list(row.place)}" if row.place else ""
    when = {"train": " in training", "eval": " in evaluation"}.get(row.mode, f" after {row.mode}")
    other = "the slope of the loss" if row.what == "slope" else f"`{candidate}`"
    far = (
        row.note or f"they differ by {row.difference:.3g}{place}, where {row.tolerance:.3g} would be rounding"
    )
    return Diagnostic(
        code="NS714" if row.what != "slope" else "NS715",
        severity=Severity.ERROR,
        message=f"{said}{when} is not what {other} makes it: {far}",
        span=node.origin[0].span if node is not None and node.origin else None,
        notes=(f"compared: {KINDS[row.what]}",),
        help="this is a fault of a backend and not of the spec: please report it with the spec"
        if row.what != "slope"
        else "the loss jumps or is cut off here (`bce` of a saturated sigmoid is: use `bce_with_logits`), or the "
        "reference's backward is wrong: then please report it with the spec",
    )
