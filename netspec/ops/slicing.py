"""Parts of a value along one axis: a stretch, one place, all places apart, and the changes from place to place."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts, same_axis
from netspec.ir.op import Constraint, Inferred, Op, Relation, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views, alike, fixed, scattered, window
from netspec.ops import interval
from netspec.ops.axes import along
from netspec.ops.elementwise import floating
from netspec.ops.rearrange import apart_from, without

MOST_PARTS = 1024


class Narrow(Op):
    """Take the stretch from `start` to before `stop` along an axis, as `x[start:stop:step]` does in Python.

    Negative places count from the end. A stretch that is empty or goes past the end is an error, not a shorter one.
    With a `step` of 2 every second place of the stretch is taken, its first always; `flip` turns the order round.
    """

    name: ClassVar[str] = "narrow"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: str
    start: int = 0
    stop: int | None = None
    step: int = Field(default=1, ge=1)
    """How far one taken place is from the next."""

    def infer(self, x: TensorType) -> Inferred:
        """The axis gets the length of the stretch. Order along it stays, a sum of one along it does not."""
        place = along(x, self.axis, self.name)
        size = x.axes[place].size
        low = Dim.of(self.start) if self.start >= 0 else size + self.start
        high = size if self.stop is None else Dim.of(self.stop) if self.stop >= 0 else size + self.stop
        of = f"of `{self.axis}`, which has the size `{size}`"
        early = f"`start: {self.start}` is before the first place {of}"
        late = f"`stop: {self.stop}` is past the last place {of}"
        empty = f"nothing is left between `start` at `{low}` and `stop` at `{high}` {of}"
        last = "start" if self.stop is None else "stop"
        needed = [
            *_needed(low, ">=", Dim.of(0), "start", early, f"use `start: -{size}` or more"),
            *_needed(size, ">=", high, "stop", late, f"use `stop: {size}` or less, or leave it out"),
            *_needed(high, ">", low, last, empty, "let the stretch end after it starts"),
        ]
        axes = (*x.axes[:place], Axis(self.axis, (high - low).ceildiv(self.step)), *x.axes[place + 1 :])
        facts = apart_from(x.facts, self.axis, keep=("nondecreasing",))
        return Inferred((replace(x, axes=axes, facts=facts),), constraints=tuple(needed))

    def views(self, x: TensorType) -> tuple[Views]:
        """The same places, counted from another start, or every so many of them."""
        start = self.start if self.start >= 0 else (x.size(self.axis) + self.start).value
        along = (
            scattered(self.axis) if start is None else window(self.axis, 1, stride=self.step, padding=-start)
        )
        return ({**alike(x.names), self.axis: along},)

    @staticmethod
    def samples() -> list[Sample]:
        """From either end, facts that stay and that go, and stretches that are not there."""
        cine = tensor(batch=2, time=6, height=2, width=3)
        order = tensor(batch=2, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"))
        share = tensor(batch=2, bin=6, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(cine, axis="time", start=2),
            good(cine, axis="time", stop=4),
            good(cine, axis="width", start=-2),
            good(cine, axis="time", start=1, stop=-1),
            good(cine, axis="time", start=1, step=2),
            good(cine, axis="time", start=-5, stop=-1, step=3),
            good(order, axis="bin", start=1, stop=5),
            good(share, axis="bin", stop=-1),
            bad("NS230", cine, axis="time", start=6),
            bad("NS230", cine, axis="time", stop=7),
            bad("NS230", cine, axis="time", start=3, stop=3),
            bad("NS230", cine, axis="time", start=-7),
            bad("NS253", cine, axis="slice"),
            bad("NS256", cine, axis="batch"),
        ]


class Select(Op):
    """Take one place along an axis, which is gone then: `select: {axis: time, index: 0}`; -1 is the last place."""

    name: ClassVar[str] = "select"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: str
    index: int = 0
    """Which place; -1 is the last."""

    def infer(self, x: TensorType) -> Inferred:
        """The other axes stay, and what holds along them."""
        place = along(x, self.axis, self.name)
        size = x.axes[place].size
        least = self.index + 1 if self.index >= 0 else -self.index
        holds = decide(size, ">=", least)
        if holds is False:
            raise Problem(
                "NS231",
                f"there is no place `{self.index}` along `{self.axis}`, which has the size `{size}`",
                at="index",
                help=f"places run from `0` to `{size - 1}`, and from `-1` back",
            )
        why = f"there is a place `{self.index}` along `{self.axis}`"
        constraints = () if holds else (Constraint(size, ">=", Dim.of(least), why, at="index"),)
        facts = apart_from(x.facts, self.axis)
        return Inferred((replace(x, axes=without(x.axes, place), facts=facts),), constraints=constraints)

    def views(self, x: TensorType) -> tuple[Views]:
        """The place that is taken, which is not known where it is counted from the end of a free size."""
        place = self.index if self.index >= 0 else (x.size(self.axis) + self.index).value
        rest = alike(axis for axis in x.names if axis != self.axis)
        return (rest if place is None else {**rest, self.axis: fixed(place)},)

    @staticmethod
    def samples() -> list[Sample]:
        """First, last, any, and a place that is not there."""
        cine = tensor(batch=2, time=4, height=2, width=3)
        share = tensor(batch=2, time=2, bin=3, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(cine, axis="time"),
            good(cine, axis="time", index=-1),
            good(cine, axis="width", index=1),
            good(share, axis="time", index=1),
            good(share, axis="bin", index=1),
            bad("NS231", cine, axis="time", index=4),
            bad("NS231", cine, axis="time", index=-5),
            bad("NS253", cine, axis="slice"),
            bad("NS256", cine, axis="batch"),
        ]


class Unbind(Op):
    """Take all places along an axis apart: as many values as its size says, each without the axis."""

    name: ClassVar[str] = "unbind"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: str

    def infer(self, x: TensorType) -> Inferred:
        """One output for every place; the size must be fixed."""
        place = along(x, self.axis, self.name)
        size = x.axes[place].size
        if size.value is None or not 1 <= size.value <= MOST_PARTS:
            raise Problem(
                "NS233",
                f"`unbind` makes one value for each place, and `{self.axis}` has the size `{size}`",
                at="axis",
                help=f"fix the size in the input's `shape`, at most {MOST_PARTS}; `select` takes one place",
            )
        part = replace(x, axes=without(x.axes, place), facts=apart_from(x.facts, self.axis))
        return Inferred((part,) * size.value)

    def views(self, x: TensorType) -> tuple[Views]:
        """One place along the axis, another one for each result: nothing that holds for all."""
        return (alike(axis for axis in x.names if axis != self.axis),)

    @staticmethod
    def samples() -> list[Sample]:
        """Two values and four, whole numbers, and a size nobody wants so many values of."""
        return [
            good(tensor(batch=3, feature=2, facts=Facts(low=0, high=5), unit="ml"), axis="feature"),
            good(tensor(batch=2, channel=4, height=2, width=2), axis="channel"),
            good(tensor("int64", batch=2, time=2, facts=Facts(classes=3)), axis="time"),
            good(tensor(batch=2, time=1, height=2), axis="time"),
            bad("NS233", tensor(batch=1, feature=1025), axis="feature"),
            bad("NS253", tensor(batch=3, feature=2), axis="time"),
            bad("NS256", tensor(batch=3, feature=2), axis="batch"),
        ]


class FrameDifference(Op):
    """The changes from each place to the next along an axis: `y[i] = x[i + 1] - x[i]`, one place fewer.

    Without `axis` it works along `time` where there is one, else along the first axis after the batch.
    """

    name: ClassVar[str] = "frame_difference"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The axis loses one place; the unit stays, and bounds are those of a difference."""
        floating(x, self.name, 0)
        place = frames(self, x)
        axis = x.axes[place]
        enough = decide(axis.size, ">=", 2)
        if enough is False:
            raise Problem(
                "NS232",
                f"a change needs two places, and `{axis.name}` has the size `{axis.size}`: {x.named()}",
                at=0,
                help="name another `axis`, or leave the difference out",
            )
        why = f"a change along `{axis.name}` needs two places"
        constraints = () if enough else (Constraint(axis.size, ">=", Dim.of(2), why),)
        low, high = interval.add(interval.of(x), interval.negative(interval.of(x)))
        if same_axis(x.facts.nondecreasing, axis.name):
            low = 0.0
        axes = (*x.axes[:place], Axis(axis.name, axis.size - 1), *x.axes[place + 1 :])
        return Inferred((replace(x, axes=axes, facts=Facts(low=low, high=high)),), constraints=constraints)

    def views(self, x: TensorType) -> tuple[Views]:
        """Two places that follow one another."""
        axis = x.names[frames(self, x)]
        return ({**alike(x.names), axis: window(axis, 2)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Frames as channels, a time axis found by itself, a named axis, and a single frame."""
        return [
            good(tensor(batch=2, channel=4, height=2, width=3, facts=Facts(low=0, high=255))),
            good(tensor(batch=2, slice=2, time=3, height=2)),
            good(
                tensor(batch=2, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"), unit="ml"), axis="bin"
            ),
            good(tensor(batch=2, channel=3, width=2), axis="width"),
            bad("NS232", tensor(batch=2, channel=1, height=4)),
            bad("NS253", tensor(batch=2, channel=4), axis="time"),
            bad("NS254", tensor(batch=2)),
            bad("NS256", tensor(batch=2, channel=4), axis="batch"),
            bad("NS310", tensor("int64", batch=2, time=4)),
        ]


def frames(op: FrameDifference, x: TensorType) -> int:
    """Where the axis of the frames is."""
    return along(x, "time" if op.axis is None and x.find("time") is not None else op.axis, op.name)


def _needed(left: Dim, relation: Relation, right: Dim, at: str, false: str, help: str) -> list[Constraint]:
    """What a stretch needs: a constraint where that depends, nothing where it is proved, else Problem NS230."""
    holds = decide(left, relation, right)
    if holds is False:
        raise Problem("NS230", false, at=at, help=help)
    return [] if holds else [Constraint(left, relation, right, "the stretch is there", at=at)]
