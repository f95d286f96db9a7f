"""How weights move: update rules, declared. The formulas are PyTorch's, so a rate means what it means there.

In all of them `g(t)` is the gradient `dL/dw` of step t = 1, 2, ..., bounded by `clip`; `m`, `v` and all else that is
remembered begin at 0. Two forms of weight decay are told apart: coupled, where `weight_decay * w(t-1)` is added to
`g(t)` before anything else; and decoupled, where `w(t-1)` is multiplied by `1 - lr(t) * weight_decay` and the gradient
is left alone (Loshchilov and Hutter 2019).
"""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from netspec.ir.record import Numbers, Record, Words


def _shares(values: tuple[float, ...]) -> tuple[float, ...]:
    """Two parts of what was, each in [0, 1)."""
    if not all(0 <= one < 1 for one in values):
        raise ValueError("both must be at least 0 and less than 1? Write `betas: [0.9, 0.999]`")
    return values


Betas = Annotated[Numbers, AfterValidator(_shares), Field(min_length=2, max_length=2)]
"""The parts that stay of two running means."""


class Optimizer(Record):
    """The base of every update rule. `lr` is the rate that the schedule's factor multiplies.

    A new rule is a class here, in the table below, with its formula and source in its docstring; its step is written in
    the reference's `update.py` and named in the torch backend's `optimizer.py`.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    lr: float = Field(gt=0, le=1e6)
    weight_decay: float = Field(default=0.0, ge=0)
    no_decay: Words = ()
    """What weight decay spares: `norm`, `bias`, and paths of layers or parameters."""


class Sgd(Optimizer):
    """Stochastic gradient descent: `w(t) = w(t-1) - lr(t) * d(t)`.

    Without momentum `d` is the gradient `g(t) = dL/dw + weight_decay * w(t-1)`. With momentum m the buffer is
    `b(1) = g(1)`, `b(t) = m * b(t-1) + (1 - dampening) * g(t)`; `d(t) = b(t)`, or `g(t) + m * b(t)` with Nesterov's
    form (Sutskever et al. 2013 as PyTorch writes it: the rate multiplies the buffer, not the gradient in it).
    """

    name: ClassVar[str] = "sgd"
    main: ClassVar[str | None] = "lr"

    momentum: float = Field(default=0.0, ge=0)
    """The part of the buffer that stays; 0 has no buffer."""
    dampening: float = 0.0
    """The part of the gradient that does not enter the buffer."""
    nesterov: bool = False
    """Whether the buffer is looked at one step ahead; needs a `momentum` and no `dampening`."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError("`nesterov` needs a `momentum` above 0 and no `dampening`")
        return self


class Adam(Optimizer):
    """Running means of the gradient and of its square: `w(t) = w(t-1) - lr(t) * mh(t) / (sqrt(vh(t)) + eps)`.

    `m(t) = beta1 * m(t-1) + (1 - beta1) * g(t)`, `v(t) = beta2 * v(t-1) + (1 - beta2) * g(t) ** 2`, without the lean
    towards their start: `mh = m / (1 - beta1 ** t)`, `vh = v / (1 - beta2 ** t)` (Kingma and Ba 2015, algorithm 1).
    With `amsgrad`, `vh = max(v(1), ..., v(t)) / (1 - beta2 ** t)` (Reddi et al. 2018). Weight decay is coupled, which
    divides it by `sqrt(vh)` as well; `adamw` has the decoupled form.
    """

    name: ClassVar[str] = "adam"
    main: ClassVar[str | None] = "lr"

    betas: Betas = (0.9, 0.999)
    """The parts that stay of the running means of the gradient and of its square."""
    eps: float = Field(default=1e-8, ge=0)
    amsgrad: bool = False
    """Whether the greatest mean square so far divides, in place of the current one."""


class AdamW(Adam):
    """`adam` with decoupled decay: `w(t) = w(t-1) - lr(t) * (mh(t) / (sqrt(vh(t)) + eps) + weight_decay * w(t-1))`.

    `mh` and `vh` are those of `adam`, of the gradient alone (Loshchilov and Hutter 2019, algorithm 2; the rate
    multiplies the decay, as in PyTorch).
    """

    name: ClassVar[str] = "adamw"

    weight_decay: float = Field(default=0.01, ge=0)
    """How much of the weights a step of rate 1 takes away."""


class Adagrad(Optimizer):
    """The sum of all squares divides: `w(t) = w(t-1) - lr(t) / (1 + (t - 1) * lr_decay) * g(t) / (sqrt(s(t)) + eps)`.

    `s(0) = initial_accumulator_value`, `s(t) = s(t-1) + g(t) ** 2` (Duchi et al. 2011; `lr_decay` is PyTorch's).
    Weight decay is coupled.
    """

    name: ClassVar[str] = "adagrad"
    main: ClassVar[str | None] = "lr"

    lr_decay: float = Field(default=0.0, ge=0)
    """How the rate falls besides: step t divides it by `1 + (t - 1) * lr_decay`."""
    initial_accumulator_value: float = Field(default=0.0, ge=0)
    """What the sums of squares begin with."""
    eps: float = Field(default=1e-10, ge=0)


class RmsProp(Optimizer):
    """The running mean of squares divides: `w(t) = w(t-1) - lr(t) * d(t)`, `d(t) = g(t) / (sqrt(v(t)) + eps)`.

    `v(t) = alpha * v(t-1) + (1 - alpha) * g(t) ** 2` (Hinton 2012, lecture 6e). With `centered` the square of the
    running mean `a(t) = alpha * a(t-1) + (1 - alpha) * g(t)` is taken from v, which leaves the variance (Graves 2013).
    With momentum, `d(t) = momentum * d(t-1) + g(t) / (sqrt(v(t)) + eps)`. Weight decay is coupled.
    """

    name: ClassVar[str] = "rmsprop"
    main: ClassVar[str | None] = "lr"

    alpha: float = Field(default=0.99, ge=0, le=1)
    """The part that stays of the running mean of squares."""
    eps: float = Field(default=1e-8, ge=0)
    momentum: float = Field(default=0.0, ge=0)
    """The part of the last move that stays; 0 has none."""
    centered: bool = False
    """Whether the variance divides, in place of the mean square."""


class Adadelta(Optimizer):
    """Moves in the units of the weights: `w(t) = w(t-1) - lr(t) * d(t)`.

    `v(t) = rho * v(t-1) + (1 - rho) * g(t) ** 2`, `d(t) = sqrt(u(t-1) + eps) / sqrt(v(t) + eps) * g(t)`,
    `u(t) = rho * u(t-1) + (1 - rho) * d(t) ** 2` (Zeiler 2012, algorithm 1, whose rate is 1). Weight decay is coupled.
    """

    name: ClassVar[str] = "adadelta"
    main: ClassVar[str | None] = "lr"

    rho: float = Field(default=0.9, ge=0, le=1)
    """The part that stays of the running means of squares."""
    eps: float = Field(default=1e-6, ge=0)
    """A small number added under both roots: the first moves are as long as its root."""


class NAdam(Optimizer):
    """`adam` that looks one step ahead, as Nesterov's momentum does.

    `w(t) = w(t-1) - lr(t) * (mu(t+1) * m(t) / (1 - P(t+1)) + (1 - mu(t)) * g(t) / (1 - P(t))) / (sqrt(vh(t)) + eps)`
    with `m`, `v` and `vh` as in `adam`, `mu(t) = beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)` and
    `P(t) = mu(1) * ... * mu(t)` (Dozat 2016). Weight decay is coupled unless it is asked to be otherwise.
    """

    name: ClassVar[str] = "nadam"
    main: ClassVar[str | None] = "lr"

    betas: Betas = (0.9, 0.999)
    """The parts that stay of the running means of the gradient and of its square."""
    eps: float = Field(default=1e-8, ge=0)
    momentum_decay: float = Field(default=4e-3, ge=0)
    """How fast the momentum rises to the first of `betas`."""
    decoupled_weight_decay: bool = False
    """Whether weight decay acts on the weights alone, as in `adamw`."""


class RAdam(Optimizer):
    """`adam` that trusts its division only once the variance of `v` is known: `w(t) = w(t-1) - lr(t) * r(t) * mh(t)`.

    `mh` and `vh` are those of `adam`. With `rho_inf = 2 / (1 - beta2) - 1` and
    `rho(t) = rho_inf - 2 * t * beta2 ** t / (1 - beta2 ** t)`, r is 1 while `rho(t) <= 5` and then
    `r(t) = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) / sqrt(vh(t))`, eps being
    added to `sqrt(v(t))` (Liu et al. 2020, algorithm 2, with PyTorch's 5). Weight decay is coupled unless it is asked
    to be otherwise.
    """

    name: ClassVar[str] = "radam"
    main: ClassVar[str | None] = "lr"

    betas: Betas = (0.9, 0.999)
    """The parts that stay of the running means of the gradient and of its square."""
    eps: float = Field(default=1e-8, ge=0)
    decoupled_weight_decay: bool = False
    """Whether weight decay acts on the weights alone, as in `adamw`."""


class Lion(Optimizer):
    """Every weight moves by the rate, up or down: `w(t) = w(t-1) - lr(t) * (sign(c(t)) + weight_decay * w(t-1))`.

    `c(t) = beta1 * m(t-1) + (1 - beta1) * g(t)`, then `m(t) = beta2 * m(t-1) + (1 - beta2) * g(t)`; the sign of 0 is 0
    (Chen et al. 2023, program 1). Weight decay is decoupled. A usual rate is a third to a tenth of that of `adamw`.
    """

    name: ClassVar[str] = "lion"
    main: ClassVar[str | None] = "lr"

    betas: Betas = (0.9, 0.99)
    """The parts that stay of the running mean: where its sign is taken, and where it is kept."""
    weight_decay: float = Field(default=0.0, ge=0)
    """How much of the weights a step of rate 1 takes away."""


def has_momentum(optimizer: Optimizer) -> bool:
    """Whether a schedule can move the optimizer's momentum: it has `betas`, or a `momentum` above 0."""
    return hasattr(optimizer, "betas") or getattr(optimizer, "momentum", 0) > 0


OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.name: kind for kind in (Sgd, Adam, AdamW, Adagrad, RmsProp, Adadelta, NAdam, RAdam, Lion)
}
