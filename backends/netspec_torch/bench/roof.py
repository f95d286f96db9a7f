"""How fast this machine multiplies at best: one large convolution and one large matrix product, in each precision."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from netspec_torch.plan import Settled
from netspec_torch.plan.settled import Precision

TYPES = {"float32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

SIZES = {"cpu": (2048, 16, 128, 28), "cuda": (8192, 128, 256, 56), "mps": (4096, 32, 128, 56)}
"""By device: rows of a square matrix; and of a 3x3 convolution the batch, channels in and out, and rows of a picture.
Large enough that what is around a product does not count, small enough for one to end within half a second."""

LEAST = 0.1
"""Seconds that one figure is made of, at the least."""

Product = tuple[str, int, Callable[[], Tensor]]
"""What it is called, its multiply-accumulates, and the product itself."""


def products(device: str, precision: str) -> list[Product]:
    """The products that one precision is measured by."""
    rows, batch, channels, side = SIZES[device]
    kind = TYPES[precision]
    a, b = (torch.randn(rows, rows, device=device).to(kind) for _ in range(2))
    x = torch.randn(batch, channels, side, side, device=device).to(kind)
    filters = (torch.randn(channels, channels, 3, 3, device=device) / 32).to(kind)
    last_x, last = (one.contiguous(memory_format=torch.channels_last) for one in (x, filters))
    macs = batch * side * side * channels * channels * 9
    return [
        (f"a matmul of {rows}x{rows}", rows**3, lambda: a @ b),
        (f"a conv of {channels} channels", macs, lambda: functional.conv2d(x, filters, padding=1)),
        (
            f"a conv of {channels} channels, channels_last",
            macs,
            lambda: functional.conv2d(last_x, last, padding=1),
        ),
    ]


def rates(device: str, precision: str) -> dict[str, float]:
    """Multiply-accumulates a second of each product, by its name."""
    with torch.no_grad(), Settled(device=device, precision=cast("Precision", precision)).throughout():
        return {of: macs / _seconds(one, device) for of, macs, one in products(device, precision)}


def _seconds(product: Callable[[], Tensor], device: str) -> float:
    """Seconds of one product: the fastest of some, the first left out."""
    product()
    _wait(device)
    best, spent, counted = float("inf"), 0.0, 0
    while spent < LEAST or counted < 2:
        begin = time.perf_counter()
        product()
        _wait(device)
        took = time.perf_counter() - begin
        best, spent, counted = min(best, took), spent + took, counted + 1
    return best


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
