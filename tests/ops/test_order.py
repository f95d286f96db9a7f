"""Axes and places in another order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.dim import Dim
from netspec.ir.op import infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ops.order import Flip, Permute, Roll
from netspec.ops.reshape import Reshape
from netspec.ops.shape import Flatten
from tests.conformance.case import Numbers, case, forward, numbers
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, seeds, tensors

WORDS = st.sampled_from(["channel", "time", "bin", "width", "batch"])


@given(tensors(least=0), st.lists(WORDS, max_size=4), st.randoms(), seeds)
def test_permute_is_right_for_any_order(x: TensorType, words: list[str], random: object, seed: int) -> None:
    check_or_refused(Permute(axis=tuple(words)), x, seed=seed)
    order = list(x.names[1:])
    random.shuffle(order)  # type: ignore[attr-defined]
    op = Permute(axis=tuple(order))
    assert check_or_refused(op, x, seed=seed)
    (y,) = case(op, x).inferred.outputs
    assert y.names == ("batch", *order)
    assert all(y.size(name) == x.size(name) for name in order)


@given(tensors(least=0), WORDS | st.lists(WORDS, max_size=3).map(tuple), seeds)
def test_flip_is_right_for_any_axes(x: TensorType, axis: str | tuple[str, ...], seed: int) -> None:
    check_or_refused(Flip(axis=axis), x, seed=seed)


@given(tensors(least=0), st.dictionaries(WORDS, st.integers(-6, 6), min_size=1, max_size=2), seeds)
def test_roll_is_right_for_any_axes(x: TensorType, by: dict[str, int], seed: int) -> None:
    check_or_refused(Roll.model_validate(by), x, seed=seed)


@given(images(2), st.integers(-3, 3), seeds)
def test_what_is_rolled_and_turned_is_what_torch_gives(x: TensorType, by: int, seed: int) -> None:
    op = Roll.model_validate({"height": by, "width": -by})
    drawn = numbers(case(op, x), seed)
    given_x = torch.from_numpy(drawn.inputs[0])
    (y,) = forward(case(op, x), drawn, "eval")
    assert np.array_equal(y, given_x.roll((by, -by), (2, 3)).numpy())
    (y,) = forward(case(Flip(axis=("height", "width")), x), drawn, "eval")
    assert np.array_equal(y, given_x.flip(2, 3).numpy())
    check_letters(op, x)


SIZES = st.one_of(st.integers(1, 6), st.just(-1), st.sampled_from(["channel", "time", "bin", "width"]))
NEW = st.sampled_from(["channel", "time", "bin", "width", "group", "place"])


@given(tensors(least=0), st.dictionaries(NEW, SIZES, min_size=1, max_size=3), seeds)
def test_reshape_is_right_for_any_sizes(x: TensorType, sizes: dict[str, int | str], seed: int) -> None:
    op = Reshape.model_validate(sizes)
    if check_or_refused(op, x, seed=seed):
        (y,) = case(op, x).inferred.outputs
        assert y.names == ("batch", *sizes)


@given(images(2, channels=(2, 4, 6)), st.integers(1, 3), st.integers(1, 3))
def test_free_sizes_are_reshaped_where_numbers_are(x: TensorType, groups: int, rows: int) -> None:
    check_letters(
        Reshape.model_validate({"group": groups, "channel": -1, "height": "height", "width": "width"}), x
    )
    check_letters(Reshape.model_validate({"channel": "channel", "row": -1, "place": rows}), x)
    check_letters(Reshape.model_validate({"channel": "channel", "height": "height", "width": 4}), x)


@given(images(2, channels=(2, 4)), seeds)
def test_axes_come_apart_and_together_again(x: TensorType, seed: int) -> None:
    drawn = numbers(case(Flatten(), x), seed)
    apart = case(Reshape.model_validate({"group": 2, "each": -1, "height": "height", "width": "width"}), x)
    (parts,) = forward(apart, drawn, "eval")
    together = case(Flatten(axis=("group", "each"), to="channel"), apart.inferred.outputs[0])
    (again,) = forward(together, Numbers((parts,)), "eval")
    assert together.inferred.outputs[0].names == x.names
    assert np.array_equal(again, drawn.inputs[0])


@given(tensors(least=0), st.lists(WORDS, max_size=3), st.sampled_from(["feature", "place", "time"]), seeds)
def test_flatten_is_right_for_any_range(x: TensorType, words: list[str], to: str, seed: int) -> None:
    accepted = check_or_refused(Flatten(axis=tuple(words), to=to), x, seed=seed)
    names = list(x.names)
    if words and set(words) <= set(names[1:]) and len(set(words)) == len(words):
        first = names.index(words[0])
        side_by_side = names[first : first + len(words)] == words
        taken = to in [name for name in names if name not in words]
        assert accepted == (side_by_side and not taken)


@pytest.mark.parametrize(
    "sizes",
    [
        {"height": "height", "width": "width", "channel": "channel"},
        {"width": 4, "height": 4, "channel": 4},
        {"channel": 4, "place": 4, "height": 4},
        {"height": 4, "place": -1},
    ],
)
def test_a_reshape_that_would_mix_axes_up_is_refused(sizes: dict[str, int | str]) -> None:
    """The sizes fit, and PyTorch runs it: every picture comes out as stripes."""
    x = tensor(batch=2, channel=4, height=4, width=4)
    with pytest.raises(Problem) as caught:
        infer_node(Reshape.model_validate(sizes), (x,))
    assert caught.value.code == "NS268"
    free = x.with_axes((*x.axes[:2], Axis("height", Dim.of("H")), Axis("width", Dim.of("W"))))
    if "place" not in sizes and not any(isinstance(size, int) for size in sizes.values()):
        with pytest.raises(Problem) as caught:
            infer_node(Reshape.model_validate(sizes), (free,))
        assert caught.value.code == "NS268"


@pytest.mark.parametrize("sizes", [{}, {"channel": 1.5}, {"channel": True}, {"channel": None}])
def test_sizes_that_are_none_are_refused(sizes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Reshape.model_validate(sizes)
