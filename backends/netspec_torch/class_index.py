"""Whole numbers that name classes."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.class_index import Argmax, ClassWeight, OneHot
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(OneHot)
def one_hot(op: OneHot, at: Site) -> Lowered:
    """`F.one_hot(x, 3).float()`, the new axis behind the batch."""
    made = call("F.one_hot", at.inputs[0], op.count(at.types[0]))
    place = 1 if at.types[0].batched else 0
    if at.types[0].rank > place:
        made = method(made, "movedim", -1, place)
    return Lowered(method(made, "float"))


@lowers(Argmax)
def argmax(op: Argmax, at: Site) -> Lowered:
    """`x.argmax(dim=1)`."""
    return Lowered(method(at.inputs[0], "argmax", dim=along(at.types[0], op.axis, op.name)))


@lowers(ClassWeight)
def class_weight(op: ClassWeight, at: Site) -> Lowered:
    """`class_weight(x, [1.0, 2.0])`."""
    options: dict[str, Value] = {} if op.ignore_index is None else {"ignore_index": op.ignore_index}
    weight: Value = None if op.weight is None else list(op.weight)
    return Lowered(
        call("class_weight", at.inputs[0], weight, **options), support=("class_weight", "constants")
    )
