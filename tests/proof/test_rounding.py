from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netspec_numpy
from netspec.backend import Feed, Run
from netspec.ir.graph import Graph
from netspec.ir.op import Op, infer_node
from netspec.ir.terms import Shapes
from netspec.ir.types import tensor
from netspec.ops import catalogue
from netspec.ops.activation import Softmax, Tanh
from netspec.ops.arithmetic import Add, Constant, Sub
from netspec.ops.compare import Greater
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.pool import MaxPool
from netspec.ops.reduce import Mean, Sum
from netspec.proof.draw import draw
from netspec.proof.rounding import DISTURBANCE, EPS, LAM, sizes, spread
from tests.backends.torch.build import Build
from tests.backends.torch.graphs import classifier
from tests.conformance.case import shape
from tests.conformance.harness import use_of


def measured(graph: Graph, feed: Feed, seed: int = 0) -> tuple[Run, Run]:
    """The reference's run, and how far each of its numbers may be off."""
    run = netspec_numpy.run(graph, feed)
    return run, sizes(graph, run, feed, netspec_numpy, seed=seed)


@pytest.mark.parametrize(
    "op,read,made,expected",
    [
        (Conv(out_channels=4, kernel_size=3), (5, 2, 8, 8), (5, 4, 6, 6), 5 * 36),
        (Conv(out_channels=4, kernel_size=3), (1, 32, 3, 3), (1, 4, 1, 1), 32 * 9 + 1),
        (Conv(out_channels=90, kernel_size=3, groups=2), (1, 2, 3, 3), (1, 90, 1, 1), 45 * 9),
        (Linear(out_features=3), (5, 40), (5, 3), 41),
        (Linear(out_features=3), (500, 40), (500, 3), 500),
        (BatchNorm(), (5, 2, 8, 8), (5, 2, 8, 8), 320),
        (MaxPool(kernel_size=3, stride=1), (5, 2, 8, 8), (5, 2, 6, 6), 9),
        (Mean(), (5, 2), (), 10),
        (Softmax(), (5, 7), (5, 7), 7),
        (Tanh(), (5, 7), (5, 7), 1),
        (Add(), (5, 7), (5, 7), 1),
    ],
)
def test_the_longest_sum_of_an_op_is_known(op: Any, read: Any, made: Any, expected: int) -> None:
    names = ("batch", "channel", "height", "width") if len(read) == 4 else ("batch", "feature")
    kinds = (tensor(**dict(zip(names, read, strict=True))),) * (2 if isinstance(op, Add) else 1)
    owned = {one.name: one.shape for one in infer_node(op, kinds).parameters}
    assert op.terms(Shapes(kinds, (read,) * len(kinds), (made,), owned)) == expected


@pytest.mark.parametrize("kind", catalogue().values(), ids=catalogue())
def test_no_op_counts_many_times_the_numbers_that_are_there(kind: type[Op]) -> None:
    """A sum may meet copies of numbers at a border, and a weight has roundings of its own; 16 is generous to both."""
    for sample in kind.samples():
        if sample.code is None:
            use = use_of(kind, sample)
            if any(size.value is None for one in (*use.types, *use.inferred.outputs) for size in one.sizes):
                continue
            at = Shapes(
                use.types,
                tuple(shape(one) for one in use.types),
                tuple(shape(one) for one in use.inferred.outputs),
                {one.name: one.shape for one in use.inferred.parameters},
            )
            assert 1 <= use.op.terms(at) <= 16 * at.all, use


def test_cancellation_widens_the_tolerance_by_what_it_cancels() -> None:
    at = Build(x=tensor(batch="N", feature=3))
    large = at.use("large", Constant(value=1e8))
    at.use("up", Add(), "x", large)
    at.use("down", Sub(), "up", large)
    at.use("same", Tanh(), "x")
    _, may = measured(at.graph({"down": "down", "same": "same"}), Feed({"x": np.full((2, 3), 0.5)}))
    assert (may.values["down"] > 1e8 * EPS).all()
    assert (may.values["down"] < 1e8 * EPS * LAM * 9 * 3).all()
    assert (may.values["same"] < 1e-13).all()


def test_the_rounding_of_a_sum_of_nothing_is_that_of_its_terms() -> None:
    at = Build(x=tensor(batch="N", feature=1000))
    at.use("total", Sum(axis=("feature",)), "x")
    x = np.random.default_rng(0).normal(size=(2, 1000))
    x[:, 500:] = -x[:, :500]
    run, may = measured(at.graph({"total": "total"}), Feed({"x": x}))
    norms = np.sqrt((x**2).sum(axis=1))
    assert (abs(run.values["total"]) < 1e-12).all()
    assert (may.values["total"] > 0.01 * LAM * 1008 * EPS * norms).all()
    assert (may.values["total"] < 5 * LAM * 1008 * EPS * norms).all()


def test_what_is_exact_may_not_differ_at_all() -> None:
    at = Build(x=tensor(batch="N", feature=3), y=tensor(batch="N", feature=3))
    at.use("more", Greater(), "x", "y")
    x, y = np.random.default_rng(0).normal(size=(2, 4, 3))
    _, may = measured(at.graph({"more": "more"}), Feed({"x": x, "y": y}))
    assert not may.values["more"].any()


def test_a_tolerance_stands_beside_every_number() -> None:
    graph = classifier()
    run, may = measured(graph, draw(graph, seed=1, batch=3, mode="train"))
    for part in ("values", "parameters", "inputs", "state"):
        ours, theirs = getattr(run, part), getattr(may, part)
        assert {key: value.shape for key, value in ours.items()} == {
            key: value.shape for key, value in theirs.items()
        }
        assert all((value >= 0).all() and np.isfinite(value).all() for value in theirs.values())
    assert may.loss is not None
    assert run.loss is not None
    assert 0 < may.loss < 1e-9 * run.loss
    assert (may.parameters["conv1.bias"] > 0).all()


def test_the_largest_move_counts_and_the_mean_square_is_the_least() -> None:
    start = np.zeros(4)
    shown = [np.array([1.0, 0, 0, 0]), np.array([-3.0, 0, 0, 0])]
    assert np.array_equal(spread(shown, start), [3.0, 1.5, 1.5, 1.5])
    assert np.array_equal(spread([np.array([5])], np.array([3])), [0])
    assert np.array_equal(spread([np.array([np.nan, np.inf, 1.0])], np.zeros(3)), [3**-0.5, 3**-0.5, 1.0])


def test_a_disturbance_is_far_above_rounding_and_far_below_a_kink() -> None:
    assert EPS * 1e6 < DISTURBANCE < 1e-8
