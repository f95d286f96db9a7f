"""A U-Net takes multiples, and with one line of cure any size: the solver says so, and the compiled model agrees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import netspec
from netspec.front import check_source
from netspec.passes.refusals import refusals
from netspec.passes.sizes import legal_sizes
from netspec.recipe.spec import Spec
from netspec.text import Source

LARGEST = 34

PLAIN = """
netspec: 1
inputs: {image: {shape: [1, H, W]}}
layers:
  - {conv: {out_channels: 2, kernel_size: 3, padding: 1}, name: e1}
  - max_pool: 2
  - {conv: {out_channels: 2, kernel_size: 3, padding: 1}, name: e2}
  - max_pool: 2
  - {conv: {out_channels: 2, kernel_size: 3, padding: 1}, name: e3}
  - max_pool: 2
  - {conv: {out_channels: 2, kernel_size: 3, padding: 1}}
  - {conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}, name: up3}
  - {concat, from: [e3, up3]}
  - {conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}, name: up2}
  - {concat, from: [e2, up2]}
  - {conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}, name: up1}
  - {concat, from: [e1, up1]}
  - {conv: {out_channels: 1, kernel_size: 1}, name: out}
"""
JOIN = r"  - \{concat, from: \[e(\d), up\d\]\}"
UP = r"conv_transpose: \{out_channels: 2, kernel_size: 2, stride: 2\}"


def spec_of(text: str) -> Spec:
    spec, found = check_source(Source("unet.yaml", text), Path())
    assert spec is not None, found
    return spec


def padded_in_front(text: str) -> str:
    front = text.replace("layers:\n", "layers:\n  - pad_to_multiple: 8\n")
    return front.rstrip() + "\n  - {crop_like, from: [_, image]}\n"


def padded_at_joins(text: str) -> str:
    return re.sub(JOIN, r"  - {pad_like: e\1, name: p\1}\n  - {concat, from: [e\1, p\1]}", text)


def cropped_at_joins(text: str) -> str:
    return re.sub(
        JOIN, r"  - {crop_like, from: [e\1, up\1], name: p\1}\n  - {concat, from: [p\1, up\1]}", text
    )


def resized_at_joins(text: str) -> str:
    return re.sub(r"\{" + UP + r", name: up(\d)\}", r"{resize_like: e\1, name: up\1}", text)


def runs(model: nn.Module, height: int, width: int) -> bool:
    """Whether the compiled model takes an image of this size."""
    try:
        with torch.no_grad():
            model(torch.zeros(1, 1, height, width))
    except (RuntimeError, ValueError):
        return False
    return True


CURES: dict[str, tuple[Callable[[str], str], str]] = {
    "plain": (lambda text: text, "H = 8k, k >= 1"),
    "a multiple in front": (padded_in_front, "H >= 1"),
    "padded at joins": (padded_at_joins, "H >= 8"),
    "cropped at joins": (cropped_at_joins, "H >= 8"),
    "resized at joins": (resized_at_joins, "H >= 8"),
    "resized by 2": (lambda text: re.sub(UP, "resize: {factor: 2}", text), "H = 8k, k >= 1"),
}


@pytest.mark.parametrize("how", CURES)
def test_a_unet_takes_exactly_the_sizes_that_the_solver_tells(how: str) -> None:
    cure, told = CURES[how]
    spec = spec_of(cure(PLAIN))
    legal = {one.letter: one for one in legal_sizes(spec.graph)}
    assert str(legal["H"].alone.sizes) == told
    assert str(legal["W"].alone.sizes) == told.replace("H", "W")
    assert all(not one.joint and not one.alone.unknown for one in legal.values())
    model = netspec.compile(spec, seed=0).eval()
    for height in range(1, LARGEST + 1):
        assert runs(model, height, 16) is (height in legal["H"].alone.sizes), f"height {height}"
    for width in (15, 16, 17):
        assert runs(model, 16, width) is (not refusals(spec.graph, {"H": 16, "W": width}))


def test_the_cure_that_a_refusal_offers_is_one() -> None:
    (refusal,) = refusals(spec_of(PLAIN).graph, {"H": 65})
    offered = re.search(r"begin with `(- pad_to_multiple: \d+)`", refusal.help)
    assert offered is not None
    cured = PLAIN.replace("layers:\n", f"layers:\n  {offered[1]}\n")
    assert refusals(spec_of(cured).graph, {"H": 65, "W": 3}) == ()
