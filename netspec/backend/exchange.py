"""What a backend offers that writes models as files for others, and what such a file is tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from netspec.backend.numbers import Arrays
from netspec.ir.folding import Inference
from netspec.recipe.spec import Spec


@dataclass(frozen=True)
class FreeSize:
    """A letter that stays free in an exported file: its legal sizes, `least`, `least + step`, ... up to `most`.

    `legal` says them as `netspec show` does.
    """

    letter: str
    least: int
    most: int | None = None
    step: int = 1
    legal: str = ""


@dataclass(frozen=True)
class Trial:
    """Numbers that an exported file is run on before it is believed: a size for each letter, and the inputs by name."""

    sizes: Mapping[str, int]
    inputs: Arrays

    def __str__(self) -> str:
        return ", ".join(f"{letter} = {size}" for letter, size in self.sizes.items()) or "its only sizes"


@dataclass(frozen=True)
class Exported:
    """What was written: how many bytes, and how it was held against the model.

    `difference` is the largest found between the file's outputs and the model's, `allowed` what rounding explains at
    that place. `notes` tell what a person should know of the file.
    """

    output: Path
    size: int
    checked: str
    difference: float = 0.0
    allowed: float = 0.0
    notes: tuple[str, ...] = ()


@runtime_checkable
class Exporter(Protocol):
    """A backend that can also write a model as a file for others, and make a model of one that holds its spec."""

    def deliver(
        self,
        spec: Spec,
        output: Path,
        *,
        form: str,
        free: Sequence[FreeSize] = (),
        trials: Sequence[Trial] = (),
        weights: Path | None = None,
        seed: int = 0,
        inference: Inference | None = None,
        force: bool = False,
    ) -> Exported:
        """Write the model of a spec in evaluation, with the weights of a file or of a run, else with first values.

        With `inference` that graph is written instead, its weights made of those of the spec's own.

        The file is checked and run on the trials before it is put in its place. SpecError for what cannot be done;
        then nothing has been written.
        """
        ...

    def merge(
        self,
        spec: Spec,
        inference: Inference,
        weights: Path | Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
    ) -> Any:
        """The model of a graph that only predicts, its weights made of those of a file, a run or a state dict."""
        ...

    def restore(self, spec: Spec, weights: Path) -> Any:
        """The model of a spec in evaluation, with the weights of a file whose tensors are exactly its own."""
        ...
