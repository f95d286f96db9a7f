"""Patience that outlasts the training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.lint.schedule_length import length
from netspec.text import Diagnostic


class IdlePatience(Rule):
    """The `patience` of `early_stopping` is as long as the whole training or longer.

    Why: it never stops anything, and whoever reads the spec thinks that it does.

    Instead: a shorter `patience`, a longer training, or no `early_stopping`: `checkpoint` keeps the best weights too.
    """

    name: ClassVar[str] = "idle_patience"
    code: ClassVar[str] = "NS420"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The patience, if it is counted in what training is counted in."""
        training = subject.spec.training
        if training is None or training.early_stopping is None:
            return
        patience = training.early_stopping.patience
        total, unit = length(training)
        if patience.unit != unit or patience.value < total:
            return
        yield self.doubt(
            f"a patience of {patience} never stops {total:,} {unit} of training",
            subject.place("training.early_stopping.patience"),
            help=f"use less than {total:,} {unit}, or remove `early_stopping`",
        )
