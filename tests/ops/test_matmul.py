"""Products of matrices for any axes before them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.front import check_source
from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.ops.matmul import Matmul
from netspec.passes.cost import cost
from netspec.text import Source
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import bounds, seeds, typed

NAMES = st.sampled_from(["batch", "head", "query", "key", "channel", "feature"])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[TensorType, TensorType]:
    """Two values that mostly go together: axes before, rows, what is summed over, columns."""
    lead = {"batch": draw(st.integers(1, 2))} | (
        {"head": draw(st.integers(1, 2))} if draw(st.booleans()) else {}
    )
    inner, other = draw(st.integers(1, 3)), draw(st.sampled_from([0, 0, 0, 0, 1]))
    x = {**lead, draw(NAMES): draw(st.integers(1, 3)), draw(NAMES): inner}
    y = {
        **lead,
        draw(st.sampled_from([list(x)[-1], "feature", "key"])): inner + other,
        draw(NAMES): draw(st.integers(1, 3)),
    }
    alone = draw(st.sampled_from([None, None, None, x, y]))
    if alone is not None:
        for name in lead:
            alone.pop(name, None)
    if draw(st.booleans()) and "head" in y:
        y["head"] = 1
    facts = [Facts(low=low, high=high) for low, high in (draw(bounds()), draw(bounds()))]
    return typed(x, facts[0]), typed(y, facts[1])


@given(pairs(), st.booleans(), seeds)
def test_numpy_and_torch_agree_on_any_matrices(
    drawn: tuple[TensorType, TensorType], broadcast: bool, seed: int
) -> None:
    check_or_refused(Matmul(broadcast=broadcast), *drawn, seed=seed)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.booleans(), seeds)
def test_shares_weigh_within_the_bounds_of_what_they_weigh(
    rows: int, inner: int, columns: int, learned: bool, seed: int
) -> None:
    shares = tensor(batch=2, query=rows, key=inner, facts=Facts(low=0, high=1, sums_to_one="key"))
    axes = {"key": inner, "bin": columns} if learned else {"batch": 2, "key": inner, "bin": columns}
    curves = typed(axes, Facts(low=0, high=1, nondecreasing="bin"))
    assert check_or_refused(Matmul(), shares, curves, seed=seed)
    (out,) = case(Matmul(), shares, curves).inferred.outputs
    assert out.facts.is_cdf("bin")


@given(st.integers(1, 3), st.integers(1, 3), seeds)
def test_a_product_is_that_of_torch(rows: int, inner: int, seed: int) -> None:
    use = case(
        Matmul(),
        tensor(batch=2, head=2, query=rows, channel=inner),
        tensor(batch=2, head=2, channel=inner, key=2),
    )
    drawn = numbers(use, seed)
    x, y = (torch.from_numpy(one) for one in drawn.inputs)
    (z,) = forward(use, drawn, "eval")
    assert np.allclose(z, torch.einsum("bhqc,bhck->bhqk", x, y).numpy(), rtol=1e-12, atol=1e-12)


SPEC = """netspec: 1
inputs: {x: {shape: {place: P, channel: 8}, unit: mm}}
layers:
  - {permute: [channel, place], from: x}
  - {rename: {place: other}, name: across}
  - {matmul, from: [x, across], name: scores}
"""


def test_matrices_of_free_sizes_are_counted_and_their_units_multiplied() -> None:
    spec, found = check_source(Source("scores.yaml", SPEC), Path())
    assert not found
    assert spec is not None
    (row,) = (row for row in cost(spec.graph).rows if row.node.path == "scores")
    assert str(row.macs) == "8*P**2"
    assert row.node.types[0].unit == "mm2"
    assert row.node.types[0].names == ("batch", "place", "other")
