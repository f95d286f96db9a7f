"""What a model is worth on one part of the data, as plain data: loss, metrics, and for distributions their skill."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from netspec.data.samples import Samples
from netspec.recipe.spec import Spec
from netspec_torch.module import Compiled
from netspec_torch.train.measure import measure


def report(
    spec: Spec, compiled: Compiled, samples: Samples, part: str, *, device: torch.device
) -> dict[str, Any]:
    """Measure one part of the data."""
    batch_size = spec.training.batch_size if spec.training else 32
    found = measure(spec, compiled, samples, samples.splits[part], batch_size=batch_size, device=device,
        context=nullcontext())
    return {"split": part, "samples": found.samples, "groups": found.groups, "loss": found.loss, "metrics": found.metrics}
