"""The choice: one part after another, each against the best so far, by real steps taken in turns.

Not every combination is tried. Threads come first, since they move all that follows; then how pictures lie in memory,
then the numbers, in both layouts where both are free, because half numbers gain most with channels last; then the
compiler, which costs most to try; then the loader. What is pinned is never tried otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf

from netspec.recipe.plan import Plan
from netspec_torch.plan.chosen import Chosen, Length, Stage, Trial, Unable
from netspec_torch.plan.duel import GAIN, Clock, Duel, duel, needed
from netspec_torch.plan.ground import Ground
from netspec_torch.plan.kept import Kept
from netspec_torch.plan.settled import MemoryFormat, Precision, Settled

BUDGET = 20.0
"""Seconds that all duels together may take, in a run of any length."""

SHARE = 0.05
"""The part of the whole run that they may take where that is more."""

TURNS = 1.5
"""Seconds of rounds in a duel, where steps are short."""

COMPILING = 10.0, 0.5
"""What compiling takes before it has been tried: seconds, and seconds for each step of the graph."""

SOME = 3
"""Steps from which the time of one is told."""

GUARDING = 40.0
"""Steps that checking every layer takes about, on two batches. Measured: 4 to 22 on one."""

SHARED = "-"
"""Stands among what a guard found where it saw a part of each batch alone: the name of no layer."""

LITTLE = 0.02
"""Gathering a batch that takes less than this share of a step is not worth a thread."""


class Choice:
    """Chooses the free parts of a plan."""

    def __init__(
        self,
        ground: Ground,
        stage: Stage,
        length: Length,
        kept: Kept,
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self._ground, self._stage, self._length, self._kept = ground, stage, length, kept
        self._clock, self._tell = clock, tell
        self._plan, self._chosen = Plan(), Chosen(Settled())
        self._started = self._began = clock()

    def choose(self, plan: Plan, precision: str) -> Chosen:
        """Every part settled. Unable where PyTorch's own way cannot run."""
        self._plan = plan
        self._chosen.settled = first(self._ground, plan, precision)
        free = (*plan.measured, *(["precision"] if precision == "auto" else []))
        parts = {
            "threads": self._threads,
            "memory_format": self._format,
            "precision": self._precision,
            "compile": self._compile,
            "workers": self._workers,
        }
        for part, measure in parts.items():
            if part in free:
                measure()
        if "threads" in free and self._ground.device == "cpu" and self._chosen.settled.threads is None:
            self._chosen.settled = replace(self._chosen.settled, threads=self._ground.threads)
        self._chosen.seconds = self._clock() - self._started
        return self._chosen

    # -------------------------------------------------------------------------------------------------------- parts

    def _threads(self) -> None:
        if self._ground.device != "cpu":
            self._leave("threads", "auto", f"the steps run on `{self._ground.device}`")
            return
        now, cores = self._ground.threads, self._ground.cores
        if now == cores == 1:
            self._leave("threads", "1", "there is one core to run on")
        if cores > now:
            self._try("threads", str(cores), replace(self._chosen.settled, threads=cores))
        count = self._chosen.settled.threads or now
        while count > 1:  # fewer by half each time, as long as that helps
            fewer = min(count // 2, cores)
            self._try("threads", str(fewer), replace(self._chosen.settled, threads=fewer))
            if self._chosen.settled.threads != fewer:
                break
            count = fewer

    def _format(self) -> None:
        if not self._length.pictures:
            self._leave("memory_format", "channels_last", "no weight has axes of space")
            return
        self._try(
            "memory_format", "channels_last", replace(self._chosen.settled, memory_format="channels_last")
        )

    def _precision(self) -> None:
        if not self._ground.narrow:
            self._leave("precision", "bf16", f"this {self._ground.device} multiplies float32 alone")
        for kind in self._ground.narrow:
            if self._numbers(kind, free_format=self._plan.memory_format == "auto" and self._length.pictures):
                return

    def _numbers(self, kind: Precision, *, free_format: bool) -> bool:
        """Whether these numbers were taken, in the layout that is best for them."""
        now = self._chosen.settled
        self._guarded(kind, replace(now, precision=kind))
        if free_format:
            other: MemoryFormat = "contiguous" if now.memory_format == "channels_last" else "channels_last"
            self._guarded(f"{kind}, {other}", replace(now, precision=kind, memory_format=other))
        return self._chosen.settled.precision == kind

    def _guarded(self, tried: str, settled: Settled) -> None:
        """Try numbers, with the layers that are wrong in them left in float32."""
        wrong = self._wrong(settled)
        if wrong is not None:
            self._try("precision", tried, replace(settled, float32=wrong))

    def _wrong(self, settled: Settled) -> tuple[str, ...] | None:
        """The layers that must stay in float32; None where these numbers cannot be had."""
        name = f"guard {_name(settled)} {self._length.start}"
        found = self._kept.words(name)
        if found is None:
            self._tell(f"checking every layer in {settled.precision}")
            try:
                found = self._guard(settled)
            except Unable as trouble:
                self._leave("precision", settled.precision, str(trouble))
                return None
            self._kept.record(name, found)
        self._chosen.partly = self._chosen.partly or SHARED in found
        found = [one for one in found if one != SHARED]
        self._chosen.wrong |= dict(one.partition(" ")[::2] for one in found)
        return tuple(one.partition(" ")[0] for one in found)

    def _guard(self, settled: Settled) -> list[str]:
        """Check every layer, on as much of each batch as there is time for; that time is not taken from the duels."""
        self._step()
        whole = (self._chosen.step or 0.0) * self._length.steps
        share = min(1.0, max(BUDGET, SHARE * whole) / (GUARDING * (self._chosen.step or 1e-9)))
        begin = self._clock()
        found = self._stage.guard(settled, share)
        self._began += self._clock() - begin
        return [*found, *([SHARED] if share < 1 else [])]

    def _compile(self) -> None:
        if self._ground.uncompiled:
            self._leave("compile", "true", self._ground.uncompiled)
            return
        if self._length.ragged:
            self._leave(
                "compile", "true", "batches are as long as their longest sample, and each length compiles"
            )
            return
        now = self._chosen.settled
        compiled = replace(now, compile=True)
        about = COMPILING[0] + COMPILING[1] * self._length.nodes
        found = self._kept.duel(_names(now, compiled))
        if found is None:
            step = self._step()
            if step is None:
                self._leave("compile", "true", self._late())
                return
            whole = step * self._length.steps
            if about > max(self._left(), SHARE * whole) or about > whole:
                why = f"compiling takes about {about:.0f} s, all steps without it {whole:.0f} s"
                self._leave("compile", "true", why)
                return
        self._try("compile", "true", compiled, first=True)

    def _workers(self) -> None:
        step = self._step()
        if step is None:
            self._leave("workers", "1", self._late())
            return
        if (share := self._gathered() / step) < LITTLE:
            self._leave("workers", "1", f"gathering a batch takes {share:.1%} of a step")
            return
        for count in (1, 2, 4):
            if count <= max(1, self._ground.cores):
                self._try("workers", str(count), replace(self._chosen.settled, workers=count), loading=True)

    # ------------------------------------------------------------------------------------------------------ measuring

    def _try(
        self,
        part: str,
        tried: str,
        other: Settled,
        *,
        loading: bool = False,
        first: bool = False,
    ) -> None:
        """Hold a duel of the best so far with one more way, and take that if it wins."""
        now = self._chosen.settled
        name = _names(now, other)
        found, kept = self._kept.duel(name), True
        if found is None:
            kept = False
            if not first and self._step() is None:
                self._leave(part, tried, self._late())
                return
            self._tell(f"{part} {tried}")
            try:
                lanes = self._stage.lane(now, loading=loading), self._stage.lane(other, loading=loading)
                left = max(self._left(), 0.0)
                limit = inf if first else left
                found = duel(*lanes, self._clock, min(TURNS, left), limit=limit, first=first)
            except Unable as trouble:
                self._leave(part, tried, str(trouble))
                return
            if not found.mine:
                self._leave(part, tried, self._late())
                return
            self._kept.record(name, found)
        if not loading:
            self._chosen.step = found.seconds
        taken, why = self._judged(found) if first else (found.won, _words(found))
        self._chosen.trials.append(Trial(part, tried, taken, why, found.ratio, kept))
        if taken:
            self._chosen.settled = other
            self._chosen.step = found.seconds * found.ratio

    def _judged(self, found: Duel) -> tuple[bool, str]:
        """Whether a way that first costs something pays within the run, by the upper end of its ratio."""
        if not found.won:
            return False, _words(found)
        cost = found.first * self._length.sizes
        saved = self._length.steps * found.seconds * (1 - found.upper)
        why = f"{cost:.0f} s first, then {saved:.0f} s saved in {self._length.steps:,} steps"
        return saved > cost, why

    def _gathered(self) -> float:
        """Seconds in which the batch of one step is gathered."""
        gather = self._stage.gathering()
        gather()
        begin = self._clock()
        count = 3
        for _ in range(count):
            gather()
        return (self._clock() - begin) / count

    def _step(self) -> float | None:
        """Seconds of a step of the best so far; None where even a few take too long.

        The least of some, since a busy machine makes steps longer and never shorter. What the first one takes besides,
        as PyTorch finds its kernels, is not counted against the time for measuring.
        """
        if self._chosen.step is None:
            lane = self._stage.lane(self._chosen.settled)
            lane.step()
            self._began = self._clock()
            times: list[float] = []
            while len(times) < SOME and sum(times) < BUDGET / 10:
                begin = self._clock()
                lane.step()
                times.append(self._clock() - begin)
            self._chosen.step = min(times)
        return self._chosen.step if needed(self._chosen.step) <= self._left() else None

    def _left(self) -> float:
        """Seconds that are left for measuring."""
        whole = (self._chosen.step or 0.0) * self._length.steps
        return max(BUDGET, SHARE * whole) - (self._clock() - self._began)

    def _late(self) -> str:
        """Why no duel is held any more."""
        step = self._chosen.step
        return f"a step takes {step:.2g} s, and the time for measuring is over" if step else "no time is left"

    def _leave(self, part: str, tried: str, why: str) -> None:
        self._chosen.trials.append(Trial(part, tried, taken=False, why=why))


def first(ground: Ground, plan: Plan, precision: str) -> Settled:
    """The plan to begin with: what is pinned, and PyTorch's own way for what is to be measured."""
    return Settled(
        device=ground.device,
        memory_format="contiguous" if plan.memory_format == "auto" else plan.memory_format,
        compile=plan.compile is True,
        threads=None if plan.threads == "auto" else plan.threads,
        workers=0 if plan.workers == "auto" else plan.workers,
        precision="float32" if precision == "auto" else precision,  # type: ignore[arg-type]
    )


def _words(found: Duel) -> str:
    """What a duel says: faster, slower, or not to be told from the noise."""
    if found.won:
        return f"{1 - found.ratio:.0%} faster"
    if found.ratio > 1 + GAIN:
        return f"{found.ratio - 1:.0%} slower"
    return "no faster by more than the noise"


def _name(settled: Settled) -> str:
    """A way as a key."""
    return "|".join(f"{value}" for value in _values(settled))


def _values(settled: Settled) -> Iterator[object]:
    told_of = settled.as_json()
    told_of.pop("device")
    yield from told_of.values()


def _names(now: Settled, other: Settled) -> str:
    """Two ways as a key."""
    return f"{_name(now)} -> {_name(other)}"
