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
from netspec.ir.record import Words
from netspec.ir.types import BATCH, FEATURE, Axis, TensorType, tensor
from netspec.ir.view import Views, alike, fixed, same, scattered
from netspec.ops.axes import along, listed
from netspec.ops.rearrange import OVER, about, apart_from, over, renamed, unused, without

Pairs = tuple[tuple[str, str], ...]


class Flatten(Op):
    """Lay axes out as one, the last fastest: `flatten` all after the batch, `flatten: [height, width]` those two.

    `[batch, channel, height, width]` becomes `[batch, feature]` of the size channel * height * width, or with
    `flatten: {axis: [height, width], to: place}` `[batch, channel, place]`. Named axes stand side by side, in order.
    """

    name: ClassVar[str] = "flatten"
    moves: ClassVar[bool] = True
    main: ClassVar[str | None] = "axis"
    words: ClassVar[tuple[str, ...]] = ("axis", "to")

    axis: Words | None = None
    """The axes that become one, as they follow one another; without it all after the batch."""
    to: str = FEATURE
    """What the one axis is called."""

    def infer(self, x: TensorType) -> Inferred:
        """Bounds, classes, masks and the unit stay; what holds along one axis stays only if it is alone."""
        first, last = flattened(self, x)
        total = Dim.of(1)
        for axis in x.axes[first : last + 1]:
            total = total * axis.size
        rest = (*x.axes[:first], *x.axes[last + 1 :])
        unused(TensorType(rest), self.to, at="to")
        names = dict.fromkeys(x.names[first : last + 1], self.to if first == last else None)
        kept = {key: names.get(name, name) for key in OVER if (name := over(x.facts, key)) is not None}
        facts = about(x.facts, kept)
        axes = (*x.axes[:first], Axis(self.to, total), *x.axes[last + 1 :])
        return Inferred((replace(x, axes=axes, facts=facts),))

    def views(self, x: TensorType) -> tuple[Views]:
        """One place along each axis, which depends on the place in a way that is no window."""
        first, last = flattened(self, x)
        return (alike(x.names) | dict.fromkeys(x.names[first : last + 1], scattered(self.to)),)

    @staticmethod
    def samples() -> list[Sample]:
        """An image, a row, a mask, some axes, and a number for each sample, which has nothing to lay out."""
        share = Facts(low=0, high=1, sums_to_one="bin")
        image = tensor(batch=2, channel=3, height=2, width=4, unit="ml")
        return [
            good(image),
            good(tensor(batch=2, channel=3)),
            good(tensor(batch=2, bin=3, facts=share)),
            good(tensor(batch=2, time=2, bin=3, facts=share)),
            good(tensor("bool", batch=2, height=2, width=2)),
            good(image, axis=("height", "width"), to="place"),
            good(image, axis=("channel", "height")),
            good(image, axis=("channel",), to="frame"),
            good(tensor(batch=2, bin=3, time=2, slice=2, facts=share), axis=("time", "slice")),
            good(tensor(batch=2, bin=3, time=2, facts=share), to="moment", axis=("bin",)),
            bad("NS225", tensor(batch=2)),
            bad("NS226", image, axis=("height", "width"), to="channel"),
            bad("NS226", image, to="Place"),
            bad("NS253", image, axis=("height", "depth")),
            bad("NS254", image, axis=()),
            bad("NS256", image, axis=("batch", "channel")),
            bad("NS258", image, axis=("height", "height")),
            bad("NS268", image, axis=("channel", "width")),
            bad("NS268", image, axis=("width", "height")),
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
        if not written:
            raise ValueError("which axes? Write `rename: {time: channel}`")
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
    """Make a new axis of size 1, the first after the batch: `unsqueeze: channel` of `[batch, height, width]`.

    With `after` it stands behind another axis: `unsqueeze: {axis: depth, after: channel}`.
    """

    name: ClassVar[str] = "unsqueeze"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("axis", "after")

    axis: str
    after: str | None = None
    """The axis that the new one stands behind; without it the batch."""

    def infer(self, x: TensorType) -> Inferred:
        """All axes, facts and the unit stay."""
        unused(x, self.axis, at="axis")
        place = new_place(x, self.after, self.name)
        return Inferred((replace(x, axes=(*x.axes[:place], Axis(self.axis, Dim.of(1)), *x.axes[place:])),))

    def views(self, x: TensorType) -> tuple[Views]:
        """The same places."""
        return (alike(x.names),)

    @staticmethod
    def samples() -> list[Sample]:
        """An image without channels, a number for each sample, a plain number, places, and names that cannot be."""
        share = Facts(low=0, high=1, sums_to_one="bin")
        return [
            good(tensor(batch=2, height=2, width=4), axis="channel"),
            good(tensor(batch=2, unit="ml"), axis="feature"),
            good(tensor(batch=2, bin=4, facts=share), axis="time"),
            good(tensor(), axis="feature"),
            good(tensor(batch=2, channel=3, height=2, width=4), axis="depth", after="channel"),
            good(tensor(batch=2, bin=4, facts=share), axis="time", after="bin"),
            good(tensor(batch=2, bin=4), axis="time", after="batch"),
            bad("NS226", tensor(batch=2, height=2), axis="height"),
            bad("NS226", tensor(batch=2, height=2), axis="2d"),
            bad("NS226", tensor(height=2), axis="batch"),
            bad("NS253", tensor(batch=2, height=2), axis="width", after="depth"),
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


def new_place(x: TensorType, after: str | None = None, op: str = "") -> int:
    """Where a new axis goes: behind the axis `after`, else behind the batch; Problem for an axis that is not there."""
    if after is None:
        return 1 if x.batched else 0
    found = x.find(after)
    if found is None:
        message = f"`{op}` puts the new axis after `{after}`, and its input is {x.named()}"
        raise Problem("NS253", message, at="after", help=f"the axes are {listed(x)}")
    return found + 1


def flattened(op: Flatten, x: TensorType) -> tuple[int, int]:
    """The positions of the first and the last axis that become one; Problem where they do not follow one another."""
    if op.axis is None:
        if not x.batched or x.rank < 2:
            raise Problem(
                "NS225",
                f"`flatten` lays out the axes after the batch, and there are none: {x.named()}",
                at=0,
                help="leave `flatten` out; `- unsqueeze: feature` makes an axis of size 1",
            )
        return 1, x.rank - 1
    if not op.axis:
        raise Problem(
            "NS254", "`flatten` of no axis", at="axis", help="name those that become one, or leave it out"
        )
    places = [along(x, word, op.name) for word in op.axis]
    for i, word in enumerate(op.axis):
        if word in op.axis[:i]:
            raise Problem("NS258", f"`flatten` names `{word}` twice", at="axis", help="name each axis once")
    if places != list(range(places[0], places[0] + len(places))):
        named = ", ".join(f"`{word}`" for word in op.axis)
        raise Problem(
            "NS268",
            f"`flatten` keeps the order of the numbers, and {named} do not follow one another in {x.named()}",
            at="axis",
            help="name neighbours in their order, or bring them together with `permute` before it",
        )
    return places[0], places[-1]
