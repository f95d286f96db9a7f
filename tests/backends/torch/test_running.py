from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netspec.ir.facts import Facts
from netspec.ir.graph import Graph
from netspec.ir.types import tensor
from netspec.ops.arithmetic import Constant, Pow, Sub
from netspec.ops.class_loss import CrossEntropy
from netspec.ops.reduce import Amax, Amin, Mean, Sum
from netspec.ops.regression_loss import L1
from netspec_torch.module import Compiled, assemble
from netspec_torch.running import Running
from tests.backends.torch.build import Build


def measures() -> Graph:
    """Every way to reduce over the batch, and arithmetic after it."""
    at = Build(
        {
            "y": tensor(batch="N", feature=3),
            "label": tensor("int64", batch="N", facts=Facts(low=0, high=2, classes=3)),
        },
        x=tensor(batch="N", feature=3),
    )
    at.use("half", Constant(value=0.5))
    at.use("two", Constant(value=2.0))
    at.use("d", Sub(), "x", "y")
    at.use("d2", Pow(), "d", "two")
    at.use("mse", Mean(), "d2")
    at.use("rmse", Pow(), "mse", "half")
    at.use("l1", L1(), "x", "y")
    at.use("total", Sum(), "d2")
    at.use("profile", Mean(axis="batch"), "x")
    at.use("peak", Amax(), "profile")
    at.use("highest", Amax(), "x")
    at.use("lowest", Amin(), "x")
    at.use("entropy", CrossEntropy(), "x", "label")
    names = ["rmse", "l1", "total", "peak", "highest", "lowest", "entropy"]
    return at.graph({"x": "x"}, metrics={name: name for name in names})


@cache
def compiled() -> Compiled:
    return assemble(measures())


def metrics() -> Running:
    """A fresh one."""
    kind = type(compiled().metrics)
    assert issubclass(kind, nn.Module)
    made: Running = kind()
    return made


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(0, 2**31))
def test_batches_of_any_sizes_give_the_metrics_of_one_large_batch(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = sum(sizes)
    x = torch.tensor(rng.normal(size=(count, 3)))
    targets = {
        "y": torch.tensor(rng.normal(size=(count, 3))),
        "label": torch.tensor(rng.integers(0, 3, count)),
    }
    parts, whole = metrics(), metrics()
    begin = 0
    for size in sizes:
        rows = slice(begin, begin + size)
        parts.update(x[rows], {key: value[rows] for key, value in targets.items()})
        begin += size
    whole.update(x, targets)
    d = x - targets["y"]
    expected = {
        "rmse": (d**2).mean().sqrt(),
        "l1": d.abs().mean(),
        "total": (d**2).sum(),
        "peak": x.mean(0).max(),
        "highest": x.max(),
        "lowest": x.min(),
        "entropy": torch.nn.functional.cross_entropy(x, targets["label"]),
    }
    for got in (parts.compute(), whole.compute()):
        assert list(got) == list(expected)
        for key, value in expected.items():
            # sums of at most 105 float64 terms that do not cancel, except in `peak`, whose terms are at most 5
            assert got[key] == pytest.approx(float(value), rel=1e-12, abs=1e-13), key


def test_reset_forgets() -> None:
    running = metrics()
    targets = {"y": torch.zeros(2, 3), "label": torch.zeros(2, dtype=torch.int64)}
    running.update(torch.ones(2, 3), targets)
    first = running.compute()
    running.reset()
    with pytest.raises(ValueError, match="no batch"):
        running.compute()
    running.update(torch.ones(2, 3), targets)
    assert running.compute() == first


def test_totals_are_kept_in_float64() -> None:
    running = metrics()
    targets = {"y": torch.zeros(1, 3), "label": torch.zeros(1, dtype=torch.int64)}
    large = torch.full((1, 3), 2.0**13)
    running.update(large, targets)
    for _ in range(3):
        running.update(torch.ones(1, 3), targets)  # each would vanish next to 2 ** 26 * 3 in float32
    assert running.compute()["total"] == 3 * 2.0**26 + 9


def test_nothing_is_held_of_the_batches() -> None:
    running = metrics()
    x = torch.rand(5, 3, requires_grad=True)
    running.update(x, {"y": torch.zeros(5, 3), "label": torch.zeros(5, dtype=torch.int64)})
    held = list(running._totals.values())
    assert all(not value.requires_grad and value.numel() <= 3 for value in held)


def weighed() -> Graph:
    """Means over the batch of what a mask lets through, and a sum."""
    mask = Facts(low=0, high=1, mask=True)
    at = Build(
        {"y": tensor(batch="N", slice=3), "present": tensor("bool", batch="N", slice=3, facts=mask)},
        x=tensor(batch="N", slice=3, feature=2),
    )
    at.use("mean", Mean(), "x", "present")
    at.use("profile", Mean(axis=("batch", "slice")), "x", "present")
    at.use("peak", Amax(), "profile")
    at.use("total", Sum(), "x", "present")
    return at.graph({"x": "x"}, metrics={name: name for name in ("mean", "peak", "total")})


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**31))
def test_means_of_what_is_present_are_those_of_one_large_batch(sizes: list[int], seed: int) -> None:
    rng, count = np.random.default_rng(seed), sum(sizes)
    x = torch.tensor(rng.normal(size=(count, 3, 2)))
    targets = {
        "y": torch.zeros(count, 3),
        "present": torch.tensor(rng.integers(0, 2, (count, 3)).astype(bool)),
    }
    kind = type(assemble(weighed()).metrics)
    assert issubclass(kind, nn.Module)
    parts: Running = kind()
    begin = 0
    for size in sizes:
        rows = slice(begin, begin + size)
        parts.update(x[rows], {key: value[rows] for key, value in targets.items()})
        begin += size
    got = parts.compute()
    seen = x[targets["present"]]
    mean = seen.mean(0) if len(seen) else torch.zeros(2, dtype=torch.float64)
    expected = {"mean": mean.mean(), "peak": mean.max(), "total": seen.sum()}
    for key, value in expected.items():
        assert got[key] == pytest.approx(float(value), rel=1e-12, abs=1e-13), key


def weighed_losses() -> Graph:
    """Losses of which some elements count more than others."""
    at = Build(
        {
            "label": tensor("int64", batch="N", facts=Facts(low=0, high=2, classes=3)),
            "y": tensor(batch="N", feature=3),
            "trust": tensor(batch="N", facts=Facts(low=0)),
        },
        x=tensor(batch="N", feature=3),
    )
    at.use("classes", CrossEntropy(weight=(0.5, 1.0, 4.0), ignore_index=1), "x", "label")
    at.use("samples", L1(), "x", "y", "trust")
    at.use("together", CrossEntropy(weight=(0.5, 1.0, 4.0)), "x", "label", "trust")
    return at.graph({"x": "x"}, metrics={name: name for name in ("classes", "samples", "together")})


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**31))
def test_weighted_means_are_those_of_one_large_batch(sizes: list[int], seed: int) -> None:
    rng, count = np.random.default_rng(seed), sum(sizes)
    x = torch.tensor(rng.normal(size=(count, 3)))
    targets = {
        "label": torch.tensor(rng.integers(0, 3, count)),
        "y": torch.tensor(rng.normal(size=(count, 3))),
        "trust": torch.tensor(rng.uniform(0.1, 2, count)),
    }
    kind = type(assemble(weighed_losses()).metrics)
    assert issubclass(kind, nn.Module)
    parts: Running = kind()
    begin = 0
    for size in sizes:
        rows = slice(begin, begin + size)
        parts.update(x[rows], {key: value[rows] for key, value in targets.items()})
        begin += size
    got = parts.compute()
    weight = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
    own = torch.nn.functional.cross_entropy(x, targets["label"], reduction="none")
    trust, classes = targets["trust"], weight[targets["label"]]
    expected = {
        "classes": torch.nn.functional.cross_entropy(x, targets["label"], weight=weight, ignore_index=1),
        "samples": ((x - targets["y"]).abs() * trust[:, None]).mean() / trust.mean(),
        "together": (own * trust * classes).sum() / (trust * classes).sum(),
    }
    for key, value in expected.items():
        assert got[key] == pytest.approx(float(value), rel=1e-12, abs=1e-13, nan_ok=True), key
