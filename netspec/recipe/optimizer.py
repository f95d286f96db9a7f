"""How weights move: update rules, declared. The formulas are PyTorch's, so a rate means what it means there."""

from typing import ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from netspec.ir.record import Record


class Optimizer(Record):
    """The base of every update rule. `lr` is the rate that the schedule's factor multiplies.

    A new rule is a class here, in the table below, with its formula and source in its docstring; its step is written in
    the reference's `update.py` and named in the torch backend's `optimizer.py`.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    lr: float = Field(gt=0, le=1e6)


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
    weight_decay: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError("`nesterov` needs a `momentum` above 0 and no `dampening`")
        return self


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (Sgd,)}
