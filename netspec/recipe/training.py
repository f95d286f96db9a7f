"""The training section: how long, how much at once, by which rule, on what, and when to stop."""

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SerializeAsAny, model_validator

from netspec.ir.record import Record
from netspec.recipe.optimizer import Optimizer
from netspec.recipe.quantity import Duration
from netspec.recipe.schedule import Schedule


class Clip(Record):
    """Bound the gradients of a step: their joint 2-norm, or each number's size."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: ClassVar[str] = "clip"

    norm: float | None = Field(default=None, gt=0)
    value: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.norm is None) == (self.value is None):
            raise ValueError("write `norm` or `value`, one of them")
        return self


class Watch(Record):
    """A metric to watch, and which way is better."""

    minimize: str | None = None
    maximize: str | None = None

    @model_validator(mode="after")
    def _one_metric(self) -> Self:
        if (self.minimize is None) == (self.maximize is None):
            raise ValueError("write `minimize` or `maximize`, one of them, with a metric's name")
        return self

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.minimize or self.maximize or ""


class EarlyStopping(Watch):
    """Stop when the metric has not got better for `patience`."""

    name: ClassVar[str] = "early_stopping"

    patience: Duration


class Checkpoint(Watch):
    """Keep the best `keep` checkpoints by the metric, besides the last one."""

    name: ClassVar[str] = "checkpoint"

    keep: int = Field(default=1, ge=1, le=100)


class Training(Record):
    """The whole section. Exactly one of `epochs` and `steps` says how long."""

    name: ClassVar[str] = "training"

    epochs: int | None = Field(default=None, ge=1, le=1_000_000)
    steps: int | None = Field(default=None, ge=1, le=1_000_000_000)
    batch_size: int = Field(ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    accumulate: int = Field(default=1, ge=1, le=100_000)
    optimizer: SerializeAsAny[Optimizer]
    schedule: tuple[SerializeAsAny[Schedule], ...] = ()
    clip: Clip | None = None
    early_stopping: EarlyStopping | None = None
    checkpoint: Checkpoint | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("write `epochs` or `steps`, one of them")
        return self

    @model_validator(mode="after")
    def _phases_end(self) -> Self:
        for phase in self.schedule[:-1]:
            if phase.length(1) is None:
                raise ValueError(
                    f"`{phase.name}` takes all that is left, so it must be the last phase of `schedule`"
                )
        return self

    @model_validator(mode="after")
    def _phases_fit(self) -> Self:
        for unit, most in (("epochs", self.epochs), ("steps", self.steps)):
            written = [phase.lasts for phase in self.schedule[:-1] if phase.lasts is not None]
            total = sum(one.value for one in written if one.unit == unit)
            if most is not None and total > most:
                raise ValueError(f"the first phases of `schedule` take {total:g} {unit} of {most}")
        return self
