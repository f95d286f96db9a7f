"""Padding by amounts, to multiples and to the size of another value, in every mode, with numbers and with letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ir.types import TensorType, tensor
from netspec.ops.crop import CropLike
from netspec.ops.extent import End
from netspec.ops.pad import Pad, PadLike, PadToMultiple
from netspec.ops.padding import Mode
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import SPACE, images, per_axis, seeds

MODES: st.SearchStrategy[Mode] = st.sampled_from(["constant", "reflect", "replicate", "circular"])
ENDS: st.SearchStrategy[End] = st.sampled_from(["end", "center"])
FACTS = st.sampled_from(
    [
        Facts(),
        Facts(low=-1, high=2, nondecreasing="channel"),
        Facts(low=1, high=2, nondecreasing="width"),
        Facts(low=0, high=1, sums_to_one="channel"),
        Facts(low=0, high=1, mask=True),
    ]
)


@st.composite
def settings(draw: st.DrawFn) -> dict[str, object]:
    """A mode, mostly with a value that goes with it."""
    mode = draw(MODES)
    values = st.sampled_from([0.0, 0.0, 1.0, -0.5])
    return {
        "mode": mode,
        "value": draw(values if mode == "constant" else st.sampled_from([0.0, 0.0, 0.0, 1.0])),
    }


def both(op: Op, *types: TensorType, seed: int) -> None:
    """All checks of the numbers, and of letters in their place."""
    check_or_refused(op, *types, seed=seed)
    check_letters(op, *types)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_padding(space: int, data: st.DataObject) -> None:
    amount = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(-1, 3))
    named = data.draw(
        st.dictionaries(st.sampled_from([*SPACE[space], "channel", "time"]), amount, max_size=2)
    )
    every = data.draw(st.integers(0, 2)) if not named else data.draw(st.none() | st.integers(0, 2))
    arguments = data.draw(settings()) | named | ({} if every is None else {"padding": every})
    both(
        Pad.model_validate(arguments), data.draw(images(space, facts=data.draw(FACTS))), seed=data.draw(seeds)
    )


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_padding_to_a_multiple(space: int, data: st.DataObject) -> None:
    arguments = data.draw(settings()) | {"multiple": data.draw(per_axis(space, 1, 4)), "at": data.draw(ENDS)}
    op = PadToMultiple.model_validate(arguments)
    both(op, data.draw(images(space, facts=data.draw(FACTS))), seed=data.draw(seeds))


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_padding_to_the_size_of_another_value(
    space: int, data: st.DataObject
) -> None:
    x, like = (data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS))) for _ in range(2))
    like = like.with_axes((x.axes[0], *like.axes[1:]))
    op = PadLike.model_validate(data.draw(settings()) | {"at": data.draw(ENDS)})
    both(op, x, like, seed=data.draw(seeds))


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), ENDS, seeds)
def test_crop_like_undoes_a_padding_at_the_same_place(
    multiple: int, height: int, width: int, at: End, seed: int
) -> None:
    image = tensor(batch=1, channel=2, height=height, width=width)
    up = case(PadToMultiple(multiple=multiple, at=at), image)
    (padded,) = up.inferred.outputs
    drawn = numbers(up, seed)
    (larger,) = forward(up, drawn, "eval")
    down = case(CropLike(at=at), padded, image)
    rule = forward(down, type(drawn)((larger, drawn.inputs[0])), "eval")
    assert np.array_equal(rule[0], drawn.inputs[0])


def test_any_size_becomes_a_multiple_and_the_rule_says_so_in_letters() -> None:
    image = tensor(batch=2, channel=3, height="H", width="W")
    inferred = case(PadToMultiple(multiple=16), image).inferred
    height = inferred.outputs[0].axes[2].size
    assert [height.evaluate({"H": size}) for size in (1, 16, 65)] == [16, 16, 80]
    assert height == 16 * ((Dim.of("H") + 15) // 16)
    assert inferred.constraints == ()


def test_an_odd_size_that_a_pool_lost_is_given_back_without_a_condition() -> None:
    """H//2 * 2 is never more than H: the padding is proved to be one, and leaves nothing to record."""
    skip = tensor(batch=2, channel=8, height="H", width="W")
    up = tensor(batch=2, channel=8, height=Dim.of("H") // 2 * 2, width=Dim.of("W") // 2 * 2)
    inferred = case(PadLike(), up, skip).inferred
    assert inferred.outputs[0].sizes == skip.sizes
    assert inferred.constraints == ()


@pytest.mark.parametrize(
    "arguments,word",
    [
        ({}, "how many"),
        ({"height": "two"}, "`height`"),
        ({"height": [1, 2, 3]}, "`height`"),
        ({"height": True}, "`height`"),
        ({"height": [0.5, 1]}, "`height`"),
        ({"padding": -1}, "greater than or equal to 0"),
        ({"padding": 1, "mode": "symmetric"}, "'constant'"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(arguments: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Pad.model_validate(arguments)
