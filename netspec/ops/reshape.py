"""The same numbers, in the same order, on other axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, FEATURE, Axis, TensorType, tensor
from netspec.ir.view import Views, alike, same, scattered
from netspec.ops.axes import listed
from netspec.ops.rearrange import OVER, about, over, unused

REST = -1
"""The size that stands for whatever is left."""


class Reshape(Op):
    """Lay the numbers of every sample out on other axes: `reshape: {group: 4, channel: -1, width: width}`.

    A size is a number, the name of an axis of the input for the size of that, or once -1 for what is left. The numbers
    keep their order, the last axis fastest, so an axis that keeps its name and its size must keep its places: what
    would take `permute` is an error, not a mix-up of axes. `flatten` makes one axis of several.
    """

    name: ClassVar[str] = "reshape"
    moves: ClassVar[bool] = True
    free_arguments: ClassVar[bool] = True

    axes: tuple[tuple[str, int | str], ...] = Field(min_length=1)
    """The new axes after the batch with their sizes, written without the word: `reshape: {time: 6, feature: -1}`."""

    @model_validator(mode="before")
    @classmethod
    def from_words(cls, written: Any) -> Any:
        """The written arguments are themselves the pairs, `{axis: size}`."""
        if not isinstance(written, Mapping) or isinstance(written.get("axes"), tuple):
            return written
        if not written:
            raise ValueError("which axes? Write `reshape: {time: 6, feature: -1}`")
        for axis, size in written.items():
            if isinstance(size, bool) or not isinstance(size, (int, str)):
                takes = "its size: a whole number, the name of an axis of the input, or -1 for what is left"
                message = f"`{axis}` is the name of a new axis here, and takes {takes}"
                raise ValueError(message)  # noqa: TRY004 - pydantic makes a message of a ValueError alone
        return {"axes": tuple(written.items())}

    def infer(self, x: TensorType) -> Inferred:
        """The new axes; facts of an axis stay where its places do, bounds, classes, masks and the unit everywhere."""
        made = reshaped(self, x)
        names = {key: made.kept.get(axis) for key in OVER if (axis := _named(x, over(x.facts, key)))}
        out = replace(x, axes=made.axes, facts=about(x.facts, names))
        return Inferred((out,), constraints=made.constraints)

    def views(self, x: TensorType) -> tuple[Views]:
        """The same place of an axis that keeps its places; of others nothing that slides is known."""
        made = reshaped(self, x)
        lone = made.axes[-1].name if made.axes and len(made.axes) == 2 and x.batched else None
        rest = (
            {} if lone is None else {axis: scattered(lone) for axis in x.names[1:] if axis not in made.kept}
        )
        kept = {old: same(new) for old, new in made.kept.items()}
        return ({**(alike((BATCH,)) if x.batched else {}), **rest, **kept},)

    @staticmethod
    def samples() -> list[Sample]:
        """Axes that come apart and together, what is left, sizes by name, facts, and every way to be wrong."""
        image = tensor(batch=2, channel=6, height=2, width=4)
        share = tensor(batch=2, time=4, bin=3, facts=Facts(low=0, high=1, sums_to_one="bin"), unit="ml")
        order = tensor(batch=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin"))
        return [
            good(image, group=2, channel=3, height="height", width="width"),
            good(image, group=2, channel=-1, height=2, width=4),
            good(image, channel="channel", place=-1),
            good(image, feature=48),
            good(share, beat=2, time=2, bin="bin"),
            good(share, feature=-1),
            good(order, bin=2, time=2),
            good(order, curve="bin"),
            good(tensor(height=2, width=3), place=6),
            good(tensor(batch=2), feature=1),
            good(tensor("int64", batch=2, time=4, facts=Facts(classes=3)), beat=2, time=-1),
            bad("NS217", image, channel=0, place=-1),
            bad("NS217", image, channel=-2, place=-1),
            bad("NS226", image, channel=6, batch=8),
            bad("NS226", image, channel=6, Place=8),
            bad("NS253", image, channel="channels", place=-1),
            bad("NS256", image, channel="batch", place=-1),
            bad("NS267", image, channel=6, place=7),
            bad("NS267", image, channel=5, place=-1),
            bad("NS268", image, height="height", width="width", channel=-1),
            bad("NS268", tensor(batch=2, channel=4, time=4, width=4), channel=4, width=4, time=4),
            bad("NS269", image, channel=-1, place=-1),
        ]


@dataclass(frozen=True)
class Reshaped:
    """What comes of an input: all axes with the batch, what must hold, and old names of axes whose places stay.

    `rest` are the positions of the old axes whose sizes make the size of the -1, with the number that divides them.
    """

    axes: tuple[Axis, ...]
    constraints: tuple[Constraint, ...]
    kept: Mapping[str, str]
    rest: tuple[tuple[int, ...], int] | None = None


def reshaped(op: Reshape, x: TensorType) -> Reshaped:
    """The new axes of `x`; Problem where the numbers do not go onto them, or would have to be put in another order."""
    first = 1 if x.batched else 0
    sizes = [_size(op, x, axis, size, first) for axis, size in op.axes]
    left = [place for place in range(first, x.rank) if x.axes[place].size != 1]
    divisor = Dim.of(1)
    for size in sizes:  # what is free cancels, so that a quotient is of numbers wherever it can be
        same_size = next(
            (p for p in left if size is not None and size.value is None and x.axes[p].size == size), None
        )
        if same_size is not None:
            left.remove(same_size)
        elif size is not None:
            divisor = divisor * size
    whole = Dim.of(1)
    for place in left:
        whole = whole * x.axes[place].size
    open_axis = next((axis for (axis, _), size in zip(op.axes, sizes, strict=True) if size is None), None)
    if open_axis is not None and divisor.value is None:
        raise Problem(
            "NS269",
            f"what is left for `{open_axis}` is `{whole}` divided by `{divisor}`, which is no whole number of places",
            at=open_axis,
            help="use every free size once, by the name of its axis",
        )
    part = whole // divisor.value if open_axis is not None and divisor.value is not None else divisor
    made = part if open_axis is None else part * divisor
    rest = (tuple(left), divisor.value) if open_axis is not None and divisor.value is not None else None
    axes = tuple(
        Axis(axis, part if size is None else size) for (axis, _), size in zip(op.axes, sizes, strict=True)
    )
    needed = _whole(op, x, axes, whole, made, open_axis)
    kept = _kept(x.axes[first:], axes)
    _ordered(x, axes, first)
    units = {new: x.axes[x.names.index(old)].unit for old, new in kept.items()}
    axes = tuple(replace(axis, unit=units.get(axis.name)) for axis in axes)
    return Reshaped((*x.axes[:first], *axes), needed, kept, rest)


def _size(op: Reshape, x: TensorType, axis: str, size: int | str, first: int) -> Dim | None:
    """One written size; None for the one that is left."""
    before = tuple(Axis(name, Dim.of(1)) for name, _ in op.axes[: [name for name, _ in op.axes].index(axis)])
    unused(TensorType(before), axis, at=axis)
    if isinstance(size, str):
        place = x.find(size)
        if size == BATCH:
            message, help = (
                f"`{axis}` would be as long as the batch",
                "samples keep the first axis: leave it out",
            )
            raise Problem("NS256", message, at=axis, help=help)
        if place is None:
            message = f"`{axis}` takes the size of the axis `{size}`, and the input is {x.named()}"
            raise Problem(
                "NS253", message, at=axis, help=f"the axes are {listed(x, first)}; -1 is what is left"
            )
        return x.axes[place].size
    if size == REST:
        if (other := next(name for name, one in op.axes if one == REST)) != axis:
            message = f"`{other}` and `{axis}` are both what is left"
            raise Problem("NS269", message, at=axis, help="write the size of one of them")
        return None
    if size < 1:
        help = "a size is at least 1; -1 stands for what is left"
        raise Problem("NS217", f"`{axis}` gets the size `{size}`", at=axis, help=help)
    return Dim.of(size)


def _whole(
    op: Reshape, x: TensorType, axes: tuple[Axis, ...], old: Dim, new: Dim, open_axis: str | None
) -> tuple[Constraint, ...]:
    """That as many numbers go in as come out: proved, to be demanded, or Problem NS267."""
    holds = decide(old, "==", new)
    if holds is False:
        have, want = _product(x.sizes[1 if x.batched else 0 :]), _product(axis.size for axis in axes)
        said = ", ".join(f"{axis}: {size}" for axis, size in op.axes)
        message = f"`reshape` of the {have} numbers in {x.named()} to {{{said}}}, which holds {want}"
        if open_axis is not None:
            message = (
                f"`reshape` of the {have} numbers in {x.named()} to {{{said}}} leaves no whole number for -1"
            )
        help = "let the sizes multiply to the same number; one of them may be -1, which is what is left"
        raise Problem("NS267", message, at=open_axis, help=help)
    why = "`reshape` keeps every number"
    return () if holds else (Constraint(old, "==", new, why, at=open_axis),)


def _product(sizes: Any) -> Dim:
    """All sizes multiplied."""
    total = Dim.of(1)
    for size in sizes:
        total = total * size
    return total


def _steps(axes: tuple[Axis, ...]) -> list[Dim]:
    """How many numbers lie between neighbours of each axis."""
    found, step = [], Dim.of(1)
    for axis in reversed(axes):
        found.append(step)
        step = step * axis.size
    return found[::-1]


def _kept(old: tuple[Axis, ...], new: tuple[Axis, ...]) -> dict[str, str]:
    """The old axes whose places are those of a new axis: as many, and as far apart."""
    there = {
        (axis.size, step): axis.name for axis, step in zip(new, _steps(new), strict=True) if axis.size != 1
    }
    pairs = zip(old, _steps(old), strict=True)
    return {axis.name: there[axis.size, step] for axis, step in pairs if (axis.size, step) in there}


def _ordered(x: TensorType, new: tuple[Axis, ...], first: int) -> None:
    """Problem NS268 where an axis keeps its name and size while its places become others."""
    old = x.axes[first:]
    steps = dict(zip((axis.name for axis in old), _steps(old), strict=True))
    shared = [
        axis.name for axis in new if axis.name in steps and axis.size == x.size(axis.name) and axis.size != 1
    ]
    turned = [axis.name for axis in old if axis.name in shared] != shared
    for axis, step in zip(new, _steps(new), strict=True):
        if axis.name in shared and (
            decide(step, "==", steps[axis.name]) is False or (turned and step != steps[axis.name])
        ):
            raise Problem(
                "NS268",
                f"`reshape` keeps the order of the numbers, so `{axis.name}` of the result would not be "
                f"`{axis.name}` of {x.named()}",
                at=axis.name,
                help="`permute` puts axes in another order; for other places give the axis another name",
            )


def _named(x: TensorType, axis: str | None) -> str | None:
    """The axis that a fact means."""
    return x.names[1] if axis == FEATURE and x.find(FEATURE) is None and x.rank == 2 else axis
