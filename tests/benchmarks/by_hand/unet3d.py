"""A 3-d U-Net as a person writes it in PyTorch: what the compiled `specs/zoo/unet3d.yaml` is held against."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import Tensor, nn


def conv_norm(entering: int, channels: int) -> nn.Sequential:
    """A 3x3x3 convolution with its norm and relu."""
    return nn.Sequential(
        nn.Conv3d(entering, channels, 3, padding=1, bias=False),
        nn.BatchNorm3d(channels),
        nn.ReLU(inplace=True),
    )


def double_conv(entering: int, channels: int) -> nn.Sequential:
    """Two of them; the channels double on the way."""
    return nn.Sequential(conv_norm(entering, channels // 2), conv_norm(channels // 2, channels))


class Up(nn.Module):
    """The size of the skip, joined to it."""

    def __init__(self, entering: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv_norm(entering + channels, channels), conv_norm(channels, channels))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`[batch, entering, depth, height, width]` and a skip of any size, to the skip's sizes."""
        x = F.interpolate(x, size=skip.shape[2:], mode="trilinear")
        out: Tensor = self.conv(torch.cat([skip, x], dim=1))
        return out


class UNet3d(nn.Module):
    """Volumes `[batch, 1, depth, height, width]` to logits `[batch, classes, depth, height, width]`."""

    def __init__(self, width: int = 16, classes: int = 3) -> None:
        super().__init__()
        self.enc1 = double_conv(1, 2 * width)
        self.enc2 = double_conv(2 * width, 4 * width)
        self.enc3 = double_conv(4 * width, 8 * width)
        self.middle = double_conv(8 * width, 16 * width)
        self.up1 = Up(16 * width, 8 * width)
        self.up2 = Up(8 * width, 4 * width)
        self.up3 = Up(4 * width, 2 * width)
        self.out = nn.Conv3d(2 * width, classes, 1)
        self.pool = nn.MaxPool3d(2)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        skip1 = self.enc1(x)
        skip2 = self.enc2(self.pool(skip1))
        skip3 = self.enc3(self.pool(skip2))
        x = self.middle(self.pool(skip3))
        x = self.up1(x, skip3)
        x = self.up2(x, skip2)
        x = self.up3(x, skip1)
        logits: Tensor = self.out(x)
        return logits


def loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy over all places."""
    return F.cross_entropy(logits, truth)


def small() -> UNet3d:
    """The network with the width that it is measured at: `--set width=8`."""
    return UNet3d(width=8)
