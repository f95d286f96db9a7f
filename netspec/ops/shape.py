"""Ops that move no number: they give the axes other names, make axes of size 1, drop them, or make one axis of all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, FEATURE, Axis, TensorType, tensor
from netspec.ir.view import Views, alike, fixed, same, scattered
from netspec.ops.axes import along, listed
from netspec.ops.rearrange import apart_from, renamed, unused, without

Pairs = tuple[tuple[str, str], ...]


class Flatten(Op):
    """Lay all axes after the batch out as one, called `feature`, the last axis fastest.

    `[batch, channel, height, width]` becomes `[batch, feature]` of the size channel * height * width.
    """

    name: ClassVar[str] = "flatten"
    moves: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """Bounds, classes, masks and the unit stay; what holds along one axis stays only if there was no other."""
        if not x.batched or x.rank < 2:
            raise Problem(
                "NS225",
                f"`flatten` lays out the axes after the batch, and there are none: {x.named()}",
                at=0,
                help="leave `flatten` out; `- unsqueeze: feature` makes an axis of size 1",
            )
        total = Dim.of(1)
        for axis in x.axes[1:]:
            total = total * axis.size
        facts = renamed(x.facts, {x.names[1]: FEATURE}) if x.rank == 2 else x.facts.without_axes()
        return Inferred((replace(x, axes=(x.axes[0], Axis(FEATURE, total)), facts=facts),))

    def views(self, x: TensorType) -> tuple[Views]:
        """One place along each axis, which depends on the place in a way that is no window."""
        return (alike((BATCH,)) | dict.fromkeys(x.names[1:], scattered(FEATURE)),)

    @staticmethod
    def samples() -> list[Sample]:
        """An image, a row, a mask, and a number for each sample, which has nothing to lay out."""
        share = Facts(low=0, high=1, sums_to_one="bin")
        return [
            good(tensor(batch=2, channel=3, height=2, width=4, unit="ml")),
            good(tensor(batch=2, channel=3)),
            good(tensor(batch=2, bin=3, facts=share)),
            good(tensor(batch=2, time=2, bin=3, facts=share)),
            good(tensor("bool", batch=2, height=2, width=2)),
            bad("NS225", tensor(batch=2)),
        ]


class Rename(Op):
    """Call axes by other names: `rename: {time: channel}`. Nothing moves; several may be renamed at once."""

    name: ClassVar[str] = "rename"
    moves: ClassVar[bool] = True
    free_arguments: ClassVar[bool] = True

    axes: Pairs = Field(min_length=1)
    """Old names and the new ones, written without the word: `rename: {time: channel}`."""

    @model_validator(mode="before")
    @classmethod
    def from_words(cls, written: Any) -> Any:
        """The written arguments are themselves the pairs, `{old: new}`."""
        if not isinstance(written, Mapping) or isinstance(written.get("axes"), tuple):
            return written
        return {"axes": tuple(written.items())}

    def infer(self, x: TensorType) -> Inferred:
        """The same axes under the new names, facts along them included."""
        names = dict(self.axes)
        for old in names:
            if old == BATCH or old not in x.names:
                what = "samples keep their axis" if old == BATCH else f"there is no such axis in {x.named()}"
                help = f"the axes are {listed(x, new_place(x))}"
                raise Problem("NS253", f"`rename` of `{old}`: {what}", at=old, help=help)
        rest = x.with_axes(axis for axis in x.axes if axis.name not in names)
        for old, new in names.items():
            unused(rest, new, at=old)
            rest = rest.with_axes((*rest.axes, Axis(new, Dim.of(1))))
        axes = tuple(replace(axis, name=names.get(axis.name, axis.name)) for axis in x.axes)
        return Inferred((replace(x, axes=axes, facts=renamed(x.facts, names)),))

    def views(self, x: TensorType) -> tuple[Views]:
        """The same places under the new names."""
        names = dict(self.axes)
        return ({axis: same(names.get(axis, axis)) for axis in x.names},)

    @staticmethod
    def samples() -> list[Sample]:
        """One axis, two exchanged, and names that cannot be."""
        cine = tensor(batch=2, time=3, height=2, width=4)
        curve = tensor(batch=2, feature=4, facts=Facts(low=0, high=1, nondecreasing="feature"))
        return [
            good(cine, time="channel"),
            good(cine, height="width", width="height"),
            good(curve, feature="bin"),
            good(tensor(batch=2, axes=3), axes="channel"),
            bad("NS253", cine, slice="channel"),
            bad("NS226", cine, time="height"),
            bad("NS226", cine, time="channel", height="channel"),
            bad("NS226", cine, time="Channel 1"),
            bad("NS253", cine, batch="channel"),
            bad("NS226", cine, time="batch"),
        ]


class Unsqueeze(Op):
    """Make a new axis of size 1, the first after the batch: `unsqueeze: channel` of `[batch, height, width]`."""

    name: ClassVar[str] = "unsqueeze"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: str

    def infer(self, x: TensorType) -> Inferred:
        """All axes, facts and the unit stay; the new axis stands behind the batch."""
        unused(x, self.axis, at="axis")
        place = new_place(x)
        return Inferred((replace(x, axes=(*x.axes[:place], Axis(self.axis, Dim.of(1)), *x.axes[place:])),))

    def views(self, x: TensorType) -> tuple[Views]:
        """The same places."""
        return (alike(x.names),)

    @staticmethod
    def samples() -> list[Sample]:
        """An image without channels, a number for each sample, a plain number, and a name that is taken."""
        share = Facts(low=0, high=1, sums_to_one="bin")
        return [
            good(tensor(batch=2, height=2, width=4), axis="channel"),
            good(tensor(batch=2, unit="ml"), axis="feature"),
            good(tensor(batch=2, bin=4, facts=share), axis="time"),
            good(tensor(), axis="feature"),
            bad("NS226", tensor(batch=2, height=2), axis="height"),
            bad("NS226", tensor(batch=2, height=2), axis="2d"),
            bad("NS226", tensor(height=2), axis="batch"),
        ]


class Squeeze(Op):
    """Drop an axis of size 1: `squeeze: channel` of `[batch, channel: 1, height, width]`."""

    name: ClassVar[str] = "squeeze"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: str

    def infer(self, x: TensorType) -> Inferred:
        """The other axes and all they hold stay; a free size must turn out to be 1."""
        place = along(x, self.axis, self.name)
        size = x.axes[place].size
        one = decide(size, "==", 1)
        if one is False:
            raise Problem(
                "NS229",
                f"`squeeze` drops an axis of size `1`, and `{self.axis}` has `{size}`: {x.named()}",
                at="axis",
                help=f"take one place of it, `- select: {{axis: {self.axis}, index: 0}}`, or its mean",
            )
        why = f"`squeeze` drops `{self.axis}`"
        constraints = () if one else (Constraint(size, "==", Dim.of(1), why, at="axis"),)
        facts = apart_from(x.facts, self.axis)
        return Inferred((replace(x, axes=without(x.axes, place), facts=facts),), constraints=constraints)

    def views(self, x: TensorType) -> tuple[Views]:
        """The same places, and the one along the axis that is dropped."""
        return ({**alike(x.names), self.axis: fixed(0)},)

    @staticmethod
    def samples() -> list[Sample]:
        """First, last and only axes, facts that stay, and an axis that is too long."""
        return [
            good(tensor(batch=2, channel=1, height=2, width=4), axis="channel"),
            good(tensor(batch=2, feature=1, facts=Facts(low=0, high=1), unit="ml"), axis="feature"),
            good(
                tensor(batch=2, time=1, bin=3, facts=Facts(low=0, high=1, nondecreasing="bin")), axis="time"
            ),
            good(tensor(batch=2, time=1, facts=Facts(low=0, sums_to_one="time")), axis="time"),
            bad("NS229", tensor(batch=2, channel=3), axis="channel"),
            bad("NS253", tensor(batch=2, channel=1), axis="time"),
            bad("NS256", tensor(batch=1, channel=1), axis="batch"),
        ]


def new_place(x: TensorType) -> int:
    """Where a new axis goes: behind the batch."""
    return 1 if x.batched else 0
