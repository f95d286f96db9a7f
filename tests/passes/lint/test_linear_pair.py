"""Two layers of weights in a row: what is a pair too many, and what is meant."""

from __future__ import annotations

import pytest

from tests.passes.lint.near import layers

WIDE = "conv: {out_channels: 8, kernel_size: 3, padding: 1}"
POINT = "conv: {out_channels: 8, kernel_size: 1}"
END = ("relu", "global_avg_pool", "linear: 10")


@pytest.mark.parametrize(
    "written",
    [
        (WIDE, WIDE),
        (WIDE, POINT),
        (POINT, WIDE),
        (WIDE, "dropout: 0.1", "identity", POINT),
        ("global_avg_pool", "linear: 5", "linear: 5"),
        ("global_avg_pool", "linear: 5", "dropout: 0.5", "linear: 4"),
    ],
)
def test_a_pair_that_says_no_more_than_one_layer_is_told_once(written: tuple[str, ...]) -> None:
    found = layers(*written, "relu", *(END[1:] if "conv" in written[0] else ()))
    assert found == ["NS424"]


@pytest.mark.parametrize(
    "written",
    [
        (WIDE, "relu", WIDE),
        (WIDE, "max_pool: 2", WIDE),  # the largest of a window bends
        (
            WIDE,
            "conv: {out_channels: 8, kernel_size: 3, groups: 8}",
            POINT,
        ),  # separable: channels, then space
        ("conv: {out_channels: 8, kernel_size: [1, 3]}", "conv: {out_channels: 8, kernel_size: [3, 1]}"),
        ("conv: {out_channels: 2, kernel_size: 3}", "conv: {out_channels: 16, kernel_size: 1}"),  # a waist
        (f"{{{WIDE}, name: a}}", WIDE, "{add, from: [a, _]}"),  # what the first says is read elsewhere
        (WIDE, "batch_norm", POINT),  # MobileNetV2's bottlenecks follow one another so
    ],
)
def test_a_pair_that_is_meant_is_no_doubt(written: tuple[str, ...]) -> None:
    assert "NS424" not in layers(*written, *END)


def test_a_block_is_judged_in_all_its_copies() -> None:
    blocks = (
        "blocks:\n  step:\n    params: {bend: layer}\n    layers:\n"
        "      - conv: {out_channels: 8, kernel_size: 3}\n      - $bend\n"
        "      - conv: {out_channels: 8, kernel_size: 3}\n      - relu\n"
    )
    assert "NS424" not in layers("step: identity", "step: relu", *END[1:], rest=blocks)
    assert layers("step: identity", "step: identity", *END[1:], rest=blocks).count("NS424") == 1
