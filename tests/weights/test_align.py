"""Alignments held against all there are: what is sure is in every best one, and what is open is open."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from netspec.weights.align import aligned

Pairs = frozenset[tuple[int, int]]


def every_best(left: str, right: str, *, small: bool) -> list[Pairs]:
    """All alignments of two short texts that score most."""
    found: dict[Pairs, int] = {}
    for count in range(min(len(left), len(right)) + 1):
        for places in combinations(range(len(left)), count):
            for others in combinations(range(len(right)), count):
                pairs = list(zip(places, others, strict=True))
                scores = [worth(left[i], right[j], small=small) for i, j in pairs]
                if all(scores):
                    found[frozenset(pairs)] = sum(scores)
    most = max(found.values())
    return [pairs for pairs, score in found.items() if score == most]


def worth(a: str, b: str, *, small: bool) -> int:
    """Equal letters are worth much; an `a` and a `b` a little, where `small` is asked for."""
    return 10 if a == b else 1 if small and {a, b} == {"a", "b"} else 0


TEXT = st.text("abc", max_size=5)


@given(TEXT, TEXT, st.booleans())
def test_what_is_sure_is_in_every_best_alignment(left: str, right: str, small: bool) -> None:
    sure, unsure = aligned(left, right, lambda i, j: worth(left[i], right[j], small=small))
    best = every_best(left, right, small=small)
    alone = {
        (i, j)
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if a == b and left.count(a) == right.count(b) == 1
    }
    if not alone:  # what is alone of its kind is an anchor, before any score
        assert sure == frozenset.intersection(*best)
        assert all(any(pair in one for one in best) for pair in unsure)
        assert bool(unsure) == (len(best) > 1)
    for i, j in sure:
        assert worth(left[i], right[j], small=small)
    assert len({i for i, _ in sure}) == len({j for _, j in sure}) == len(sure)
    assert all((a < c) == (b < d) for a, b in sure for c, d in sure if (a, b) != (c, d))


def test_a_pair_that_many_best_alignments_have_and_not_all_is_open() -> None:
    sure, unsure = aligned("aab", "abb", lambda i, j: 10 * ("aab"[i] == "abb"[j]))
    assert sure == set()
    assert unsure == {(0, 0), (1, 0), (2, 1), (2, 2)}
