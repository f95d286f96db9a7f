"""What norms do to what comes in: what they take away, and by whose statistics."""

from __future__ import annotations

from netspec.ir.graph import Node
from netspec.ops.axis_norm import AxisNorm


def takes_away(norm: Node, axis: int) -> bool:
    """Whether a norm subtracts again what was added to all that stands at one place of an axis: a channel's bias.

    `batch_norm` and `instance_norm` measure each channel by itself, and so does a `group_norm` of single channels. A
    `layer_norm` takes the mean over its axes, so that what differs along one of them stays. `rms_norm` takes none.
    """
    if norm.op.name in ("batch_norm", "instance_norm"):
        return axis == 1 and "statistics" not in norm.frozen
    if norm.op.name == "group_norm":
        return axis == 1 and getattr(norm.op, "num_groups", 1) == norm.types[0].sizes[1]
    if norm.op.name == "layer_norm" and isinstance(norm.op, AxisNorm):
        return axis not in norm.op.over(norm.types[0])
    return False


def remembers(norm: Node) -> bool:
    """Whether a norm divides in evaluation by what it measured in training."""
    if norm.op.name not in ("batch_norm", "instance_norm") or "statistics" in norm.frozen:
        return False
    return bool(getattr(norm.op, "track_running_stats", False))
