"""Norms of channels: by the statistics of a batch, or of each sample, of single channels or of groups of them."""

from dataclasses import replace
from math import gcd, inf, prod, sqrt
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING, Facts
from netspec.ir.op import Constraint, Inferred, Op, Parameter, Sample, State, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import CHANNEL, FEATURE, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike, spaced
from netspec.ops.axis_norm import more_than_one, product, standardised
from netspec.ops.elementwise import floating
from netspec.ops.window import MOST_AXES, channels, layout


class BatchNorm(Op):
    """Give every channel mean 0 and variance 1 over the batch and space, then scale and shift it (Ioffe, Szegedy 2015).

    Takes `[batch, channel]` or `[batch, channel, *space]`: `y = (x - mean) / sqrt(var + eps) * weight + bias`, one
    number of each for every channel. In training mean and var are those of the batch (var divides by the count n), and
    the running ones move towards them: `running = (1 - momentum) * running + momentum * batch`, here with the var that
    divides by n - 1. In evaluation the running ones are used. `momentum: null` averages over all batches equally.
    `freeze: statistics` uses the running ones in training as well and leaves them as they are. Rows that the mask of a
    `map` leaves out are in no statistics; where it leaves nothing, the running ones stay as they are.
    """

    name: ClassVar[str] = "batch_norm"
    normalises: ClassVar[bool] = True

    eps: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    momentum: float | None = Field(default=0.1, ge=0, le=1)
    affine: bool = True
    """Whether a learned scale (`weight`) and shift (`bias`) follow."""
    track_running_stats: bool = True
    """Whether running statistics are kept for evaluation; without, every batch has its own there too."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay; bounds and unit go. In training there must be more than one number for each channel."""
        floating(x, self.name, 0)
        count = normalised_channels(x, self.name)
        parameters = (Parameter("weight", (count,)), Parameter("bias", (count,))) if self.affine else ()
        state = running(count) if self.track_running_stats else ()
        numbers = x.axes[0].size
        for axis in x.axes[2:]:
            numbers = numbers * axis.size
        if self.track_running_stats:
            why = "a variance in training needs more than one number for each channel"
        else:
            why = "a variance needs more than one number for each channel"
        enough = Constraint(numbers, ">", Dim.of(1), why, training=self.track_running_stats)
        out = replace(x, facts=NOTHING, unit=None)
        return Inferred((out,), parameters, state, constraints=(enough,))

    def terms(self, at: Shapes) -> int:
        """The numbers of one channel."""
        return at.read[0] // at.inputs[0][1]

    def views(self, x: TensorType) -> tuple[Views]:
        """One place, but for a norm that uses the statistics of the batch in evaluation too: that sees all of it."""
        if self.track_running_stats:
            return (alike(x.names),)
        return (dict.fromkeys(x.names, EVERYTHING) | alike(x.names[1:2]),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, with and without parameters, statistics and a fixed momentum."""
        image = tensor(batch=2, channel=3, height=3, width=2)
        return [
            good(tensor(batch=4, channel=3)),
            good(tensor(batch=4, feature=3)),
            good(tensor(batch=2, channel=3, width=4)),
            good(image),
            good(image, eps=1e-3, momentum=0.3, affine=False),
            good(image, momentum=None),
            good(image, track_running_stats=False),
            good(tensor(batch=2, channel=2, depth=2, height=2, width=3)),
            bad("NS223", tensor(batch=2)),
            bad("NS215", tensor(batch=2, time=3, height=4, width=4)),
            bad("NS310", tensor("int64", batch=4, channel=3)),
        ]


class InstanceNorm(Op):
    """Give every channel of every sample mean 0 and variance 1 over its space (Ulyanov and others 2016).

    Takes `[batch, channel, *space]`: `y = (x - mean) / sqrt(var + eps)`, mean and var (which divides by the count n)
    over the space of one channel of one sample, in training and in evaluation alike; with `affine: true` times weight
    plus bias, one number of each for every channel. With `track_running_stats: true` evaluation uses running ones for
    all samples. Training moves them by `running = (1 - momentum) * running + momentum * mean over the batch`, with the
    var that divides by n - 1, and `freeze: statistics` uses them in training as well and leaves them as they are.
    """

    name: ClassVar[str] = "instance_norm"
    normalises: ClassVar[bool] = True

    eps: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    momentum: float = Field(default=0.1, ge=0, le=1)
    affine: bool = False
    """Whether a learned scale (`weight`) and shift (`bias`) follow."""
    track_running_stats: bool = False
    """Whether running statistics are kept, and used in evaluation."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes. Without weights and statistics no number is beyond `sqrt(places - 1)`."""
        floating(x, self.name, 0)
        layout(x, self.name)
        parameters: tuple[Parameter, ...] = ()
        state: tuple[State, ...] = ()
        if self.affine:
            count = channels(x, self.name)
            parameters = (Parameter("weight", (count,)), Parameter("bias", (count,)))
        if self.track_running_stats:
            state = running(channels(x, self.name))
        space = tuple(range(2, x.rank))
        facts = NOTHING if parameters or state else standardised(x, space)
        enough = more_than_one(x.sizes[2:], self.name, training=self.track_running_stats)
        some = Constraint(x.sizes[0], ">", Dim.of(0), "PyTorch's instance norm wants a sample")
        return Inferred((TensorType(x.axes, facts=facts),), parameters, state, constraints=(*enough, some))

    def terms(self, at: Shapes) -> int:
        """The places of a channel in one sample; in all of them where its weight meets them."""
        return at.read[0] // at.inputs[0][1]

    def views(self, x: TensorType) -> tuple[Views]:
        """All of its channel's space; one place where evaluation uses running statistics."""
        if self.track_running_stats:
            return (alike(x.names),)
        return (alike(x.names[:2]) | dict.fromkeys(x.names[2:], EVERYTHING),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, with and without parameters and statistics, order, free channels, and no space."""
        image = tensor(batch=2, channel=3, height=3, width=2)
        order = Facts(low=-1, high=3, nondecreasing="width")
        return [
            good(tensor(batch=2, channel=3, width=4)),
            good(image, affine=True),
            good(image, track_running_stats=True),
            good(image, affine=True, track_running_stats=True, momentum=0.3, eps=1e-3),
            good(tensor(batch=2, channel=3, height=3, width=2, unit="ml", facts=order)),
            good(tensor(batch=2, channel=2, depth=2, height=2, width=3), affine=True),
            bad("NS210", tensor(batch=4, feature=3)),
            bad("NS215", tensor(batch=2, time=3, height=4, width=4)),
            bad("NS216", tensor(batch=2, channel="C", height=4, width=4), affine=True),
            bad("NS277", tensor(batch=2, channel=3, height=1, width=1)),
            bad("NS310", tensor("int64", batch=4, channel=3, width=2)),
        ]


class GroupNorm(Op):
    """Give every group of channels of every sample mean 0 and variance 1 (Wu and He 2018).

    Takes `[batch, channel]` or `[batch, channel, *space]` and cuts the channels into `num_groups` groups of neighbours:
    `y = (x - mean) / sqrt(var + eps) * weight + bias`, mean and var (which divides by the count) over all channels and
    places of a group in one sample, in training and in evaluation alike, weight and bias one number of each for every
    channel. One group measures the whole sample; as many groups as channels measure each as `instance_norm` does.
    """

    name: ClassVar[str] = "group_norm"
    normalises: ClassVar[bool] = True
    main: ClassVar[str | None] = "num_groups"

    num_groups: int = Field(ge=1)
    eps: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    affine: bool = True
    """Whether a learned scale (`weight`) and shift (`bias`) follow."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes. Without weights no number is beyond `sqrt(count - 1)`."""
        floating(x, self.name, 0)
        count = normalised_channels(x, self.name)
        if count % self.num_groups:
            raise Problem(
                "NS262",
                f"{self.num_groups} groups do not divide the {count} channels",
                at="num_groups",
                help=f"use a divisor of {count}, such as `{gcd(count, self.num_groups)}`",
            )
        parameters = (Parameter("weight", (count,)), Parameter("bias", (count,))) if self.affine else ()
        together = [Dim.of(count // self.num_groups), *x.sizes[2:]]
        enough = more_than_one(together, self.name)
        facts = NOTHING if self.affine else self._facts(x, product(together).value)
        return Inferred((TensorType(x.axes, facts=facts),), parameters, constraints=enough)

    def _facts(self, x: TensorType, count: int | None) -> Facts:
        """What is true of groups with mean 0 and variance at most 1; order along the channels stays in one group."""
        most = inf if count is None else sqrt(count - 1)
        kept = x.names[1:] if self.num_groups == 1 else x.names[2:]
        return Facts(
            -most, most, nondecreasing=x.facts.nondecreasing if x.facts.nondecreasing in kept else None
        )

    def terms(self, at: Shapes) -> int:
        """The numbers of a group; the places of a channel in all samples, which a weight meets."""
        count = at.inputs[0][1]
        return max(prod(at.inputs[0][1:]) // self.num_groups, at.read[0] // count)

    def views(self, x: TensorType) -> tuple[Views]:
        """All channels of its group, and all of space."""
        size = normalised_channels(x, self.name) // self.num_groups
        group = spaced(x.names[1], size, size, [(0, size - 1)] * size)
        return (alike(x.names[:1]) | {x.names[1]: group} | dict.fromkeys(x.names[2:], EVERYTHING),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, one group, all groups and some, without weights, order, and groups that do not fit."""
        image = tensor(batch=2, channel=6, height=2, width=3)
        order = Facts(low=-1, high=3, nondecreasing="width")
        return [
            good(image, num_groups=3),
            good(image, num_groups=1, eps=1e-3),
            good(image, num_groups=6),
            good(image, num_groups=2, affine=False),
            good(tensor(batch=3, feature=6), num_groups=2),
            good(tensor(batch=2, channel=4, width=3, unit="ml", facts=order), num_groups=2, affine=False),
            good(tensor(batch=2, channel=2, depth=2, height=2, width=2), num_groups=2),
            bad("NS215", tensor(batch=2, time=4, height=2, width=2), num_groups=2),
            bad("NS216", tensor(batch=2, channel="C", width=2), num_groups=2),
            bad("NS223", tensor(batch=2), num_groups=1),
            bad("NS262", image, num_groups=4),
            bad("NS277", tensor(batch=2, feature=6), num_groups=6),
            bad("NS310", tensor("int64", batch=4, channel=3, width=2), num_groups=3),
        ]


def running(count: int) -> tuple[State, ...]:
    """The statistics that a norm of so many channels keeps, as PyTorch calls them."""
    return (
        State("running_mean", (count,), 0.0),
        State("running_var", (count,), 1.0),
        State("num_batches_tracked", (), 0, "int64"),
    )


def normalised_channels(x: TensorType, op: str) -> int:
    """The number of channels of `[batch, channel]` or `[batch, channel, *space]`; Problem where the axes are others."""
    if not x.batched or not 2 <= x.rank <= 2 + MOST_AXES:
        raise Problem(
            "NS223",
            f"`{op}` wants a channel axis and at most three axes of space, the input is {x.named()}",
            at=0,
            help="`- unsqueeze: channel` makes an axis of channels",
        )
    axis = x.axes[1]
    if axis.name not in (CHANNEL, FEATURE):
        raise Problem(
            "NS215",
            f"`{op}` works on `channel`, and the first axis of its input is `{axis.name}`: {x.named()}",
            at=0,
            help=f"write `- rename: {{{axis.name}: channel}}` before it",
        )
    if axis.size.value is None:
        raise Problem(
            "NS216",
            f"`{op}` needs a fixed number of channels for its weights, and here it is the free size {axis.size}",
            at=0,
            help="write the number of channels in the input's `shape`",
        )
    return axis.size.value
