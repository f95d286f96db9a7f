"""The ops of Acme, each told once."""

from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.op import Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, same


class GemPool(Op):
    """The generalised mean over space, times a learned gain: `y = weight * mean(max(x, eps) ** p) ** (1 / p)`.

    With p = 1 it is the mean, and the larger p, the nearer it comes to the largest place. Takes `[batch, channel,
    *space]`, gives `[batch, channel]`; there is one gain for each channel, which starts at 1 (Radenovic, Tolias and
    Chum, IEEE TPAMI 41, 2019, equation 3).
    """

    name: ClassVar[str] = "acme.gem_pool"
    main: ClassVar[str | None] = "p"

    p: float = Field(default=3.0, gt=0, allow_inf_nan=False)
    """The power."""
    eps: float = Field(default=1e-6, gt=0, allow_inf_nan=False)
    """The least number that counts as itself."""

    def infer(self, x: TensorType) -> Inferred:
        """The batch and the channels; nothing is known of what a gain does to numbers."""
        if x.dtype != "float32":
            message = f"`{self.name}` works on floating numbers: `{x.named()}`"
            raise Problem("NS310", message, at=0, help="give it the output of a layer")
        if x.rank < 3:
            message = f"`{self.name}` pools over space, and there is none in {x.named()}"
            raise Problem("NS210", message, at=0, help="give it an image, before any `flatten`")
        if self.p > 64:
            raise Problem("ACME001", f"`p` is `{self.p:g}`: that overflows", at="p", help="use 64 or less")
        channels = x.axes[1].size.value
        if channels is None:
            raise Problem(
                "ACME002", f"`{self.name}` of `{x.axes[1].size}` channels", at=0, help="write a number"
            )
        return Inferred(
            (TensorType(x.axes[:2], "float32", unit=x.unit),), (Parameter("weight", (channels,)),)
        )

    def terms(self, at: Shapes) -> int:
        """The gradient of a gain is a sum over all samples and places."""
        return at.all

    def views(self, x: TensorType) -> tuple[Views]:
        """All of space, one channel of one sample."""
        first = {name: same(name) for name in x.names[:2]}
        return (first | dict.fromkeys(x.names[2:], EVERYTHING),)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """None: it weighs nothing but its result."""
        del inputs, outputs
        return Dim.of(0)

    @staticmethod
    def samples() -> list[Sample]:
        """Images of one, two and three axes, other powers, and what has no space."""
        return [
            good(tensor(batch=2, channel=3, height=3, width=2)),
            good(tensor(batch=2, channel=2, width=5), p=1.0),
            good(tensor(batch=1, channel=2, depth=2, height=2, width=2, unit="mm"), p=2.5, eps=0.25),
            bad("NS210", tensor(batch=2, channel=3)),
            bad("NS310", tensor("int64", batch=2, channel=3, width=4)),
            bad("ACME001", tensor(batch=2, channel=3, width=4), p=100.0),
        ]
