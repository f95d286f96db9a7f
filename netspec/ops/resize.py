"""Resizing: another number of places for the same picture, by a size, a factor, or the size of another value."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, prod
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.terms import Shapes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views
from netspec.ops.elementwise import floating
from netspec.ops.extent import same_space
from netspec.ops.ratio import Mode, Ratio, both, by_factor, resized_views
from netspec.ops.window import layout, spatial

LARGEST_DENOMINATOR = 1000
"""A factor is the fraction with at most this denominator that it was written for."""

OVERSHOOT = Fraction(3, 16)
"""The most that the negative weights of a cubic add up to along one axis: -0.75 * t * (1 - t) at t = 1/2."""


def _as_tuple(value: object) -> object:
    """A list is how YAML writes a tuple."""
    return tuple(value) if isinstance(value, list) else value


Factors = Annotated[float | tuple[float, ...], BeforeValidator(_as_tuple)]
"""One factor for every axis of space, or a list with one for each."""


class Resize(Op):
    """Give space another number of places: `resize: {factor: 2}`, or `resize: {size: [64, 48]}`.

    A `factor` is meant as the fraction it is written for (0.5, 1.5, `$1 / 3`), and the size is rounded down; a list has
    one for each axis of space. Place i of o shows `floor(i * n / o)` of n with `mode: nearest`. `linear` (bilinear and
    trilinear in two and three axes) and `bicubic` (two axes alone, a = -0.75) weigh the neighbours of the place
    `(i + 1/2) * n / o - 1/2`, or with `align_corners` those of `i * (n - 1) / (o - 1)`; at the edge the last place goes
    on. That is PyTorch's `interpolate`, whose ratio is always that of the sizes here. `nearest_exact` shows the
    place under the middle, `floor((i + 1/2) * n / o)`. With `antialias`, in two axes, the kernel is stretched over what
    a smaller size would skip, n / o places for one, and its weights are brought to a sum of one; a is -0.5 then.
    """

    name: ClassVar[str] = "resize"

    size: Sizes | None = None
    """The number of places of every axis of space afterwards, or a list with one for each."""
    factor: Factors | None = None
    mode: Mode = "nearest"
    align_corners: bool = False
    antialias: bool = False
    """Whether a smaller size takes means over what it would skip, as Pillow does."""

    def infer(self, x: TensorType) -> Inferred:
        """Means stay within the bounds, a cubic reaches beyond; masks and classes stay with `nearest` alone."""
        floating(x, self.name, 0)
        space = layout(x, self.name)
        if (self.size is None) == (self.factor is None):
            what = "neither" if self.size is None else "both"
            raise Problem(
                "NS245",
                f"`resize` needs `size` or `factor`, and {what} is given",
                at=None if self.size is None else "factor",
                help="write `resize: {factor: 2}` or `resize: {size: [64, 48]}`",
            )
        if self.size is not None:
            return _resized(self, x, [Dim.of(one) for one in spatial(self.size, x, "size", least=1)])
        sizes: list[Dim] = []
        constraints: list[Constraint] = []
        for axis, one in zip(space, fractions(self, x), strict=True):
            size = axis.size * one.numerator // one.denominator
            sizes.append(size)
            something = decide(size, ">=", 1)
            if something is False:
                raise Problem(
                    "NS248",
                    f"`{one}` of the `{axis.size}` places of `{axis.name}` is none",
                    at="factor",
                    help="use a larger `factor`, or give a `size`",
                )
            if something is None:
                why = f"something is left along `{axis.name}`"
                constraints.append(Constraint(size, ">=", Dim.of(1), why, at="factor"))
        return replace(_resized(self, x, sizes), constraints=tuple(constraints))

    def terms(self, at: Shapes) -> int:
        """The neighbours of a place and their weights."""
        return _terms(self, at)

    def views(self, x: TensorType) -> tuple[Views]:
        """One place, or the neighbours that are weighed; a ratio that is not known is none that slides."""
        if self.size is not None:
            sizes = spatial(self.size, x, "size", least=1)
            ratios = [both(n, Dim.of(o)) for n, o in zip(x.sizes[2:], sizes, strict=True)]
        else:
            pairs = zip(x.sizes[2:], fractions(self, x), strict=True)
            ratios = [by_factor(n, one, align_corners=self.align_corners) for n, one in pairs]
        return (_views(self, x, ratios),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every mode and rank, larger and smaller, facts that stay and go, and every way to be wrong."""
        image = tensor(batch=2, channel=2, height=3, width=4)
        line = tensor(batch=2, channel=3, width=5)
        mask = tensor(batch=2, channel=1, width=4, facts=Facts(low=0, high=1, mask=True))
        share = tensor(batch=2, channel=3, width=4, facts=Facts(low=0, high=1, sums_to_one="channel"))
        order = tensor(batch=1, channel=3, width=4, facts=Facts(low=-1, high=2, nondecreasing="channel"))
        bright = tensor(batch=1, channel=2, height=3, width=3, facts=Facts(low=0, high=1), unit="ml")
        return [
            good(image, factor=2),
            good(image, factor=(1.5, 0.5)),
            good(image, size=(5, 3), mode="linear"),
            good(image, factor=2, mode="linear", align_corners=True),
            good(image, size=(7, 2), mode="bicubic"),
            good(bright, size=(5, 1), mode="bicubic", align_corners=True),
            good(line, factor=1 / 3, mode="linear"),
            good(line, size=7),
            good(line, size=7, mode="nearest_exact"),
            good(image, size=(2, 6), mode="nearest_exact"),
            good(image, size=(2, 5), mode="linear", antialias=True),
            good(tensor(batch=1, channel=1, height=7, width=6), size=(3, 2), mode="bicubic", antialias=True),
            good(image, factor=(3.0, 0.5), mode="bicubic", antialias=True),
            good(tensor(batch=1, channel=1, depth=2, height=3, width=2), factor=2, mode="linear"),
            good(tensor(batch=1, channel=1, depth=2, height=3, width=2), size=(3, 1, 4)),
            good(mask, factor=3),
            good(mask, factor=3, mode="linear"),
            good(share, size=6, mode="linear"),
            good(order, size=2),
            bad("NS210", tensor(batch=2, feature=3), factor=2),
            bad("NS212", image, size=(2, 2, 2)),
            bad("NS212", image, factor=(2.0,)),
            bad("NS217", image, size=0),
            bad("NS124", image, size=2, mode="linear", antialias=True, align_corners=True),
            bad("NS245", image),
            bad("NS245", image, size=4, factor=2),
            bad("NS246", image, factor=0.0),
            bad("NS246", image, factor=0.7071067811865476),
            bad("NS247", line, factor=2, mode="bicubic"),
            bad("NS247", line, factor=0.5, mode="linear", antialias=True),
            bad("NS248", image, factor=0.25),
            bad("NS249", image, factor=2, align_corners=True),
            bad("NS249", image, factor=2, mode="nearest_exact", antialias=True),
            bad("NS310", tensor("int64", batch=2, channel=3, width=6), factor=2),
        ]


class ResizeLike(Op):
    """Give space the number of places of another value: `resize_like: skip`. Its numbers do not matter.

    `mode`, `align_corners` and `antialias` are as in `resize`. Where a few places are missing or too many, `pad_like`
    and `crop_like` leave those that are there as they are.
    """

    name: ClassVar[str] = "resize_like"
    main: ClassVar[str | None] = "like"
    slots: ClassVar[tuple[str, ...]] = ("x", "like")

    mode: Mode = "nearest"
    align_corners: bool = False
    antialias: bool = False

    def infer(self, x: TensorType, like: TensorType) -> Inferred:
        """Space has the sizes of `like`; facts are those after `resize`."""
        floating(x, self.name, 0)
        same_space(x, like, self.name)
        return _resized(self, x, [axis.size for axis in like.axes[2:]])

    def terms(self, at: Shapes) -> int:
        """The neighbours of a place and their weights."""
        return _terms(self, at)

    def views(self, x: TensorType, like: TensorType) -> tuple[Views | None, ...]:
        """As `resize`; the numbers of `like` do not matter."""
        ratios = [both(n, o) for n, o in zip(x.sizes[2:], like.sizes[2:], strict=True)]
        return _views(self, x, ratios), None

    @staticmethod
    def samples() -> list[Sample]:
        """Every mode, larger and smaller, and values that do not go together."""
        image = tensor(batch=2, channel=2, height=3, width=4)
        skip = tensor(batch=2, channel=1, height=5, width=4)
        line = tensor(batch=2, channel=3, width=5)
        return [
            good(image, skip),
            good(skip, image, mode="linear"),
            good(image, tensor(batch=2, channel=1, height=2, width=6), mode="bicubic"),
            good(image, skip, mode="linear", align_corners=True),
            good(skip, image, mode="linear", antialias=True),
            good(skip, image, mode="nearest_exact"),
            bad("NS210", tensor(batch=2, feature=3), skip),
            bad("NS244", image, line),
            bad("NS247", line, tensor(batch=2, channel=1, width=8), mode="bicubic"),
            bad("NS249", image, skip, align_corners=True),
            bad("NS310", tensor("bool", batch=2, channel=3, height=4, width=6), skip),
        ]


def fractions(op: Resize, x: TensorType) -> tuple[Fraction, ...]:
    """The factor of each axis of space as the fraction it was written for; Problem NS246 where it is none."""
    count = x.rank - 2
    values = op.factor if isinstance(op.factor, tuple) else (op.factor or 0.0,) * count
    if len(values) != count:
        raise Problem(
            "NS212",
            f"`factor` lists {len(values)} numbers, and the input has {count} axes of space: {x.named()}",
            at="factor",
            help=f"give one number, or one for each of {', '.join(f'`{axis.name}`' for axis in x.axes[2:])}",
        )
    return tuple(_fraction(one) for one in values)


def _fraction(value: float) -> Fraction:
    """The simplest fraction that is written as this number."""
    near = (
        Fraction(value).limit_denominator(LARGEST_DENOMINATOR) if abs(value) < float("inf") else Fraction(0)
    )
    if near <= 0 or float(near) != value:
        raise Problem(
            "NS246",
            f"a factor of `{value:g}` is no positive fraction with a denominator up to {LARGEST_DENOMINATOR}",
            at="factor",
            help="write one such as 2, 0.5 or `$2 / 3`, or give the `size`",
        )
    return near


def _views(op: Resize | ResizeLike, x: TensorType, ratios: list[Ratio]) -> Views:
    """What a place sees along space."""
    return resized_views(x, ratios, op.mode, align_corners=op.align_corners, antialias=op.antialias)


def _resized(op: Resize | ResizeLike, x: TensorType, sizes: list[Dim]) -> Inferred:
    """The value with other sizes of space, and what is still true of it."""
    if op.mode == "bicubic" and len(sizes) != 2:
        raise Problem(
            "NS247",
            f"`mode: bicubic` is for two axes of space, and there {'is' if len(sizes) == 1 else 'are'} {len(sizes)}",
            at="mode",
            help="use `mode: linear`",
        )
    option = "align_corners" if op.align_corners else "antialias"
    if op.mode.startswith("nearest") and (op.align_corners or op.antialias):
        raise Problem(
            "NS249",
            f"`{option}` says how neighbours are weighed, and `mode: {op.mode}` weighs none",
            at=option,
            help="leave it out, or use `mode: linear`",
        )
    if op.antialias and len(sizes) != 2:
        raise Problem(
            "NS247",
            f"`antialias` is for two axes of space, and there {'is' if len(sizes) == 1 else 'are'} {len(sizes)}",
            at="antialias",
            help="leave it out, and make the value smaller by `avg_pool` or a `blur_pool`",
        )
    if op.align_corners and op.antialias:
        message = "`align_corners` and `antialias` place the neighbours in different ways"
        raise Problem("NS124", message, at="antialias", help="leave one of them out")
    axes = tuple(Axis(axis.name, size) for axis, size in zip(x.axes[2:], sizes, strict=True))
    if axes == x.axes[2:]:
        return Inferred((x,))
    return Inferred((replace(x, axes=(*x.axes[:2], *axes), facts=_facts(op, x)),))


def _facts(op: Resize | ResizeLike, x: TensorType) -> Facts:
    """What sums of places with weights that sum to one keep: statements about one place, over the channels."""
    channel = x.names[1]
    share = channel if x.facts.sums_to_one == channel else None
    order = channel if x.facts.nondecreasing == channel else None
    if op.mode.startswith("nearest"):
        logs = channel if x.facts.log_probabilities == channel else None
        return replace(x.facts, sums_to_one=share, nondecreasing=order, log_probabilities=logs)
    low, high = x.facts.low, x.facts.high
    if op.mode == "bicubic" and op.antialias:
        return Facts(sums_to_one=share)  # at the border the negative weights are a larger share
    if op.mode == "bicubic":
        reach = float(2 * OVERSHOOT * (1 + OVERSHOOT)) * (high - low)
        return Facts(low=low - reach, high=high + reach, sums_to_one=share)
    return Facts(low=low, high=high, sums_to_one=share, nondecreasing=order)


def _terms(op: Resize | ResizeLike, at: Shapes) -> int:
    """Neighbours of one place, or places that have it as a neighbour; and a weight is off by its place's rounding.

    Against aliasing the neighbours are as many times more as there are fewer places.
    """
    pairs = list(zip(at.inputs[0][2:], at.outputs[0][2:], strict=True))
    near = {"linear": 2, "bicubic": 4}.get(op.mode, 1)
    reached = [max(o / n, n / o) if op.antialias else o / n for n, o in pairs]
    return prod(near * (ceil(one) + 1) for one in reached) + max(map(max, pairs))
