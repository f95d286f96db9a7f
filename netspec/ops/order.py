"""The same numbers in another order: axes exchanged, and places along an axis turned round or moved in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Words
from netspec.ir.types import BATCH, Axis, TensorType, tensor
from netspec.ir.view import Views, alike, scattered
from netspec.ops.axes import along, listed
from netspec.ops.extent import named_places
from netspec.ops.rearrange import apart_from

FURTHEST = 2**24
"""Nothing is rolled further: no axis is longer."""

Names = Annotated[
    str | tuple[str, ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
"""One axis by its name, or several in a list."""


class Permute(Op):
    """Put the axes after the batch in another order, said by their names: `permute: [height, width, channel]`.

    Every axis is named once, and keeps its name with its numbers; samples stay the first axis. Layers that find their
    axis by its name need no other order, only those that work on the first axis or the last.
    """

    name: ClassVar[str] = "permute"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: Words
    """The names of all axes after the batch, in their new order."""

    def infer(self, x: TensorType) -> Inferred:
        """The same axes in their new order; all that is known of them stays."""
        return Inferred((x.with_axes(x.axes[place] for place in permuted(self, x)),))

    def views(self, x: TensorType) -> tuple[Views]:
        """The same places."""
        return (alike(x.names),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every order of an image, facts that stay, values without a batch, and orders that are none."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        share = tensor(batch=2, time=2, bin=3, facts=Facts(low=0, high=1, sums_to_one="bin"), unit="ml")
        return [
            good(image, axis=("height", "width", "channel")),
            good(image, axis=("width", "channel", "height")),
            good(image, axis=("channel", "height", "width")),
            good(share, axis=("bin", "time")),
            good(tensor(height=2, width=3), axis=("width", "height")),
            good(tensor("int64", batch=2, time=2, width=3, facts=Facts(classes=3)), axis=("width", "time")),
            bad("NS253", image, axis=("height", "width", "time")),
            bad("NS256", image, axis=("batch", "height", "width", "channel")),
            bad("NS258", image, axis=("height", "width", "height")),
            bad("NS266", image, axis=("height", "width")),
        ]


class Flip(Op):
    """Turn the order of the places along an axis round, the last first: `flip: width`, `flip: [height, width]`.

    It is always done, in training and evaluation alike; what turns samples at random is the transform `flip` of `data`.
    """

    name: ClassVar[str] = "flip"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True

    axis: Names

    def infer(self, x: TensorType) -> Inferred:
        """The axes, bounds, sums and the unit stay; order along a flipped axis goes."""
        return Inferred((_moved(x, flipped(self, x)),))

    def views(self, x: TensorType) -> tuple[Views]:
        """One place of the flipped axes, which moves backwards: no window that slides."""
        turned = {x.names[place]: scattered(x.names[place]) for place in flipped(self, x)}
        return (alike(x.names) | turned,)

    @staticmethod
    def samples() -> list[Sample]:
        """One axis and two, facts that stay and go, masks, and axes that cannot be."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        order = tensor(batch=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin"), unit="ml")
        share = tensor(batch=2, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(image, axis="width"),
            good(image, axis=("height", "width")),
            good(order, axis="bin"),
            good(share, axis="bin"),
            good(tensor("bool", batch=2, time=3), axis="time"),
            bad("NS253", image, axis="time"),
            bad("NS256", image, axis="batch"),
            bad("NS254", image, axis=()),
            bad("NS258", image, axis=("width", "width")),
        ]


class Roll(Op):
    """Move the places along axes in a circle, `roll: {height: 2, width: -1}`: what leaves one end enters at the other.

    Place i shows what stood at place `i - shift`. What rolls samples at random is the transform `roll` of `data`.
    """

    name: ClassVar[str] = "roll"
    moves: ClassVar[bool] = True
    free_arguments: ClassVar[bool] = True

    axes: tuple[tuple[str, int], ...] = Field(min_length=1)
    """How far by axis, written without the word: `roll: {height: 2, width: -1}`."""

    @model_validator(mode="before")
    @classmethod
    def from_words(cls, written: Any) -> Any:
        """The written arguments are themselves the pairs, `{axis: shift}`."""
        if not isinstance(written, Mapping) or isinstance(written.get("axes"), tuple):
            return written
        if not written:
            raise ValueError("how far? Write `roll: {height: 2, width: -1}`")
        for axis, by in written.items():
            if isinstance(by, bool) or not isinstance(by, int) or abs(by) > FURTHEST:
                takes = f"a whole number up to {FURTHEST:,}: how far to roll"
                message = f"`{axis}` is the name of an axis here, and takes {takes}"
                raise ValueError(message)
        return {"axes": tuple(written.items())}

    def infer(self, x: TensorType) -> Inferred:
        """The axes, bounds, sums and the unit stay; order along a rolled axis goes."""
        return Inferred((_moved(x, shifts(self, x)),))

    def views(self, x: TensorType) -> tuple[Views]:
        """One place of the rolled axes, which jumps where the circle closes."""
        return (alike(x.names) | {x.names[place]: scattered(x.names[place]) for place in shifts(self, x)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Both ways, further than the axis is long, two axes, facts, and axes that cannot be."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        order = tensor(batch=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin"), unit="ml")
        return [
            good(image, width=1),
            good(image, height=1, width=-2),
            good(image, width=5),
            good(image, width=0),
            good(order, bin=1),
            good(tensor("int64", batch=2, time=3, facts=Facts(classes=3)), time=1),
            bad("NS253", image, time=1),
            bad("NS256", image, batch=1),
        ]


def _moved(x: TensorType, places: Iterable[int]) -> TensorType:
    """The value with the places of some axes in another order: nothing rises along them, and they count no unit."""
    facts = x.facts
    axes = list(x.axes)
    for place in places:
        facts = apart_from(facts, x.names[place], keep=("sums_to_one", "log_probabilities"))
        axes[place] = Axis(axes[place].name, axes[place].size)
    return replace(x, axes=tuple(axes), facts=facts)


def permuted(op: Permute, x: TensorType) -> tuple[int, ...]:
    """The old position of every axis in its new place; Problem for an order that names other axes than there are."""
    first = 1 if x.batched else 0
    places = list(range(first))
    for word in op.axis:
        if word == BATCH:
            help = f"leave it out: name {listed(x, first)}"
            raise Problem("NS256", "samples stay the first axis in `permute`", at="axis", help=help)
        place = along(x, word, op.name)
        if place in places:
            raise Problem("NS258", f"`permute` names `{word}` twice", at="axis", help="name each axis once")
        places.append(place)
    if left := [axis for i, axis in enumerate(x.names) if i not in places]:
        named = ", ".join(f"`{axis}`" for axis in left)
        raise Problem(
            "NS266",
            f"`permute` does not say where {named} goes: {x.named()}",
            at="axis",
            help=f"name every axis after the batch: {listed(x, first)}; `squeeze`, `select` or `mean` drop one",
        )
    return tuple(places)


def flipped(op: Flip, x: TensorType) -> tuple[int, ...]:
    """The positions of the axes that are turned round; Problem for one that is not there, the batch, or one twice."""
    words = (op.axis,) if isinstance(op.axis, str) else op.axis
    if not words:
        raise Problem(
            "NS254", "`flip` of no axis", at="axis", help="name those that are turned round, or leave it out"
        )
    for i, word in enumerate(words):
        if word in words[:i]:
            raise Problem("NS258", f"`flip` names `{word}` twice", at="axis", help="name each axis once")
    return tuple(along(x, word, op.name) for word in words)


def shifts(op: Roll, x: TensorType) -> dict[int, int]:
    """How far each axis is moved, by position; Problem for one that is not there, and for the batch."""
    pairs = tuple((axis, (by, by)) for axis, by in op.axes)
    return {place: by for place, _, (by, _) in named_places(op.name, pairs, x)}
