"""How far another right program may be from the model: as far as float32 itself takes the model, and some.

The model runs in float64 too. What it gives in float32 lies off by its own rounding, which the weights, the depth and
what cancels inside have all had their say in; another runtime, which sums in another order, with other kernels, lies
off by a like amount on its own side. So a number may differ by

    16 * max |y32 - y64|  +  8 * eps * max |y64|,      eps = 2^-23

over its output, the largest of all trials: both sides together are 2, and 8 remain for kernels that round more often
than PyTorch's (Winograd's convolution, short series for `exp` and `erf`). The second term is for outputs that PyTorch
happened to hit exactly. Whole numbers and truth values may not differ at all.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from netspec.ir.graph import Graph
from netspec_torch.export.program import Numbers, named

OTHERS = 16
ULPS = 8


def allowances(model: nn.Module, graph: Graph, tried: Sequence[Numbers]) -> dict[str, float]:
    """How far each output of another program may be off, in any trial."""
    exact = copy.deepcopy(model).double()
    found = dict.fromkeys(graph.entry("predict"), 0.0)
    for one in tried:
        wide = tuple(x.double() if x.is_floating_point() else x for x in one.inputs)
        with torch.no_grad():
            true = named(graph, exact(*wide))
        for key, value in one.outputs.items():
            if value.is_floating_point() and value.numel():
                off, scale = _largest(value.double() - true[key]), _largest(true[key])
                found[key] = max(found[key], OTHERS * off + ULPS * torch.finfo(value.dtype).eps * scale)
    return found


def compare(
    wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], allowed: Mapping[str, float]
) -> tuple[str, float, float] | None:
    """The output that is off by the greatest share of what is allowed, how far, and how far it may; None of nothing.

    Infinity is how far a value is off that has another shape, or NaN at another place.
    """
    worst: tuple[str, float, float] | None = None
    for key, value in wanted.items():
        off = _difference(value, found[key])
        if worst is None or _share(off, allowed[key]) > _share(worst[1], worst[2]):
            worst = key, off, allowed[key]
    return worst


def _share(off: float, allowed: float) -> float:
    return 0.0 if off == 0 else off / allowed if allowed else torch.inf


def _difference(wanted: Tensor, found: Tensor) -> float:
    if wanted.shape != found.shape or wanted.dtype != found.dtype:
        return torch.inf
    if not wanted.is_floating_point():
        return 0.0 if torch.equal(wanted, found) else torch.inf
    if not torch.equal(wanted.isfinite(), found.isfinite()):
        return torch.inf
    return _largest(wanted.double() - found.double())


def _largest(value: Tensor) -> float:
    """The largest magnitude among what is finite."""
    finite = value[value.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0
