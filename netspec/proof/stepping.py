"""Update rules in every backend against the reference: some steps of every rule in all of its forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from netspec import backend as backends
from netspec.backend import Arrays, Reference, Runner
from netspec.proof import rounding
from netspec.proof.compare import compare
from netspec.proof.conformance import Held, failed, held
from netspec.proof.result import Row
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import Optimizer
from netspec.recipe.pace import STEADY, Pace
from netspec.recipe.training import Clip

Array = NDArray[Any]

PACES = (STEADY, STEADY, Pace(0.5), Pace(0.25), Pace(2.0), STEADY)
"""What a schedule makes of the steps, of which the first are unlike those that follow in some rules."""

CYCLE = tuple(Pace(factor, 0.95 - 0.1 * factor) for factor in (0.5, 1.0, 2.0, 1.0, 0.5, 0.1))
"""What a schedule that moves the momentum makes of them."""

ELSEWHERE = ("lr", "no_decay")
"""Arguments whose work is seen in every step, and in those of parameters that no decay draws."""

BOUND = 0.5
"""Where the gradients of one form are cut off: below nearly all of their norms, and below many of their numbers."""


def updates(
    optimizers: Mapping[str, type[Optimizer]],
    candidates: Sequence[Runner],
    *,
    reference: str | Reference = "numpy",
    seed: int = 0,
) -> Iterator[Held]:
    """What every candidate makes of every update rule: some steps of each of its `descents`, in float64."""
    ours = backends.find(reference) if isinstance(reference, str) else reference
    for name, kind in optimizers.items():
        found: dict[str, list[Row]] = {one.name: [] for one in candidates}
        for i, (descent, paces) in enumerate(descents(kind)):
            rng = np.random.default_rng([seed, i])
            start, gradients = _numbers(rng)
            mine = ours.update(descent, start, gradients, paces)
            may = _wander(ours, descent, start, gradients, paces, rng)
            for other in candidates:
                try:
                    theirs = other.update(descent, start, gradients, paces)
                except Exception as fault:  # noqa: BLE001 - of another's program anything may come
                    found[other.name].append(failed("update", "train", fault, where=f"{i}"))
                    continue
                found[other.name] += [
                    compare("update", "train", f"{i}", value, theirs[step].get(key), may[step][key])
                    for step, after in enumerate(mine)
                    for key, value in after.items()
                ]
        for backend, rows in found.items():
            yield held(name, backend, "float64", "update", rows)


def descents(kind: type[Optimizer]) -> Iterator[tuple[Descent, tuple[Pace, ...]]]:
    """Every form of an update rule; bounded gradients, a parameter that no decay draws, and a momentum that moves."""
    last = None
    for last in forms(kind):
        yield Descent(last), PACES
    assert last is not None
    yield Descent(last, Clip(norm=BOUND), frozenset({"bias"})), PACES
    yield Descent(last, Clip(value=BOUND)), PACES
    if {"momentum", "betas"} & kind.model_fields.keys():
        yield Descent(last), CYCLE


def forms(kind: type[Optimizer]) -> Iterator[Optimizer]:
    """An update rule as it is, with each argument changed alone, and with all changes that go together.

    A change that asks for another, as `nesterov` asks for `momentum`, is made on top of that.
    """
    plain: dict[str, object] = {"lr": 0.1}
    alone: list[dict[str, object]] = [plain]
    together = plain
    for field, about in kind.model_fields.items():
        for value in _others(about.default) if field not in ELSEWHERE else ():
            change = {field: value}
            bases = [one for one in alone if _allowed(kind, one | change)]
            alone += [one | change for one in bases[:1]]
            together = together | change if _allowed(kind, together | change) else together
    for arguments in [*alone, *([together] if together not in alone else [])]:
        yield kind.model_validate(arguments)


def _allowed(kind: type[Optimizer], arguments: Mapping[str, object]) -> bool:
    """Whether these arguments go together."""
    try:
        kind.model_validate(arguments)
    except ValidationError:
        return False
    return True


def _others(default: object) -> tuple[object, ...]:
    """Other values of an argument than its default."""
    if isinstance(default, bool):
        return (not default,)
    if isinstance(default, (int, float)):
        return (default / 2, 0.25) if default else (0.25,)
    if isinstance(default, tuple):
        return (tuple(one / 2 for one in default),)
    return ()


def _numbers(rng: np.random.Generator) -> tuple[Arrays, list[Arrays]]:
    """Two parameters, and the gradients of all steps."""
    shapes = {"weight": (4, 3), "bias": (3,)}
    start = {key: rng.normal(size=shape) for key, shape in shapes.items()}
    return start, [{key: rng.normal(size=shape) for key, shape in shapes.items()} for _ in PACES]


def _wander(
    ours: Runner,
    descent: Descent,
    start: Arrays,
    gradients: Sequence[Arrays],
    paces: Sequence[Pace],
    rng: np.random.Generator,
) -> list[dict[str, Array]]:
    """How far parameters may be off after each step, measured as in `rounding`: a step adds a few terms."""
    shown = [
        ours.update(
            descent,
            rounding.disturbed_arrays(start, rng),
            [rounding.disturbed_arrays(one, rng) for one in gradients],
            paces,
        )
        for _ in range(rounding.RUNS)
    ]
    scale = rounding.LAM * rounding.ELEMENTARY * rounding.EPS / rounding.DISTURBANCE
    return [
        {
            key: rounding.spread([one[i][key] for one in shown], value) * scale * (i + 1)
            for key, value in after.items()
        }
        for i, after in enumerate(ours.update(descent, start, gradients, paces))
    ]
