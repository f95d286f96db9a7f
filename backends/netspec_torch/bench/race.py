"""The race: every contender in a process of its own, one of them running at a time, turn by turn."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from netspec.backend import Course, Watcher
from netspec.ir.types import TensorType
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.bench import worker
from netspec_torch.bench.batches import open_data
from netspec_torch.bench.contenders import CONTENDERS
from netspec_torch.bench.figures import Turn, plan_of_turns, roofs, row
from netspec_torch.bench.job import Job
from netspec_torch.device import pick
from netspec_torch.way import described

FIRST = "module"
"""Every other contender is compared with it, and it is never left out."""

OURS = ("plan", FIRST, "by-hand", "roof")
"""What goes wrong with these is an error; others are left out."""

PATIENCE = 30.0
"""Seconds that a process is given to end by itself."""

Work = Callable[[Connection, str, Job], None]


@dataclass
class Racer:
    """A contender under way: its process, this end of its link, and what it has told so far."""

    name: str
    process: BaseProcess
    link: Connection
    told: dict[str, Any] = field(default_factory=dict)
    turns: list[Any] = field(default_factory=list)

    def answer(self) -> Any:
        """The next thing it says; Withdrawn for what goes wrong in its place."""
        try:
            kind, said = self.link.recv()
        except (EOFError, ConnectionError):
            self.process.join(PATIENCE)
            raise Withdrawn(self.name, f"its process ended ({_ending(self.process.exitcode)})") from None
        if kind == "refused" and self.name in OURS:
            raise SpecError(said)
        if kind == "refused":
            raise Withdrawn(self.name, said[0].message)
        if kind in ("left out", "failed"):
            raise Withdrawn(self.name, said)
        return said

    def turn(self, steps: int) -> None:
        """Let it take so many steps, and keep how long they took."""
        self.link.send(steps)
        self.turns.append(self.answer())

    def end(self) -> None:
        """Have it tell the rest and go."""
        self.link.send(0)
        self.told["memory"] = self.answer()


class Withdrawn(Exception):
    """A contender that cannot go on, and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name, self.why = name, why


def _ending(code: int | None) -> str:
    """How a process ended."""
    if code == -9:
        return "it was killed, as for want of memory"
    return f"exit status {code}"


def race(spec: Spec, course: Course, watcher: Watcher | None = None) -> dict[str, Any]:
    """Everything that was measured, as plain data: see `netspec bench --format json`.

    SpecError NS645 for a spec that cannot be trained, NS670 to NS672 for a person's file that is no match, NS673 where
    what was asked for cannot be measured.
    """
    _trainable(spec)
    watcher = watcher or Watcher()
    device = pick(course.device or (spec.training.device if spec.training else "auto")).type
    job, data = _job(spec, course, device, watcher)
    out: dict[str, str] = {}
    names = _asked(course, out)
    checked = _checked(names, job, out, watcher)
    record = None
    if "plan" in checked:
        job, record = _settled(job, watcher)
    racers, roof, rounds = _raced(checked, job, course, out, watcher)
    found = _told(spec, job, data, racers, roof, rounds, out, course)
    return found if record is None else {**found, "plan": record}


def _trainable(spec: Spec) -> None:
    """SpecError NS645 for a spec whose step has no backward. That something learns is the checker's to see."""
    if not spec.graph.entry("loss"):
        raise SpecError.of("NS645", f"the spec `{spec.name}` has no `loss`", help="add a `loss`")


def _job(spec: Spec, course: Course, device: str, watcher: Watcher) -> tuple[Job, dict[str, Any]]:
    """What the contenders get, and what is told of the data: the spec's own where it can be had, else drawn numbers."""
    precision = course.precision or (spec.training.precision if spec.training else "float32")
    job = Job(spec, course.batch, None, device, precision, course.against, course.pins)
    why = ""
    if course.data != "drawn":
        try:
            samples = open_data(spec, watcher.reading)
        except SpecError as trouble:
            if course.data == "spec":
                raise
            why = trouble.diagnostics[0].message
        else:
            batch = samples.batch(samples.splits["train"][: course.batch], training=True)
            shapes = {name: (course.batch, *array.shape[1:]) for name, array in batch.items()}
            return job, {"from": "spec", "sizes": sizes_of(spec, shapes), "why": ""}
    drawn = course.draw()
    shapes = {name: array.shape for name, array in drawn.items()}
    return replace(job, drawn=drawn), {"from": "drawn", "sizes": sizes_of(spec, shapes), "why": why}


def sizes_of(spec: Spec, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The number that each letter of the spec's inputs and targets has in a batch of these shapes."""
    found: dict[str, int] = {}
    kinds: dict[str, TensorType] = {**spec.graph.inputs, **spec.graph.targets}
    for name, kind in kinds.items():
        for size, number in zip(kind.sizes, shapes[name], strict=True):
            if len(size.symbols) == 1 and str(size) in size.symbols:
                found.setdefault(str(size), number)
    return found


def _asked(course: Course, out: dict[str, str]) -> list[str]:
    """The contenders that may race: those asked for, without what is not there."""
    names = [name for name in CONTENDERS if name in (course.contenders or CONTENDERS) or name == FIRST]
    if course.against is None and "by-hand" in names:
        names.remove("by-hand")
        out["by-hand"] = "no network was named with `--against`"
    for name in list(names):
        if lacking := CONTENDERS[name].lacks():
            names.remove(name)
            out[name] = lacking
    return names


def _checked(names: Sequence[str], job: Job, out: dict[str, str], watcher: Watcher) -> list[str]:
    """Those that compute the same numbers as the module."""
    kept = []
    for done, name in enumerate(names):
        watcher.reading(done, len(names), "comparing numbers")
        if CONTENDERS[name].network is None:
            kept.append(name)
            continue
        try:
            with _started(worker.compare, name, job) as racer:
                racer.answer()
        except Withdrawn as trouble:
            _withdraw(trouble, out)
        else:
            kept.append(name)
    return kept


def _settled(job: Job, watcher: Watcher) -> tuple[Job, dict[str, Any]]:
    """The job with the plan that it is to run, and the record of that."""
    watcher.reading(0, 1, "measuring the plan")
    try:
        with _started(worker.settle, "plan", job) as racer:
            settled, record = racer.answer()
    except Withdrawn as trouble:
        refuse(trouble)
    return replace(job, settled=settled), {**record, "plan": settled.as_json()}


def _withdraw(trouble: Withdrawn, out: dict[str, str]) -> None:
    """Leave a contender out; SpecError NS673 for one that there is no comparison without."""
    if trouble.name in OURS:
        refuse(trouble)
    out[trouble.name] = trouble.why


def refuse(trouble: Withdrawn) -> NoReturn:
    """SpecError NS673."""
    raise SpecError.of(
        "NS673",
        f"`{trouble.name}` cannot be measured: {trouble.why}",
        help="try a smaller `--batch`, or name others with `--only`",
    ) from None


@contextmanager
def _started(work: Work, name: str, job: Job) -> Iterator[Racer]:
    """A process that does `work`; it is gone when this is left, whatever happens."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there, name, job))
    process.start()
    there.close()
    try:
        yield Racer(name, process, here)
        process.join(PATIENCE)
    finally:
        here.close()
        if process.is_alive():
            process.kill()
            process.join()


def _raced(
    names: Sequence[str], job: Job, course: Course, out: dict[str, str], watcher: Watcher
) -> tuple[list[Racer], Racer, int]:
    """Warm all up, one after the other, and let them run in turns; in every other round the last goes first."""
    with ExitStack() as stack:
        racers: list[Racer] = []
        for done, name in enumerate(names):
            watcher.reading(done, len(names), "warming up")
            racer = stack.enter_context(_started(worker.race, name, job))
            try:
                racer.told = racer.answer()
            except Withdrawn as trouble:
                _withdraw(trouble, out)
            else:
                racers.append(racer)
        precisions = ",".join(dict.fromkeys(one.told["precision"] for one in racers))
        roof = stack.enter_context(_started(worker.roof, precisions, job))
        roof.name = "roof"
        try:
            roof.answer()
            rounds, steps = plan_of_turns([one.told["estimate"] for one in racers], course.seconds)
            turns = [*zip(racers, steps, strict=True), (roof, 1)]
            for number in range(rounds):
                watcher.reading(number, rounds, "racing")
                for racer, count in turns if number % 2 == 0 else reversed(turns):
                    racer.turn(count)
            for racer, _ in turns:
                racer.end()
        except Withdrawn as trouble:
            refuse(trouble)
    return racers, roof, rounds


def _told(
    spec: Spec,
    job: Job,
    data: Mapping[str, Any],
    racers: Sequence[Racer],
    roof: Racer,
    rounds: int,
    out: Mapping[str, str],
    course: Course,
) -> dict[str, Any]:
    """All of it as plain data."""
    known = {**data["sizes"], "N": job.batch}
    forward, macs = (one.evaluate(known) if one.symbols <= known.keys() else 0 for one in course.macs)
    by_name = {one.name: one for one in racers}
    reference = by_name.get("by-hand", by_name[FIRST])
    best = roofs(roof.turns)
    rows = []
    for one in racers:
        turns: list[Turn] = one.turns
        found = row(turns, reference.turns, batch=job.batch, macs=macs)
        limit = best[one.told["precision"]]["macs_per_second"]
        settings = {key: value for key, value in one.told.items() if key not in _NO_SETTINGS}
        rows.append(
            {
                "name": one.name,
                "what": CONTENDERS[one.name].what,
                "settings": settings,
                **found,
                "roof_share": found["macs_per_second"] / limit,
                "warm_up_seconds": one.told["warm_up_seconds"],
                "memory": one.told["memory"],
            }
        )
    return {
        "name": spec.name,
        "digest": spec.digest,
        "device": job.device,
        "machine": dict(described()),
        "batch": job.batch,
        "data": dict(data),
        "macs_per_sample": forward,
        "training_macs_per_sample": macs,
        "optimizer": spec.training.optimizer.name if spec.training else "sgd",
        "rounds": rounds,
        "reference": reference.name,
        "roof": best,
        "contenders": rows,
        "left_out": [{"name": name, "why": why} for name, why in out.items()],
    }


_NO_SETTINGS = ("estimate", "warm_up_seconds", "memory")
