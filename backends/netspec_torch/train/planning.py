"""Where a training gets its plan: measured for a new run, repeated where one goes on, read where one is evaluated."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from netspec.backend import Watcher
from netspec.data.samples import Samples
from netspec.recipe.plan import Plan as Asked
from netspec.recipe.plan import asked, pinned
from netspec.recipe.spec import Spec
from netspec.recipe.training import Training
from netspec.text import SpecError
from netspec_torch.module import Compiled
from netspec_torch.plan.choose import Choice, first
from netspec_torch.plan.chosen import Chosen, Length, Unable
from netspec_torch.plan.ground import Ground, differing, look
from netspec_torch.plan.kept import Kept
from netspec_torch.plan.settled import Settled
from netspec_torch.train.batches import Plan, gather
from netspec_torch.train.rehearsal import Rehearsal


@dataclass(frozen=True)
class Wishes:
    """What is asked for besides the spec: parts of the plan (and `precision`) by name, and whether to measure anew."""

    pins: Mapping[str, Any]
    anew: bool = False


def settle(
    spec: Spec,
    samples: Samples,
    order: Plan,
    where: torch.device,
    make: Callable[[], Compiled],
    wishes: Wishes,
    watcher: Watcher,
) -> tuple[Settled, dict[str, Any]]:
    """The plan of a new run, and the record of how it came about. SpecError NS646, NS660 for what cannot be here."""
    assert spec.training is not None
    plan, precision = _asked(spec.training, wishes.pins)
    ground = look(where)
    chosen = Chosen(first(ground, plan, precision))
    check(chosen.settled, ground)
    if plan.measured or precision == "auto":
        compiled = make()
        kept = Kept(_key(spec, samples, order, compiled, ground), anew=wishes.anew)
        length = _length(spec, samples, order, compiled)
        stage = Rehearsal(spec, order, samples, make)
        with torch.random.fork_rng(devices=[]):
            try:
                chosen = Choice(ground, stage, length, kept, time.perf_counter, watcher.planning).choose(
                    plan, precision
                )
            except Unable as trouble:
                raise SpecError.of(
                    "NS660",
                    f"a step of this training cannot be measured here: {trouble}",
                    help="leave `plan: auto` and `precision: auto` out to see what PyTorch says",
                ) from trouble
    record = {**chosen.as_json(), "machine": ground.called, "asked": {**_told(plan), "precision": precision}}
    if plan.measured or precision == "auto":
        watcher.planned({**record, "plan": chosen.settled.as_json()})
    return chosen.settled, record


def repeat(
    record: Mapping[str, Any], recipe: Training, where: torch.device, wishes: Wishes, watcher: Watcher
) -> Settled:
    """The plan of a run that goes on, as its folder keeps it. Nothing is measured, and pins hold from here on.

    SpecError NS661 where what is kept is no plan, NS662 where something is to be measured, NS660 where this machine
    cannot run it.
    """
    free = sorted(key for key, value in wishes.pins.items() if value == "auto")
    if free or wishes.anew:
        what = f"`{free[0]}: auto`" if free else "`--replan`"
        raise SpecError.of(
            "NS662",
            f"a run that goes on repeats its plan, and {what} would measure another",
            help="leave it out, or pin a part to a value: `--plan compile=false`",
        )
    ground = look(where)
    settled = recorded(record, recipe, where)
    if wishes.pins:
        plan, precision = _asked(recipe, {**_parts(settled), **wishes.pins})
        now = first(ground, plan, precision)
        settled = replace(now, float32=settled.float32 if now.precision == settled.precision else ())
    check(settled, ground)
    planned = record.get("planned")
    before = planned.get("machine") if isinstance(planned, dict) else None
    watcher.moved(differing(before, ground.called))
    return settled


def recorded(record: Mapping[str, Any], recipe: Training | None, where: torch.device) -> Settled:
    """The plan that a run's record keeps, on this device; a run from before plans were kept has PyTorch's own."""
    if "plan" in record:
        return replace(Settled.from_json(record["plan"]), device=where.type)
    precision = recipe.precision if recipe is not None and recipe.precision != "auto" else "float32"
    return Settled(device=where.type, precision=precision)


def check(settled: Settled, ground: Ground) -> None:
    """SpecError NS646 for numbers that are not for the device, NS660 for a compiler that is not there."""
    cuda_alone = {"fp16": "its loss is scaled there alone", "tf32": "no other has these numbers"}
    if settled.precision in cuda_alone and settled.device != "cuda":
        raise SpecError.of(
            "NS646",
            f"`precision: {settled.precision}` needs a CUDA device, and this run is on `{settled.device}`",
            help="use `precision: bf16`, `float32` or `auto`",
        )
    if settled.compile and ground.uncompiled:
        raise SpecError.of(
            "NS660",
            f"the plan says `compile: true`, and that cannot be here: {ground.uncompiled}",
            help="install what is missing, or say `--plan compile=false`",
        )


def _asked(recipe: Training, pins: Mapping[str, Any]) -> tuple[Asked, str]:
    """The plan and the precision asked for, pins over the recipe."""
    parts = {key: value for key, value in pins.items() if key != "precision"}
    return pinned(asked(recipe.plan), parts), str(pins.get("precision", recipe.precision))


def _parts(settled: Settled) -> dict[str, Any]:
    """A settled plan as pins."""
    return {
        "memory_format": settled.memory_format,
        "compile": settled.compile,
        "threads": settled.threads,
        "workers": settled.workers,
        "precision": settled.precision,
    }


def _told(plan: Asked) -> dict[str, Any]:
    return {key: getattr(plan, key) for key in type(plan).model_fields}


def _length(spec: Spec, samples: Samples, order: Plan, compiled: Compiled) -> Length:
    """How long the run is, as far as a choice depends on it."""
    assert spec.training is not None
    steps = spec.training.steps or (spec.training.epochs or 0) * order.steps_per_epoch
    ends = [0, order.parts_per_epoch - 1]
    sizes = {len(order.part(taken)[0]) for taken in ends[: min(2, steps * order.accumulate)]}
    ranks = {one.dim() for one in compiled.model.parameters()}
    return Length(
        steps=steps * order.accumulate,
        sizes=len(sizes),
        nodes=len(spec.graph.nodes),
        ragged=bool(samples.ragged.places),
        pictures=bool(ranks & {4, 5}),
        start=_start(compiled),
    )


def _start(compiled: Compiled) -> str:
    """A name for the weights of a model: the same for the same numbers."""
    found = hashlib.sha256()
    for key, value in compiled.model.state_dict().items():
        found.update(key.encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]


def _key(spec: Spec, samples: Samples, order: Plan, compiled: Compiled, ground: Ground) -> dict[str, Any]:
    """All that a measurement depends on: machine, network, numbers, batch, rule. No path and no name of anyone."""
    assert spec.training is not None
    first_batch = gather(samples, order.part(0)[0], training=True)
    source = compiled.source.text.replace(spec.digest, "")
    rule = spec.training.optimizer.model_dump(mode="json", exclude={"lr"})
    return {
        "machine": ground.called,
        "device": ground.device,
        "threads": ground.threads,
        "network": hashlib.sha256(source.encode()).hexdigest(),
        "data": samples.fingerprint,
        "batch": {name: [list(one.shape), str(one.dtype)] for name, one in first_batch.items()},
        "accumulate": order.accumulate,
        "recompute": list(spec.training.recompute),
        "optimizer": [spec.training.optimizer.name, rule],
        "clip": spec.training.clip is not None,
    }
