"""What a backend offers. Only the first two are asked of each; what it offers besides is seen by looking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from netspec.backend.numbers import Arrays, Feed, Run
from netspec.backend.rules import Rule
from netspec.ir.dim import Dim
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.recipe.average import Average
from netspec.recipe.descent import Descent
from netspec.recipe.pace import Pace
from netspec.recipe.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.weights.origin import Listing
    from netspec.weights.report import Report


class Runner(Protocol):
    """What computes a graph on given numbers: all that a proof asks of either side."""

    @property
    def name(self) -> str:
        """What the side is called in a report."""
        ...

    def run(self, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
        """Run every entry point that the feed has numbers for, and differentiate the loss.

        In the feed's floating type; a reference may always use float64.
        """
        ...

    def update(
        self, descent: Descent, parameters: Arrays, gradients: Sequence[Arrays], paces: Sequence[Pace]
    ) -> list[dict[str, NDArray[Any]]]:
        """The parameters after each step of the descent, given each step's gradients and what the schedule makes of it.

        A step bounds its gradients together, then moves every parameter that has one by the optimizer's rule.
        """
        ...


@runtime_checkable
class Stepper(Runner, Protocol):
    """A runner that takes the steps of a training one by one."""

    def steps(
        self, descent: Descent, parameters: Arrays, gradients: Iterable[Arrays], paces: Sequence[Pace]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """As `update`; the gradients of a step are asked for once the parameters before it have been given."""
        ...


@runtime_checkable
class Faithful(Runner, Protocol):
    """A runner that runs a model in another form than it gives to whoever asks for the model."""

    def confirm(self, graph: Graph, feed: Feed, run: Run) -> None:
        """SpecError NS741 unless the model as it is given away makes the outputs of `run`, bit by bit."""
        ...


@runtime_checkable
class Averager(Protocol):
    """A runner that can also average weights over steps, as `average: {ema: ...}` asks for."""

    def average(self, recipe: Average, weights: Sequence[Arrays]) -> list[dict[str, NDArray[Any]]]:
        """The averages after each step, given what the weights are after it."""
        ...


@runtime_checkable
class Reference(Runner, Protocol):
    """A runner that can show what rounding does to its numbers, and so can say how far another may be off."""

    def disturb(self, graph: Graph, feed: Feed, shares: Mapping[str, float], *, seed: Sequence[int]) -> Run:
        """As `run`, every elementary operation of a node off by a random share, whose size stands at its path."""
        ...


@runtime_checkable
class Versatile(Runner, Protocol):
    """A runner that computes a graph in other ways besides the plain one: other number types, layouts, devices.

    What the ways are called is told in `netspec.proof.modes`.
    """

    def lacks(self, way: str) -> str:
        """Why nothing can be run that way on this machine, in a few words; empty where it can."""
        ...

    def run_as(self, way: str, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
        """As `run`, in that way."""
        ...

    def described(self) -> Mapping[str, str]:
        """What computes: versions, threads, devices, as words for a record."""
        ...


class Backend(Runner, Protocol):
    """What the entry point group `netspec.backends` must name: a module that offers these."""

    def table(self) -> Mapping[type[Op], Rule]:
        """The rule of every op this backend knows."""
        ...

    def assemble(
        self,
        graph: Graph,
        *,
        name: str = "model",
        doc: str = "",
        digest: str = "",
        group: Graph | None = None,
        seed: int | None = None,
    ) -> Any:
        """The model and its loss as objects of the backend's own library, under `.model` and `.loss`."""
        ...


@runtime_checkable
class Writer(Protocol):
    """A backend that can also write a graph as source code."""

    def source(
        self, graph: Graph, *, name: str, doc: str = "", digest: str = "", group: Graph | None = None
    ) -> str:
        """The text of one file; `group` is the graph from samples to groups."""
        ...


@runtime_checkable
class Importable(Protocol):
    """A backend whose models can stand in a Python module of their own, as `netspec.imports` makes them."""

    def furnish(
        self,
        module: ModuleType,
        graph: Graph,
        *,
        name: str,
        doc: str = "",
        digest: str = "",
        group: Graph | None = None,
    ) -> None:
        """Fill the module with the classes that `netspec compile` writes, and its docstring."""
        ...


class Watcher:
    """Is told how a run goes; this one does nothing with it."""

    def reading(self, done: int, total: int, what: str) -> None:
        """Data is being prepared: how much of it is done, and a word for what."""

    def planning(self, what: str) -> None:
        """A way of running the steps is being tried; a word for which."""

    def planned(self, record: Mapping[str, Any]) -> None:
        """The plan is settled: what was tried, what it cost and what was taken, as it goes to the run's folder."""

    def moved(self, differences: Sequence[str]) -> None:
        """A run goes on with its plan on a machine that differs in these ways from the one the plan was made on."""

    def started(self, lines: Sequence[str]) -> None:
        """The model starts from the weights of a file: what became of every layer, line by line."""

    def begin(self, folder: Path, step: int, steps: int, device: str) -> None:
        """Training begins behind step `step` of `steps`."""

    def step(self, step: int, steps: int, loss: float) -> None:
        """An update of the weights is done, and this was its loss."""

    def epoch(self, row: Mapping[str, float | int]) -> None:
        """An epoch is done: the row that goes to the log."""


@dataclass(frozen=True)
class RunResult:
    """A run: its folder, what the model is worth as plain data (see `Trainer.evaluate`), and how long it took."""

    folder: Path
    report: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class Against:
    """A network that a person wrote: a Python file of theirs, what in it makes the network, and its loss ("": none)."""

    file: Path
    network: str
    loss: str = ""


@dataclass(frozen=True)
class Course:
    """What contenders are compared on.

    `seconds` is how long each is measured, `macs` the multiply-accumulates of one sample, of its forward pass and of a
    whole step, in the letters of the spec. `draw` makes a batch by the names of inputs and targets, for where data of
    the spec is not there; `data` says where batches come from: `auto`, `spec` or `drawn`. `pins` are parts of the plan,
    as in `Trainer.fit`, and `precision` goes with them. `contenders` names those that are wanted (empty: all).
    """

    batch: int
    seconds: float
    macs: tuple[Dim, Dim]
    draw: Callable[[], Mapping[str, NDArray[Any]]]
    data: str = "auto"
    device: str | None = None
    precision: str | None = None
    pins: Mapping[str, Any] = field(default_factory=dict)
    against: Against | None = None
    contenders: tuple[str, ...] = ()


@runtime_checkable
class Racer(Protocol):
    """A backend that can also time its training step beside those of others."""

    def race(self, spec: Spec, course: Course, *, watcher: Watcher | None = None) -> Mapping[str, Any]:
        """What was measured, as plain data: see `netspec bench --format json`."""
        ...


@runtime_checkable
class Carrier(Protocol):
    """A backend that can also read files of weights, and put what fits into a model.

    Files are not trusted: SpecError NS760 to NS764 for what cannot be read. What is put where, `netspec.weights` tells.
    """

    def listed(self, weights: Path) -> Listing:
        """The tensors of a file or a run by name and shape."""
        ...

    def take(
        self,
        model: Any,
        weights: Path,
        *,
        spec: Spec | None = None,
        pairs: Mapping[str, str] | None = None,
        strict: bool = False,
    ) -> Report:
        """Put what fits into a model, all of it or, where SpecError is raised, nothing."""
        ...

    def keep(
        self,
        spec: Spec,
        weights: Path,
        output: Path,
        *,
        pairs: Mapping[str, str] | None = None,
        strict: bool = False,
        force: bool = False,
    ) -> Report:
        """Write the weights that a spec starts with, those of the file and first values beside them, as safetensors."""
        ...


@runtime_checkable
class Trainer(Protocol):
    """A backend that can also train a spec and measure what came of it."""

    def fit(
        self,
        spec: Spec,
        *,
        runs: Path,
        resume: Path | None = None,
        device: str | None = None,
        watcher: Watcher | None = None,
        pins: Mapping[str, Any] | None = None,
        replan: bool = False,
        weights: Path | None = None,
    ) -> RunResult:
        """Train into a new folder in `runs`, from the `weights` of a file or a run, or go on with the run `resume`.

        `pins` replace parts of the recipe's plan, and its `precision`, by name; `replan` measures them anew.
        """
        ...

    def evaluate(
        self,
        spec: Spec,
        run: Path,
        *,
        trained: Spec | None = None,
        split: str = "validation",
        checkpoint: str = "best",
        device: str | None = None,
        baselines: bool = False,
        watcher: Watcher | None = None,
    ) -> Mapping[str, Any]:
        """Measure a run on one part of the data of `spec`; `trained` is the run's own spec where that is another."""
        ...
