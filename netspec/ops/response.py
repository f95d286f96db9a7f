"""Norms of single numbers by their neighbours: what a channel answers next to what the channels around it answer."""

from math import inf
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import Views, alike, window
from netspec.ops import interval
from netspec.ops.elementwise import floating
from netspec.ops.window import layout


class LocalResponseNorm(Op):
    """Divide every number by how strongly the channels around its own answer at its place (Krizhevsky and others 2012).

    Takes `[batch, channel, *space]`: `y[c] = x[c] / (k + alpha / size * sum over j of x[j] ** 2) ** beta`, j being the
    `size` channels from `c - size // 2` to `c + (size - 1) // 2`, those that are not there counting as 0. As in PyTorch
    the sum is divided by `size`. AlexNet's paper does not: its alpha of 1e-4 over 5 channels is `alpha: 5e-4` here.
    """

    name: ClassVar[str] = "local_response_norm"
    main: ClassVar[str | None] = "size"

    size: int = Field(ge=1)
    """How many channels are summed."""
    alpha: float = Field(default=1e-4, ge=0, allow_inf_nan=False)
    """How much the mean of their squares counts."""
    beta: float = Field(default=0.75, ge=0, allow_inf_nan=False)
    """The power of the divisor."""
    k: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What is divided by, to the power of `beta`, where all channels are silent."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; signs stay, and no number is larger than `|x| / k ** beta`."""
        floating(x, self.name, 0)
        layout(x, self.name)
        shares = (self._share(interval.absolute(interval.of(x))[1]), self._share(0.0))
        facts = Facts(*interval.multiply(interval.of(x), shares))
        return Inferred((TensorType(x.axes, facts=facts),))

    def _share(self, largest: float) -> float:
        """What is left of a number where all that are summed with it are of this magnitude."""
        base = self.k + (self.alpha * largest * largest if self.alpha else 0.0)
        try:
            return float(base**-self.beta)
        except OverflowError:
            return inf

    def terms(self, at: Shapes) -> int:
        """The channels that are summed."""
        return min(self.size, at.inputs[0][1])

    def views(self, x: TensorType) -> tuple[Views]:
        """A window of channels at one place."""
        if not self.alpha * self.beta:
            return (alike(x.names),)
        around = window(x.names[1], self.size, padding=self.size // 2)
        return ({**alike(x.names), x.names[1]: around},)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, odd and even sizes, one channel, more than there are, strong ones, and bounds."""
        image = tensor(batch=2, channel=5, height=2, width=2)
        return [
            good(image, size=5),
            good(image, size=2, alpha=0.5),
            good(image, size=3, alpha=2.0, beta=0.5, k=2.0),
            good(tensor(batch=2, channel=3, width=3), size=1, alpha=1.0),
            good(tensor(batch=1, channel=3, depth=2, height=2, width=2), size=9, alpha=1.0),
            good(
                tensor(batch=2, channel=4, width=3, unit="ml", facts=Facts(low=1, high=3)), size=3, alpha=1.0
            ),
            good(tensor(batch=2, channel=4, width=3, facts=Facts(low=-2, high=-1)), size=3, k=0.5),
            good(tensor(batch=2, channel=4, width=3, facts=Facts(low=-2, high=1)), size=4, alpha=0.0),
            bad("NS210", tensor(batch=4, feature=3), size=3),
            bad("NS215", tensor(batch=2, time=3, height=4, width=4), size=3),
            bad("NS310", tensor("int64", batch=4, channel=3, width=2), size=3),
        ]
