"""A U-Net as a person writes it in PyTorch: what the compiled `specs/zoo/unet2d.yaml` is held against."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import Tensor, nn


def double_conv(entering: int, channels: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with its norm and relu."""
    return nn.Sequential(
        nn.Conv2d(entering, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


class Up(nn.Module):
    """Twice the size, joined to the skip."""

    def __init__(self, entering: int, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(entering, channels, 2, stride=2)
        self.conv = double_conv(2 * channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`[batch, entering, height, width]` and a skip about twice as large, to the skip's sizes."""
        x = self.up(x)
        below, right = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        if below or right:
            x = F.pad(x, (0, right, 0, below))
        out: Tensor = self.conv(torch.cat([skip, x], dim=1))
        return out


class UNet(nn.Module):
    """Pictures `[batch, 1, height, width]` to logits `[batch, classes, height, width]`."""

    def __init__(self, width: int = 64, classes: int = 4) -> None:
        super().__init__()
        self.enc1 = double_conv(1, width)
        self.enc2 = double_conv(width, 2 * width)
        self.enc3 = double_conv(2 * width, 4 * width)
        self.enc4 = double_conv(4 * width, 8 * width)
        self.middle = double_conv(8 * width, 16 * width)
        self.up1 = Up(16 * width, 8 * width)
        self.up2 = Up(8 * width, 4 * width)
        self.up3 = Up(4 * width, 2 * width)
        self.up4 = Up(2 * width, width)
        self.out = nn.Conv2d(width, classes, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        skip1 = self.enc1(x)
        skip2 = self.enc2(self.pool(skip1))
        skip3 = self.enc3(self.pool(skip2))
        skip4 = self.enc4(self.pool(skip3))
        x = self.middle(self.pool(skip4))
        x = self.up1(x, skip4)
        x = self.up2(x, skip3)
        x = self.up3(x, skip2)
        x = self.up4(x, skip1)
        logits: Tensor = self.out(x)
        return logits


def loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy over all places."""
    return F.cross_entropy(logits, truth)


def small() -> UNet:
    """The network with the width that it is measured at: `--set width=16`."""
    return UNet(width=16)
