"""What torchvision's modules are made of and give; `python -m tests.specs.published` records it where it is installed.

A record has the name and shape of every tensor of the state in order, and some of the numbers that the module gives
for a state and a picture made by arithmetic alone, so that no generator of random numbers stands between the two.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from math import prod, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

RECORDS = Path(__file__).parents[1] / "golden" / "torchvision"
PROBES = 12
"""How many numbers of each output are recorded."""

ENOUGH = 1000
"""How many numbers a tensor must have for its spread to say how it starts."""


@dataclass(frozen=True)
class Module:
    """How torchvision makes a network, the input it is tried on, and what its outputs are called here.

    `late` is the name of what a block of torchvision's lists first, and has last.
    """

    builder: str
    arguments: Mapping[str, Any]
    shape: tuple[int, ...]
    outputs: Mapping[str, str]
    late: str | None = None


def classifier(builder: str, *shape: int, late: str | None = None, **arguments: Any) -> Module:
    """One of torchvision's classifiers, without weights."""
    return Module(builder, arguments, shape or (2, 3, 64, 64), {"logits": "logits"}, late)


MODULES = {
    "resnet18": classifier("resnet18"),
    "resnet50": classifier("resnet50"),
    "vgg16_bn": classifier("vgg16_bn", 1, 3, 224, 224),
    "squeezenet1_1": classifier("squeezenet1_1"),
    "densenet121": classifier("densenet121"),
    "googlenet": classifier("googlenet", aux_logits=True, init_weights=False),
    "inception_v3": classifier("inception_v3", 2, 3, 107, 139, aux_logits=True, init_weights=True),
    "regnet_y_400mf": classifier("regnet_y_400mf"),
    "efficientnet_b0": classifier("efficientnet_b0"),
    "mobilenet_v3_large": classifier("mobilenet_v3_large"),
    "shufflenet_v2_x1_0": classifier("shufflenet_v2_x1_0"),
    "convnext_tiny": classifier("convnext_tiny", late="layer_scale"),
    "r2plus1d_18": classifier("r2plus1d_18", 2, 3, 5, 28, 36),
    "deeplabv3_resnet50": Module(
        "deeplabv3_resnet50",
        {"weights_backbone": None, "aux_loss": True, "num_classes": 21},
        (2, 3, 65, 41),
        {"main": "out", "aux": "aux"},
    ),
}


def numbers(shape: tuple[int, ...], key: int) -> Tensor:
    """Numbers within 0 and 1 that look random: the mixing function of splitmix64 (Steele and others 2014)."""
    with np.errstate(over="ignore"):
        mixed = np.arange(prod(shape), dtype=np.uint64) + np.uint64(key << 40)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed ^= mixed >> np.uint64(shift)
            mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return torch.from_numpy((mixed >> np.uint64(11)) * 2.0**-53).reshape(shape)


def filled(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of the same names: weights that keep the variance, scales and variances around 1, the rest around 0."""
    made = {}
    keys = count(1)
    for name, value in state.items():
        shape, key = tuple(value.shape), next(keys)
        if not value.is_floating_point():
            made[name] = value
        elif len(shape) > 1:
            made[name] = (numbers(shape, key) - 0.5) * sqrt(24 / prod(shape[1:]))
        else:
            made[name] = numbers(shape, key) + (0.5 if name.endswith(("running_var", "weight")) else -0.5)
    return made


def ordered(state: Mapping[str, Tensor], late: str | None) -> dict[str, Tensor]:
    """The state with what is `late` behind all else of its block."""
    keys = list(state)
    for key in [one for one in keys if late is not None and one.endswith(f".{late}")]:
        keys.remove(key)
        block = key.removesuffix(late or "")
        keys.insert(max(i for i, one in enumerate(keys) if one.startswith(block)) + 1, key)
    return {key: state[key] for key in keys}


def probe(model: nn.Module, shape: tuple[int, ...], late: str | None = None) -> dict[str, list[float]]:
    """Numbers from all over each output of a model in evaluation, in float64."""
    model.double().eval().load_state_dict(filled(ordered(model.state_dict(), late)))
    with torch.no_grad():
        given = model(numbers(shape, 0) * 4 - 2)
    named = given if isinstance(given, dict) else {"logits": given}
    return {
        name: value.flatten()[:: value.numel() // PROBES][:PROBES].tolist() for name, value in named.items()
    }


def shapes(state: Mapping[str, Tensor]) -> dict[str, str]:
    """The shape of every tensor of a state, as in `64x3x7x7`."""
    return {name: "x".join(str(size) for size in value.shape) for name, value in state.items()}


def spreads(state: Mapping[str, Tensor], late: str | None = None) -> dict[str, float]:
    """The standard deviation of every tensor of a state, of those with numbers enough to have one."""
    return {
        name: float(f"{value.double().std():.4g}")
        for name, value in ordered(state, late).items()
        if value.numel() >= ENOUGH
    }


def record(name: str) -> None:
    """Ask torchvision and write it down."""
    torchvision = importlib.import_module("torchvision")
    made = MODULES[name]
    model = torchvision.models.get_model(made.builder, weights=None, **made.arguments)
    begun = spreads(model.state_dict(), made.late)
    given = probe(model, made.shape, made.late)
    kept = {
        "torchvision": torchvision.__version__.partition("+")[0],
        "outputs": {
            ours: " ".join(f"{one:.12e}" for one in given[theirs]) for ours, theirs in made.outputs.items()
        },
        "state": shapes(ordered(model.state_dict(), made.late)),
        "start": begun,
    }
    (RECORDS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for one in sys.argv[1:] or MODULES:
        record(one)
