"""Pooling: the largest or the mean of the numbers in a window, or in all of space."""

from dataclasses import replace
from math import inf, lcm, prod
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.terms import Shapes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.elementwise import floating
from netspec.ops.window import MOST_AXES, layout, spatial, window_axes, window_views


class MaxPool(Op):
    """Take the largest number of every window of every channel.

    Takes `[batch, channel, *space]` with one to three axes of space: `y[p] = max over k of
    x[stride * p + dilation * k - padding]`. The stride is the kernel's size unless it is given. Places in the padding
    never win. Where several are largest the first of them, row by row, takes the gradient. With `ceil_mode` a last
    window may reach past the end, unless it would begin in the padding there.

    With `return_indices` a second result says where each number stood, as a place of the input's space counted row by
    row, for `max_unpool`: `- {max_pool: {kernel_size: 2, return_indices: true}, name: [pooled, where]}`. The windows
    may not overlap then: of a place that is the largest of two, nobody could say which puts its number back.
    """

    name: ClassVar[str] = "max_pool"
    main: ClassVar[str | None] = "kernel_size"

    kernel_size: Sizes
    stride: Sizes | None = None
    """How far the window moves; without it, by its own size."""
    padding: Sizes = 0
    dilation: Sizes = 1
    ceil_mode: bool = False
    return_indices: bool = False

    def infer(self, x: TensorType) -> Inferred:
        """Channels stay, and so do bounds and units; space shrinks as in a convolution."""
        floating(x, self.name, 0)
        layout(x, self.name)
        kernel, stride, padding = pool_geometry(self, x)
        dilation = spatial(self.dilation, x, "dilation", least=1)
        around = tuple((one, one) for one in padding)
        axes, constraints = window_axes(x, kernel, stride, around, dilation, ceil=self.ceil_mode)
        constraints += _real_places(x, stride, padding, dilation)
        facts = replace(same_channels(x), mask=x.facts.mask, classes=x.facts.classes)
        pooled = replace(x, axes=(*x.axes[:2], *axes), facts=facts)
        if not self.return_indices:
            return Inferred((pooled,), constraints=constraints)
        for axis, size, step, gap in zip(axes, kernel, stride, dilation, strict=True):
            _apart(axis, size, step, gap)
        return Inferred((pooled, _places_of(x, pooled)), constraints=constraints)

    def terms(self, at: Shapes) -> int:
        """A window."""
        return max(at.share, prod(spatial(self.kernel_size, at.types[0], "kernel_size", least=1)))

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, of one channel each."""
        kernel, stride, padding = pool_geometry(self, x)
        dilation = spatial(self.dilation, x, "dilation", least=1)
        around = tuple((one, one) for one in padding)
        return ({**alike(x.names[:2]), **window_views(x, kernel, stride, around, dilation)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, windows that overlap, gaps, padding, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=7, width=6)
        return [
            good(tensor(batch=2, channel=3, width=9), kernel_size=3),
            good(tensor(batch=2, channel=3, width=9, facts=Facts(low=0, high=1, mask=True)), kernel_size=2),
            good(image, kernel_size=2),
            good(image, kernel_size=3, stride=2, padding=1),
            good(image, kernel_size=(2, 3), stride=(1, 2), dilation=(2, 1), padding=(0, 1)),
            good(image, kernel_size=3, stride=1, dilation=2, padding=1),
            good(image, kernel_size=3, stride=2, ceil_mode=True),
            good(image, kernel_size=2, stride=3, padding=1, ceil_mode=True),
            good(tensor(batch=1, channel=2, depth=4, height=5, width=4), kernel_size=2, stride=(2, 1, 2)),
            good(
                tensor(batch=1, channel=3, width=6, facts=Facts(low=-1, high=2, nondecreasing="channel")),
                kernel_size=2,
            ),
            good(image, kernel_size=2, return_indices=True),
            good(image, kernel_size=2, stride=3, padding=1, ceil_mode=True, return_indices=True),
            good(
                tensor(batch=2, channel=1, width=9), kernel_size=3, dilation=2, stride=5, return_indices=True
            ),
            good(
                tensor(batch=1, channel=2, depth=4, height=3, width=2),
                kernel_size=(2, 1, 2),
                padding=(1, 0, 1),
                return_indices=True,
            ),
            bad("NS210", tensor(batch=2, feature=3), kernel_size=2),
            bad("NS211", image, kernel_size=8),
            bad("NS211", image, kernel_size=8, stride=2, ceil_mode=True),
            bad("NS212", image, kernel_size=(2, 2, 2)),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), kernel_size=2),
            bad("NS217", image, kernel_size=2, stride=0),
            bad("NS218", image, kernel_size=2, padding=2),
            bad("NS219", tensor(batch=1, channel=1, width=1), kernel_size=2, dilation=2, padding=1, stride=1),
            bad("NS290", image, kernel_size=3, stride=2, return_indices=True),
            bad("NS290", image, kernel_size=2, stride=(2, 3), dilation=(1, 3), return_indices=True),
            bad("NS310", tensor("int64", batch=2, channel=3, width=6), kernel_size=2),
        ]


class AvgPool(Op):
    """Take the mean of every window of every channel.

    Takes `[batch, channel, *space]` with one to three axes of space. The stride is the kernel's size unless it is
    given. With `count_include_pad` the zeros of the padding count as numbers of the window; without, the mean is over
    the true ones alone. With `ceil_mode` a last window may reach past the end, unless it would begin in the padding
    there; what lies beyond the padding never counts. With `divisor_override` the sum of a window is divided by that
    number, however many places are true ones. In three axes of space no window may be larger than the input without its
    padding.
    """

    name: ClassVar[str] = "avg_pool"
    main: ClassVar[str | None] = "kernel_size"

    kernel_size: Sizes
    stride: Sizes | None = None
    """How far the window moves; without it, by its own size."""
    padding: Sizes = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = Field(default=None, ge=1, le=2**31 - 1)

    def infer(self, x: TensorType) -> Inferred:
        """Channels and units stay; bounds stay too, and take in 0 where zeros of the padding count."""
        floating(x, self.name, 0)
        layout(x, self.name)
        kernel, stride, padding = pool_geometry(self, x)
        around = tuple((one, one) for one in padding)
        axes, constraints = window_axes(x, kernel, stride, around, (1,) * len(kernel), ceil=self.ceil_mode)
        if len(kernel) == MOST_AXES and (any(padding) or self.ceil_mode):
            constraints += _covered(x, kernel)
        facts = mean_of_channels(x)
        if self.divisor_override is not None:
            whole = not any(padding) and not self.ceil_mode
            facts = _times(same_channels(x), prod(kernel) / self.divisor_override, whole=whole)
        elif any(padding) and self.count_include_pad:
            facts = replace(facts, low=min(facts.low, 0.0), high=max(facts.high, 0.0), sums_to_one=None)
        return Inferred((replace(x, axes=(*x.axes[:2], *axes), facts=facts),), constraints=constraints)

    def terms(self, at: Shapes) -> int:
        """A window."""
        return max(at.share, prod(spatial(self.kernel_size, at.types[0], "kernel_size", least=1)))

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, of one channel each."""
        kernel, stride, padding = pool_geometry(self, x)
        around = tuple((one, one) for one in padding)
        return ({**alike(x.names[:2]), **window_views(x, kernel, stride, around, (1,) * len(kernel))},)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, both ways to count, overlaps, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=7, width=6)
        share = tensor(batch=2, channel=3, width=6, facts=Facts(low=0, high=1, sums_to_one="channel"))
        bright = tensor(batch=2, channel=3, width=6, facts=Facts(low=1, high=2))
        return [
            good(tensor(batch=2, channel=3, width=9), kernel_size=3),
            good(image, kernel_size=2),
            good(image, kernel_size=3, stride=2, padding=1),
            good(image, kernel_size=3, stride=2, padding=1, count_include_pad=False),
            good(image, kernel_size=3, stride=2, ceil_mode=True),
            good(image, kernel_size=4, stride=3, padding=2, ceil_mode=True),
            good(image, kernel_size=2, stride=3, padding=1, ceil_mode=True, count_include_pad=False),
            good(image, kernel_size=(2, 3), stride=(1, 2), padding=(0, 1)),
            good(tensor(batch=1, channel=2, depth=4, height=5, width=4), kernel_size=2, padding=1),
            good(share, kernel_size=2),
            good(share, kernel_size=2, padding=1),
            good(share, kernel_size=2, padding=1, count_include_pad=False),
            good(share, kernel_size=4, stride=4, ceil_mode=True),
            good(bright, kernel_size=2, padding=1),
            good(bright, kernel_size=3, stride=1, divisor_override=2),
            good(image, kernel_size=3, padding=1, divisor_override=4, ceil_mode=True),
            good(share, kernel_size=2, padding=1, divisor_override=1, count_include_pad=False),
            good(tensor(batch=1, channel=2, depth=4, height=5, width=4), kernel_size=2, divisor_override=5),
            bad("NS210", tensor(batch=2, feature=3), kernel_size=2),
            bad("NS211", image, kernel_size=8),
            bad("NS212", image, kernel_size=(2, 2), stride=(1, 1, 1)),
            bad("NS217", image, kernel_size=0),
            bad("NS218", image, kernel_size=3, padding=2),
            bad("NS211", tensor(batch=1, channel=1, depth=2, height=4, width=4), kernel_size=3, padding=1),
            bad(
                "NS211", tensor(batch=1, channel=1, depth=2, height=4, width=4), kernel_size=3, ceil_mode=True
            ),
            bad("NS310", tensor("bool", batch=2, channel=3, width=6), kernel_size=2),
        ]


class GlobalAvgPool(Op):
    """Take the mean over all of space: `[batch, channel, *space]` becomes `[batch, channel]`, whatever the sizes."""

    name: ClassVar[str] = "global_avg_pool"

    def infer(self, x: TensorType) -> Inferred:
        """Batch and channels stay, and so do bounds and units."""
        floating(x, self.name, 0)
        layout(x, self.name)
        return Inferred((replace(x, axes=x.axes[:2], facts=mean_of_channels(x)),))

    def terms(self, at: Shapes) -> int:
        """All places of a channel."""
        return at.share

    def views(self, x: TensorType) -> tuple[Views]:
        """All of space."""
        return (alike(x.names[:2]) | dict.fromkeys(x.names[2:], EVERYTHING),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, and facts that the mean keeps."""
        share = Facts(low=0, high=1, sums_to_one="channel")
        order = Facts(low=-1, high=1, nondecreasing="channel")
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, channel=3, height=3, width=4)),
            good(tensor(batch=2, channel=2, depth=2, height=3, width=2)),
            good(tensor(batch=2, channel=3, width=5, facts=share)),
            good(tensor(batch=2, channel=3, width=5, facts=order, unit="ml")),
            bad("NS210", tensor(batch=2, channel=3)),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6)),
            bad("NS310", tensor("int64", batch=2, channel=3, width=5)),
        ]


class GlobalMaxPool(Op):
    """Take the largest number of all of space: `[batch, channel, *space]` becomes `[batch, channel]`.

    Where several are largest they share the gradient equally.
    """

    name: ClassVar[str] = "global_max_pool"

    def infer(self, x: TensorType) -> Inferred:
        """Batch and channels stay, and so do bounds and units."""
        floating(x, self.name, 0)
        layout(x, self.name)
        facts = replace(same_channels(x), mask=x.facts.mask, classes=x.facts.classes)
        return Inferred((replace(x, axes=x.axes[:2], facts=facts),))

    def terms(self, at: Shapes) -> int:
        """All places of a channel."""
        return at.share

    def views(self, x: TensorType) -> tuple[Views]:
        """All of space."""
        return (alike(x.names[:2]) | dict.fromkeys(x.names[2:], EVERYTHING),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, and a mask whose ties share."""
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, channel=3, height=3, width=4)),
            good(tensor(batch=2, channel=2, depth=2, height=3, width=2)),
            good(tensor(batch=2, channel=3, width=5, facts=Facts(low=-1, high=1, nondecreasing="channel"))),
            bad("NS210", tensor(batch=2, channel=3)),
            bad("NS310", tensor("bool", batch=2, channel=3, width=5)),
        ]


def pool_geometry(
    op: MaxPool | AvgPool, x: TensorType
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel, stride and padding, one number for each axis of space. Problem NS218 for padding over half the kernel."""
    kernel = spatial(op.kernel_size, x, "kernel_size", least=1)
    stride = kernel if op.stride is None else spatial(op.stride, x, "stride", least=1)
    padding = spatial(op.padding, x, "padding", least=0)
    for pad, size in zip(padding, kernel, strict=True):
        if 2 * pad > size:
            raise Problem(
                "NS218",
                f"a padding of `{pad}` is more than half of the window's `{size}`: windows would see padding alone",
                at="padding",
                help=f"use `padding: {size // 2}` or less",
            )
    return kernel, stride, padding


def _real_places(
    x: TensorType, stride: tuple[int, ...], padding: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[Constraint, ...]:
    """With gaps, a window that starts in the padding may jump over a small input: there is no maximum then."""
    constraints = []
    for i, axis in enumerate(x.axes[2:]):
        first = max((-start % dilation[i] for start in range(padding[i], 0, -stride[i])), default=0)
        least = Dim.of(first + 1)
        holds = decide(axis.size, ">=", least)
        if holds is False:
            raise Problem(
                "NS219",
                f"a window with gaps of `{dilation[i]}` sees padding alone in a `{axis.size}` wide `{axis.name}`",
                at="dilation",
                help="use a smaller `dilation`, or `padding: 0`",
            )
        if holds is None:
            why = f"every window meets the input along `{axis.name}`"
            constraints.append(Constraint(axis.size, ">=", least, why, at="dilation"))
    return tuple(constraints)


def _apart(axis: Axis, kernel: int, stride: int, dilation: int) -> None:
    """Problem NS290 where two windows along an axis look at one place."""
    next_on = (
        lcm(stride, dilation) // dilation
    )  # the weight of a window that lies where another has its first
    if next_on >= kernel:
        return
    least = dilation * (kernel - 1) + 1
    gaps = f" with gaps of `{dilation}`" if dilation > 1 else ""
    raise Problem(
        "NS290",
        f"windows of `{kernel}`{gaps} that move by `{stride}` overlap along `{axis.name}`: "
        "one place may be the largest of two",
        at="return_indices",
        help=f"use `stride: {least}` or more, or leave `return_indices` out",
    )


def _places_of(x: TensorType, pooled: TensorType) -> TensorType:
    """The type of the places in the space of `x` that the numbers of `pooled` come from."""
    space = x.sizes[2:]
    known = [size.value for size in space if size.value is not None]
    high = prod(known) - 1 if len(known) == len(space) else inf
    return TensorType(pooled.axes, "int64", Facts(low=0, high=high, places=space))


def _times(facts: Facts, factor: float, *, whole: bool) -> Facts:
    """The facts of a mean times a factor; a window that is not whole has fewer terms, down to none but zeros."""
    low, high = facts.low * factor, facts.high * factor
    if not whole:
        low, high = min(low, 0.0), max(high, 0.0)
    return Facts(low=low, high=high, nondecreasing=facts.nondecreasing)


def _covered(x: TensorType, kernel: tuple[int, ...]) -> tuple[Constraint, ...]:
    """Windows no larger than the input itself, as PyTorch wants it of an average in three axes alone."""
    constraints = []
    for axis, size in zip(x.axes[2:], kernel, strict=True):
        why = f"the window of an average in three axes fits along `{axis.name}` without the padding"
        if decide(axis.size, ">=", size) is False:
            raise Problem(
                "NS211",
                f"a window of `{size}` does not fit in the `{axis.size}` of `{axis.name}` without its padding",
                at="kernel_size",
                help=f"use `{axis.size}` or less there: an average in three axes may not reach over the whole input",
            )
        constraints.append(Constraint(axis.size, ">=", Dim.of(size), why, at="kernel_size"))
    return tuple(constraints)


def same_channels(x: TensorType) -> Facts:
    """What a maximum over space keeps: bounds, and order from channel to channel."""
    order = x.names[1] if x.facts.nondecreasing == x.names[1] else None
    return Facts(low=x.facts.low, high=x.facts.high, nondecreasing=order)


def mean_of_channels(x: TensorType) -> Facts:
    """What a mean over space keeps: bounds, order from channel to channel, and a sum of one over the channels."""
    share = x.names[1] if x.facts.sums_to_one == x.names[1] else None
    return replace(same_channels(x), sums_to_one=share)
