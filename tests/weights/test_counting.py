"""The order in which names count, and where they do not."""

from __future__ import annotations

import pytest

from netspec.weights.counting import counted
from netspec.weights.layers import layers


def told(*names: str, shapes: dict[str, tuple[int, ...]] | None = None) -> list[str] | None:
    made = layers({f"{name}.weight": (shapes or {}).get(name, (8, 8, 3, 3)) for name in names})
    order = counted(made)
    return None if order is None else [made[i].name for i in order]


def test_numbers_count_and_do_not_sort_as_words() -> None:
    assert told("layer10", "layer2", "layer1") == ["layer1", "layer2", "layer10"]
    assert told("a.10.conv", "a.9.conv") == ["a.9.conv", "a.10.conv"]


def test_of_equal_numbers_the_weight_comes_before_the_norm_and_the_block_behind_both() -> None:
    small: dict[str, tuple[int, ...]] = {"bn1": (8,), "bn2": (8,), "layer1.0.conv": (4, 8, 3, 3)}
    names = ["bn1", "bn2", "conv1", "conv2", "layer1.0.conv"]
    assert told(*names, shapes=small) == ["conv1", "bn1", "layer1.0.conv", "conv2", "bn2"]


def test_the_beginning_and_the_end_have_names_that_everybody_gives() -> None:
    shapes: dict[str, tuple[int, ...]] = {"fc": (8, 8), "stem": (8, 3, 7, 7)}
    assert told("block1", "block2", "fc", "stem", shapes=shapes) == ["stem", "block1", "block2", "fc"]


@pytest.mark.parametrize(
    "names", [("first", "second"), ("left.conv", "right.conv"), ("a1", "b1"), ("x1", "y2")]
)
def test_equal_layers_that_numbers_do_not_tell_apart_have_no_order(names: tuple[str, str]) -> None:
    assert told(*names) is None
