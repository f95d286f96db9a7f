"""What a source of another kind does, said in netspec's ops: steps in order, each with its own numbers; no text yet.

Whoever reads a source gives a `Sketch` and a `Source`, and nothing else of it is asked. Values have names that mean
nothing but themselves; steps have the names of the source, from which those of the spec are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from netspec.ir.types import DType

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Value:
    """The type of an input: its sizes without the batch, a number or a letter (`H`, `S2`) each.

    `axes` are the names of the sizes; without them one size is `feature`, two are `channel width`, three
    `channel height width` and four `channel depth height width`. `source` is what the source calls the input.
    """

    shape: tuple[int | str, ...]
    dtype: DType = "float32"
    axes: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Step:
    """One use of one op, in order of execution.

    `name` is the source's own dotted name (`layer1.0.conv1`), without the word of the op where the source has none; it
    may repeat, and copies are numbered later. `arguments` are as a spec writes them; those that have the op's default
    may be left out. `inputs` and `outputs` are names of values, whose first axis is the batch (a step of `constant` or
    `parameter` has none). `weights` are the numbers of the op's parameters and state by the op's own names (`weight`,
    `bias`, `running_mean`); what is not given of the state has its first value. `shares` is the first output of the
    step whose weights it uses again. `frozen` says that the numbers are fixed in the source and learn
    nothing, all of them and the statistics, or those of the names.
    """

    name: str
    op: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    shares: str | None = None
    frozen: bool | tuple[str, ...] = False


@dataclass(frozen=True)
class Refusal:
    """What no op of netspec says: the source's word for it, where it stands in the source, and why."""

    op: str
    place: str
    why: str


@dataclass(frozen=True)
class Sketch:
    """A whole network. `inputs` by name in order; `outputs` name values; `source` describes where it came from.

    With refusals the steps are of no use but for what can be said of them. `notes` are what a user should know of what
    was left out without harm, as dropout that an export took away. `kinds` has what parts of the source are instances
    of, by their dotted names: `layer1.0` is a `basic_block`.
    """

    name: str
    inputs: Mapping[str, Value]
    outputs: Mapping[str, str]
    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Source(Protocol):
    """What is imported, as something that can be run: by its numbers a spec is held to it."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The outputs, by the names of the sketch, for inputs by the names of the sketch, batch first, in evaluation.

        Besides them the values of steps, by the names of the sketch, where the source can tell them; with these a
        difference is told at the step where it begins.
        """
        ...


@dataclass(frozen=True)
class Reading:
    """A source that was read: its sketch, and itself to be run."""

    sketch: Sketch
    source: Source


@runtime_checkable
class Recoverer(Protocol):
    """A backend that can read sources: files, or the names of objects."""

    def read(
        self, target: str, shapes: Sequence[tuple[int | str, ...]] = (), *, name: str = "", **_: Any
    ) -> Reading:
        """The source that `target` names, its inputs of `shapes` without the batch where it does not say them itself.

        SpecError for what cannot be read at all; what can be read and has no words in netspec is a refusal.
        """
        ...
