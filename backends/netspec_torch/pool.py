"""Pooling by `F.max_pool1d` and its kin; over all of space by a reduction."""

from __future__ import annotations

from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, pool_geometry
from netspec.ops.window import spatial
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method, scalar_or_list


@lowers(MaxPool)
def max_pool(op: MaxPool, at: Site) -> Lowered:
    """The function of the input's rank, written with only what differs from PyTorch's defaults."""
    (x,) = at.types
    kernel, options = _options(op, at)
    dilation = spatial(op.dilation, x, "dilation", least=1)
    if set(dilation) != {1}:
        options["dilation"] = scalar_or_list(dilation)
    if op.return_indices:
        options["return_indices"] = True
    return Lowered(call(f"F.max_pool{x.rank - 2}d", *at.inputs, kernel, **options))


@lowers(AvgPool)
def avg_pool(op: AvgPool, at: Site) -> Lowered:
    """The function of the input's rank, written with only what differs from PyTorch's defaults.

    That of one axis divides by no other number, so that it is done in two.
    """
    (x,) = at.types
    kernel, options = _options(op, at)
    if not op.count_include_pad:
        options["count_include_pad"] = False
    if op.divisor_override is None:
        return Lowered(call(f"F.avg_pool{x.rank - 2}d", *at.inputs, kernel, **options))
    if x.rank > 3:
        options["divisor_override"] = op.divisor_override
        return Lowered(call(f"F.avg_pool{x.rank - 2}d", *at.inputs, kernel, **options))
    size, stride, padding = (one[0] for one in pool_geometry(op, x))
    options |= {"stride": (1, stride), "padding": (0, padding), "divisor_override": op.divisor_override}
    wide = call("F.avg_pool2d", method(at.inputs[0], "unsqueeze", 2), (1, size), **options)
    return Lowered(method(wide, "squeeze", 2))


@lowers(GlobalAvgPool)
def global_avg_pool(op: GlobalAvgPool, at: Site) -> Lowered:
    """`x.mean` over the axes of space."""
    del op
    return Lowered(method(at.inputs[0], "mean", dim=tuple(range(2, at.types[0].rank))))


@lowers(GlobalMaxPool)
def global_max_pool(op: GlobalMaxPool, at: Site) -> Lowered:
    """`x.amax` over the axes of space: it shares the gradient among ties."""
    del op
    return Lowered(method(at.inputs[0], "amax", dim=tuple(range(2, at.types[0].rank))))


def _options(op: MaxPool | AvgPool, at: Site) -> tuple[Value, dict[str, Value]]:
    """The kernel, and stride, padding and rounding where they are not the defaults."""
    kernel, stride, padding = pool_geometry(op, at.types[0])
    options: dict[str, Value] = {}
    if stride != kernel:
        options["stride"] = scalar_or_list(stride)
    if any(padding):
        options["padding"] = scalar_or_list(padding)
    if op.ceil_mode:
        options["ceil_mode"] = True
    return scalar_or_list(kernel), options
