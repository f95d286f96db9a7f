"""Activations that make one channel of several: a gated linear unit, and the largest of a group."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views, alike, scattered, window
from netspec.ops import interval
from netspec.ops.activation import logistic
from netspec.ops.axes import along
from netspec.ops.elementwise import floating


class Glu(Op):
    """Let one half of the channels open and close the other: `y = a * sigmoid(b)` (Dauphin and others 2017).

    a is the first half along `axis`, b the second. Without `axis` it is the first axis after the batch (PyTorch's `dim`
    is the last one unless it is given).
    """

    name: ClassVar[str] = "glu"
    main: ClassVar[str | None] = "axis"

    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The axis is half as long, the unit goes; bounds are those of numbers times gates, positive order is kept."""
        floating(x, self.name, 0)
        place = along(x, self.axis, self.name)
        axes, constraints = _fewer(x, place, 2, self.name, "axis")
        gate = interval.rising(logistic)(interval.of(x))
        order = x.facts.nondecreasing if x.facts.low >= 0 else None
        facts = Facts(*interval.multiply(interval.of(x), gate), nondecreasing=order)
        return Inferred((TensorType(axes, facts=facts),), constraints=constraints)

    def views(self, x: TensorType) -> tuple[Views]:
        """Two places half an axis apart, which is no window; one place along the others."""
        axis = x.names[along(x, self.axis, self.name)]
        return ({**alike(x.names), axis: scattered(axis)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Channels of images and rows, another axis, bounds, order, and halves that are none."""
        image = tensor(batch=2, channel=4, height=2, width=3)
        order = Facts(low=0, high=3, nondecreasing="bin")
        return [
            good(image),
            good(tensor(batch=3, feature=6, unit="ml")),
            good(tensor(batch=2, channel=3, width=4), axis="width"),
            good(tensor(batch=2, bin=4, facts=order)),
            good(tensor(batch=2, channel=2, bin=3, facts=order)),
            good(tensor(batch=2, bin=4, facts=Facts(low=-2, high=-1, nondecreasing="bin"))),
            bad("NS253", image, axis="time"),
            bad("NS254", tensor(batch=3)),
            bad("NS256", image, axis="batch"),
            bad("NS264", tensor(batch=2, channel=3, width=4)),
            bad("NS310", tensor("int64", batch=3, feature=4)),
        ]


class Maxout(Op):
    """Keep the largest of each `pieces` neighbours along an axis (Goodfellow and others 2013).

    `y[i] = max over j < pieces of x[i * pieces + j]` along `axis`, by default the first after the batch: what the layer
    before it makes `pieces` times as many channels for. Numbers that share the maximum share its gradient equally.
    """

    name: ClassVar[str] = "maxout"
    main: ClassVar[str | None] = "pieces"

    pieces: int = Field(ge=2)
    """How many channels become one."""
    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The axis is `pieces` times as short; bounds, order and the unit stay."""
        floating(x, self.name, 0)
        place = along(x, self.axis, self.name)
        axes, constraints = _fewer(x, place, self.pieces, self.name, "pieces")
        facts = Facts(x.facts.low, x.facts.high, nondecreasing=x.facts.nondecreasing)
        return Inferred((replace(x, axes=axes, facts=facts),), constraints=constraints)

    def views(self, x: TensorType) -> tuple[Views]:
        """The neighbours that one is made of; one place along the other axes."""
        axis = x.names[along(x, self.axis, self.name)]
        return ({**alike(x.names), axis: window(axis, self.pieces, stride=self.pieces)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Channels of images and rows, another axis, curves, shares, and neighbours that are too few."""
        image = tensor(batch=2, channel=6, height=2, width=2)
        order = Facts(low=0, high=3, nondecreasing="bin")
        return [
            good(image, pieces=2),
            good(image, pieces=6),
            good(tensor(batch=3, feature=6, unit="ml"), pieces=3),
            good(tensor(batch=2, channel=3, width=4), pieces=2, axis="width"),
            good(tensor(batch=2, channel=2, bin=3, facts=order), pieces=2),
            good(
                tensor(batch=2, channel=4, width=2, facts=Facts(low=0, high=1, sums_to_one="channel")),
                pieces=2,
            ),
            bad("NS253", image, pieces=2, axis="time"),
            bad("NS254", tensor(batch=3), pieces=2),
            bad("NS256", image, pieces=2, axis="batch"),
            bad("NS264", image, pieces=4),
            bad("NS310", tensor("int64", batch=3, feature=4), pieces=2),
        ]


def _fewer(
    x: TensorType, place: int, count: int, op: str, at: str
) -> tuple[tuple[Axis, ...], tuple[Constraint, ...]]:
    """The axes with that of `place` so many times as short, and what its size must fulfil; NS264 where it cannot."""
    axis = x.axes[place]
    part = axis.size // count
    holds = decide(axis.size, "==", part * count) if decide(part, ">=", 1) is not False else False
    if holds is False:
        raise Problem(
            "NS264",
            f"`{op}` makes one place of {count}, which the `{axis.size}` places of `{axis.name}` do not give",
            at=at,
            help=f"let the layer before it make a multiple of {count}",
        )
    why = f"`{op}` makes one place of {count} along `{axis.name}`"
    needed = () if holds else (Constraint(axis.size, "==", part * count, why, at=at),)
    return (*x.axes[:place], Axis(axis.name, part), *x.axes[place + 1 :]), needed
