"""What an exported model is tried on: which letters stay free in the file, and numbers at several of their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import FreeSize, Trial
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType
from netspec.passes.demands import Demand, demands, letters
from netspec.passes.sizes import BATCH_SIZE, Legal, legal_sizes
from netspec.proof.draw import typed
from netspec.text import SpecError

KINDS = {"float32": np.float32, "int64": np.int64, "bool": np.bool_}
"""NumPy's numbers by the words of the graph."""

SMALL, LARGE = 1, 3
"""The batches that are tried."""

CHOICES = 12
LARGEST_SEARCH = 20_000


def free_sizes(graph: Graph) -> tuple[FreeSize, ...]:
    """The letters of a graph's inputs with their legal sizes, the batch first.

    Of a letter whose legal sizes are several runs only the last run is told, which is the one without an end. SpecError
    NS751 where the legal sizes are not known.
    """
    legal = {one.letter: one for one in legal_sizes(graph)}
    given = {letter for kind in graph.inputs.values() for size in kind.sizes for letter in size.symbols}
    ordered = sorted(given, key=lambda letter: (letter != BATCH_SIZE, list(legal).index(letter)))
    return tuple(_free(legal[letter]) for letter in ordered)


def _free(one: Legal) -> FreeSize:
    """A letter as an exported file carries it."""
    sizes = one.alone.sizes
    if one.alone.unknown or not sizes.runs:
        raise SpecError.of(
            "NS751",
            f"`{one.letter}` cannot stay free in a file: which of its sizes are legal is not known",
            help=f"choose it: `--sizes {one.letter}=...`; `netspec show` tells what is known",
        )
    run = max(sizes.runs, key=lambda run: (run.last is None, run.last or 0, -run.first))
    return FreeSize(one.letter, run.first, run.last, sizes.period, str(sizes))


def trials(graph: Graph, free: Sequence[FreeSize], *, seed: int = 0) -> tuple[Trial, ...]:
    """Two trials: every letter at its least and a batch of 1; then other sizes, no two alike, and a batch of 3.

    Where layers ask something of several letters together, the nearest sizes that they take. SpecError NS751 where none
    are found.
    """
    asked = [one for one in demands(graph) if not one.training]
    unknown = [one for one in letters(graph) if one not in {each.letter for each in free}]
    rng = np.random.default_rng(seed)
    return tuple(
        _trial(graph, _sizes(asked, free, dict.fromkeys(unknown, 1), larger=larger), rng)
        for larger in (False, True)
    )


def _sizes(
    asked: Sequence[Demand], free: Sequence[FreeSize], others: Mapping[str, int], *, larger: bool
) -> dict[str, int]:
    """A legal size for every letter that all layers take together."""
    offers = [list(_offers(one, place, larger=larger)) for place, one in enumerate(free)]
    for choice in islice(product(*offers), LARGEST_SEARCH):
        sizes = {one.letter: size for one, size in zip(free, choice, strict=True)}
        known = {**others, **sizes}
        if all(one.holds(known) for one in asked if one.letters <= known.keys()):
            return sizes
    names = ", ".join(f"`{one.letter}`" for one in free)
    raise SpecError.of(
        "NS751",
        f"no sizes of {names} were found that all layers take together",
        help="choose some of them with `--sizes`",
    )


def _offers(one: FreeSize, place: int, *, larger: bool) -> Iterator[int]:
    """Sizes of a letter to try, best first: from the least on, or from above twice that, apart from other letters'."""
    if one.letter == BATCH_SIZE:
        yield max(LARGE if larger else SMALL, one.least)
        return
    first = one.least
    if larger:
        first += one.step * -(-(one.least + 4 + 2 * place) // one.step)
    for i in range(CHOICES):
        size = first + i * one.step
        if one.most is None or size <= one.most:
            yield size
    if larger:
        yield one.least


def _trial(graph: Graph, sizes: Mapping[str, int], rng: np.random.Generator) -> Trial:
    return Trial(sizes, {key: _drawn(kind, sizes, rng) for key, kind in graph.inputs.items()})


def _drawn(kind: TensorType, sizes: Mapping[str, int], rng: np.random.Generator) -> NDArray[Any]:
    """Random numbers of which all facts of the type are true; a mask holds somewhere in every sample."""
    found = typed(kind, sizes, rng)
    if (kind.dtype == "bool" or kind.facts.mask) and found.ndim > 1:
        found = found.copy()
        found.reshape(len(found), -1)[:, 0] = 1
    return np.ascontiguousarray(found, dtype=KINDS[kind.dtype])
