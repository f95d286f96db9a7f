"""The labels of samples that were magnified: each target as the spec's expression makes it of the drawn factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.ir.problem import Problem
from netspec.lang.relabel import FACTOR, relabel
from netspec.recipe.augment import Zoom
from netspec.text import SpecError


def relabelled(
    zoom: Zoom, known: Mapping[str, Sequence[float]], factors: Sequence[float]
) -> dict[str, list[float]]:
    """The changed targets by name, one number a sample, all from the numbers `known` before.

    Raises SpecError where an expression has no value for a sample, as after a division by zero.
    """
    rows = [
        {name: values[i] for name, values in known.items()} | {FACTOR: factor}
        for i, factor in enumerate(factors)
    ]
    try:
        return {name: [relabel(text, row) for row in rows] for name, text in zoom.targets.items()}
    except Problem as problem:
        raise SpecError.of(
            problem.code, f"`targets` of `zoom`: {problem.message}", help=problem.help
        ) from None
