"""The plan: the compiled module in the way that its recipe asks for."""

from __future__ import annotations

from typing import Any, cast

from netspec.recipe.plan import Plan, asked
from netspec.text import SpecError
from netspec_torch.bench.contender import Contender, LeftOut, Ready, loop, told
from netspec_torch.bench.job import Job
from netspec_torch.bench.network import own
from netspec_torch.plan import Settled
from netspec_torch.plan.settled import Precision


def _ready(job: Job) -> Ready:
    recipe = job.spec.training
    plan = _settled(asked(recipe.plan) if recipe else Plan(), job)
    return Ready(told(plan), loop(job, own(job.spec), plan))


def _settled(plan: Plan, job: Job) -> Settled:
    """The plan with everything pinned; SpecError NS646 for a precision that is not for the device."""
    if job.precision == "fp16":
        raise SpecError.of(
            "NS646",
            "`precision: fp16` needs a loss that is scaled, and steps are timed without",
            help="use `--precision bf16` or `float32`",
        )
    if plan.measured:
        raise LeftOut(f"{', '.join(f'`{one}`' for one in plan.measured)} of the plan must be measured first")
    return Settled(
        device=job.device,
        memory_format=cast("Any", plan.memory_format),
        compile=bool(plan.compile),
        threads=cast("int | None", plan.threads),
        precision=cast("Precision", job.precision),
    )


PLAN = Contender("plan", "the compiled module in the way its recipe asks for", _ready)
