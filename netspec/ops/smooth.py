"""Activations without a corner: some that rise like a relu, and some that level off."""

import math
from typing import ClassVar, Literal

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.types import TensorType, tensor
from netspec.ops.curve import dipped, risen
from netspec.ops.elementwise import floating

SILU_LOWEST = -1.278464542761074
GELU_LOWEST = -0.7517915246935645
GELU_TANH_LOWEST = -0.7524614220710162
MISH_LOWEST = -1.1924312145154952
"""Where the functions are lowest: the zeros of their slopes, found by bisection (a test finds them again)."""

TANH_SCALE = math.sqrt(2 / math.pi)
TANH_CUBIC = 0.044715
"""The numbers of the approximation of the normal distribution function by a tanh (Hendrycks and Gimpel 2016)."""


class Silu(Op):
    """The number times its sigmoid, also called swish: `y = x / (1 + exp(-x))` (Ramachandran and others 2017)."""

    name: ClassVar[str] = "silu"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -0.2785, which is reached near -1.278."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=dipped(x, silu, SILU_LOWEST)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounds on each side of the lowest place."""
        return _bounds()


class Gelu(Op):
    """The number times the share of a normal distribution below it: `y = x * Phi(x)` (Hendrycks and Gimpel 2016).

    With `approximate: tanh` Phi is `(1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))) / 2`, as in older models.
    """

    name: ClassVar[str] = "gelu"
    main: ClassVar[str | None] = "approximate"
    pointwise: ClassVar[bool] = True

    approximate: Literal["none", "tanh"] = "none"

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -0.1701, which is reached near -0.752."""
        floating(x, self.name, 0)
        facts = (
            dipped(x, gelu, GELU_LOWEST)
            if self.approximate == "none"
            else dipped(x, gelu_tanh, GELU_TANH_LOWEST)
        )
        return Inferred((TensorType(x.axes, facts=facts),))

    @staticmethod
    def samples() -> list[Sample]:
        """Both forms, any numbers, and bounds on each side of the lowest place."""
        image = tensor(batch=2, channel=3, width=2)
        low = tensor(batch=2, bin=4, facts=Facts(low=-2, high=1, nondecreasing="bin"))
        return [*_bounds(), good(image, approximate="tanh"), good(low, approximate="tanh")]


class Mish(Op):
    """The number times the tanh of its softplus: `y = x * tanh(log(1 + exp(x)))` (Misra 2019)."""

    name: ClassVar[str] = "mish"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -0.3089, which is reached near -1.192."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=dipped(x, mish, MISH_LOWEST)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounds on each side of the lowest place."""
        return _bounds()


class Softsign(Op):
    """A tanh that levels off slowly: `y = x / (1 + |x|)`, within [-1, 1]."""

    name: ClassVar[str] = "softsign"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=risen(x, softsign)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounded ones in order."""
        return _bounds()


class Logsigmoid(Op):
    """The logarithm of the logistic function: `y = -log(1 + exp(-x))`, never the logarithm of a rounded zero."""

    name: ClassVar[str] = "logsigmoid"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is above 0, bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=risen(x, logsigmoid)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounded ones in order."""
        return _bounds()


def _bounds() -> list[Sample]:
    """Any numbers, and numbers in order around, behind and before the lowest place of a curve."""
    return [
        good(tensor(batch=2, channel=3, width=5)),
        good(tensor(batch=2, bin=5, facts=Facts(low=-4, high=3, nondecreasing="bin"))),
        good(tensor(batch=2, bin=5, facts=Facts(low=-0.5, high=3, nondecreasing="bin"), unit="ml")),
        good(tensor(batch=2, bin=5, facts=Facts(high=-2, nondecreasing="bin"))),
        bad("NS310", tensor("int64", batch=2)),
    ]


def silu(x: float) -> float:
    """X / (1 + exp(-x)) without overflow."""
    small = math.exp(-abs(x))
    return x / (1 + small) if x >= 0 else (x * small / (1 + small) if small else 0.0)


def gelu(x: float) -> float:
    """X * Phi(x), which goes to 0 far below."""
    share = math.erfc(-x / math.sqrt(2)) / 2
    return x * share if share else 0.0


def gelu_tanh(x: float) -> float:
    """X times the approximation of Phi(x), which goes to 0 far below."""
    share = (1 + math.tanh(TANH_SCALE * (x + TANH_CUBIC * x * x * x))) / 2
    return x * share if share else 0.0


def mish(x: float) -> float:
    """X * tanh(softplus(x)), which goes to 0 far below."""
    share = math.tanh(max(x, 0.0) + math.log1p(math.exp(-abs(x))))
    return x * share if share else 0.0


def softsign(x: float) -> float:
    """X / (1 + |x|), which goes to 1 and -1 far away."""
    return math.copysign(1.0, x) if math.isinf(x) else x / (1 + abs(x))


def logsigmoid(x: float) -> float:
    """-log(1 + exp(-x)) without overflow."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))
