"""Modules of strangers that no spec can say, each for a reason of its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from torch import nn


class Dangling(nn.Module):
    """What netspec has no words for, in three places."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.table = nn.Embedding(4, 4)
        self.warp = nn.Identity()
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(x))
        grid = F.affine_grid(torch.eye(2, 3).expand(x.size(0), 2, 3), list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, align_corners=False)
        y = torch.fft.fft2(x).abs()
        z = torch.einsum("nchw,nchw->nc", x, y)
        out: torch.Tensor = self.head(z)
        return out


class Decided(nn.Module):
    """Numbers decide what is computed."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return x
        return -x


class Counted(nn.Module):
    """For a batch of two alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(2, -1)


class Merged(nn.Module):
    """Frames as samples."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c, h, w = x.shape
        y = self.conv(x.reshape(n * t, c, h, w))
        z: torch.Tensor = y.mean((2, 3)).view(n, t, 4)
        return z
