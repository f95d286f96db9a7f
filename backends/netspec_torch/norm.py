"""Norms of channels as `nn.BatchNorm2d`, `nn.InstanceNorm2d` and their kin of other ranks, and as `nn.GroupNorm`."""

from __future__ import annotations

import ast

from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, normalised_channels
from netspec.ops.window import channels
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(BatchNorm)
def batch_norm(op: BatchNorm, at: Site) -> Lowered:
    """The layer of the input's rank.

    With frozen statistics the layer still holds them, and `F.batch_norm` uses them in training too: it neither looks at
    the batch's own nor counts it.
    """
    (x,) = at.types
    options = _eps(op.eps)
    if op.momentum != 0.1:
        options["momentum"] = op.momentum
    if not op.affine:
        options["affine"] = False
    if not op.track_running_stats:
        options["track_running_stats"] = False
    layer = call(f"nn.BatchNorm{max(x.rank - 2, 1)}d", normalised_channels(x, op.name), **options)
    if "statistics" not in at.frozen or not op.track_running_stats:
        return Lowered(call(at.module, *at.inputs), layer)
    return Lowered(call("F.batch_norm", *at.inputs, *_held(at, affine=op.affine), **_eps(op.eps)), layer)


@lowers(InstanceNorm)
def instance_norm(op: InstanceNorm, at: Site) -> Lowered:
    """The layer of the input's rank, or `F.instance_norm` where there is nothing to hold.

    With frozen statistics the layer holds them, and `F.instance_norm` is told to use them in training too.
    """
    (x,) = at.types
    options = _eps(op.eps)
    if not op.affine and not op.track_running_stats:
        return Lowered(call("F.instance_norm", *at.inputs, **options))
    if op.momentum != 0.1:
        options["momentum"] = op.momentum
    if op.affine:
        options["affine"] = True
    if op.track_running_stats:
        options["track_running_stats"] = True
    layer = call(f"nn.InstanceNorm{x.rank - 2}d", channels(x, op.name), **options)
    if "statistics" not in at.frozen or not op.track_running_stats:
        return Lowered(call(at.module, *at.inputs), layer)
    held = _held(at, affine=op.affine)
    return Lowered(call("F.instance_norm", *at.inputs, *held, use_input_stats=False, **_eps(op.eps)), layer)


@lowers(GroupNorm)
def group_norm(op: GroupNorm, at: Site) -> Lowered:
    """`nn.GroupNorm`, written with only what differs from PyTorch's defaults."""
    options = _eps(op.eps)
    if not op.affine:
        options["affine"] = False
    layer = call("nn.GroupNorm", op.num_groups, normalised_channels(at.types[0], op.name), **options)
    return Lowered(call(at.module, *at.inputs), layer)


def _held(at: Site, *, affine: bool) -> list[ast.expr]:
    """The running statistics of a layer, and its weight and bias where it has them."""
    names = ["running_mean", "running_var", *(["weight", "bias"] if affine else [])]
    return [ast.Attribute(at.module, one, ast.Load()) for one in names]


def _eps(eps: float) -> dict[str, Value]:
    """`eps` where it is not PyTorch's own."""
    return {"eps": eps} if eps != 1e-5 else {}
