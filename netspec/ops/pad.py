"""Padding: more places around a value, by amounts, up to a multiple, or up to the size of another value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import Views
from netspec.ops.elementwise import floating
from netspec.ops.extent import End, Sides, by_axis, matched, named_places, same_space, split
from netspec.ops.padding import Amounts, Mode, padded_type, padded_views
from netspec.ops.window import layout, spatial


class Pad(Op):
    """Add places before and after: `pad: 1`, or by axis `pad: {height: 1, width: [0, 2], mode: reflect}`.

    A number is for both sides, a list of two for before and after; without names it holds for every axis of space. The
    new places hold `value`, with `mode: reflect` the mirror image without the edge, with `replicate` the edge's number,
    with `circular` what stands at the other end. `constant` pads any axis but the batch, the others those of space.
    """

    name: ClassVar[str] = "pad"
    main: ClassVar[str | None] = "padding"
    moves: ClassVar[bool] = True
    free_arguments: ClassVar[bool] = True

    padding: int | None = Field(default=None, ge=0)
    """Places on both sides of every axis of space."""
    axes: Sides = ()
    """Places by axis, written without the word: `pad: {height: 1, width: [0, 2]}`."""
    mode: Mode = "constant"
    value: float = Field(default=0.0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def from_words(cls, written: Any) -> Any:
        """Arguments that are none of the op's own are axes with their amounts."""
        gathered = by_axis(cls, written, pairs=True)
        if isinstance(gathered, Mapping) and not gathered.keys() & {"padding", "axes"}:
            raise ValueError("how many places? write `pad: 1`, or `pad: {height: 1, width: [0, 2]}`")
        return gathered

    def infer(self, x: TensorType) -> Inferred:
        """Padded axes grow; bounds take in `value`, and the other modes keep them with masks and classes."""
        floating(x, self.name, 0)
        amounts = self.amounts(x)
        return padded_type(self, x, amounts, {place: _named(self, x, place) for place in amounts})

    def views(self, x: TensorType) -> tuple[Views]:
        """The place it comes from, counted from another start."""
        return (padded_views(self, x, self.amounts(x)),)

    def amounts(self, x: TensorType) -> Amounts:
        """Places before and after by axis."""
        return {place: (Dim.of(low), Dim.of(high)) for place, (low, high) in pad_amounts(self, x).items()}

    @staticmethod
    def samples() -> list[Sample]:
        """Every mode and rank, sides apart, facts that stay and go, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=3, width=4)
        bright = tensor(batch=2, channel=3, width=4, facts=Facts(low=1, high=2, nondecreasing="channel"))
        share = tensor(batch=2, channel=3, width=4, facts=Facts(low=0, high=1, sums_to_one="channel"))
        mask = tensor(batch=2, channel=1, width=4, facts=Facts(low=0, high=1, mask=True), unit="ml")
        return [
            good(image, padding=1),
            good(image, padding=1, height=(0, 2), value=-0.5),
            good(image, channel=(0, 2)),
            good(image, height=2, width=(3, 0), mode="reflect"),
            good(image, width=(1, 4), mode="circular"),
            good(tensor(batch=1, channel=2, depth=2, height=2, width=3), padding=3, mode="replicate"),
            good(bright, padding=1),
            good(bright, channel=1),
            good(bright, channel=0, value=5.0),
            good(share, padding=1, mode="reflect"),
            good(mask, padding=1),
            good(mask, padding=1, value=0.5),
            good(tensor(batch=2, time=3, bin=4), time=1),
            bad("NS210", tensor(batch=2, feature=3), padding=1),
            bad("NS217", image, height=(0, -1)),
            bad("NS241", image, height=3, mode="reflect"),
            bad("NS241", image, height=4, mode="circular"),
            bad("NS242", image, channel=1, mode="reflect"),
            bad("NS243", image, padding=1, mode="reflect", value=1.0),
            bad("NS253", image, depth=1),
            bad("NS256", image, batch=1),
            bad("NS310", tensor("int64", batch=2, channel=3, width=6), padding=1),
        ]


class PadToMultiple(Op):
    """Add places up to the next size that `multiple` divides: 65 becomes 80 with `pad_to_multiple: 16`.

    A network that halves its input four times and joins what it had takes any size then. The places come at the end of
    each axis of space, where a pool or a convolution with a stride leaves out what does not fit, or with `at: center`
    evenly around, an odd one at the end. `crop_like` takes them off again. `mode` and `value` are as in `pad`.
    """

    name: ClassVar[str] = "pad_to_multiple"
    main: ClassVar[str | None] = "multiple"
    moves: ClassVar[bool] = True

    multiple: Sizes
    at: End = "end"
    mode: Mode = "constant"
    value: float = Field(default=0.0, allow_inf_nan=False)

    def infer(self, x: TensorType) -> Inferred:
        """Each size is `ceil(size / multiple) * multiple`; facts are those after `pad`."""
        floating(x, self.name, 0)
        layout(x, self.name)
        amounts = self.amounts(x)
        return padded_type(self, x, amounts, dict.fromkeys(amounts, "multiple"))

    def views(self, x: TensorType) -> tuple[Views]:
        """The place it comes from, counted from another start."""
        return (padded_views(self, x, self.amounts(x)),)

    def amounts(self, x: TensorType) -> Amounts:
        """Places before and after by axis."""
        multiples = dict(enumerate(spatial(self.multiple, x, "multiple", least=1), start=2))
        sizes = {place: x.axes[place].size for place in multiples}
        return {
            i: split(size.ceildiv(multiples[i]) * multiples[i] - size, self.at) for i, size in sizes.items()
        }

    @staticmethod
    def samples() -> list[Sample]:
        """Sizes that fit and that do not, both places, every rank, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=5, width=4)
        return [
            good(image, multiple=4),
            good(image, multiple=(3, 8), at="center", value=1.0),
            good(image, multiple=4, mode="reflect"),
            good(tensor(batch=2, channel=3, width=7, facts=Facts(low=1, high=2)), multiple=4),
            good(tensor(batch=1, channel=2, depth=3, height=2, width=3), multiple=2, mode="replicate"),
            bad("NS210", tensor(batch=2, feature=3), multiple=4),
            bad("NS212", image, multiple=(4, 4, 4)),
            bad("NS217", image, multiple=0),
            bad("NS241", image, multiple=16, mode="reflect"),
            bad("NS243", image, multiple=4, mode="replicate", value=1.0),
            bad("NS310", tensor("bool", batch=2, channel=3, width=6), multiple=4),
        ]


class PadLike(Op):
    """Add places until space is as large as that of another value: `pad_like: skip`.

    The cure for an odd size that lost its last row in a pool and came back one too small. The places come at the end,
    which is where pools and strides leave out what does not fit, or with `at: center` evenly around, an odd one at the
    end. `mode` and `value` are as in `pad`.
    """

    name: ClassVar[str] = "pad_like"
    main: ClassVar[str | None] = "like"
    slots: ClassVar[tuple[str, ...]] = ("x", "like")
    moves: ClassVar[bool] = True

    at: End = "end"
    mode: Mode = "constant"
    value: float = Field(default=0.0, allow_inf_nan=False)

    def infer(self, x: TensorType, like: TensorType) -> Inferred:
        """Space has the sizes of `like`, which must nowhere be smaller; facts are those after `pad`."""
        floating(x, self.name, 0)
        same_space(x, like, self.name)
        needed: list[Constraint] = []
        for place in range(2, x.rank):
            needed += matched(self.name, x.axes[place], like.axes[place], pads=True)
        padded = padded_type(self, x, self.amounts(x, like), dict.fromkeys(range(2, x.rank), "mode"))
        return replace(padded, constraints=(*needed, *padded.constraints))

    def views(self, x: TensorType, like: TensorType) -> tuple[Views | None, ...]:
        """The place it comes from, counted from another start; the numbers of `like` do not matter."""
        return padded_views(self, x, self.amounts(x, like)), None

    def amounts(self, x: TensorType, like: TensorType) -> Amounts:
        """Places before and after by axis."""
        return {
            place: split(like.axes[place].size - x.axes[place].size, self.at) for place in range(2, x.rank)
        }

    @staticmethod
    def samples() -> list[Sample]:
        """One place, several, none, every rank, and values that do not go together."""
        image = tensor(batch=2, channel=3, height=4, width=4)
        skip = tensor(batch=2, channel=5, height=5, width=4)
        return [
            good(image, skip),
            good(image, tensor(batch=2, channel=1, height=8, width=7), at="center", value=2.0),
            good(image, skip, mode="replicate"),
            good(image, image),
            good(tensor(batch=2, channel=3, width=4), tensor(batch=2, channel=1, width=6), mode="reflect"),
            good(
                tensor(batch=1, channel=1, depth=2, height=2, width=2),
                tensor(batch=1, channel=1, depth=3, height=2, width=4),
            ),
            bad("NS210", tensor(batch=2, feature=3), skip),
            bad("NS239", skip, image),
            bad("NS244", image, tensor(batch=2, channel=3, width=4)),
            bad("NS244", image, tensor(batch=2, channel=3, depth=4, width=4)),
            bad("NS241", image, tensor(batch=2, channel=3, height=9, width=4), mode="reflect"),
            bad("NS310", tensor("int64", batch=2, channel=3, height=4, width=4), skip),
        ]


Padding = Pad | PadToMultiple | PadLike


def pad_amounts(op: Pad, x: TensorType) -> dict[int, tuple[int, int]]:
    """Places before and after by axis; Problem for an axis that is not there, the batch, or a number below 0."""
    amounts: dict[int, tuple[int, int]] = {}
    if op.padding is not None:
        amounts = dict.fromkeys(range(2, 2 + len(layout(x, op.name))), (op.padding, op.padding))
    for place, axis, (low, high) in named_places(op.name, op.axes, x):
        for one in (low, high):
            if one < 0:
                raise Problem(
                    "NS217",
                    f"`{axis}` gets {one} places, and padding adds at least 0",
                    at=axis,
                    help="`crop` and `narrow` take places away",
                )
        amounts[place] = (low, high)
    return amounts


def _named(op: Pad, x: TensorType, place: int) -> str:
    """The argument that says how much is added at an axis."""
    axis = x.axes[place].name
    return axis if axis in dict(op.axes) else "padding"
