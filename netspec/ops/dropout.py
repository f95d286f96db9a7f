"""Dropout: numbers, whole channels or whole samples left out by chance while training."""

from dataclasses import replace
from math import sqrt
from typing import ClassVar, Literal

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Noise, Op, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ops import interval
from netspec.ops.elementwise import floating
from netspec.ops.window import layout

ALPHA = 1.7580993408473766
"""Where `selu` levels off, with its sign changed: its scale times its alpha."""


class Dropout(Op):
    """Set each number to 0 with probability `p` in training (Srivastava and others, 2014).

    In training `y = x * keep / (1 - p)`, where each `keep` is 1 with probability 1 - p and else 0, so that the mean
    stays; in evaluation `y = x`. With `whole: channel` a channel is kept or dropped with all its places in space, as
    neighbours there say nearly the same (Tompson and others 2015): `nn.Dropout2d` and its kin.
    """

    name: ClassVar[str] = "dropout"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "p"

    p: float = Field(default=0.5, ge=0, le=1)
    """The share that is dropped."""
    whole: Literal["channel"] | None = None
    """What is kept or dropped as one; without it each number is."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds take in 0 and widen by 1 / (1 - p), as they do in training."""
        floating(x, self.name, 0)
        keep = Noise("keep", _kept_apart(x, self.whole, self.name), 1.0 - self.p)
        return Inferred((_thinned(x, self.p),), noise=(keep,), warnings=_nothing_left(self.p, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """Half, little, nothing, and bounded numbers."""
        return [
            good(tensor(batch=2, feature=6)),
            good(tensor(batch=2, channel=3, height=2, width=2), p=0.2),
            good(tensor(batch=2, channel=3, height=2, width=2, facts=Facts(low=1, high=3)), p=1.0),
            good(tensor(batch=2, feature=6, facts=Facts(low=0, high=1, sums_to_one="feature")), p=0.0),
            good(tensor(batch=2, feature=6, facts=Facts(low=0.5, high=1)), p=0.75),
            good(tensor(batch=2, channel=3, width=4), whole="channel"),
            good(tensor(batch=2, channel=4, height=2, width=3, facts=Facts(low=-1, high=2)), whole="channel"),
            good(tensor(batch=1, channel=5, depth=2, height=2, width=2), p=0.3, whole="channel"),
            bad("NS210", tensor(batch=2, feature=6), whole="channel"),
            bad("NS215", tensor(batch=2, time=6, height=2, width=2), whole="channel"),
            bad("NS310", tensor("int64", batch=2, feature=6)),
        ]


class AlphaDropout(Op):
    """Dropout that keeps mean 0 and variance 1 as they are, to stand behind `selu` (Klambauer and others 2017).

    In training `y = a * (x * keep - alpha * (1 - keep)) + b`: what is dropped becomes -alpha = -1.7581, where `selu`
    levels off, and `a = 1 / sqrt((1 - p) * (1 + p * alpha ** 2))` and `b = a * p * alpha` bring mean and variance back.
    In evaluation `y = x`. With `whole: channel` a channel is kept or dropped with all its places in space:
    `nn.FeatureAlphaDropout`.
    """

    name: ClassVar[str] = "alpha_dropout"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "p"

    p: float = Field(default=0.5, ge=0, le=1)
    """The share that is dropped."""
    whole: Literal["channel"] | None = None
    """What is kept or dropped as one; without it each number is."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; bounds take in those of training."""
        floating(x, self.name, 0)
        keep = Noise("keep", _kept_apart(x, self.whole, self.name), 1.0 - self.p)
        if self.p == 0:
            return Inferred((x,), noise=(keep,))
        stretch, shift, dropped = alpha_moments(self.p)
        trained = interval.add(interval.multiply(interval.of(x), (stretch, stretch)), (shift, shift))
        low, high = interval.hull([interval.of(x), trained, (dropped, dropped)])
        return Inferred(
            (TensorType(x.axes, facts=Facts(low, high)),),
            noise=(keep,),
            warnings=_nothing_left(self.p, self.name),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Half, little, nothing, all, whole channels, and bounded numbers."""
        image = tensor(batch=2, channel=4, height=2, width=3)
        return [
            good(tensor(batch=2, feature=6)),
            good(image, p=0.2),
            good(
                tensor(batch=2, feature=6, unit="ml", facts=Facts(low=0, high=1, sums_to_one="feature")),
                p=0.0,
            ),
            good(tensor(batch=2, feature=6, facts=Facts(low=0.5, high=1)), p=0.75),
            good(tensor(batch=2, feature=6, facts=Facts(low=0.5, high=1)), p=1.0),
            good(tensor(batch=2, channel=3, width=4), whole="channel"),
            good(image, p=0.3, whole="channel"),
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

    p: float = Field(ge=0, le=1)
    """The share that is dropped."""
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
        return Inferred((_thinned(x, self.p),), noise=(keep,), warnings=_nothing_left(self.p, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """Samples apart and together, any axes, nothing, bounded numbers, and a plain number."""
        image = tensor(batch=4, channel=2, height=2, width=2)
        return [
            good(image, p=0.5),
            good(image, p=0.3, mode="batch"),
            good(image, p=1.0),
            good(tensor(batch=5), p=0.5),
            good(tensor(batch=3, feature=4, facts=Facts(low=0, high=1, sums_to_one="feature")), p=0.0),
            good(tensor(batch=3, feature=4, facts=Facts(low=0.5, high=1), unit="ml"), p=0.75),
            bad("NS261", tensor(), p=0.5),
            bad("NS310", tensor("int64", batch=2, feature=6), p=0.5),
        ]


def alpha_moments(p: float) -> tuple[float, float, float]:
    """By what `alpha_dropout` stretches what it keeps, what it adds then, and what becomes of what it drops.

    With p = 1 nothing is kept, and what is dropped is 0, as in PyTorch.
    """
    if p == 1:
        return 0.0, 0.0, 0.0
    stretch = 1 / sqrt((1 - p) * (1 + p * ALPHA**2))
    return stretch, stretch * p * ALPHA, -stretch * (1 - p) * ALPHA


def _kept_apart(x: TensorType, whole: str | None, op: str) -> tuple[Dim, ...]:
    """The shape of the keeps: one for each number, or for each channel; Problem where there are no channels."""
    if whole is None:
        return x.sizes
    layout(x, op)
    return (*x.sizes[:2], *[Dim.of(1)] * (x.rank - 2))


def _nothing_left(p: float, op: str) -> tuple[Warned, ...]:
    """The warning of dropping everything."""
    if p < 1:
        return ()
    message = f"`{op}` with `p: 1` drops everything in training"
    return (
        Warned("NS304", message, at="p", help="`p` is the share that is dropped, not the one that is kept"),
    )


def _thinned(x: TensorType, p: float) -> TensorType:
    """What is true when some numbers become 0 and the others grow by 1 / (1 - p)."""
    if p == 0:
        return x
    by = 1 / (1 - p) if p < 1 else 1.0  # of p = 1 nothing is left in training, and evaluation has the input
    return replace(x, facts=Facts(low=min(x.facts.low, 0.0) * by, high=max(x.facts.high, 0.0) * by))
