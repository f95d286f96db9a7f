"""The networks that were also written by hand: their specs, and at which sizes they are measured.

The sizes are such that a step takes a tenth of a second to a second on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import netspec
from netspec.recipe.spec import Spec
from tests.benchmarks.by_hand import resnet18, unet2d, unet3d
from tests.specs import tutorial_by_hand

SPECS = Path(__file__).parents[3] / "specs"


@dataclass(frozen=True)
class Network:
    """One network twice: `spec` with the constants `define`, and `build(**arguments)` with `loss`.

    `batch` and `sizes` are what it is measured at.
    """

    spec: str
    build: Callable[..., nn.Module]
    loss: Callable[[Any, Tensor], Tensor]
    batch: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    define: Mapping[str, int] = field(default_factory=dict)
    arguments: Mapping[str, int] = field(default_factory=dict)

    def load(self, **define: int) -> Spec:
        """The checked spec, with other constants where they are given."""
        return netspec.load(SPECS / self.spec, {**self.define, **define})


NETWORKS = {
    "tutorial": Network(
        "heart-tutorial-2015.yaml", tutorial_by_hand.Tutorial, tutorial_by_hand.loss, batch=32
    ),
    "resnet18": Network("zoo/resnet18.yaml", resnet18.ResNet18, resnet18.loss, batch=8, define={"size": 128}),
    "unet2d": Network(
        "zoo/unet2d.yaml",
        unet2d.UNet,
        unet2d.loss,
        batch=4,
        sizes={"H": 128, "W": 128},
        define={"width": 16},
        arguments={"width": 16},
    ),
    "unet3d": Network(
        "zoo/unet3d.yaml",
        unet3d.UNet3d,
        unet3d.loss,
        batch=1,
        sizes={"D": 32, "H": 32, "W": 32},
        define={"width": 8},
        arguments={"width": 8},
    ),
}
"""By the name that the programs beside this folder take."""
