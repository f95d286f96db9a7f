"""Normalisation by statistics of the batch."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING
from netspec.ir.op import Constraint, Inferred, Op, Parameter, Sample, State, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import CHANNEL, FEATURE, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.elementwise import floating
from netspec.ops.window import MOST_AXES


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
        state: tuple[State, ...] = ()
        if self.track_running_stats:
            state = (
                State("running_mean", (count,), 0.0),
                State("running_var", (count,), 1.0),
                State("num_batches_tracked", (), 0, "int64"),
            )
        numbers = x.axes[0].size
        for axis in x.axes[2:]:
            numbers = numbers * axis.size
        why = "a variance in training needs more than one number for each channel"
        enough = Constraint(numbers, ">", Dim.of(1), why, training=True)
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
