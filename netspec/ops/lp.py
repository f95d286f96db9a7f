"""Pooling by norms: the power mean of a window times its size, or the norm of all of space."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, prod
from typing import Annotated, ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.record import Sizes
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.elementwise import floating
from netspec.ops.pool import AvgPool, pool_geometry
from netspec.ops.window import layout

Power = Annotated[float, Field(ge=1, le=16, allow_inf_nan=False)]
"""The q of a norm. Higher powers soon leave single precision: 256 ** 16 is 2 ** 128."""


class LpPool(Op):
    """Take the norm of every window of every channel: `y[p] = (sum over k of |x[stride * p + k]| ** q) ** (1 / q)`.

    q is `norm_type`, up to 16: 1 is the sum of the absolute values, 2 the length, and the larger it is, the nearer is
    the result to the largest (J. Bruna and others, Signal Recovery from Pooling Representations, 2014). The stride is
    the kernel's size unless it is given. With `ceil_mode` a last window that reaches past the end counts as if it were
    full of what it has on average, as in PyTorch. Where all numbers of a window are 0 they get no gradient.

    PyTorch leaves the bars out: where q is no even number, its result for negative numbers is none, and here it is the
    norm.
    """

    name: ClassVar[str] = "lp_pool"
    main: ClassVar[str | None] = "kernel_size"

    kernel_size: Sizes
    norm_type: Power = 2.0
    stride: Sizes | None = None
    """How far the window moves; without it, by its own size."""
    ceil_mode: bool = False

    @property
    def average(self) -> AvgPool:
        """The mean of the powers, which the norm is made of."""
        return AvgPool(kernel_size=self.kernel_size, stride=self.stride, ceil_mode=self.ceil_mode)

    def infer(self, x: TensorType) -> Inferred:
        """Sizes are those of `avg_pool`; units stay, numbers are 0 or more, and order over channels stays if `x` is."""
        floating(x, self.name, 0)
        layout(x, self.name)
        made = self.average.infer(x)
        count = prod(pool_geometry(self.average, x)[0])
        out = replace(made.outputs[0], facts=_normed(x.facts, x.names[1], count, self.norm_type))
        return replace(made, outputs=(out,))

    def terms(self, at: Shapes) -> int:
        """A window."""
        return self.average.terms(at)

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, of one channel each."""
        return self.average.views(x)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, even and odd powers and none that is whole, overlaps, and every way to be wrong."""
        image = tensor(batch=2, channel=2, height=5, width=4)
        bright = Facts(low=0, high=2, nondecreasing="channel")
        return [
            good(tensor(batch=2, channel=2, width=7), kernel_size=3),
            good(image, kernel_size=2, norm_type=1),
            good(image, kernel_size=3, stride=2, norm_type=3),
            good(image, kernel_size=(2, 3), stride=(1, 2), norm_type=2.5),
            good(image, kernel_size=3, stride=2, ceil_mode=True),
            good(image.with_facts(bright), kernel_size=2, stride=1, norm_type=3),
            good(image.with_facts(Facts(low=-3, high=-1)), kernel_size=2, norm_type=4),
            good(tensor(batch=1, channel=2, depth=3, height=2, width=4, unit="mm"), kernel_size=2),
            bad("NS210", tensor(batch=2, feature=3), kernel_size=2),
            bad("NS211", image, kernel_size=8),
            bad("NS212", image, kernel_size=(2, 2), stride=(1, 1, 1)),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), kernel_size=2),
            bad("NS217", image, kernel_size=2, stride=0),
            bad("NS310", tensor("bool", batch=2, channel=3, width=6), kernel_size=2),
        ]


class GlobalLpPool(Op):
    """Take the norm of all of space: `[batch, channel, *space]` becomes `[batch, channel]`, whatever the sizes.

    `y = (sum over space of |x| ** q) ** (1 / q)`, where q is `norm_type`. Where all numbers are 0 they get no gradient.
    """

    name: ClassVar[str] = "global_lp_pool"
    main: ClassVar[str | None] = "norm_type"

    norm_type: Power = 2.0

    def infer(self, x: TensorType) -> Inferred:
        """Batch, channels and units stay; numbers are 0 or more, and order over channels stays if `x` is."""
        floating(x, self.name, 0)
        layout(x, self.name)
        sizes = [size.value for size in x.sizes[2:]]
        count = prod(size for size in sizes if size is not None) if None not in sizes else None
        facts = _normed(x.facts, x.names[1], count, self.norm_type)
        return Inferred((replace(x, axes=x.axes[:2], facts=facts),))

    def terms(self, at: Shapes) -> int:
        """All of space."""
        return at.share

    def views(self, x: TensorType) -> tuple[Views]:
        """All of space."""
        return (alike(x.names[:2]) | dict.fromkeys(x.names[2:], EVERYTHING),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, and what a norm keeps."""
        bright = Facts(low=1, high=2, nondecreasing="channel")
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, channel=3, height=3, width=4), norm_type=1),
            good(tensor(batch=2, channel=2, depth=2, height=3, width=2), norm_type=3),
            good(tensor(batch=2, channel=3, width=5, facts=bright, unit="ml"), norm_type=2.5),
            bad("NS210", tensor(batch=2, channel=3)),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6)),
            bad("NS310", tensor("int64", batch=2, channel=3, width=5)),
        ]


def absolute(op: LpPool | GlobalLpPool, kinds: Sequence[TensorType]) -> bool:
    """Whether absolute values must be taken first: not for an even power, nor of what is never negative."""
    return op.norm_type % 2 != 0 and kinds[0].facts.low < 0


def _normed(facts: Facts, channel: str, count: int | None, power: float) -> Facts:
    """What is true of a norm of `count` numbers, of an unknown number of them for None."""
    most = max(abs(facts.low), abs(facts.high))
    least = max(facts.low, -facts.high, 0.0)
    times = inf if count is None else count ** (1 / power)
    return Facts(
        low=least * (1.0 if count is None else times),
        high=most * times if most else 0.0,
        nondecreasing=channel if facts.low >= 0 and facts.nondecreasing == channel else None,
    )
