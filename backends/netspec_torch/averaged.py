"""Weights averaged over steps, beside the model that is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netspec.backend import Arrays
from netspec.recipe.average import Average


class Averaged:
    """The averages of all that a model's state dict holds, by its keys; empty before the first step."""

    def __init__(self, recipe: Average) -> None:
        self._share = 1 - recipe.ema
        self.values: dict[str, Tensor] = {}

    @torch.no_grad()
    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Take in the weights after one step: `a + (1 - ema) * (w - a)`, the first ones as they are."""
        if not self.values:
            self.values = {key: value.detach().clone() for key, value in weights.items()}
            return
        floating = [key for key, value in weights.items() if value.is_floating_point()]
        means = [self.values[key] for key in floating]
        torch._foreach_lerp_(means, [weights[key] for key in floating], self._share)
        for key in weights.keys() - set(floating):
            self.values[key].copy_(weights[key])

    def restore(self, values: Mapping[str, Tensor], device: torch.device) -> None:
        """Go on with averages from a checkpoint, on the device of the model."""
        self.values = {key: value.to(device) for key, value in values.items()}

    @contextmanager
    def within(self, model: nn.Module) -> Iterator[None]:
        """Within, the model has the averages; after it, its own weights to the bit."""
        own = {key: value.detach().clone() for key, value in model.state_dict().items()}
        try:
            model.load_state_dict(self.values or own)
            yield
        finally:
            model.load_state_dict(own)


def average(recipe: Average, weights: Sequence[Arrays]) -> list[dict[str, NDArray[Any]]]:
    """The averages after each step, given what the weights are after it: what a training keeps."""
    averaged = Averaged(recipe)
    after = []
    for now in weights:
        averaged.take({key: torch.from_numpy(np.array(value, order="C")) for key, value in now.items()})
        after.append({key: value.numpy().copy() for key, value in averaged.values.items()})
    return after
