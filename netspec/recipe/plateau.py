"""The phase that waits for a metric to stand still."""

from collections.abc import Sequence
from math import inf, isinf
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from netspec.recipe.pace import Pace
from netspec.recipe.phase import Schedule
from netspec.recipe.quantity import Epochs, Quantity
from netspec.recipe.watch import Watch


class Plateau(Watch, Schedule):
    """`factor(t) = factor ** n`, not below `end`: n is how often the metric had not got better for `patience`.

    The metric is that of the validation at the end of each epoch. It is better than the best so far if it is below
    `best * (1 - threshold)` (above `best * (1 + threshold)` for `maximize`), or by `threshold` itself with
    `threshold_mode: abs`. When more than `patience` epochs in a row were not better, the rate falls, and for `cooldown`
    epochs nothing is counted (`ReduceLROnPlateau`, whose `eps` is 0 here). The rate is a function of the values in
    `metrics.csv`: a run that is cut and goes on, and whoever computes it again, gets the same.
    """

    name: ClassVar[str] = "plateau"

    reduction: float = Field(default=0.1, gt=0, lt=1, alias="factor")
    """What the rate is multiplied by when the metric stands still."""
    patience: Epochs = Quantity(10, "epochs")
    """How many epochs may pass without the metric getting better."""
    threshold: float = Field(default=1e-4, ge=0)
    """How much better is better."""
    threshold_mode: Literal["rel", "abs"] = "rel"
    """Whether `threshold` is a share of the best value or a difference from it."""
    cooldown: Epochs = Quantity(0, "epochs")
    """How many epochs after a fall nothing is counted in."""
    end: float = Field(default=0.0, ge=0, le=1)
    """The least factor."""

    @model_validator(mode="after")
    def _share_of_the_best(self) -> Self:
        if self.threshold_mode == "rel" and self.threshold >= 1:
            raise ValueError(
                "a `threshold` of the whole best value or more is never met; write `threshold_mode: abs`"
            )
        return self

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """Before anything is measured."""
        del step, steps, steps_per_epoch
        return 1.0

    def pace(self, step: int, steps: int, steps_per_epoch: int, seen: Sequence[float]) -> Pace:
        """What the values measured so far make of the rate, counted through from the first."""
        del step, steps, steps_per_epoch
        factor, best = 1.0, inf if self.minimize is not None else -inf
        bad = cooling = 0
        for value in seen:
            if self._better(value, best):
                best, bad = value, 0
            else:
                bad += 1
            if cooling:
                cooling -= 1
                bad = 0
            if bad > self.patience.value:
                factor = max(factor * self.reduction, self.end)
                cooling, bad = int(self.cooldown.value), 0
        return Pace(factor)

    def _better(self, value: float, best: float) -> bool:
        """Whether a value is better than the best so far; what is no number never is."""
        if isinf(best):
            return value < best if self.minimize is not None else value > best
        near = self.threshold * best if self.threshold_mode == "rel" else self.threshold
        return value < best - near if self.minimize is not None else value > best + near
