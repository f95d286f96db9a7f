from __future__ import annotations

from math import comb, inf

import pytest

from netspec_torch.plan.duel import FEWEST, MOST, Duel, duel, rank
from netspec_torch.plan.settled import Settled
from tests.backends.torch.plan.fake import Clock, Stage

A, B = Settled(), Settled(memory_format="channels_last")


def test_the_interval_of_so_many_rounds_encloses_the_median_with_95_percent() -> None:
    for rounds in range(1, 40):
        k = rank(rounds)
        outside = 2 * sum(comb(rounds, i) for i in range(k)) / 2**rounds
        assert outside <= 0.05
        wider = 2 * sum(comb(rounds, i) for i in range(k + 1)) / 2**rounds
        assert wider > 0.05 or k == rounds // 2
    assert [rank(n) for n in (5, 6, 8, 9, 12, 15)] == [0, 1, 1, 2, 3, 4]


def test_too_few_rounds_win_nothing() -> None:
    assert Duel((1.0,) * 5, (0.1,) * 5).upper == inf
    assert not Duel((1.0,) * 5, (0.1,) * 5).won
    assert Duel((1.0,) * 6, (0.1,) * 6).won
    assert not Duel((), ()).won


def held(noise: tuple[float, ...], share: float, budget: float = 10.0) -> tuple[Duel, Stage]:
    stage = Stage(Clock(), lambda settled: share if settled == B else 1.0, noise=noise)
    return duel(stage.lane(A), stage.lane(B), stage.clock, budget), stage


def test_a_slow_spell_that_both_are_in_changes_no_ratio() -> None:
    """The machine gets slower and slower: every round, both turns take twice as long as in the round before."""
    stretch = [1.0] * 4 + [2.0**i for i in range(MOST) for _ in range(2)]
    found, _ = held(tuple(stretch), 0.5, budget=1000.0)
    assert found.ratios == pytest.approx([0.5] * len(found.mine))
    assert found.won


def test_a_duel_ends_when_it_can_no_longer_be_won() -> None:
    found, _ = held((1.0,), 1.5, budget=0.0)
    assert len(found.mine) == 1
    long, _ = held((1.0,), 1.5, budget=1e9)
    assert len(long.mine) == rank(MOST)


def test_a_duel_takes_the_fewest_rounds_at_least_and_as_many_as_fit() -> None:
    assert len(held((1.0,), 0.5, budget=0.0)[0].mine) == FEWEST
    assert len(held((1.0,), 0.5, budget=15.0)[0].mine) == 10
    assert len(held((1.0,), 0.5, budget=1e9)[0].mine) == MOST


def test_what_is_needed_once_is_timed_apart() -> None:
    stage = Stage(Clock(), lambda settled: 1.0, first=7.0)
    compiled = Settled(compile=True)
    found = duel(stage.lane(A), stage.lane(compiled), stage.clock, 0.0, first=True)
    assert found.first == pytest.approx(7.0)
    assert found.ratio == pytest.approx(1.0)
