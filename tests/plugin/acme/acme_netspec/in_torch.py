"""Functions that compiled models call. They are copied into the written file, which then needs torch alone."""

from __future__ import annotations

import torch


def gem_pool(x: torch.Tensor, weight: torch.Tensor, p: float, eps: float) -> torch.Tensor:
    """The generalised mean over space, times the gain of each channel."""
    return weight * (x.clamp(min=eps) ** p).flatten(2).mean(2) ** (1 / p)
