"""How parameters start: the distributions of `torch.nn.init`, declared."""

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from netspec.ir.record import Numbers, Record

Mode = Literal["fan_in", "fan_out"]
Nonlinearity = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


class Initializer(Record):
    """The base of every initialiser: a distribution for one parameter tensor."""

    model_config = ConfigDict(allow_inf_nan=False)


class Zeros(Initializer):
    """Every number is 0."""

    name: ClassVar[str] = "zeros"


class Ones(Initializer):
    """Every number is 1."""

    name: ClassVar[str] = "ones"


class Constant(Initializer):
    """Every number is `value`."""

    name: ClassVar[str] = "constant"
    main: ClassVar[str | None] = "value"

    value: float


class Uniform(Initializer):
    """Independent numbers, uniform in `[low, high)`: `uniform: [-0.01, 0.01]`."""

    name: ClassVar[str] = "uniform"
    main: ClassVar[str | None] = "range"

    range: Numbers = Field(min_length=2, max_length=2)
    """The least number, and the one that is never reached."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.range[0] < self.range[1]:
            raise ValueError("the first number must be the smaller")
        return self


class Normal(Initializer):
    """Independent normal numbers with the given mean and standard deviation."""

    name: ClassVar[str] = "normal"
    main: ClassVar[str | None] = "std"

    mean: float = 0.0
    """The mean."""
    std: float = Field(default=1.0, ge=0)


class XavierUniform(Initializer):
    """Uniform in `[-a, a)`, `a = gain * sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, eq. 16)."""

    name: ClassVar[str] = "xavier_uniform"
    main: ClassVar[str | None] = "gain"

    gain: float = Field(default=1.0, gt=0)


class XavierNormal(Initializer):
    """Normal with `std = gain * sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010)."""

    name: ClassVar[str] = "xavier_normal"
    main: ClassVar[str | None] = "gain"

    gain: float = Field(default=1.0, gt=0)


class Kaiming(Initializer):
    """He and others' initialisers (2015): `fan` is the number of inputs of an output, or the other way round.

    The gain is that of `torch.nn.init.calculate_gain`: sqrt(2) for relu, sqrt(2 / (1 + a ** 2)) for leaky_relu with the
    slope `a`, 5 / 3 for tanh, 3 / 4 for selu, 1 for linear and sigmoid.
    """

    a: float = 0.0
    """The slope of `leaky_relu` for negative numbers."""
    mode: Mode = "fan_in"
    """Which fan counts: that of the inputs, or that of the outputs."""
    nonlinearity: Nonlinearity = "leaky_relu"

    @model_validator(mode="after")
    def _slope_is_used(self) -> Self:
        if self.a != 0 and self.nonlinearity != "leaky_relu":
            raise ValueError(f"`a` is the slope of `leaky_relu`; `{self.nonlinearity}` has none")
        return self


class KaimingUniform(Kaiming):
    """Uniform in `[-b, b)`, `b = gain * sqrt(3 / fan)` (He et al. 2015, eq. 10 and 14); gain by the nonlinearity."""

    name: ClassVar[str] = "kaiming_uniform"


class KaimingNormal(Kaiming):
    """Normal with `std = gain / sqrt(fan)` (He et al. 2015, eq. 10 and 14); gain by the nonlinearity."""

    name: ClassVar[str] = "kaiming_normal"


INITIALIZERS: dict[str, type[Initializer]] = {
    kind.name: kind
    for kind in (
        Zeros,
        Ones,
        Constant,
        Uniform,
        Normal,
        XavierUniform,
        XavierNormal,
        KaimingUniform,
        KaimingNormal,
    )
}
