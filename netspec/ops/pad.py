"""Padding: more places around a value, by amounts, up to a multiple, or up to the size of another value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ops.elementwise import floating
from netspec.ops.extent import End, Sides, alike, by_axis, matched, named_places, split
from netspec.ops.rearrange import Over, apart_from
from netspec.ops.window import layout, spatial

Mode = Literal["constant", "reflect", "replicate", "circular"]
Amounts = Mapping[int, tuple[Dim, Dim]]
"""Places before and after, by the position of the axis."""


class Pad(Op):
    """Add places before and after: `pad: 1`, or by axis `pad: {height: 1, width: [0, 2], mode: reflect}`.

    A number is for both sides, a list of two for before and after; without names it holds for every axis of space. The
    new places hold `value`, with `mode: reflect` the mirror image without the edge, with `replicate` the edge's number,
    with `circular` what stands at the other end. `constant` pads any axis but the batch, the others those of space.
    """

    name: ClassVar[str] = "pad"
    main: ClassVar[str | None] = "padding"
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
        amounts = {place: (Dim.of(low), Dim.of(high)) for place, (low, high) in pad_amounts(self, x).items()}
        return padded_type(self, x, amounts, {place: _named(self, x, place) for place in amounts})

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

    multiple: Sizes
    at: End = "end"
    mode: Mode = "constant"
    value: float = Field(default=0.0, allow_inf_nan=False)

    def infer(self, x: TensorType) -> Inferred:
        """Each size is `ceil(size / multiple) * multiple`; facts are those after `pad`."""
        floating(x, self.name, 0)
        layout(x, self.name)
        amounts = {}
        for place, one in enumerate(spatial(self.multiple, x, "multiple", least=1), start=2):
            size = x.axes[place].size
            amounts[place] = split(size.ceildiv(one) * one - size, self.at)
        return padded_type(self, x, amounts, dict.fromkeys(amounts, "multiple"))

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

    at: End = "end"
    mode: Mode = "constant"
    value: float = Field(default=0.0, allow_inf_nan=False)

    def infer(self, x: TensorType, like: TensorType) -> Inferred:
        """Space has the sizes of `like`, which must nowhere be smaller; facts are those after `pad`."""
        floating(x, self.name, 0)
        alike(x, like, self.name)
        needed: list[Constraint] = []
        amounts = {}
        for place in range(2, x.rank):
            needed += matched(self.name, x.axes[place], like.axes[place], pads=True)
            amounts[place] = split(like.axes[place].size - x.axes[place].size, self.at)
        padded = padded_type(self, x, amounts, dict.fromkeys(amounts, "mode"))
        return replace(padded, constraints=(*needed, *padded.constraints))

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


def padded_type(op: Padding, x: TensorType, amounts: Amounts, at: Mapping[int, str]) -> Inferred:
    """The value with the places added: its sizes, what is still true of it, and that mirrored places are there."""
    if op.mode != "constant" and op.value != 0:
        raise Problem(
            "NS243",
            f"`mode: {op.mode}` takes its numbers from the input, so that `value: {op.value:g}` means nothing",
            at="value",
            help="leave `value` out, or use `mode: constant`",
        )
    if op.mode != "constant":
        _space_alone(op, x, [x.axes[place].name for place in amounts if place < 2])
    constraints: list[Constraint] = []
    axes = list(x.axes)
    grown = []
    for place, (low, high) in amounts.items():
        axis = x.axes[place]
        if op.mode != "constant":
            constraints += _reached(op, axis, (low, high), at[place])
        axes[place] = Axis(axis.name, axis.size + low + high)
        if not decide(low + high, "==", 0):
            grown.append(axis.name)
    facts = _constant_around(x.facts, op.value, grown) if op.mode == "constant" else _more(op, x.facts, grown)
    return Inferred((replace(x, axes=tuple(axes), facts=facts),), constraints=tuple(constraints))


def _named(op: Pad, x: TensorType, place: int) -> str:
    """The argument that says how much is added at an axis."""
    axis = x.axes[place].name
    return axis if axis in dict(op.axes) else "padding"


def _space_alone(op: Padding, x: TensorType, others: Sequence[str]) -> None:
    """Problem NS242 where an axis that is not space would be mirrored, NS210 where there is no space."""
    if others:
        raise Problem(
            "NS242",
            f"`mode: {op.mode}` works on the axes of space, and `{others[0]}` is none: {x.named()}",
            at=others[0],
            help="use `mode: constant` for it",
        )
    layout(x, op.name)


def _reached(op: Padding, axis: Axis, amounts: tuple[Dim, Dim], at: str) -> list[Constraint]:
    """Each mirrored place is there once: `reflect` leaves out the edge, `circular` takes the whole axis at most."""
    if op.mode == "replicate":
        return []
    most = axis.size - 1 if op.mode == "reflect" else axis.size
    needed = []
    for one in dict.fromkeys(amounts):
        holds = decide(most, ">=", one)
        if holds is False:
            raise Problem(
                "NS241",
                f"`mode: {op.mode}` has `{most}` places to take from along `{axis.name}`, and `{one}` are wanted",
                at=at,
                help=f"add `{most}` or fewer there, or use `mode: replicate` or `constant`",
            )
        if holds is None:
            why = f"`mode: {op.mode}` has enough places along `{axis.name}`"
            needed.append(Constraint(most, ">=", one, why, at=at))
    return needed


def _constant_around(facts: Facts, value: float, grown: Sequence[str]) -> Facts:
    """What is true with places of one value added: they are level over every axis but those that grew."""
    if not grown:
        return facts
    whole = value == int(value) and facts.classes is not None and 0 <= value < facts.classes
    order = facts.nondecreasing if facts.nondecreasing not in (*grown, "feature") else None
    return Facts(
        low=min(facts.low, value),
        high=max(facts.high, value),
        nondecreasing=order,
        classes=facts.classes if whole else None,
        mask=facts.mask and value in (0, 1),
    )


def _more(op: Padding, facts: Facts, grown: Sequence[str]) -> Facts:
    """What is true when places are repeated: all but what is said of the axes that grew; an edge drawn out rises on."""
    keep: tuple[Over, ...] = ("nondecreasing",) if op.mode == "replicate" else ()
    for axis in grown:
        facts = apart_from(facts, axis, keep=keep)
    return facts
