"""What a backend is: a table of rules, one for each op, found by looking and never by import side effects."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from netspec import ops
from netspec.ir import foreign
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.recipe.average import Average
from netspec.recipe.descent import Descent
from netspec.recipe.pace import Pace
from netspec.recipe.spec import Spec
from netspec.text import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays = Mapping[str, "NDArray[Any]"]
Mode = Literal["train", "eval"]


class Rule(Protocol):
    """What a backend knows of one op. The mark `lowers` is all that the search asks for."""

    @property
    def lowers(self) -> type[Op]:
        """The op that this rule is for."""
        ...


R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class Feed:
    """All numbers one run of a graph needs, as NumPy arrays: nothing is drawn inside a run.

    `inputs` and `targets` by name, batch first; `parameters` and `state` by the keys of the graph's tables; `noise`
    holds keep masks of 0 and 1, or what else an op draws, by `<node path>.<noise name>`, used in train mode. `arriving`
    are gradients of values by the text of their Ref: where there are any, they take the place of the loss. `kinds`
    names the number type in which an input or an arriving gradient is given where NumPy has no such type (`bfloat16`);
    the array holds those numbers.
    """

    inputs: Arrays
    targets: Arrays = field(default_factory=dict)
    parameters: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)
    noise: Arrays = field(default_factory=dict)
    mode: Mode = "eval"
    arriving: Arrays = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What one run of a graph gave, as NumPy arrays.

    `values` holds every node's output by the text of its Ref (`conv1`, `split[1]`), `loss` the sum of the loss terms
    (None where there is no loss entry), `parameters` and `inputs` the gradients of that sum (keys of trainable
    parameters; floating inputs), `state` the state after the run. `back` holds the gradients of values, where they are
    told (a reference does); `kinds` the number type of every value, where it is not its array's own.
    """

    values: Arrays
    loss: float | None = None
    parameters: Arrays = field(default_factory=dict)
    inputs: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)
    back: Arrays = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


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


class Watcher:
    """Is told how a run goes; this one does nothing with it."""

    def reading(self, done: int, total: int, what: str) -> None:
        """Data is being prepared: how much of it is done, and a word for what."""

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
    ) -> RunResult:
        """Train into a new folder in `runs`, or go on with the run `resume`."""
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


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """The modules right inside the package that are named like a file of ops, as every file of rules is.

    The rest of a backend (what runs, trains, exports) may load heavy libraries, and no table needs it. A module that is
    no package stands for itself: a backend of few rules keeps them in one file.
    """
    if not hasattr(package, "__path__"):
        yield package
        return
    families = {info.name for info in pkgutil.iter_modules(ops.__path__)}
    for info in pkgutil.iter_modules(package.__path__):
        if info.name in families:
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def collect(package: ModuleType, kind: type[R]) -> dict[type[Op], R]:
    """The rules of class `kind` that stand as globals in the modules of `package`, by the op they lower."""
    found: dict[type[Op], R] = {}
    for module in modules(package):
        for value in vars(module).values():
            if isinstance(value, kind):
                found[value.lowers] = value
    return found


class Rules(Mapping[type[Op], R]):
    """The rules of a backend: its own, and those that other packages bring for their own ops.

    A rule for `vendor.op` stands under that name in the group of entry points `netspec.rules.<backend>`, and is loaded
    when it is asked for. SpecError NS704 where it cannot be, NS705 where it is no rule for that op. To go through all
    rules is to go through the backend's own.
    """

    def __init__(self, backend: str, own: Mapping[type[Op], R], kind: type[R]) -> None:
        self._backend = backend
        self._own = own
        self._kind = kind
        self._found: dict[type[Op], R | None] = {}

    def __getitem__(self, op: type[Op]) -> R:
        if op in self._own:
            return self._own[op]
        if op not in self._found:
            self._found[op] = self._foreign(op)
        rule = self._found[op]
        if rule is None:
            raise KeyError(op)
        return rule

    def __iter__(self) -> Iterator[type[Op]]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def _foreign(self, op: type[Op]) -> R | None:
        """The rule that another package brings for an op; None where it brings none."""
        entry = foreign.named(f"{foreign.RULES}.{self._backend}", op.name)
        if entry is None or "." not in op.name:
            return None
        what = f"the rule of the backend `{self._backend}` for"
        rule = foreign.load(entry, what)
        if not isinstance(rule, self._kind) or rule.lowers is not op:
            wanted = f"{self._kind.__module__}.{self._kind.__name__}"
            raise foreign.unfit(entry, what, f"is no `{wanted}` that lowers it")
        return rule


def installed() -> dict[str, Backend]:
    """The backends of this environment by name, ours and third parties', loaded; SpecError for a broken one."""
    return {entry.name: _loaded(entry) for entry in foreign.group(foreign.BACKENDS)}


def find(name: str) -> Backend:
    """The backend called `name`; SpecError NS701 with the install line where it is not there, NS704 or NS705 where it
    is another package's and broken.
    """
    entry = foreign.named(foreign.BACKENDS, name)
    if entry is not None:
        return _loaded(entry)
    raise SpecError.of(
        "NS701", f"there is no backend `{name}` here", help="see `pip list` for what is installed"
    )


def _loaded(entry: EntryPoint) -> Backend:
    """The backend of an entry point."""
    if entry.module.partition(".")[0] in foreign.OURS:
        with needing(entry.name):
            ours: Backend = entry.load()
        return ours
    found = foreign.load(entry, "the backend")
    lacking = [one for one in ("name", "table", "run", "update") if not hasattr(found, one)]
    if lacking:
        raise foreign.unfit(entry, "the backend", f"has no {', '.join(f'`{one}`' for one in lacking)}")
    if found.name != entry.name:
        raise foreign.unfit(entry, "the backend", f"calls itself `{found.name}`")
    theirs: Backend = found
    return theirs


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Turns a package that is missing into SpecError NS702, which says the line that installs it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise missing_extra(str(missing.name), extra) from missing


def missing_extra(module: str, extra: str) -> SpecError:
    """The error for a package that an optional extra would have installed, with the line that installs it."""
    return SpecError.of(
        "NS702",
        f"this needs the package `{module}`, which is not installed",
        help=f"run `pip install 'netspec-compiler[{extra}]'`",
    )
