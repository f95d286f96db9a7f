"""Layers that stay in float32 while everything around them runs in half the width."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


def fence(model: nn.Module, paths: Iterable[str], device: str) -> None:
    """Have the layers at these paths take and give float32 whatever autocast says; AttributeError for no such layer.

    Parameters keep their names: the state dict is that of the model without a fence.
    """
    for path in paths:
        layer = model.get_submodule(path)
        layer.forward = _wide(layer.forward, device)


def _wide(forward: Callable[..., Any], device: str) -> Callable[..., Any]:
    """The same forward, outside of autocast and on float32."""

    def wide(*inputs: Any, **named: Any) -> Any:
        with torch.autocast(device, enabled=False):
            return forward(
                *(widened(value) for value in inputs), **{key: widened(value) for key, value in named.items()}
            )

    return wide


def widened(value: Any) -> Any:
    """A tensor of half the width in float32; anything else as it is."""
    half = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if half else value
