"""How parameters start: the distributions of `torch.nn.init`, declared."""

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from netspec.ir.record import Numbers, Record

Mode = Literal["fan_in", "fan_out"]
Nonlinearity = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


class Initializer(Record):
    """The base of every initialiser: a distribution for one parameter tensor."""

    model_config = ConfigDict(allow_inf_nan=False)

    def misfit(self, shape: tuple[int, ...]) -> str:
        """Why a parameter of this shape cannot start so; empty where it can."""
        del shape
        return ""


class _Scaled(Initializer):
    """The base of what depends on how many inputs and outputs a weight joins."""

    def misfit(self, shape: tuple[int, ...]) -> str:
        """Fan-in and fan-out are counted over a weight of two or more axes."""
        return (
            ""
            if len(shape) >= 2
            else f"`{self.name}` scales by fan-in and fan-out, which a weight with two axes has"
        )


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


class XavierUniform(_Scaled):
    """Uniform in `[-a, a)`, `a = gain * sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, eq. 16)."""

    name: ClassVar[str] = "xavier_uniform"
    main: ClassVar[str | None] = "gain"

    gain: float = Field(default=1.0, gt=0)


class XavierNormal(_Scaled):
    """Normal with `std = gain * sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010)."""

    name: ClassVar[str] = "xavier_normal"
    main: ClassVar[str | None] = "gain"

    gain: float = Field(default=1.0, gt=0)


class Kaiming(_Scaled):
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


class TruncNormal(Initializer):
    """Normal numbers with the given mean and standard deviation, drawn again until they lie in `[a, b]`.

    The ends are numbers, no multiples of `std`, as in PyTorch. A mean more than two standard deviations outside of them
    is refused: hardly a number would pass.
    """

    name: ClassVar[str] = "trunc_normal"
    main: ClassVar[str | None] = "std"

    mean: float = 0.0
    """The mean, before anything is cut off."""
    std: float = Field(default=1.0, gt=0)
    """The standard deviation, before anything is cut off."""
    a: float = -2.0
    """The least number."""
    b: float = 2.0
    """The greatest number."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.a < self.b:
            raise ValueError("`a` must be less than `b`")
        if not self.a - 2 * self.std <= self.mean <= self.b + 2 * self.std:
            raise ValueError(
                "`mean` lies more than two `std` outside of `a` and `b`: hardly a number would pass"
            )
        return self


class Orthogonal(Initializer):
    """Rows (or columns, if fewer) that are orthogonal and of length `gain`: the first axis against the others.

    Q of the QR decomposition of a normal matrix, every column times the sign of R's diagonal, which makes it uniform
    (Saxe et al. 2014; Mezzadri 2007).
    """

    name: ClassVar[str] = "orthogonal"
    main: ClassVar[str | None] = "gain"

    gain: float = 1.0

    def misfit(self, shape: tuple[int, ...]) -> str:
        """A matrix has two axes."""
        return "" if len(shape) >= 2 else f"`{self.name}` makes a matrix, which has two axes or more"


class Dirac(Initializer):
    """A convolution that passes its input on: 1 in the middle of filter i for input i, 0 everywhere else.

    With `groups` each group of filters does so with the inputs that it sees; filters beyond them are 0.
    """

    name: ClassVar[str] = "dirac"
    main: ClassVar[str | None] = "groups"

    groups: int = Field(default=1, ge=1)
    """The groups of the convolution."""

    def misfit(self, shape: tuple[int, ...]) -> str:
        """The weight of a convolution, whose filters fall into equal groups."""
        if not 3 <= len(shape) <= 5:
            return f"`{self.name}` is for the weight of a convolution, which has three to five axes"
        if shape[0] % self.groups:
            return f"{shape[0]} filters do not fall into {self.groups} equal `groups`"
        return ""


class Sparse(Initializer):
    """Normal numbers with mean 0; in each column a part `sparsity` of them, chosen at random, is 0 (Martens 2010)."""

    name: ClassVar[str] = "sparse"
    main: ClassVar[str | None] = "sparsity"

    sparsity: float = Field(ge=0, le=1)
    """The part of each column that is 0, rounded up to whole numbers."""
    std: float = Field(default=0.01, ge=0)
    """The standard deviation of the others."""

    def misfit(self, shape: tuple[int, ...]) -> str:
        """A matrix, and nothing else."""
        return "" if len(shape) == 2 else f"`{self.name}` is for a matrix, which has two axes"


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
        TruncNormal,
        Orthogonal,
        Dirac,
        Sparse,
    )
}
