"""Every layer of a certificate: what it is, and how close it came in every mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from netspec.ir.graph import Graph, Node
from netspec.proof.apart import is_written
from netspec.proof.certificate.document import Cell, Section, Table
from netspec.proof.modes import MODES
from netspec.proof.result import Proof, Row
from netspec.text import Source


def layers(graph: Graph, proof: Proof, home: Source) -> Section:
    """Every layer, with the share of its tolerance that is used in every mode; `home` is the spec's own file."""
    ways = [way for way in MODES if any(row.way == way for row in proof.rows)]
    users = _users(graph)
    worst: dict[tuple[str, str], Row] = {}
    for row in proof.rows:
        for path in _paths(row, users, graph):
            before = worst.get((path, row.way))
            if before is None or (not row.ok, row.used) > (not before.ok, before.used):
                worst[path, row.way] = row
    rows = []
    for node in graph.nodes:
        if is_written(node):
            continue
        held = [worst.get((node.path, way)) for way in ways]
        rows.append(
            (
                Cell(node.path),
                Cell(node.op.name),
                Cell(_shape(node, proof.sizes)),
                Cell(_line(node, home)),
                *(Cell("-") if one is None else used(one) for one in held),
            )
        )
    header = ("layer", "op", "gives", "line", *ways)
    said = (
        "The largest share of a tolerance that any tensor of a layer uses: what it gives, the gradients that it sends "
        "to its parameters and, outside float64, to its inputs, its statistics, and its parameters after every step."
    )
    return Section(
        "Layer by layer",
        (said,),
        Table(header, tuple(rows), frozenset({3, *range(4, 4 + len(ways))}), long=len(rows) > 40),
    )


def _line(node: Node, home: Source) -> str:
    """Where a layer is written; with the file where that is another."""
    if not node.origin:
        return "-"
    span = node.origin[0].span
    own = span.source.name == home.name
    return str(span.line) if own else f"{PurePath(span.source.name).name}:{span.line}"


def _users(graph: Graph) -> dict[str, list[str]]:
    """The layers that use each parameter and each statistic."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes:
        for key in (*node.parameters.values(), *node.state.values()):
            found.setdefault(key, []).append(node.path)
    return found


def _paths(row: Row, users: Mapping[str, Sequence[str]], graph: Graph) -> Sequence[str]:
    """The layers that a row tells of; a step of an op that is said with others belongs to that."""
    if row.layer:
        path = row.layer
        while path and graph.node(path) is None:
            path = path.rpartition(".")[0]
        return (path,)
    if row.what in ("value", "group value"):
        return (row.where.partition("[")[0],)
    return users.get(row.where, ()) if row.what in ("gradient", "state", "update") else ()


def _shape(node: Node, sizes: Mapping[str, int]) -> str:
    """The sizes of what a layer gives, with the numbers of this proof."""
    shapes = []
    for kind in node.types:
        known = [size.substitute(sizes) for size in kind.sizes]
        shapes.append(f"[{', '.join(str(size) for size in known)}]")
    return ", ".join(shapes)


def used(row: Row) -> Cell:
    """The share of its tolerance that a row uses."""
    if not row.ok:
        return Cell("differs", row.used, wrong=True)
    return Cell(_share(row.used), row.used)


def _share(used: float) -> str:
    """A share in words: what is below a hundredth of a percent is nothing to read."""
    return "0" if used == 0 else f"{100 * used:.2g} %" if used >= 1e-4 else "< 0.01 %"
