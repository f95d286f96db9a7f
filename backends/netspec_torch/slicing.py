"""Parts along an axis by indexing, as in `x[:, 1:5]`."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.slicing import FrameDifference, Narrow, Select, Unbind, frames
from netspec_torch.rule import Lowered, Site, call, lowers, method, subscript


@lowers(Narrow)
def narrow(op: Narrow, at: Site) -> Lowered:
    """`x[:, start:stop:step]`; of a free size `x.narrow`, which refuses what is too short."""
    (x,) = at.inputs
    place = along(at.types[0], op.axis, op.name)
    before = [slice(None)] * place
    step = None if op.step == 1 else op.step
    stop = op.stop if op.stop is not None or op.start >= 0 else 0
    if at.types[0].axes[place].size.value is None and stop is not None and (op.start < 0) == (stop <= 0):
        part = method(x, "narrow", place, op.start, stop - op.start)
        return Lowered(part if step is None else subscript(part, *before, slice(None, None, step)))
    return Lowered(subscript(x, *before, slice(op.start or None, op.stop, step)))


@lowers(Select)
def select(op: Select, at: Site) -> Lowered:
    """`x[:, index]`."""
    before = [slice(None)] * along(at.types[0], op.axis, op.name)
    return Lowered(subscript(at.inputs[0], *before, op.index))


@lowers(Unbind)
def unbind(op: Unbind, at: Site) -> Lowered:
    """`x.unbind`, a tuple of views; a single place by `x.squeeze`."""
    place = along(at.types[0], op.axis, op.name)
    single = at.types[0].axes[place].size == 1
    return Lowered(method(at.inputs[0], "squeeze" if single else "unbind", place))


@lowers(FrameDifference)
def frame_difference(op: FrameDifference, at: Site) -> Lowered:
    """`torch.diff`."""
    return Lowered(call("torch.diff", *at.inputs, dim=frames(op, at.types[0])))
