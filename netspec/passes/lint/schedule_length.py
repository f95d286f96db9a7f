"""Phases of a schedule that training does not reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.lint.rule import Rule, Subject
from netspec.recipe.cycle import CosineRestarts
from netspec.recipe.phase import Schedule
from netspec.recipe.plateau import Plateau
from netspec.recipe.quantity import Quantity
from netspec.recipe.schedule import MultiStep, Step
from netspec.recipe.training import Training
from netspec.text import Diagnostic


class ScheduleLength(Rule):
    """A phase of `schedule` lasts as long as the whole training, or its steps come after the end.

    Why: nothing is left for the phases after a warmup that takes everything, and a rate that should fall at a milestone
    beyond the end never falls. This happens when `epochs` is lowered and the schedule is not.

    Instead: shorten the phase, or train longer. Durations in another unit than the length of training are not judged:
    how many steps an epoch has is known when the data is opened.
    """

    name: ClassVar[str] = "schedule_length"
    code: ClassVar[str] = "NS421"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every phase, step or milestone that cannot be reached."""
        training = subject.spec.training
        if training is None:
            return
        begin: float | None = 0.0
        _, unit = length(training)
        for i, phase in enumerate(training.schedule):
            if begin is None:
                return
            found = self._phase(subject, f"training.schedule.{i}.{phase.name}", phase, begin, training)
            if found is not None:
                yield found
            lasts = phase.lasts
            begin = begin + lasts.value if lasts is not None and lasts.unit == unit else None

    def _phase(
        self, subject: Subject, path: str, phase: Schedule, begin: float, training: Training
    ) -> Diagnostic | None:
        """The doubt about one phase that begins `begin` epochs or steps after the start."""
        total, unit = length(training)
        of = f"of {_number(total)} {unit} of training"
        lasts = phase.lasts
        if lasts is not None and lasts.unit == unit and begin + lasts.value >= total:
            after = f" after {_number(begin)}" if begin else ""
            return self.doubt(
                f"`{phase.name}` takes {lasts}{after} {of}: nothing is left behind it",
                subject.place(f"{path}.for"),
                help=f"shorten it, or train for more than {_number(begin + lasts.value)} {unit}",
            )
        if isinstance(phase, Step):
            late = self._late(phase.step_size, begin, training)
            span, what = subject.place(f"{path}.step_size"), "step"
        elif isinstance(phase, MultiStep):
            late, index = next(
                (
                    (at, i)
                    for i, one in enumerate(phase.milestones)
                    if (at := self._late(one, begin, training))
                ),
                (None, 0),
            )
            tail = f"milestones.{index}" if f"{path}.milestones" in subject.spec.places else str(index)
            span, what = subject.place(f"{path}.{tail}"), "milestone"
        elif isinstance(phase, CosineRestarts):
            late, what = self._late(phase.T_0, begin, training), "first restart"
            span = subject.place(f"{path}.T_0")
        elif isinstance(phase, Plateau):
            late, what = self._late(phase.patience, begin, training), "first possible fall"
            span = subject.place(f"{path}.patience")
        else:
            return None
        if late is None:
            return None
        never = "it never comes" if isinstance(phase, CosineRestarts) else "the rate never falls there"
        return self.doubt(
            f"the {what} at {late} comes after the end {of}: {never}",
            span,
            help=f"use less than {_number(total - begin)} {unit}, or train longer",
        )

    def _late(self, at: Quantity, begin: float, training: Training) -> Quantity | None:
        """A duration from the phase's begin that ends with training or later."""
        total, unit = length(training)
        return at if at.unit == unit and begin + at.value >= total else None


def length(training: Training) -> tuple[int, str]:
    """How long training is, and in what that is counted."""
    if training.epochs is not None:
        return training.epochs, "epochs"
    return training.steps or 0, "steps"


def _number(value: float) -> str:
    return f"{value:,g}" if value < 1e6 else f"{value:,.0f}"
