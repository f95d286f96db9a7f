"""Pooling by norms with `F.lp_pool2d` and its kin, and over all of space with `torch.linalg.vector_norm`."""

from __future__ import annotations

from netspec.ops.lp import GlobalLpPool, LpPool, absolute
from netspec.ops.pool import pool_geometry
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method, scalar_or_list


@lowers(LpPool)
def lp_pool(op: LpPool, at: Site) -> Lowered:
    """The function of the input's rank, which takes powers of the numbers as they are."""
    (x,) = at.types
    given = method(at.inputs[0], "abs") if absolute(op, at.types) else at.inputs[0]
    kernel, stride, _ = pool_geometry(op.average, x)
    options: dict[str, Value] = {}
    if stride != kernel:
        options["stride"] = scalar_or_list(stride)
    if op.ceil_mode:
        options["ceil_mode"] = True
    return Lowered(
        call(f"F.lp_pool{x.rank - 2}d", given, _short(op.norm_type), scalar_or_list(kernel), **options)
    )


@lowers(GlobalLpPool)
def global_lp_pool(op: GlobalLpPool, at: Site) -> Lowered:
    """`torch.linalg.vector_norm` over the axes of space."""
    space = tuple(range(2, at.types[0].rank))
    return Lowered(call("torch.linalg.vector_norm", at.inputs[0], _short(op.norm_type), dim=space))


def _short(power: float) -> float:
    """A whole number as such."""
    return int(power) if power == int(power) else power
