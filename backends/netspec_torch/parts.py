"""A value cut into several by `split`, a tuple of views."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.parts import Chunk, Split, split_sizes
from netspec_torch.rule import Lowered, Site, Value, lowers, method, subscript


@lowers(Split)
def split(op: Split, at: Site) -> Lowered:
    """`x.split`; one part that is known to be all of it is the input itself."""
    (x,) = at.inputs
    place, found = split_sizes(op, at.types[0])
    sizes: list[Value] = [*found]
    made = method(x, "split", op.sizes if isinstance(op.sizes, int) else sizes, place)
    if len(sizes) > 1:
        return Lowered(made)
    return Lowered(x if at.types[0].axes[place].size == found[0] else subscript(made, 0))


@lowers(Chunk)
def chunk(op: Chunk, at: Site) -> Lowered:
    """`x.chunk`; of a free size `x.unflatten`, which refuses parts that are not equal, and `unbind`."""
    (x,) = at.inputs
    place = along(at.types[0], op.axis, op.name)
    if op.chunks == 1:
        return Lowered(x)
    if at.types[0].axes[place].size.value is not None:
        return Lowered(method(x, "chunk", op.chunks, place))
    return Lowered(method(method(x, "unflatten", place, (op.chunks, -1)), "unbind", place))
