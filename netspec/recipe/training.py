"""The training section: how long, how much at once, by which rule, on what, and when to stop."""

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SerializeAsAny, model_validator

from netspec.ir.record import Record, Words
from netspec.recipe.average import Average
from netspec.recipe.cycle import OneCycle
from netspec.recipe.optimizer import Optimizer, has_momentum
from netspec.recipe.phase import Schedule
from netspec.recipe.plan import Plan, Precision
from netspec.recipe.quantity import Duration
from netspec.recipe.watch import Watch


class Clip(Record):
    """Bound the gradients of a step: their joint 2-norm, or each number's size."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: ClassVar[str] = "clip"

    norm: float | None = Field(default=None, gt=0)
    """The largest joint 2-norm of all gradients; larger ones are scaled down together."""
    value: float | None = Field(default=None, gt=0)
    """The largest size of each number of a gradient."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.norm is None) == (self.value is None):
            raise ValueError("write `norm` or `value`, one of them")
        return self


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
    """How often every sample is seen; or write `steps`."""
    steps: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """How many updates are made; or write `epochs`."""
    batch_size: int = Field(ge=1, le=1_000_000)
    """How many samples are seen at once."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Where weights, the order of samples, dropout and augmentation begin; the same seed gives the same run."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where it runs; `auto` takes cuda, then mps, then cpu."""
    precision: Precision = "float32"
    """The numbers of the forward pass; the weights themselves stay float32. `auto` takes the fastest that is right."""
    plan: Literal["auto"] | Plan | None = None
    """How the steps are run: `auto` measures what is fastest here, and a mapping pins parts of it."""
    accumulate: int = Field(default=1, ge=1, le=100_000)
    """How many batches make one update."""
    recompute: Words = ()
    """What keeps only what goes in, and runs again backward: `blocks`, names of blocks, paths of layers or groups."""
    optimizer: SerializeAsAny[Optimizer]
    """The rule by which weights move."""
    schedule: tuple[SerializeAsAny[Schedule], ...] = ()
    """How the rate moves: phases one after another, the last of which takes what is left."""
    clip: Clip | None = None
    """The bound of the gradients of one update."""
    average: Average | None = None
    """How weights are averaged over the steps; the averages are measured and kept."""
    early_stopping: EarlyStopping | None = None
    """When to stop before the end."""
    checkpoint: Checkpoint | None = None
    """Which checkpoints are kept besides the last one."""

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
    def _momentum_is_there(self) -> Self:
        cycles = any(isinstance(phase, OneCycle) and phase.cycle_momentum for phase in self.schedule)
        if cycles and not has_momentum(self.optimizer):
            raise ValueError(
                f"the `one_cycle` of `schedule` moves the momentum, and this `{self.optimizer.name}` has none: "
                "write `one_cycle: {cycle_momentum: false}`, or give it a momentum"
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
