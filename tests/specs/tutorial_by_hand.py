"""The 2015 tutorial network as a person writes it in PyTorch: what the compiled spec is held against."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import Tensor, nn


class Tutorial(nn.Module):
    """Thirty frames of 64x64 to 600 numbers P(V <= n ml)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(29, 40, 5)
        self.norm1 = nn.BatchNorm2d(40, eps=1e-3, momentum=0.1)
        self.conv2 = nn.Conv2d(40, 40, 3)
        self.norm2 = nn.BatchNorm2d(40, eps=1e-3, momentum=0.1)
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(40 * 14 * 14, 600)
        for layer in (self.conv1, self.conv2, self.linear):
            nn.init.uniform_(layer.weight, -0.01, 0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        for norm in (self.norm1, self.norm2):
            norm.weight.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        """`[batch, 30, 64, 64]` of 0 .. 255 to `[batch, 600]`."""
        x = (x - 128) / 128
        x = x[:, 1:] - x[:, :-1]
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = self.dropout(x.flatten(1))
        return torch.sigmoid(self.linear(x))


def loss(cdf: Tensor, volume: Tensor) -> Tensor:
    """Mean binary cross-entropy against the step at the volume."""
    bins = torch.arange(cdf.shape[1], device=cdf.device, dtype=cdf.dtype)
    return F.binary_cross_entropy(cdf, (bins >= volume[:, None]).to(cdf.dtype))


NAMES = {
    "conv1": "stage1.conv1",
    "norm1": "stage1.norm",
    "conv2": "stage2.conv1",
    "norm2": "stage2.norm",
    "linear": "linear1",
}
"""The hand-written layers and what the spec calls them."""


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state of the hand-written network under the spec's names."""
    return {f"{NAMES[key.split('.')[0]]}.{key.split('.')[1]}": value for key, value in state.items()}
