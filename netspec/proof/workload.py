"""A batch to measure speed on: free sizes as people choose them, numbers of which every declared fact is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from netspec.ir.graph import Graph
from netspec.passes.demands import letters
from netspec.passes.rows import most_rows
from netspec.passes.sizes import legal_sizes
from netspec.proof.draw import Array, typed
from netspec.proof.sizes import all_hold
from netspec.text import SpecError

USUAL = {3: 1024, 4: 128, 5: 32}
"""What a free size is made, or the nearest legal one, by the rank of the largest input, the batch counted."""

LARGEST = 2**28
"""So many float64 numbers, 2 GiB, a batch may hold."""

MOST_TRIES = 64


def usual_sizes(graph: Graph, given: Mapping[str, int], batch: int) -> dict[str, int]:
    """A number for every letter: `given` where it says one, else near what is usual; `N` is the batch.

    SpecError NS674 where none are found that every layer takes.
    """
    known = {"N": batch, **given}
    free = [letter for letter in letters(graph) if letter not in known]
    most = most_rows(graph)
    rank = max((kind.rank for kind in graph.inputs.values()), default=0)
    for size in _around(USUAL.get(rank, 16)):
        sizes = known | _near(graph, known, free, size)
        if len(sizes) < len(known) + len(free):
            continue
        sizes |= {letter: rows.evaluate(sizes) for letter, rows in most.items()}
        if all_hold(graph, sizes):
            return sizes
    raise SpecError.of(
        "NS674",
        f"no sizes were found for {' and '.join(f'`{one}`' for one in free) or 'this batch'} that all layers take",
        help="name them, as `--sizes H=64,W=64`, or try another `--batch`",
    )


def _around(size: int) -> Iterator[int]:
    """The size, then those above and below it."""
    yield size
    for step in range(1, MOST_TRIES):
        yield from (one for one in (size + step, size - step) if one > 0)


def _near(graph: Graph, known: Mapping[str, int], free: list[str], size: int) -> dict[str, int]:
    """For each letter the smallest legal size from `size` on, else the largest below; no entry where none is."""
    found: dict[str, int] = {}
    for legal in legal_sizes(graph, known) if free else ():
        below, above = legal.alone.sizes.nearest(size)
        chosen = above if above is not None else below
        if chosen is not None:
            found[legal.letter] = chosen
    return found


def drawn(graph: Graph, sizes: Mapping[str, int], *, seed: int) -> dict[str, Array]:
    """The inputs and targets of one batch by name; the same seed gives the same numbers.

    SpecError NS674, before anything is allocated, for a batch that is larger than 2 GiB in float64.
    """
    kinds = {**graph.inputs, **graph.targets}
    count = sum(prod(size.evaluate(sizes) for size in kind.sizes) for kind in kinds.values())
    if count > LARGEST:
        raise SpecError.of(
            "NS674",
            f"a batch of {sizes['N']} holds {count:,} numbers, and {LARGEST:,} are the most that are drawn",
            help="use a smaller `--batch`, or smaller `--sizes`",
        )
    rng = np.random.default_rng(seed)
    return {name: typed(kind, sizes, rng) for name, kind in kinds.items()}
