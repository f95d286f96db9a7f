"""Free sizes made numbers: small ones that every constraint of the graph allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product

from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.dim_solve import Constraint, solutions
from netspec.ir.graph import Graph
from netspec.passes.rows import most_rows
from netspec.text import SpecError

CHOICES = 12
"""How many legal sizes of one letter are tried together with those of the others."""

LARGEST_SEARCH = 50_000
SPARE = 2
"""Not the smallest legal size is taken if it can be helped: a window that just fits has no neighbours."""


def small_sizes(graph: Graph, batch: int) -> dict[str, int]:
    """A number for every letter of the graph, `N` being the batch; SpecError NS712 where none are found that fit.

    How many rows a mask keeps is no choice: here it is taken to hold everywhere (see `draw`).
    """
    known = {"N": batch}
    most = most_rows(graph)
    try:
        constraints = [
            (one.left.substitute(most), one.relation, one.right.substitute(most))
            for node in graph.nodes
            for one in node.constraints
        ]
        fixed: list[Constraint] = [
            (left.substitute(known), relation, right.substitute(known))
            for left, relation, right in constraints
        ]
    except DimTooComplex as trouble:
        raise _none_found(f"{trouble}", batch) from trouble
    letters = sorted(_letters(graph) - known.keys() - most.keys())
    offers = [list(_offers(fixed, letter)) for letter in letters]
    for choice in islice(product(*offers), LARGEST_SEARCH):
        sizes = known | dict(zip(letters, choice, strict=True))
        if all(_holds(one, sizes) for one in constraints):
            return sizes | {letter: size.evaluate(sizes) for letter, size in most.items()}
    raise _none_found("no small sizes were found that the layers allow", batch)


def _letters(graph: Graph) -> set[str]:
    """Every free size that an input, a target or a value has."""
    kinds = [*graph.inputs.values(), *graph.targets.values()]
    kinds += [kind for node in graph.nodes for kind in node.types]
    return {letter for kind in kinds for size in kind.sizes for letter in size.symbols}


def _offers(constraints: list[Constraint], letter: str) -> Iterator[int]:
    """Legal sizes of one letter as far as it can be told alone, in the order in which they should be tried."""
    alone = [one for one in constraints if letter in Dim.of(one[0]).symbols | Dim.of(one[2]).symbols]
    legal = solutions(alone, letter)
    found: list[int] = []
    size = 1
    while len(found) < CHOICES:
        _, up = legal.nearest(size)
        if up is None:
            break
        found.append(up)
        size = up + 1
    yield from found[SPARE:]
    yield from found[:SPARE][::-1]


def all_hold(graph: Graph, sizes: Mapping[str, int]) -> bool:
    """Whether every constraint of the graph is true of these sizes."""
    constraints = (one for node in graph.nodes for one in node.constraints)
    return all(_holds((one.left, one.relation, one.right), sizes) for one in constraints)


def _holds(constraint: Constraint, sizes: Mapping[str, int]) -> bool:
    """Whether a constraint is true of these sizes."""
    left, relation, right = constraint
    a, b = (size if isinstance(size, int) else size.evaluate(sizes) for size in (left, right))
    return a == b if relation == "==" else a >= b if relation == ">=" else a > b


def _none_found(why: str, batch: int) -> SpecError:
    return SpecError.of(
        "NS712",
        f"a batch of {batch} cannot be made for this model: {why}",
        help="try another `--batch`, or put numbers in place of the free sizes",
    )
