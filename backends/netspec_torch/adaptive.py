"""Pooling to a given size by `F.adaptive_avg_pool2d` and its kin."""

from __future__ import annotations

from netspec.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool, adaptive_sizes
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(AdaptiveAvgPool)
def adaptive_avg_pool(op: AdaptiveAvgPool, at: Site) -> Lowered:
    """The function of the input's rank."""
    return _pooled("avg", op, at)


@lowers(AdaptiveMaxPool)
def adaptive_max_pool(op: AdaptiveMaxPool, at: Site) -> Lowered:
    """The function of the input's rank."""
    return _pooled("max", op, at)


def _pooled(kind: str, op: AdaptiveAvgPool | AdaptiveMaxPool, at: Site) -> Lowered:
    """The call, with one number where all sizes are equal; the input itself where every axis is kept."""
    (x,) = at.types
    wanted = adaptive_sizes(op, x)
    if set(wanted) == {None}:
        return Lowered(at.inputs[0])
    sizes = wanted[0] if len(set(wanted)) == 1 else wanted
    return Lowered(call(f"F.adaptive_{kind}_pool{x.rank - 2}d", *at.inputs, sizes))
