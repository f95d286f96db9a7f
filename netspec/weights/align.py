"""Put two sequences beside one another, in order, and know which pairs are sure.

The best alignment of two sequences is often one of several: of three equal layers and two, nobody knows which one is
gone. All best alignments lie between two of them, one that leaves out as early and one that leaves out as late as it
can; a pair that is in both is in all. The method is Needleman and Wunsch's (1970), between layers that are alone of
their kind on both sides (as in patience diff), so that deep networks take no square of their depth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise

Pair = tuple[int, int]
Score = Callable[[int, int], int]

MOST_CELLS = 6_000_000
"""Comparisons between two anchors; more would take more than some seconds."""


def aligned(left: Sequence[Hashable], right: Sequence[Hashable], score: Score) -> tuple[set[Pair], set[Pair]]:
    """The pairs that are in all best alignments, and those that are only in the first or only in the last of them.

    What is equal in `left` and `right` scores most with one another; `score(i, j)` is 0 for what cannot be paired.
    """
    sure: set[Pair] = set()
    unsure: set[Pair] = set()
    anchors = _anchors(left, right)
    edges = [(-1, -1), *anchors, (len(left), len(right))]
    for (a, c), (b, d) in pairwise(edges):
        early, late = _extremes(range(a + 1, b), range(c + 1, d), score)
        sure |= early & late
        unsure |= early ^ late
    return sure | set(anchors), unsure


def _anchors(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Pair]:
    """What is alone of its kind on both sides, as far as it stands in one order: the longest rising run."""
    once = [Counter(left), Counter(right)]
    places = {kind: j for j, kind in enumerate(right) if once[1][kind] == 1}
    pairs = [(i, places[kind]) for i, kind in enumerate(left) if once[0][kind] == 1 and kind in places]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, (_, j) in enumerate(pairs):
        long = bisect_left(ends, j)
        before.append(last[long - 1] if long else -1)
        ends[long : long + 1] = [j]
        last[long : long + 1] = [at]
    found: list[Pair] = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]


def _extremes(left: range, right: range, score: Score) -> tuple[set[Pair], set[Pair]]:
    """The best alignment that leaves out of `left` as late as it can, and the one that does so as early."""
    if not left or not right or len(left) * len(right) > MOST_CELLS:
        return set(), set()
    scores = [[score(i, j) for j in right] for i in left]
    best = [[0] * (len(right) + 1)]
    for row in scores:
        above = best[-1]
        line = [0]
        here = 0
        for j, value in enumerate(row):
            here = max(here, above[j + 1], above[j] + value if value else 0)
            line.append(here)
        best.append(line)
    return tuple(  # type: ignore[return-value]
        {(left[i], right[j]) for i, j in _back(best, scores, first)} for first in (True, False)
    )


def _back(best: list[list[int]], scores: list[list[int]], left_first: bool) -> set[Pair]:  # noqa: FBT001
    """One best alignment, from its end: of ways that are as good, first leave out of one side, last of the other."""
    found: set[Pair] = set()
    i, j = len(best) - 1, len(best[0]) - 1
    while i and j:
        total = best[i][j]
        out_left, out_right = best[i - 1][j] == total, best[i][j - 1] == total
        if out_left if left_first else out_right:
            i, j = (i - 1, j) if left_first else (i, j - 1)
        elif scores[i - 1][j - 1] and best[i - 1][j - 1] + scores[i - 1][j - 1] == total:
            i, j = i - 1, j - 1
            found.add((i, j))
        else:
            i, j = (i, j - 1) if left_first else (i - 1, j)
    return found
