"""A learning rate that no training of its kind uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from pydantic import Field

from netspec.passes.lint.rule import Rule, Subject
from netspec.recipe.training import Training
from netspec.text import Diagnostic

_LOWEST = 1e-7


class _Usual(NamedTuple):
    """The highest rate in use for steps of up to 256 samples, with room above; what to begin with; the lowest rate."""

    highest: float
    begin: str
    lowest: float = _LOWEST


_USUAL = {
    "sgd": _Usual(1.0, "0.1 or 0.01"),
    "adam": _Usual(0.01, "0.001"),
    "adamw": _Usual(0.01, "0.001"),
    "adagrad": _Usual(0.5, "0.01"),
    "rmsprop": _Usual(0.1, "0.001"),
    "adadelta": _Usual(10.0, "1", 0.005),
    "nadam": _Usual(0.01, "0.002"),
    "radam": _Usual(0.01, "0.001"),
    "lion": _Usual(0.003, "0.0001"),
}


class LearningRate(Rule):
    """The `lr` lies outside what the optimizer is used with: below `lowest`, or above `highest`.

    Why: a rate that is too high makes the loss jump or become NaN within a few steps, one that is too low trains for
    days and learns nothing. It is nearly always a slip of the exponent, or a rate that belonged to another optimizer.

    Instead: begin with 0.1 for `sgd` with momentum, 0.001 for the kinds of Adam, 0.0001 for `lion`, 1 for `adadelta`,
    whose moves have the size of the weights already. By default `highest` is 1 for `sgd`, 0.5 for `adagrad`, 0.1 for
    `rmsprop`, 10 for `adadelta`, 0.003 for `lion` and 0.01 for the kinds of Adam, and grows with the samples of a step
    beyond 256, as the linear rule has it (Goyal et al. 2017); `lowest` is 0.005 for `adadelta` and 1e-7 for all others.
    """

    name: ClassVar[str] = "learning_rate"
    code: ClassVar[str] = "NS413"

    lowest: float | None = Field(default=None, ge=0)
    """The lowest rate that passes; by default it is the optimizer's own."""
    highest: float | None = Field(default=None, gt=0)
    """The highest rate that passes, whatever the batch; by default it is the optimizer's own."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The rate, if it is out of bounds."""
        training = subject.spec.training
        if training is None:
            return
        optimizer, rate = training.optimizer.name, training.optimizer.lr
        usual = _USUAL.get(optimizer)
        lowest, highest = self._lowest(usual), self._highest(usual, training)
        if lowest <= rate and (highest is None or rate <= highest):
            return
        low = rate < lowest
        bound = lowest if low else highest
        yield self.doubt(
            f"a learning rate of {rate:g} is {'low' if low else 'high'} for `{optimizer}`: "
            f"{'at least' if low else 'up to'} {bound:g} is usual",
            subject.place(f"training.optimizer.{optimizer}.lr"),
            help="look at the exponent" + (f"; `{optimizer}` begins with {usual.begin}" if usual else ""),
        )

    def _lowest(self, usual: _Usual | None) -> float:
        """The lowest rate that passes."""
        if self.lowest is not None:
            return self.lowest
        return usual.lowest if usual else _LOWEST

    def _highest(self, usual: _Usual | None, training: Training) -> float | None:
        """The highest usual rate for steps of this many samples."""
        if self.highest is not None or usual is None:
            return self.highest
        return usual.highest * max(1.0, training.batch_size * training.accumulate / 256)
