"""What a backend is, and which there are: what proves, writes and trains a graph comes by entry point."""

from netspec.backend.contract import (
    Against,
    Averager,
    Backend,
    Carrier,
    Course,
    Faithful,
    Importable,
    Racer,
    Reference,
    Runner,
    RunResult,
    Stepper,
    Trainer,
    Versatile,
    Watcher,
    Writer,
)
from netspec.backend.exchange import Exported, Exporter, FreeSize, Trial
from netspec.backend.found import find, installed, missing_extra, needing
from netspec.backend.memory import Foreteller, Measured, Memory
from netspec.backend.numbers import Arrays, Feed, Mode, Run
from netspec.backend.rules import R, Rule, Rules, collect, modules

__all__ = [
    "Against",
    "Arrays",
    "Averager",
    "Backend",
    "Carrier",
    "Course",
    "Exported",
    "Exporter",
    "Faithful",
    "Feed",
    "Foreteller",
    "FreeSize",
    "Importable",
    "Measured",
    "Memory",
    "Mode",
    "R",
    "Racer",
    "Reference",
    "Rule",
    "Rules",
    "Run",
    "RunResult",
    "Runner",
    "Stepper",
    "Trainer",
    "Trial",
    "Versatile",
    "Watcher",
    "Writer",
    "collect",
    "find",
    "installed",
    "missing_extra",
    "modules",
    "needing",
]
