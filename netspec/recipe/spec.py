"""The checked spec: what a file means once nothing in it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netspec.ir.graph import Graph
from netspec.recipe.data import DataRecipe
from netspec.recipe.training import Training
from netspec.text import Diagnostic, Source, Span


@dataclass(frozen=True)
class Group:
    """The level above the samples: all samples of one `by` (a patient) give the entries of `graph` together.

    The graph's inputs are the model's outputs with an axis `sample` after the batch; its entries are `predict` (the
    aggregated outputs) and `metrics`.
    """

    by: str
    graph: Graph


@dataclass(frozen=True)
class Definition:
    """A name that a spec defines: of what (`constant`, `block`, ...), where, and whether any text of the spec reads it.

    An input that no text names may still flow into the first layer; only the graph knows. `block` is the block that
    has the name, for its parameters and inputs.
    """

    what: str
    name: str
    span: Span
    read: bool
    block: str = ""


@dataclass(frozen=True)
class Spec:
    """One checked spec.

    `graph` has the entries `predict` (the outputs), `train` (what only the loss and the metrics need besides), `loss`
    (one scalar for each term) and `metrics`. `digest` is the SHA-256 of what the spec means: all its files and the
    constants that were set. `diagnostics` holds warnings; a spec with errors is never made. `folder` is where relative
    paths of the data section begin. `places` says where what stands outside the layers is written, by dotted path:
    `training.optimizer.sgd.lr`, and with a colon behind it that of its key; nodes of the graph carry their own places.
    `definitions` are the names that it defines. `files` holds the texts of what it extends and includes, by their path
    relative to the spec.
    """

    name: str
    doc: str
    digest: str
    sources: tuple[Source, ...]
    define: Mapping[str, object]
    graph: Graph
    folder: Path
    group: Group | None = None
    data: DataRecipe | None = None
    training: Training | None = None
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    places: Mapping[str, Span] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    definitions: tuple[Definition, ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        """As a notebook shows it: the layers with their shapes, and the warnings."""
        from netspec.ir.notebook import layers  # noqa: PLC0415 - only a notebook asks
        from netspec.text.html import messages  # noqa: PLC0415 - as above

        return layers(self.name, self.graph) + messages(self.diagnostics)
