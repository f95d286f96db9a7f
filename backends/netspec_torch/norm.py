"""Batch normalisation as `nn.BatchNorm1d`, `nn.BatchNorm2d` or `nn.BatchNorm3d`."""

from __future__ import annotations

import ast

from netspec.ops.norm import BatchNorm, normalised_channels
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(BatchNorm)
def batch_norm(op: BatchNorm, at: Site) -> Lowered:
    """The layer of the input's rank.

    With frozen statistics the layer still holds them, and `F.batch_norm` uses them in training too: it neither looks at
    the batch's own nor counts it.
    """
    (x,) = at.types
    options: dict[str, Value] = {}
    if op.eps != 1e-5:
        options["eps"] = op.eps
    if op.momentum != 0.1:
        options["momentum"] = op.momentum
    if not op.affine:
        options["affine"] = False
    if not op.track_running_stats:
        options["track_running_stats"] = False
    layer = call(f"nn.BatchNorm{max(x.rank - 2, 1)}d", normalised_channels(x, op.name), **options)
    if "statistics" not in at.frozen or not op.track_running_stats:
        return Lowered(call(at.module, *at.inputs), layer)
    held = ["running_mean", "running_var", *(["weight", "bias"] if op.affine else [])]
    kept = [ast.Attribute(at.module, one, ast.Load()) for one in held]
    eps: dict[str, Value] = {"eps": op.eps} if op.eps != 1e-5 else {}
    return Lowered(call("F.batch_norm", *at.inputs, *kept, **eps), layer)
