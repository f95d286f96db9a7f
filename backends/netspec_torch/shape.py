"""Other axes for the same numbers; names are no matter of PyTorch."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.shape import Flatten, Rename, Squeeze, Unsqueeze, new_place
from netspec_torch.rule import Lowered, Site, call, lowers, method


@lowers(Flatten)
def flatten(op: Flatten, at: Site) -> Lowered:
    """`torch.flatten` from the first axis after the batch on."""
    del op
    return Lowered(call("torch.flatten", *at.inputs, 1))


@lowers(Rename)
def rename(op: Rename, at: Site) -> Lowered:
    """The input itself."""
    del op
    return Lowered(at.inputs[0])


@lowers(Unsqueeze)
def unsqueeze(op: Unsqueeze, at: Site) -> Lowered:
    """`x.unsqueeze`."""
    del op
    return Lowered(method(at.inputs[0], "unsqueeze", new_place(at.types[0])))


@lowers(Squeeze)
def squeeze(op: Squeeze, at: Site) -> Lowered:
    """`x.squeeze`."""
    return Lowered(method(at.inputs[0], "squeeze", along(at.types[0], op.axis, op.name)))
