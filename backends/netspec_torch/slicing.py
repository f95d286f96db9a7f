"""Parts along an axis by indexing, as in `x[:, 1:5]`."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.slicing import FrameDifference, Narrow, Select, Unbind, frames
from netspec_torch.rule import Lowered, Site, call, lowers, method, subscript


@lowers(Narrow)
def narrow(op: Narrow, at: Site) -> Lowered:
    """`x[:, start:stop]`; of a free size `x.narrow`, which refuses an axis that is too short instead of giving less."""
    place = along(at.types[0], op.axis, op.name)
    stop = op.stop if op.stop is not None or op.start >= 0 else 0
    if at.types[0].axes[place].size.value is None and stop is not None and (op.start < 0) == (stop <= 0):
        return Lowered(method(at.inputs[0], "narrow", place, op.start, stop - op.start))
    before = [slice(None)] * place
    return Lowered(subscript(at.inputs[0], *before, slice(op.start or None, op.stop)))


@lowers(Select)
def select(op: Select, at: Site) -> Lowered:
    """`x[:, index]`."""
    before = [slice(None)] * along(at.types[0], op.axis, op.name)
    return Lowered(subscript(at.inputs[0], *before, op.index))


@lowers(Unbind)
def unbind(op: Unbind, at: Site) -> Lowered:
    """`x.unbind`, a tuple of views."""
    return Lowered(method(at.inputs[0], "unbind", along(at.types[0], op.axis, op.name)))


@lowers(FrameDifference)
def frame_difference(op: FrameDifference, at: Site) -> Lowered:
    """`torch.diff`."""
    return Lowered(call("torch.diff", *at.inputs, dim=frames(op, at.types[0])))
