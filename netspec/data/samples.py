"""The one thing that everything else uses: a recipe's samples, open, checked and divided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.quality import QualityRecord
from netspec.ir.types import TensorType
from netspec.recipe.data import DataRecipe

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is to do, and a word for what is being done."""

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Samples:
    """Samples as arrays.

    `fields` holds one array for each input and target, by the spec's names; the first axis counts samples (float32, or
    int64 for classes; large ones are memory-mapped and must not be written to). `groups` is the number of each
    sample's patient (or its own number, where there are no patients), an index into `group_ids`, which are for messages
    on the user's terminal and never for a file. `splits` holds the sample numbers of `train`, `validation` and `test`.
    `covariates` are known of each patient: `age` in years (NaN where missing) and `sex` 0 F, 1 M, 2 other (-1 missing).
    `fingerprint` stands for the files and everything that was done to them.
    """

    fields: Mapping[str, Array]
    groups: NDArray[np.int64]
    group_ids: tuple[str, ...]
    splits: Mapping[str, NDArray[np.int64]]
    fingerprint: str
    quality: QualityRecord
    covariates: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.groups)


def open_samples(
    recipe: DataRecipe,
    root: Path,
    *,
    declared: Mapping[str, TensorType],
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Samples:
    """Read, check and prepare the samples of `recipe`.

    `root` is the project's folder: the data must lie inside it. `declared` are the inputs and targets of the spec, which
    the data must fill, values included (a label outside its declared range is an error). Prepared samples are kept in
    `cache_dir` (default: `.netspec/cache` in the project) unless the recipe says `cache: none`.
    Raises SpecError (NS52x to NS55x) with a cure for whatever is missing or wrong.
    """
    raise NotImplementedError
