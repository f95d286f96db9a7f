"""A clock and a stage of a test's own making: every way takes exactly as long as the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

from netspec.recipe.plan import Plan
from netspec_torch.plan.choose import Choice
from netspec_torch.plan.chosen import Chosen, Length, Unable
from netspec_torch.plan.duel import Lane
from netspec_torch.plan.ground import Ground
from netspec_torch.plan.kept import Kept
from netspec_torch.plan.settled import Settled

GROUND = Ground(
    device="cpu", threads=4, cores=4, narrow=("bf16",), uncompiled="", called={"processor": "fake"}
)
LENGTH = Length(steps=10_000, sizes=2, nodes=10)
QUIET = (1.0,)


class Clock:
    """A clock that moves when a step is taken, and otherwise never."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Stage:
    """`seconds` says how long a step of a way takes; what is done is counted.

    `noise` stretches the steps in turn. `first` is what a compiled way takes before its first step, `gather` the time
    in which a batch is gathered, `wrong` the layers that the guard finds, `broken` the ways that cannot run.
    """

    clock: Clock
    seconds: Callable[[Settled], float]
    noise: tuple[float, ...] = QUIET
    first: float = 0.0
    gather: float = 0.0
    wrong: Mapping[str, str] = field(default_factory=dict)
    broken: Callable[[Settled], bool] = lambda settled: False
    lanes: list[Settled] = field(default_factory=list)
    guarded: list[tuple[Settled, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stretch = cycle(self.noise)

    def lane(self, settled: Settled, *, loading: bool = False) -> Lane:
        if self.broken(settled):
            raise Unable("it is broken")
        self.lanes.append(settled)
        return Run(self, settled, loading)

    def gathering(self) -> Callable[[], None]:
        def one() -> None:
            self.clock.now += self.gather

        return one

    def guard(self, settled: Settled, share: float) -> list[str]:
        self.guarded.append((settled, share))
        self.clock.now += 40 * share * self.seconds(settled)
        return [f"{path} {words}" for path, words in self.wrong.items()]


@dataclass
class Run:
    """One way, whose steps move the clock."""

    stage: Stage
    settled: Settled
    loading: bool
    begun: bool = False

    def step(self) -> None:
        if self.settled.compile and not self.begun:
            self.stage.clock.now += self.stage.first
        self.begun = True
        spent = self.stage.seconds(self.settled) * next(self.stage.stretch)
        if self.loading and self.settled.workers == 0:
            spent += self.stage.gather
        self.stage.clock.now += spent


def choose(
    stage: Stage,
    plan: Plan,
    folder: Path,
    *,
    precision: str = "float32",
    ground: Ground = GROUND,
    length: Length = LENGTH,
    anew: bool = False,
) -> Chosen:
    """The choice on a stage, with measurements kept in a folder."""
    kept = Kept({"test": True}, folder, anew=anew)
    return Choice(ground, stage, length, kept, stage.clock, lambda what: None).choose(plan, precision)


def wider(**changes: object) -> Length:
    """A run of another length."""
    return replace(LENGTH, **changes)  # type: ignore[arg-type]
