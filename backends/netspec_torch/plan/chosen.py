"""What a choice is made of: the stage that runs ways, how long the run is, each trial, and what came of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from netspec_torch.plan.duel import Lane, told
from netspec_torch.plan.settled import Settled


class Stage(Protocol):
    """What makes ways of running ready. `Unable` where one cannot run."""

    def lane(self, settled: Settled, *, loading: bool = False) -> Lane:
        """A model of its own, run that way; with `loading`, fed by the loader of the plan."""
        ...

    def gathering(self) -> Callable[[], None]:
        """What gathers the batch of one step."""
        ...

    def guard(self, settled: Settled, share: float) -> list[str]:
        """The layers that are wrong in the numbers of the plan: a path, a space, and what is wrong with it.

        On that share of each of some real batches.
        """
        ...


class Unable(Exception):
    """A way cannot run here, and these words say why."""


@dataclass(frozen=True)
class Length:
    """How long the run is: steps through the network, batches of how many sizes, and steps of the graph.

    `start` names the weights that it starts from, on which what the guard finds depends.
    """

    steps: int
    sizes: int
    nodes: int
    ragged: bool = False
    pictures: bool = True
    start: str = ""


@dataclass(frozen=True)
class Trial:
    """One line of the table: what was tried, a step of it as a share of the best so far, and what was made of it."""

    part: str
    tried: str
    taken: bool
    why: str
    ratio: float | None = None
    kept: bool = False


@dataclass
class Chosen:
    """The plan, and how it came about.

    `wrong` says of layers what is wrong with them in the numbers that were tried, and `partly` that the check saw a
    part of each batch alone; `seconds` is what measuring took; `step` one step of the plan, if known.
    """

    settled: Settled
    trials: list[Trial] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    partly: bool = False
    seconds: float = 0.0
    step: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For the run's folder and for whoever prints it."""
        return {
            "seconds": round(self.seconds, 2),
            "step": None if self.step is None else told([self.step])[0],
            "wrong": self.wrong,
            "partly": self.partly,
            "tried": [
                {
                    "part": one.part,
                    "tried": one.tried,
                    "ratio": None if one.ratio is None else round(one.ratio, 3),
                    "taken": one.taken,
                    "kept": one.kept,
                    "why": one.why,
                }
                for one in self.trials
            ],
        }
