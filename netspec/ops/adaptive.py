"""Pooling to a size of the result that is given: the windows follow from it, whatever the size of the input."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil, gcd, prod
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, MAX_PERIOD, View, Views, alike, same, scattered, spaced
from netspec.ops.elementwise import floating
from netspec.ops.pool import mean_of_channels, same_channels
from netspec.ops.window import layout


def _as_tuple(value: object) -> object:
    """A list is how YAML writes a tuple."""
    return tuple(value) if isinstance(value, list) else value


Wanted = Annotated[int | tuple[int | None, ...], BeforeValidator(_as_tuple)]
"""One size for every axis of space, or a list with one for each, in which `null` keeps the axis as it is."""


class AdaptiveAvgPool(Op):
    """Take means over windows that are chosen so that each axis of space gets the size `output_size`.

    Place i of o looks at the places `floor(i * n / o)` to before `ceil((i + 1) * n / o)` of the n there are, as in
    PyTorch: windows of nearly equal size, which may overlap. In a list `null` keeps an axis as it is. With a size of 1
    the axes stay, each with one place; `global_avg_pool` drops them.
    """

    name: ClassVar[str] = "adaptive_avg_pool"
    main: ClassVar[str | None] = "output_size"

    output_size: Wanted

    def infer(self, x: TensorType) -> Inferred:
        """Space has the wanted size, of free sizes too; channels, bounds and units stay."""
        return _adapted(self, x, mean_of_channels)

    def terms(self, at: Shapes) -> int:
        """A window, or the windows that look at one place."""
        return _terms(at)

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, as far as sizes are numbers; of one channel each."""
        return (_adapted_views(self, x),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, larger and smaller, one place, an axis that is kept, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=7, width=5)
        share = tensor(batch=2, channel=3, width=6, facts=Facts(low=0, high=1, sums_to_one="channel"))
        return [
            good(tensor(batch=2, channel=3, width=9), output_size=4),
            good(image, output_size=1),
            good(image, output_size=(3, 2)),
            good(image, output_size=(None, 7)),
            good(tensor(batch=1, channel=2, depth=4, height=5, width=3), output_size=2),
            good(share, output_size=4),
            bad("NS210", tensor(batch=2, feature=3), output_size=1),
            bad("NS212", image, output_size=(2, 2, 2)),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), output_size=2),
            bad("NS217", image, output_size=0),
            bad("NS310", tensor("int64", batch=2, channel=3, width=6), output_size=2),
        ]


class AdaptiveMaxPool(Op):
    """Take the largest numbers of windows that are chosen so that each axis of space gets the size `output_size`.

    The windows are those of `adaptive_avg_pool`. Where several numbers are largest the first of them, row by row, takes
    the gradient. With a size of 1 the axes stay, each with one place; `global_max_pool` drops them.
    """

    name: ClassVar[str] = "adaptive_max_pool"
    main: ClassVar[str | None] = "output_size"

    output_size: Wanted

    def infer(self, x: TensorType) -> Inferred:
        """Space has the wanted size, of free sizes too; channels, bounds, classes, masks and units stay."""
        return _adapted(
            self, x, lambda one: replace(same_channels(one), mask=one.facts.mask, classes=one.facts.classes)
        )

    def terms(self, at: Shapes) -> int:
        """A window, or the windows that look at one place."""
        return _terms(at)

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, as far as sizes are numbers; of one channel each."""
        return (_adapted_views(self, x),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, larger and smaller, one place, an axis that is kept, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=7, width=5)
        order = tensor(batch=1, channel=3, width=6, facts=Facts(low=-1, high=2, nondecreasing="channel"))
        return [
            good(tensor(batch=2, channel=3, width=9, facts=Facts(low=0, high=1, mask=True)), output_size=4),
            good(image, output_size=1),
            good(image, output_size=(3, 2)),
            good(image, output_size=(9, None)),
            good(tensor(batch=1, channel=2, depth=4, height=5, width=3), output_size=2),
            good(order, output_size=4),
            bad("NS210", tensor(batch=2, feature=3), output_size=1),
            bad("NS212", image, output_size=(2, 2, 2)),
            bad("NS217", image, output_size=(2, 0)),
            bad("NS310", tensor("bool", batch=2, channel=3, width=6), output_size=2),
        ]


def adaptive_sizes(op: AdaptiveAvgPool | AdaptiveMaxPool, x: TensorType) -> tuple[int | None, ...]:
    """The wanted size of each axis of space, None for one that is kept; Problem for another count or a size of none."""
    space = layout(x, op.name)
    wanted = (op.output_size,) * len(space) if isinstance(op.output_size, int) else op.output_size
    if len(wanted) != len(space):
        raise Problem(
            "NS212",
            f"`output_size` lists {len(wanted)} numbers, and the input has {len(space)} axes of space: {x.named()}",
            at="output_size",
            help=f"give one number, or one for each of {', '.join(f'`{axis.name}`' for axis in space)}",
        )
    for one in wanted:
        if one is not None and one < 1:
            raise Problem(
                "NS217",
                f"`output_size` is {one}, and must be at least 1",
                at="output_size",
                help="use `output_size: 1` for one place, or `null` to keep an axis as it is",
            )
    return wanted


def _adapted(
    op: AdaptiveAvgPool | AdaptiveMaxPool, x: TensorType, facts: Callable[[TensorType], Facts]
) -> Inferred:
    """The same value with the wanted sizes of space and what is still true of the numbers."""
    floating(x, op.name, 0)
    wanted = adaptive_sizes(op, x)
    axes = [
        axis if one is None else Axis(axis.name, Dim.of(one))
        for axis, one in zip(x.axes[2:], wanted, strict=True)
    ]
    return Inferred((replace(x, axes=(*x.axes[:2], *axes), facts=facts(x)),))


def _adapted_views(op: AdaptiveAvgPool | AdaptiveMaxPool, x: TensorType) -> Views:
    """The windows of nearly equal size, which repeat where both sizes have a divisor in common."""
    wanted = adaptive_sizes(op, x)
    return {
        **alike(x.names[:2]),
        **{axis.name: _adapted_view(axis, one) for axis, one in zip(x.axes[2:], wanted, strict=True)},
    }


def _adapted_view(axis: Axis, wanted: int | None) -> View:
    there = axis.size.value
    if wanted is None:
        return same(axis.name)
    if wanted == 1:
        return EVERYTHING
    if there is None or wanted > MAX_PERIOD:
        return scattered(axis.name)
    common = gcd(there, wanted)
    period, advance = wanted // common, there // common
    spans = [(i * there // wanted, -(-(i + 1) * there // wanted) - 1) for i in range(period)]
    return spaced(axis.name, period, advance, spans)


def _terms(at: Shapes) -> int:
    """The longest window, or the most windows that look at one place."""
    pairs = list(zip(at.inputs[0][2:], at.outputs[0][2:], strict=True))
    return max(prod(ceil(n / o) + 1 for n, o in pairs), prod(ceil(o / n) + 1 for n, o in pairs))
