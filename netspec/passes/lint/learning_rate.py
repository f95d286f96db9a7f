"""A learning rate that no training of its kind uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.passes.lint.rule import Rule, Subject
from netspec.recipe.training import Training
from netspec.text import Diagnostic

_LOWEST = 1e-7
_HIGHEST = {
    "sgd": 1.0,
    "adagrad": 0.5,
    "rmsprop": 0.1,
    "adamax": 0.02,
    "adam": 0.01,
    "adamw": 0.01,
    "nadam": 0.01,
    "radam": 0.01,
    "lion": 0.003,
}
"""The highest rate in use for steps of up to 256 samples, with room above."""


class LearningRate(Rule):
    """The `lr` lies outside what the optimizer is used with: below `lowest`, or above `highest`.

    Why: a rate that is too high makes the loss jump or become NaN within a few steps, one that is too low trains for
    days and learns nothing. It is nearly always a slip of the exponent, or a rate that belonged to another optimizer.

    Instead: begin with 0.1 for `sgd` with momentum, 0.001 for the kinds of Adam. By default `highest` is 1 for `sgd`
    and 0.01 for the kinds of Adam, and grows with the samples of a step beyond 256, as the linear rule has it
    (Goyal et al. 2017); other optimizers are judged by `lowest` alone.
    """

    name: ClassVar[str] = "learning_rate"
    code: ClassVar[str] = "NS413"

    lowest: float = Field(default=_LOWEST, ge=0)
    """The lowest rate that passes."""
    highest: float | None = Field(default=None, gt=0)
    """The highest rate that passes, whatever the batch; by default it is the optimizer's own."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The rate, if it is out of bounds."""
        training = subject.spec.training
        if training is None:
            return
        optimizer, rate, highest = training.optimizer.name, training.optimizer.lr, self._highest(training)
        if self.lowest <= rate and (highest is None or rate <= highest):
            return
        low = rate < self.lowest
        bound = self.lowest if low else highest
        yield self.doubt(
            f"a learning rate of {rate:g} is {'low' if low else 'high'} for `{optimizer}`: "
            f"{'at least' if low else 'up to'} {bound:g} is usual",
            subject.place(f"training.optimizer.{optimizer}.lr"),
            help="look at the exponent; "
            + ("`sgd` begins with 0.1 or 0.01" if optimizer == "sgd" else f"`{optimizer}` begins with 0.001"),
        )

    def _highest(self, training: Training) -> float | None:
        """The highest usual rate for steps of this many samples."""
        usual = self.highest if self.highest is not None else _HIGHEST.get(training.optimizer.name)
        if usual is None or self.highest is not None:
            return usual
        return usual * max(1.0, training.batch_size * training.accumulate / 256)
