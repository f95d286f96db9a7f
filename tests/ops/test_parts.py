"""Values cut into several, and what PyTorch makes of the same cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.front import check_source
from netspec.ir.types import TensorType, tensor
from netspec.ops.parts import Chunk, Split
from netspec.text import Source
from netspec_torch.module import compile as compiled
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_letters, check_or_refused, refuses_attributes
from tests.ops.strategies import images, seeds, tensors

AXES = st.none() | st.sampled_from(["channel", "time", "bin", "width", "batch"])


@given(tensors(least=0), AXES, st.integers(0, 4) | st.lists(st.integers(0, 3), max_size=3).map(tuple), seeds)
def test_split_is_right_for_any_sizes(
    x: TensorType, axis: str | None, sizes: int | tuple[int, ...], seed: int
) -> None:
    accepted = check_or_refused(Split(sizes=sizes, axis=axis), x, seed=seed)
    along = axis if axis is not None else x.names[1] if x.rank > 1 else None
    if along is not None and along != "batch" and along in x.names:
        listed = (sizes,) if isinstance(sizes, int) else sizes
        whole = isinstance(sizes, int) or sum(sizes) == int(x.size(along))
        assert accepted == (bool(listed) and min(listed) > 0 and whole)


@given(tensors(least=0), AXES, st.integers(1, 4), seeds)
def test_chunk_is_right_for_any_number(x: TensorType, axis: str | None, chunks: int, seed: int) -> None:
    accepted = check_or_refused(Chunk(chunks=chunks, axis=axis), x, seed=seed)
    along = axis if axis is not None else x.names[1] if x.rank > 1 else None
    if along is not None and along != "batch" and along in x.names:
        assert accepted == (int(x.size(along)) % chunks == 0)


@given(images(2), st.integers(1, 3), st.sampled_from(["height", "width"]))
def test_equal_parts_of_free_sizes_are_demanded(x: TensorType, chunks: int, axis: str) -> None:
    check_letters(Chunk(chunks=chunks, axis=axis), x)
    check_letters(Split(sizes=(2, chunks), axis=axis), x)


@given(st.integers(1, 9), st.integers(1, 4), seeds)
def test_one_number_splits_as_torch_does(size: int, part: int, seed: int) -> None:
    use = case(Split(sizes=part), tensor(batch=2, channel=size, width=2))
    drawn = numbers(use, seed)
    theirs = torch.split(torch.from_numpy(drawn.inputs[0]), part, dim=1)
    for ours, other in zip(forward(use, drawn, "eval"), theirs, strict=True):
        assert np.array_equal(ours, other.numpy())


@given(st.integers(1, 3), st.integers(1, 4), seeds)
def test_equal_parts_are_those_of_torch(part: int, chunks: int, seed: int) -> None:
    use = case(Chunk(chunks=chunks, axis="width"), tensor(batch=2, channel=2, width=part * chunks))
    drawn = numbers(use, seed)
    theirs = torch.from_numpy(drawn.inputs[0]).chunk(chunks, dim=2)
    for ours, other in zip(forward(use, drawn, "eval"), theirs, strict=True):
        assert np.array_equal(ours, other.numpy())


@pytest.mark.parametrize("chunks", [0, 1025, 2.5])
def test_a_number_of_parts_that_is_none_is_refused(chunks: float) -> None:
    refuses_attributes(Chunk, chunks=chunks)


@pytest.mark.parametrize("call", ["chunk(x, 2)", "split(x, sizes=2)", "unbind(x, axis=feature)"])
def test_a_formula_does_not_take_the_first_of_several_parts(call: str) -> None:
    text = f"netspec: 1\ninputs: {{x: [4]}}\nlayers:\n  - formula: {call} + 1\n"
    found = check_source(Source("parts.yaml", text), Path())[1]
    assert [one.code for one in found] == ["NS136"]
    assert "name: [first, second]" in found[0].help


def test_one_part_of_a_free_size_is_not_cut_short() -> None:
    """The size is demanded when the spec is read; the written module demands it again of what it is given."""
    spec, _ = check_source(
        Source("parts.yaml", "netspec: 1\ninputs: {x: {time: T}}\nlayers:\n  - split: [5]\n"), Path()
    )
    assert spec is not None
    model = compiled(spec.graph)
    assert model(torch.zeros(2, 5)).shape == (2, 5)
    with pytest.raises(RuntimeError, match="split"):
        model(torch.zeros(2, 7))
