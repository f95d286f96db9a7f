from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.graph import Ref
from netspec.ir.op import Constraint
from netspec.ir.types import TensorType, tensor
from netspec.proof.draw import draw, evaluating, typed
from netspec.proof.sizes import ENOUGH, small_sizes
from netspec.text import SpecError
from tests.proof.specs import CLASSIFIER, read


def drawn(kind: TensorType, seed: int = 0) -> Any:
    return typed(kind, {"N": 7}, np.random.default_rng(seed))


BOUNDS = st.floats(-1e6, 1e6)


@given(BOUNDS, BOUNDS, st.integers(0, 99))
def test_numbers_lie_in_their_declared_range(a: float, b: float, seed: int) -> None:
    low, high = min(a, b), max(a, b)
    x = drawn(tensor(batch="N", feature=5, facts=Facts(low=low, high=high)), seed)
    assert x.shape == (7, 5)
    assert x.dtype == np.float64
    assert ((x >= low) & (x <= high)).all()


@pytest.mark.parametrize("facts", [Facts(low=3), Facts(high=-4), Facts(low=0), Facts()])
def test_open_ranges_are_kept(facts: Facts) -> None:
    x = drawn(tensor(batch="N", feature=50, facts=facts))
    assert ((x >= facts.low) & (x <= facts.high)).all()
    assert len(np.unique(x)) == x.size


def test_classes_are_whole_numbers_below_their_count() -> None:
    x = drawn(tensor("int64", batch="N", height=40, facts=Facts(low=0, high=2, classes=3)))
    assert x.dtype == np.int64
    assert set(np.unique(x)) == {0, 1, 2}


def test_masks_are_yes_and_no() -> None:
    assert drawn(tensor("bool", batch="N", facts=Facts(low=0, high=1, mask=True))).dtype == bool


def test_whole_numbers_keep_their_range() -> None:
    x = drawn(tensor("int64", batch="N", feature=40, facts=Facts(low=2, high=4)))
    assert set(np.unique(x)) == {2, 3, 4}


def test_probabilities_sum_to_one_and_their_logarithms_do_after_exp() -> None:
    shares = drawn(tensor(batch="N", bin=6, height=3, facts=Facts(low=0, high=1, sums_to_one="bin")))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-14)
    logs = drawn(tensor(batch="N", bin=6, facts=Facts(high=0, log_probabilities="bin")))
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-14)


def test_distribution_functions_do_not_fall() -> None:
    x = drawn(tensor(batch="N", bin=9, facts=Facts(low=0, high=1, nondecreasing="bin")))
    assert (np.diff(x, axis=1) >= 0).all()
    assert ((x >= 0) & (x <= 1)).all()


def test_a_feed_has_numbers_for_everything_and_the_same_in_both_modes() -> None:
    graph = read(CLASSIFIER).graph
    feed = draw(graph, seed=3, batch=4, mode="train")
    assert feed.inputs["image"].shape == (4, 2, 8, 8)
    assert {key: value.shape for key, value in feed.parameters.items()} == {
        key: row.shape for key, row in graph.parameters.items()
    }
    assert set(feed.state) == set(graph.state)
    assert set(np.unique(feed.noise["dropout1.keep"])) == {0.0, 1.0}
    calm = evaluating(feed)
    assert calm.mode == "eval"
    assert calm.inputs is feed.inputs


def letters(shape: str, layers: str) -> str:
    return f"netspec: 1\nname: free\ninputs: {{image: {{shape: {shape}}}}}\nlayers:\n{layers}"


def test_free_sizes_are_legal_and_not_the_smallest() -> None:
    graph = read(letters("[1, H, W]", "  - conv: {out_channels: 2, kernel_size: 5}\n  - max_pool: 2\n")).graph
    sizes = small_sizes(graph, 2)
    assert sizes["N"] == 2
    assert all(6 < sizes[letter] < 32 for letter in "HW")


def test_a_norm_sees_more_than_the_two_numbers_that_it_must_have() -> None:
    """Two numbers are brought to 1 and -1 whatever they are, so that nothing but rounding is left of their gradient."""
    deep = "".join(
        f"  - {{conv: {{out_channels: 2, kernel_size: 3, stride: 2, padding: 1}}, name: c{i}}}\n"
        for i in range(4)
    )
    graph = read(letters("[1, H, W]", f"{deep}  - batch_norm\n")).graph
    sizes = small_sizes(graph, 2)
    seen = graph.type_of(Ref("c3")).sizes
    assert prod(size.evaluate(sizes) for size in (seen[0], *seen[2:])) >= ENOUGH
    pooled = read(letters("[1, H, W]", "  - adaptive_avg_pool: 1\n  - batch_norm\n")).graph
    assert small_sizes(pooled, 2)["N"] == 2  # where no picture helps, any will do


def test_sizes_that_must_agree_do() -> None:
    text = (
        letters("[1, H, W]", "  - relu\n")
        .replace(
            "inputs: {image: {shape: [1, H, W]}}",
            "inputs: {a: {shape: {channel: 1, height: H, width: W}}, b: {shape: {channel: 1, height: K, width: W}}}",
        )
        .replace("  - relu\n", "  - {add, from: [a, b]}\n")
    )
    sizes = small_sizes(read(text).graph, 2)
    assert sizes["H"] == sizes["K"]


def test_a_batch_that_batch_norm_cannot_take_is_told() -> None:
    graph = read(letters("[3]", "  - linear: 4\n  - batch_norm\n")).graph
    assert small_sizes(graph, 2) == {"N": 2}
    with pytest.raises(SpecError, match=r"NS712.*batch of 1"):
        small_sizes(graph, 1)


def test_a_model_that_would_fill_the_memory_is_refused_before_it_does() -> None:
    graph = read(letters("[3, 4096, 4096]", "  - conv: {out_channels: 64, kernel_size: 3}\n")).graph
    with pytest.raises(SpecError, match=r"NS713.*GiB"):
        draw(graph, seed=0, batch=2, mode="train")


def test_a_constraint_without_letters_is_checked_with_the_batch() -> None:
    held = Constraint(Dim.of("N"), ">", Dim.of(1), "two samples")
    graph = read(letters("[3]", "  - linear: 4\n")).graph
    node = graph.nodes[0]
    object.__setattr__(node, "constraints", (held,))
    with pytest.raises(SpecError, match="NS712"):
        small_sizes(graph, 1)
