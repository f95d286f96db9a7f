"""Who is in which part: by a hash of the identifiers, so that it does not depend on any order or library."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netspec.ir.problem import Problem
from netspec.recipe.split import PARTS, Split
from netspec.text import SpecError

_STRATUM = 10


def assign(split: Split, ids: Sequence[str], values: NDArray[np.float64] | None = None) -> NDArray[np.int64]:
    """For each identifier the number of its part in `PARTS`, or -1 for none.

    The order is that of SHA-256 of seed and identifier; the parts are consecutive stretches of it, so that one
    identifier more moves at most one other across each border. With `values` (to stratify by) the identifiers are
    first sorted by value into groups of ten, and dealt out so that every stretch of them has its share of each part;
    counts stay exact.
    """
    try:
        counts = split.counts(len(ids))
    except Problem as problem:
        raise SpecError.of(problem.code, problem.message, help=problem.help) from problem
    hashes = [hashlib.sha256(f"{split.seed}\0{one}".encode()).digest() for one in ids]
    if values is None:
        order = sorted(range(len(ids)), key=lambda i: hashes[i])
        dealt = [number for number, part in enumerate(PARTS) for _ in range(counts[part])]
    else:
        by_value = sorted(range(len(ids)), key=lambda i: (float(values[i]), hashes[i]))
        strata = [by_value[i : i + _STRATUM] for i in range(0, len(ids), _STRATUM)]
        order = [i for stratum in strata for i in sorted(stratum, key=lambda i: hashes[i])]
        dealt = _dealt([*counts.values(), len(ids) - sum(counts.values())])
    parts = np.full(len(ids), -1, np.int64)
    for i, number in zip(order, dealt, strict=False):
        parts[i] = number if number < len(PARTS) else -1
    return parts


def _dealt(counts: Sequence[int]) -> list[int]:
    """A sequence in which number k occurs `counts[k]` times and every beginning has about its share of each."""
    places = [((i + 0.5) / count, number) for number, count in enumerate(counts) for i in range(count)]
    return [number for _, number in sorted(places)]


def sample_numbers(parts: NDArray[np.int64], groups: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The sample numbers of each part, given the part of each group and the group of each sample."""
    of_sample = parts[groups] if len(groups) else np.zeros(0, np.int64)
    return {name: np.flatnonzero(of_sample == number).astype(np.int64) for number, name in enumerate(PARTS)}
