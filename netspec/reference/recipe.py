"""The pages of the recipe: where samples come from, what is done to them, and how weights are found."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from netspec.ir.record import Record
from netspec.recipe.average import Average
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.plan import Plan
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES, Source
from netspec.recipe.split import Split
from netspec.recipe.training import Checkpoint, Clip, EarlyStopping, Training
from netspec.recipe.transform import Transform
from netspec.reference.described import arguments
from netspec.reference.markdown import MADE, argument_table, table

CALLS = """Each is written as a call: `cosine`, `warmup: 1 epochs`, `sgd: {lr: 0.1}`.
The main argument, in bold, needs no name; an argument without a default must be given. A quantity has its unit: `2 mm`,
`5 epochs`, `2 %`.

"""


def data_page() -> str:
    """Where samples come from, and what is done to them."""
    parts = [
        _part("Sources", "`data: {source: ...}`", SOURCES),
        _section("Split", "`data: {split: ...}`", Split),
        _part("Transforms", "`data: {transforms: [...]}`; they act in the written order", TRANSFORMS),
    ]
    return f"{MADE}# Data\n\nWhat the section `data` is made of. {CALLS}" + "\n".join(parts)


def training_page() -> str:
    """How weights start, and how they are found."""
    parts = [
        _section("Training", "`training: ...`", Training),
        _section("Plan", "`training: {plan: ...}`", Plan),
        _section("Clip", "`training: {clip: ...}`", Clip),
        _section("Average", "`training: {average: ...}`", Average),
        _section("Early stopping", "`training: {early_stopping: ...}`", EarlyStopping),
        _section("Checkpoint", "`training: {checkpoint: ...}`", Checkpoint),
        _part("Optimizers", "`training: {optimizer: ...}`", OPTIMIZERS),
        _part("Schedules", "`training: {schedule: [...]}`; the phases follow one another", SCHEDULES),
        _part("Initialisers", "`init: {conv: {weight: ...}}`, or `init` beside a layer", INITIALIZERS),
    ]
    return f"{MADE}# Training\n\nWhat the sections `training` and `init` are made of. {CALLS}" + "\n".join(
        parts
    )


def _part(title: str, where: str, kinds: Mapping[str, type[Record]]) -> str:
    """One table of the recipe: everything in it with its arguments."""
    return f"## {title}\n\n{where}.\n\n" + "\n".join(map(kind_section, kinds.values()))


def kind_section(kind: type[Record]) -> str:
    """All that is told of one source, transform, optimizer, phase or initialiser."""
    parts = [f"### `{kind.name}`", inspect.cleandoc(kind.__doc__ or "")]
    if issubclass(kind, Transform):
        wants = kind.wants if kind.name != "fill" else ""
        random = "drawn anew for every sample in training" if kind.random else ""
        said = "; ".join(one for one in (wants, random) if one)
        parts += [f"{said[:1].upper()}{said[1:]}."] if said else []
    if issubclass(kind, Source) and (fields := kind.model_construct().fields()):
        parts.append(
            table(
                ["field", "what it is"], ([f"`{name}`", one.named()] for name, one in fields.items())
            ).rstrip()
        )
    if told := arguments(kind):
        parts.append(argument_table(told))
    return "\n\n".join(parts) + "\n"


def _section(title: str, where: str, kind: type[Record]) -> str:
    """A section that is one record."""
    return f"## {title}\n\n{where}. {inspect.cleandoc(kind.__doc__ or '')}\n\n{argument_table(arguments(kind))}\n"
