"""Putting pooled numbers back: what comes out of a pool goes in again, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given
from hypothesis import strategies as st

from netspec.front import check_source
from netspec.ir.facts import Facts
from netspec.ir.op import infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import tensor
from netspec.ops.pool import MaxPool
from netspec.ops.unpool import MaxUnpool
from netspec.text import Source
from tests.conformance.case import Numbers, candidate_outputs, case, forward, numbers
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, per_axis, seeds

SEGNET = """
netspec: 1
inputs: {image: [1, H, W]}
layers:
  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}, name: fine}
  - {max_pool: {kernel_size: 2, return_indices: true}, name: [pooled, where]}
  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}, from: pooled}
  - max_unpool: {where: where, like: fine}
"""


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_a_pool_of_any_kind_is_undone_where_its_windows_do_not_overlap(
    space: int, data: st.DataObject
) -> None:
    op = MaxPool(
        kernel_size=data.draw(per_axis(space, 1, 3)),
        stride=data.draw(st.none() | per_axis(space, 1, 4)),
        padding=data.draw(st.integers(0, 1)),
        dilation=data.draw(per_axis(space, 1, 2)),
        ceil_mode=data.draw(st.booleans()),
        return_indices=True,
    )
    image = data.draw(images(space, channels=(1, 2)))
    try:
        inferred = infer_node(op, (image,))
    except Problem:
        return
    pooled, where = inferred.outputs
    back = case(MaxUnpool(), pooled, where, image)
    check_or_refused(MaxUnpool(), pooled, where, image, seed=data.draw(seeds))
    drawn = numbers(case(op, image), data.draw(seeds))
    small, places = forward(case(op, image), drawn, "eval")
    for run in (forward, candidate_outputs):
        (y,) = run(back, Numbers((small, places, drawn.inputs[0])), "eval")
        assert np.array_equal(y[y != 0], drawn.inputs[0][y != 0])
        assert np.count_nonzero(y) == small.size


@given(st.integers(1, 3), st.integers(3, 7), seeds)
def test_it_does_what_pytorchs_own_does_with_the_kernel_of_the_pool(
    kernel: int, size: int, seed: int
) -> None:
    x = torch.tensor(np.random.default_rng(seed).normal(size=(2, 3, size, size + 1)))
    pooled, where = F.max_pool2d(x, kernel, return_indices=True)
    expected = F.max_unpool2d(pooled, where, [kernel, kernel], output_size=x.shape[2:])
    kinds = infer_node(
        MaxPool(kernel_size=kernel, return_indices=True),
        (tensor(batch=2, channel=3, height=size, width=size + 1),),
    ).outputs
    use = case(MaxUnpool(), *kinds, tensor(batch=2, channel=3, height=size, width=size + 1))
    (y,) = forward(use, Numbers((pooled.numpy(), where.numpy(), x.numpy())), "eval")
    assert np.array_equal(y, expected.numpy())


def test_a_network_of_free_sizes_puts_back_what_it_took() -> None:
    checked, found = check_source(Source("segnet.yaml", SEGNET), Path())
    assert not found
    assert checked is not None
    last = checked.graph.nodes[-1].types[0]
    assert [str(size) for size in last.sizes] == ["N", "4", "H", "W"]


def test_the_places_of_one_pool_do_not_go_into_the_input_of_another() -> None:
    swapped = SEGNET.replace("like: fine", "like: pooled")
    _, found = check_source(Source("segnet.yaml", swapped.replace("H, W", "8, 6")), Path())
    assert [one.code for one in found] == ["NS292"]
    assert "`8x6`" in found[0].message
    assert "`4x3`" in found[0].message


def test_sizes_of_places_that_are_free_must_be_those_of_the_value() -> None:
    image = tensor(batch=2, channel=3, height="H", width="W")
    pooled, where = infer_node(MaxPool(kernel_size=2, return_indices=True), (image,)).outputs
    assert not case(MaxUnpool(), pooled, where, image).inferred.constraints
    other = tensor(batch=2, channel=3, height="H", width=8)
    (needed,) = case(MaxUnpool(), pooled, where, other).inferred.constraints
    assert (str(needed.left), needed.relation, str(needed.right)) == ("W", "==", "8")


@given(st.data())
def test_a_pool_with_places_takes_as_letters_what_it_takes_as_numbers(data: st.DataObject) -> None:
    kernel, stride = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    check_letters(MaxPool(kernel_size=kernel, stride=stride, return_indices=True), data.draw(images(2)))


def test_places_that_were_moved_are_no_places_any_more() -> None:
    """What a layer makes of them counts nothing, so that no fact is left."""
    moved = "  - {narrow: {axis: width, start: 1}, from: where, name: moved}\n  - max_unpool: {where: moved, "
    cut = SEGNET.replace("  - max_unpool: {where: where, ", moved).replace(
        "like: fine}", "x: pooled, like: fine}"
    )
    _, found = check_source(Source("segnet.yaml", cut), Path())
    assert [one.code for one in found] == ["NS291"]


def test_a_mask_stays_a_mask() -> None:
    mask = tensor(batch=1, channel=1, width=2, facts=Facts(low=0, high=1, mask=True))
    pooled = tensor(batch=1, channel=1, width=4)
    _, where = infer_node(MaxPool(kernel_size=2, return_indices=True), (pooled,)).outputs
    assert case(MaxUnpool(), mask, where, pooled).inferred.outputs[0].facts.mask
