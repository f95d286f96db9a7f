"""Free sizes made numbers: small ones that every constraint of the graph allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product

from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.dim_solve import Constraint, Solutions, solutions
from netspec.ir.graph import Graph
from netspec.passes.rows import most_rows
from netspec.text import SpecError

CHOICES = 12
"""How many legal sizes of one letter are tried together with those of the others."""

LARGER = (16, 24, 32, 48, 64)
"""Sizes near which others are tried after the smallest: deep networks leave little of a small picture."""

LARGEST_SEARCH = 50_000
ENOUGH = 8
"""So many numbers a statistic of training is made of, if it can be helped: two are brought to 1 and -1, whatever they
are, and what is left of their gradient is rounding."""

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
    training = [one.left.substitute(most) for node in graph.nodes for one in node.constraints if one.training]
    narrow: dict[str, int] = {}
    for choice in islice(_choices(fixed, letters), LARGEST_SEARCH):
        sizes = known | dict(zip(letters, choice, strict=True))
        if not all(_holds(one, sizes) for one in constraints):
            continue
        whole = sizes | {letter: size.evaluate(sizes) for letter, size in most.items()}
        if all(size.evaluate(whole) >= ENOUGH for size in training if size.symbols & set(letters)):
            return whole
        narrow = narrow or whole
    if narrow:
        return narrow
    raise _none_found("no small sizes were found that the layers allow", batch)


def _letters(graph: Graph) -> set[str]:
    """Every free size that an input, a target or a value has."""
    kinds = [*graph.inputs.values(), *graph.targets.values()]
    kinds += [kind for node in graph.nodes for kind in node.types]
    return {letter for kind in kinds for size in kind.sizes for letter in size.symbols}


def _choices(constraints: list[Constraint], letters: list[str]) -> Iterator[tuple[int, ...]]:
    """Sizes for all letters together: small ones in every combination, then larger ones that are alike."""
    legal = [solutions(_alone(constraints, letter), letter) for letter in letters]
    yield from product(*(list(_offers(one)) for one in legal))
    for size in LARGER:
        near = [one.nearest(size)[1] for one in legal]
        if all(one is not None for one in near):
            yield tuple(one for one in near if one is not None)


def _alone(constraints: list[Constraint], letter: str) -> list[Constraint]:
    """The constraints that speak of a letter."""
    return [one for one in constraints if letter in Dim.of(one[0]).symbols | Dim.of(one[2]).symbols]


def _offers(legal: Solutions) -> Iterator[int]:
    """Legal sizes of one letter as far as it can be told alone, in the order in which they should be tried."""
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
