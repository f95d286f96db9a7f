"""Linear layers, also called dense or fully connected."""

from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.op import Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import CHANNEL, SPATIAL, Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.elementwise import floating


class Linear(Op):
    """Weigh all numbers along the last axis: `y[o] = bias[o] + sum over i of weight[o, i] * x[i]`.

    Takes `[batch, ..., feature]` and gives `[batch, ..., feature: out_features]`. It works on the last axis, whose name
    stays, and treats every place along the other axes alike. An image is flattened or pooled first, or its channels are
    put last by `permute`.
    """

    name: ClassVar[str] = "linear"
    main: ClassVar[str | None] = "out_features"

    out_features: int = Field(ge=1)
    bias: bool = True

    def infer(self, x: TensorType) -> Inferred:
        """The last axis gets the size `out_features`; unit and bounds go."""
        floating(x, self.name, 0)
        entering = features(x)
        out = Axis(x.names[-1], Dim.of(self.out_features))
        weight = Parameter("weight", (self.out_features, entering))
        bias = (Parameter("bias", (self.out_features,)),) if self.bias else ()
        return Inferred((TensorType((*x.axes[:-1], out)),), (weight, *bias))

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Every output number takes one product for each number it weighs."""
        (x,), (y,) = inputs, outputs
        total = Dim.of(features(x))
        for size in y.sizes[1:]:
            total = total * size
        return total

    def terms(self, at: Shapes) -> int:
        """The features and the bias; the rows that a weight meets."""
        out, count = at.parameters["weight"]
        return max(count + 1, at.made[0] // out, out)

    def views(self, x: TensorType) -> tuple[Views]:
        """All along the last axis, one place along the others."""
        return (alike(x.names[:-1]) | {x.names[-1]: EVERYTHING},)

    @staticmethod
    def samples() -> list[Sample]:
        """One axis and more, and every way to be wrong."""
        return [
            good(tensor(batch=3, feature=5), out_features=4),
            good(tensor(batch=3, bin=5), out_features=1, bias=False),
            good(tensor(batch=2, time=3, feature=4), out_features=2),
            good(tensor(batch=2, height=2, width=3, channel=4), out_features=2),
            bad("NS221", tensor(batch=2, channel=3, height=4, width=5), out_features=2),
            bad("NS222", tensor(batch=2), out_features=2),
            bad("NS310", tensor("int64", batch=2, feature=3), out_features=2),
        ]


def features(x: TensorType) -> int:
    """The size of the last axis; Problem where `linear` cannot work on it."""
    if x.rank < 2 or not x.batched:
        raise Problem(
            "NS222",
            f"`linear` weighs numbers along an axis, and each sample is one number: {x.named()}",
            at=0,
            help="write `- unsqueeze: feature` before it for an axis of size 1",
        )
    if CHANNEL in x.names[:-1] and any(name in SPATIAL for name in x.names):
        raise Problem(
            "NS221",
            f"`linear` of channels in space, {x.named()}: it would weigh `{x.names[-1]}` alone",
            at=0,
            help="write `- flatten` before it to weigh all numbers, or `- global_avg_pool` to weigh the channels",
        )
    size = x.axes[-1].size.value
    if size is None:
        raise Problem(
            "NS216",
            f"`linear` needs a fixed number of features for its weights, and here it is the free `{x.axes[-1].size}`",
            at=0,
            help="fix the sizes in the input's `shape`, or use `- global_avg_pool` in place of `- flatten`",
        )
    return size
