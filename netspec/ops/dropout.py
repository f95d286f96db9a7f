"""Dropout: numbers, whole channels or whole samples left out by chance while training."""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Noise, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.elementwise import floating
from netspec.ops.window import layout


class Dropout(Op):
    """Set each number to 0 with probability `p` in training (Srivastava and others, 2014).

    In training `y = x * keep / (1 - p)`, where each `keep` is 1 with probability 1 - p and else 0, so that the mean
    stays; in evaluation `y = x`. With `whole: channel` a channel is kept or dropped with all its places in space, as
    neighbours there say nearly the same (Tompson and others 2015): `nn.Dropout2d` and its kin.
    """

    name: ClassVar[str] = "dropout"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "p"

    p: float = Field(default=0.5, ge=0, lt=1)
    whole: Literal["channel"] | None = None
    """What is kept or dropped as one; without it each number is."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds take in 0 and widen by 1 / (1 - p), as they do in training."""
        floating(x, self.name, 0)
        apart = x.rank if self.whole is None else 2
        if self.whole is not None:
            layout(x, self.name)
        keep = Noise("keep", (*x.sizes[:apart], *[Dim.of(1)] * (x.rank - apart)), 1.0 - self.p)
        return Inferred((_thinned(x, self.p),), noise=(keep,))

    @staticmethod
    def samples() -> list[Sample]:
        """Half, little, nothing, and bounded numbers."""
        return [
            good(tensor(batch=2, feature=6)),
            good(tensor(batch=2, channel=3, height=2, width=2), p=0.2),
            good(tensor(batch=2, feature=6, facts=Facts(low=0, high=1, sums_to_one="feature")), p=0.0),
            good(tensor(batch=2, feature=6, facts=Facts(low=0.5, high=1)), p=0.75),
            good(tensor(batch=2, channel=3, width=4), whole="channel"),
            good(tensor(batch=2, channel=4, height=2, width=3, facts=Facts(low=-1, high=2)), whole="channel"),
            good(tensor(batch=1, channel=5, depth=2, height=2, width=2), p=0.3, whole="channel"),
            bad("NS210", tensor(batch=2, feature=6), whole="channel"),
            bad("NS215", tensor(batch=2, time=6, height=2, width=2), whole="channel"),
            bad("NS310", tensor("int64", batch=2, feature=6)),
        ]


class StochasticDepth(Op):
    """Leave out the whole branch of a residual network for a sample, with probability `p`, in training (Huang 2016).

    In training `y = x * keep / (1 - p)` with one `keep` for each sample, 1 with probability 1 - p and else 0; in
    evaluation `y = x`. It stands at the end of the branch, before it is added to what went around. With `mode: batch`
    all samples of a batch are kept or dropped together.
    """

    name: ClassVar[str] = "stochastic_depth"
    main: ClassVar[str | None] = "p"
    pointwise: ClassVar[bool] = True

    p: float = Field(ge=0, lt=1)
    mode: Literal["row", "batch"] = "row"
    """Whether each sample is kept or dropped by itself, as `torchvision.ops.stochastic_depth` says it."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds take in 0 and widen by 1 / (1 - p), as they do in training."""
        floating(x, self.name, 0)
        if not x.batched:
            raise Problem(
                "NS261",
                f"`stochastic_depth` keeps or drops whole samples, and there are none: {x.named()}",
                at=0,
                help="let it act on a value of the network",
            )
        if self.p == 0:
            return Inferred((x,))
        first = x.sizes[0] if self.mode == "row" else Dim.of(1)
        keep = Noise("keep", (first, *[Dim.of(1)] * (x.rank - 1)), 1.0 - self.p)
        return Inferred((_thinned(x, self.p),), noise=(keep,))

    @staticmethod
    def samples() -> list[Sample]:
        """Samples apart and together, any axes, nothing, bounded numbers, and a plain number."""
        image = tensor(batch=4, channel=2, height=2, width=2)
        return [
            good(image, p=0.5),
            good(image, p=0.3, mode="batch"),
            good(tensor(batch=5), p=0.5),
            good(tensor(batch=3, feature=4, facts=Facts(low=0, high=1, sums_to_one="feature")), p=0.0),
            good(tensor(batch=3, feature=4, facts=Facts(low=0.5, high=1), unit="ml"), p=0.75),
            bad("NS261", tensor(), p=0.5),
            bad("NS310", tensor("int64", batch=2, feature=6), p=0.5),
        ]


def _thinned(x: TensorType, p: float) -> TensorType:
    """What is true when some numbers become 0 and the others grow by 1 / (1 - p)."""
    if p == 0:
        return x
    low, high = min(x.facts.low, 0.0) / (1 - p), max(x.facts.high, 0.0) / (1 - p)
    return replace(x, facts=Facts(low=low, high=high))
