"""Other axes for the same numbers; names are no matter of PyTorch."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.shape import Flatten, Rename, Squeeze, Unsqueeze, flattened, new_place
from netspec_torch.rule import Lowered, Site, call, lowers, method


@lowers(Flatten)
def flatten(op: Flatten, at: Site) -> Lowered:
    """`torch.flatten` from the first axis to the last; all after the batch need no last one."""
    first, last = flattened(op, at.types[0])
    ends = (first,) if last == at.types[0].rank - 1 else (first, last)
    return Lowered(call("torch.flatten", *at.inputs, *ends))


@lowers(Rename)
def rename(op: Rename, at: Site) -> Lowered:
    """The input itself."""
    del op
    return Lowered(at.inputs[0])


@lowers(Unsqueeze)
def unsqueeze(op: Unsqueeze, at: Site) -> Lowered:
    """`x.unsqueeze`."""
    return Lowered(method(at.inputs[0], "unsqueeze", new_place(at.types[0], op.after, op.name)))


@lowers(Squeeze)
def squeeze(op: Squeeze, at: Site) -> Lowered:
    """`x.squeeze`."""
    return Lowered(method(at.inputs[0], "squeeze", along(at.types[0], op.axis, op.name)))
