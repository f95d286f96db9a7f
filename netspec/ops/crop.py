"""Cropping: fewer places of a value, down to a size or to the size of another value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views, alike, scattered, shifted
from netspec.ops.extent import End, Sides, by_axis, matched, named_places, same_space, split
from netspec.ops.rearrange import apart_from
from netspec.ops.window import layout


class Crop(Op):
    """Keep the middle: `crop: 64`, or by axis `crop: {height: 64, width: 48}`.

    A number without a name holds for every axis of space. Of an odd number of places too many the larger half goes at
    the end; `at: end` takes all of them from there. A size that the axis does not have is an error, not a padding.
    """

    name: ClassVar[str] = "crop"
    main: ClassVar[str | None] = "size"
    moves: ClassVar[bool] = True
    free_arguments: ClassVar[bool] = True

    size: int | None = Field(default=None, ge=1)
    """The size of every axis of space afterwards."""
    axes: Sides = ()
    """Sizes by axis, written without the word: `crop: {height: 64}`."""
    at: End = "center"

    @model_validator(mode="before")
    @classmethod
    def from_words(cls, written: Any) -> Any:
        """Arguments that are none of the op's own are axes with their sizes."""
        gathered = by_axis(cls, written, pairs=False)
        if isinstance(gathered, Mapping) and not gathered.keys() & {"size", "axes"}:
            raise ValueError("to which size? write `crop: 64`, or `crop: {height: 64, width: 48}`")
        return gathered

    def infer(self, x: TensorType) -> Inferred:
        """The axes get their sizes. What holds along other axes stays, and so does order along a cropped one."""
        constraints = []
        sizes = crop_sizes(self, x)
        for place, (size, at) in sizes.items():
            axis = x.axes[place]
            holds = decide(axis.size, ">=", size)
            if holds is False:
                raise Problem(
                    "NS240",
                    f"`crop` keeps `{size}` places along `{axis.name}`, which has the size `{axis.size}`",
                    at=at,
                    help=f"use `{axis.size}` or less there; `pad` and `pad_like` add places",
                )
            if holds is None:
                why = f"`crop` only takes away places along `{axis.name}`"
                constraints.append(Constraint(axis.size, ">=", Dim.of(size), why, at=at))
        cropped = _cropped(x, {place: Dim.of(size) for place, (size, _) in sizes.items()})
        return Inferred((cropped,), constraints=tuple(constraints))

    def views(self, x: TensorType) -> tuple[Views]:
        """The place it comes from, counted from another start."""
        return (_cropped_views(self, x, {i: Dim.of(size) for i, (size, _) in crop_sizes(self, x).items()}),)

    @staticmethod
    def samples() -> list[Sample]:
        """The middle and the end, even and odd, any axis, facts that stay and go, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=7, width=4)
        order = tensor(batch=2, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"))
        share = tensor(batch=2, bin=6, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(image, size=4),
            good(image, size=2, at="end"),
            good(image, height=4, width=1),
            good(image, channel=2, at="end"),
            good(order, bin=3),
            good(share, bin=5),
            good(tensor("int64", batch=2, channel=1, height=4, width=5, facts=Facts(classes=3)), size=2),
            good(tensor(batch=1, channel=1, depth=2, height=3, width=4), size=1),
            bad("NS210", tensor(batch=2, feature=3), size=2),
            bad("NS217", image, height=0),
            bad("NS240", image, size=5),
            bad("NS240", image, height=8),
            bad("NS253", image, depth=1),
            bad("NS256", image, batch=1),
        ]


class CropLike(Op):
    """Take places away until space is as small as that of another value: `crop_like: image`.

    The places go from the end, where `pad_to_multiple` and `pad_like` add them, so that either undoes the other. Where
    convolutions without padding have made the other value smaller, `at: center` takes evenly from both sides, of an odd
    number the larger half from the end.
    """

    name: ClassVar[str] = "crop_like"
    main: ClassVar[str | None] = "like"
    slots: ClassVar[tuple[str, ...]] = ("x", "like")
    moves: ClassVar[bool] = True

    at: End = "end"

    def infer(self, x: TensorType, like: TensorType) -> Inferred:
        """Space has the sizes of `like`, which must nowhere be larger; facts are those after `crop`."""
        same_space(x, like, self.name)
        needed: list[Constraint] = []
        for place in range(2, x.rank):
            needed += matched(self.name, x.axes[place], like.axes[place], pads=False)
        cropped = _cropped(x, {place: like.axes[place].size for place in range(2, x.rank)})
        return Inferred((cropped,), constraints=tuple(needed))

    def views(self, x: TensorType, like: TensorType) -> tuple[Views | None, ...]:
        """The place it comes from, counted from another start; the numbers of `like` do not matter."""
        return _cropped_views(self, x, {i: like.axes[i].size for i in range(2, x.rank)}), None

    @staticmethod
    def samples() -> list[Sample]:
        """One place, several, none, every rank, and values that do not go together."""
        image = tensor(batch=2, channel=3, height=4, width=4)
        skip = tensor(batch=2, channel=5, height=5, width=4)
        return [
            good(skip, image),
            good(tensor(batch=2, channel=1, height=7, width=8), image, at="center"),
            good(image, image),
            good(tensor(batch=2, channel=3, width=6, unit="ml"), tensor(batch=2, channel=1, width=4)),
            good(
                tensor(batch=1, channel=1, depth=3, height=2, width=4),
                tensor(batch=1, channel=1, depth=2, height=2, width=2),
            ),
            bad("NS210", tensor(batch=2, feature=3), skip),
            bad("NS240", image, skip),
            bad("NS244", image, tensor(batch=2, channel=3, width=4)),
            bad("NS244", image, tensor(batch=2, channel=3, depth=4, width=4)),
        ]


def crop_sizes(op: Crop, x: TensorType) -> dict[int, tuple[int, str]]:
    """The new size by axis, and the argument that says it; Problem for an axis that is not there, or a size of none."""
    sizes: dict[int, tuple[int, str]] = {}
    if op.size is not None:
        sizes = dict.fromkeys(range(2, 2 + len(layout(x, op.name))), (op.size, "size"))
    for place, axis, (size, _) in named_places(op.name, op.axes, x):
        if size < 1:
            raise Problem(
                "NS217", f"`{axis}` is {size}, and must be at least 1", at=axis, help=f"use `{axis}: 1`"
            )
        sizes[place] = (size, axis)
    return sizes


def _cropped(x: TensorType, sizes: Mapping[int, Dim]) -> TensorType:
    """The value with other sizes, and what is still true of it."""
    facts = x.facts
    axes = list(x.axes)
    for place, size in sizes.items():
        if not decide(size, "==", axes[place].size):
            facts = apart_from(facts, axes[place].name, keep=("nondecreasing",))
        axes[place] = Axis(axes[place].name, size)
    return replace(x, axes=tuple(axes), facts=facts)


def _cropped_views(op: Crop | CropLike, x: TensorType, sizes: Mapping[int, Dim]) -> Views:
    """Each place sees the one it comes from, unless a free size hides which that is."""
    views = alike(x.names)
    for place, size in sizes.items():
        axis = x.axes[place]
        low, _ = split(axis.size - size, op.at)
        views[axis.name] = scattered(axis.name) if low.value is None else shifted(axis.name, low.value)
    return views
