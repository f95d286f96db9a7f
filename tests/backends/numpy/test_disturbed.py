from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import netspec_numpy
from netspec.backend import Feed, Run
from netspec.ir.facts import Facts
from netspec.ir.graph import Graph
from netspec.ir.types import tensor
from netspec.ops.activation import Relu, Sigmoid
from netspec.ops.binary_loss import Bce
from netspec.ops.distribution import Step
from netspec.ops.norm import BatchNorm
from netspec.ops.reduce import Mean
from netspec.proof.draw import draw
from netspec_numpy.disturbed import POOL, Chance, Disturbed
from tests.backends.torch.build import Build
from tests.backends.torch.graphs import classifier

H = 2.0**-20


def runs(graph: Graph, feed: Feed, share: float = H, seed: int = 0) -> tuple[Run, Run]:
    """A plain run, and one in which every node is off by `share`."""
    shares = {node.path: share for node in graph.nodes}
    return netspec_numpy.run(graph, feed), netspec_numpy.disturb(graph, feed, shares, seed=(seed,))


def flat(run: Run) -> dict[str, NDArray[Any]]:
    """Every array of a run."""
    return {**run.values, **run.parameters, **run.inputs, **run.state}


def test_without_a_share_nothing_is_off() -> None:
    feed = draw(classifier(), seed=2, batch=3, mode="train")
    plain, other = runs(classifier(), feed, share=0.0)
    for key, value in flat(plain).items():
        # sums may take another order, and the first bias has a gradient that is rounding alone
        np.testing.assert_allclose(flat(other)[key], value, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_everything_floating_is_off_by_little(mode: Any) -> None:
    plain, other = runs(classifier(), draw(classifier(), seed=2, batch=3, mode=mode))
    for key, value in flat(plain).items():
        moved = flat(other)[key]
        assert moved.shape == value.shape
        assert type(moved) is np.ndarray
        if key in plain.state and (mode == "eval" or value.dtype == np.int64):
            assert np.array_equal(moved, value)
            continue
        scale = abs(value).max()
        assert abs(moved - value).max() <= 1e4 * H * max(scale, 1e-3), key
        assert not np.array_equal(moved, value), key


def test_chance_is_its_seed() -> None:
    feed = draw(classifier(), seed=2, batch=3, mode="train")
    (_, first), (_, again), (_, other) = (runs(classifier(), feed, seed=seed) for seed in (1, 1, 2))
    assert first.loss == again.loss
    assert first.loss != other.loss


def test_what_is_given_exactly_stays_exact() -> None:
    at = Build({"volume": tensor(batch="N")}, x=tensor(batch="N", feature=3))
    at.use("curve", Step(bins=9), "volume")
    at.use("relu", Relu(), "x")
    graph = at.graph({"relu": "relu"}, metrics={"curve": "curve"})
    feed = Feed({"x": np.array([[-1.0, 0.0, 2.0]])}, {"volume": np.array([4.0])})
    plain, other = runs(graph, feed)
    assert np.array_equal(plain.values["curve"], other.values["curve"])
    assert np.array_equal(other.values["relu"][0, :2], [0, 0])
    assert other.values["relu"][0, 2] != 2.0


def test_a_cancellation_inside_an_op_is_seen() -> None:
    """Of two samples batch norm gives plus and minus one whatever they are: what flows back is rounding alone."""
    at = Build(x=tensor(batch="N", feature=4))
    at.use("norm", BatchNorm(eps=1e-30), "x")
    at.use("loss.mean1", Mean(), "norm")
    graph = at.graph({"norm": "norm"}, loss={"loss": "loss.mean1"})
    feed = draw(graph, seed=0, batch=2, mode="train")
    plain, other = runs(graph, feed)
    assert abs(plain.inputs["x"]).max() < 1e-15
    assert (abs(other.inputs["x"]) > 1e-3 * H).any()


def test_proved_bounds_are_kept() -> None:
    at = Build(
        {"y": tensor(batch="N", feature=50, facts=Facts(low=0, high=1))}, x=tensor(batch="N", feature=50)
    )
    at.use("p", Sigmoid(), "x")
    at.use("loss.bce1", Bce(), "p", "y")
    graph = at.graph({"p": "p"}, loss={"loss": "loss.bce1"})
    feed = Feed({"x": np.full((2, 50), 32.0)}, {"y": np.full((2, 50), 0.5)})
    _, other = runs(graph, feed)
    assert other.loss is not None
    assert np.isfinite(other.loss)


def disturbed(*numbers: float) -> Any:
    seen = np.array(numbers).view(Disturbed)
    seen.chance, seen.share = Chance([0]), H
    return seen


def test_operations_that_round_are_off_and_others_are_not() -> None:
    x = disturbed(1.0, -2.0, 3.0)
    for made, true in ((x + 1, [2, -1, 4]), (x * x, [1, 4, 9]), (np.exp(x), np.exp([1.0, -2.0, 3.0]))):
        share = abs(np.asarray(made) / np.asarray(true) - 1)
        assert (share >= 0.49 * H).all()
        assert (share <= 1.51 * H).all()
    for made, true in (
        (np.maximum(x, 0), [1, 0, 3]),
        (-x, [-1, 2, -3]),
        (abs(x), [1, 2, 3]),
        (x > 0, [1, 0, 1]),
    ):
        assert np.array_equal(np.asarray(made), np.asarray(true))


def test_results_of_results_and_sums_in_place_are_disturbed() -> None:
    x = disturbed(1.0, 2.0)
    assert float(x.sum()) != 3.0
    assert float((x.mean() * 2).sum()) != 3.0
    total = np.zeros(2)
    total += x
    np.add.at(total, np.array([0, 0]), x)
    assert np.array_equal(total, [4.0, 2.0])


def test_arrays_longer_than_the_pool_are_disturbed_everywhere() -> None:
    moved = Chance([3]).disturb(np.ones((2, POOL)), H) - 1
    assert moved.shape == (2, POOL)
    assert (abs(moved) >= 0.49 * H).all()
    assert (abs(moved) <= 1.51 * H).all()
    assert abs(moved.mean()) < 0.01 * H
