"""The class that written metrics are made from. It is copied into the written file, and needs torch alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Running(nn.Module):
    """Values over all batches since the last `reset`, as if these were one batch.

    A subclass says in `reductions` how each value is reduced and over which axes, gives the values
    of one batch (`values`), and makes the results of the reduced ones (`finish`). A mean is kept as
    its sum and its weight. Totals are float64, or float32 on a device that has no more (MPS).
    """

    reductions: tuple[tuple[str, str, tuple[int, ...]], ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._kinds = {key: (how, axes) for key, how, axes in self.reductions}
        self.reset()

    def reset(self) -> None:
        """Forget every batch."""
        self._totals: dict[str, Tensor] = {}
        self._weights: dict[str, int] = {}

    def values(
        self, outputs: Tensor | dict[str, Tensor], targets: Tensor | dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """What is reduced, for one batch."""
        raise NotImplementedError

    def finish(self, totals: dict[str, Tensor]) -> dict[str, Tensor]:
        """The results, from what was reduced."""
        raise NotImplementedError

    @torch.no_grad()
    def update(
        self,
        outputs: Tensor | dict[str, Tensor],
        targets: Tensor | dict[str, Tensor],
    ) -> None:
        """Take one batch in."""
        for key, value in self.values(outputs, targets).items():
            how, axes = self._kinds[key]
            wide = value.to(torch.float32 if value.device.type == "mps" else torch.float64)
            total = wide.sum(axes) if how in ("mean", "sum") else getattr(wide, f"a{how}")(axes)
            self._weights[key] = self._weights.get(key, 0) + value.numel() // max(total.numel(), 1)
            if key in self._totals:
                before = self._totals[key]
                joined = {"max": torch.maximum, "min": torch.minimum}.get(how, torch.add)
                total = joined(before, total)
            self._totals[key] = total

    def compute(self) -> dict[str, float]:
        """The results over every batch taken in; ValueError before the first."""
        if self._kinds and not self._totals:
            raise ValueError("no batch has been taken in since the last reset")
        reduced = {}
        for key, total in self._totals.items():
            mean = self._kinds[key][0] == "mean"
            reduced[key] = total.cpu().double() / (self._weights[key] if mean else 1)
        return {key: float(value) for key, value in self.finish(reduced).items()}

    def forward(
        self,
        outputs: Tensor | dict[str, Tensor],
        targets: Tensor | dict[str, Tensor],
    ) -> None:
        """As `update`."""
        self.update(outputs, targets)
