"""What a backend is, and which there are: what proves, writes and trains a graph comes by entry point."""

from netspec.backend.contract import (
    Averager,
    Backend,
    Importable,
    Reference,
    Runner,
    RunResult,
    Stepper,
    Trainer,
    Versatile,
    Watcher,
    Writer,
)
from netspec.backend.found import find, installed, missing_extra, needing
from netspec.backend.memory import Foreteller, Measured, Memory
from netspec.backend.numbers import Arrays, Feed, Mode, Run
from netspec.backend.rules import R, Rule, Rules, collect, modules

__all__ = [
    "Arrays",
    "Averager",
    "Backend",
    "Feed",
    "Foreteller",
    "Importable",
    "Measured",
    "Memory",
    "Mode",
    "R",
    "Reference",
    "Rule",
    "Rules",
    "Run",
    "RunResult",
    "Runner",
    "Stepper",
    "Trainer",
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
