"""A spec held to the source it was recovered from: both on the same random inputs, before anything is written.

The source computes in float32. The spec is computed in float64, so that all rounding that is seen is the source's; how
much that may be is measured on the spec itself, which is run in float32 too. Its difference r from float64 is what one
right program is off by at each place, and at least its mean square over the tensor. Another right program may add in
another order: a sum of k terms is off by the root of log k roundings at best and of k at worst, each of the size of a
partial sum (Higham and Mary 2019). So the tolerance of a number y is

    lam * sqrt(K) * r + 8 * eps * |y|

with K the longest sum of the model, eps that of float32, 8 roundings of an elementary function, and lam = 8 as in
`netspec.proof.rounding`. Where torch is missing, r is measured with the reference: every operation off by a random
share of eps. Whole numbers and masks must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from netspec import backend as backends
from netspec.backend import Feed, Reference, Run, Runner
from netspec.ir.graph import Graph, Ref
from netspec.proof import rounding
from netspec.proof.draw import typed
from netspec.proof.sizes import small_sizes
from netspec.recover.draft import SAMPLES
from netspec.recover.sketch import Source
from netspec.recover.written import Written
from netspec.text import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

BATCHES = (1, 2)
"""The sizes of the batch that both are run on: a network for one size alone shows itself at the other."""

EPS = 2.0**-23

LARGEST = 2**31
"""So many numbers may be made in one run: both sides keep every value."""


@dataclass(frozen=True)
class Held:
    """What was compared: the batches, how many numbers, and the largest difference over what it may be."""

    batches: tuple[int, ...]
    numbers: int
    difference: float
    used: float
    where: str
    runner: str


class Differs(Exception):
    """The spec gives something else than its source."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


def held(spec: Written, source: Source, *, seed: int = 0) -> Held:
    """Hold a spec to its source; SpecError NS775 where they differ, NS777 where the source cannot be run."""
    runner = _runner()
    numbers, difference, used, where = 0, 0.0, 0.0, ""
    for batch in BATCHES:
        one = _Trial(spec, source, runner, batch, seed)
        try:
            for name, far, may, count in one.outputs():
                numbers += count
                if far / may > used or not where:
                    difference, used, where = far, far / may, name
        except Differs as differs:
            place = one.first() or differs.place
            raise SpecError.of(
                "NS775",
                f"the spec gives something else than its source, with a batch of {batch}: {differs}",
                help=f"it begins at {place}: please report it, with the source if you may share it"
                if place
                else "please report it, with the source if you may share it",
            ) from differs
    return Held(BATCHES, numbers, difference, used, where, runner.name)


def _runner() -> Runner:
    """What computes the spec: torch where it is installed, else the reference."""
    try:
        return backends.find("torch")
    except SpecError:
        return backends.find("numpy")


class _Trial:
    """One batch in both, and what was found."""

    def __init__(self, spec: Written, source: Source, runner: Runner, batch: int, seed: int) -> None:
        self._spec = spec
        self._source = source
        self._runner = runner
        graph = spec.spec.graph
        # What training asks of a batch, as a norm does, is asked of two samples: here nothing is trained.
        sizes = {**small_sizes(graph, max(batch, 2)), SAMPLES: batch}
        _check_size(graph, sizes)
        rng = np.random.default_rng([seed, batch])
        self._inputs = {name: typed(kind, sizes, rng) for name, kind in graph.inputs.items()}
        self._inputs = {name: _single(one) for name, one in self._inputs.items()}
        self._feed = Feed(_wide(self._inputs), parameters=_wide(spec.parameters), state=_wide(spec.state))
        self._run: Run | None = None
        self._off: Mapping[str, Array] = {}

    def outputs(self) -> Iterator[tuple[str, float, float, int]]:
        """The outputs by name: the difference that uses most of what it may be, that, and how many numbers there are.

        Raises Differs at the first that may not differ so.
        """
        graph = self._spec.spec.graph
        theirs = _asked(self._source, self._inputs, "run")
        self._measure(graph)
        entry = graph.entry("predict")
        wanted = self._spec.sketch.outputs
        if len(entry) != len(wanted):
            raise Differs(f"{len(entry)} outputs instead of {len(wanted)}")
        for name, ref in zip(wanted, entry.values(), strict=True):
            yield (name, *self._compared(f"`{name}`", ref, theirs.get(name)))

    def _measure(self, graph: Graph) -> None:
        """Run the spec, and see how far rounding in float32 moves each of its values."""
        run = self._runner.run(graph, self._feed, gradients=False)
        terms = rounding.longest(graph, run, self._feed)
        if isinstance(self._runner, Reference):
            shares = dict.fromkeys(terms, rounding.DISTURBANCE)
            other = self._runner.disturb(graph, self._feed, shares, seed=(0, 4))
            scale = EPS / rounding.DISTURBANCE
        else:
            narrow = Feed(
                self._inputs, parameters=_narrow(self._spec.parameters), state=_narrow(self._spec.state)
            )
            other = self._runner.run(graph, narrow, gradients=False)
            scale = 1.0
        lam = rounding.LAM * sqrt(max(terms.values(), default=rounding.ELEMENTARY)) * scale
        self._run = run
        self._off = {
            key: lam * rounding.spread([np.asarray(other.values[key], np.float64)], value)
            for key, value in run.values.items()
            if key in other.values and np.issubdtype(value.dtype, np.floating)
        }

    def _compared(self, what: str, ref: Ref, theirs: Array | None) -> tuple[float, float, int]:
        """The difference of one value that uses most of what it may be; Differs where it is more."""
        assert self._run is not None
        key = str(ref)
        ours = self._inputs[key] if key in self._inputs else self._run.values[key]
        if theirs is None:
            raise Differs(f"the source gives no {what}")
        if ours.shape != theirs.shape:
            raise Differs(f"{what} is {list(ours.shape)} instead of {list(theirs.shape)}")
        if not np.issubdtype(ours.dtype, np.floating):
            if not np.array_equal(ours, theirs):
                raise Differs(f"{what} has other whole numbers")
            return 0.0, 1.0, ours.size
        wide = np.asarray(theirs, np.float64)
        if not ours.size:
            return 0.0, 1.0, 0
        with np.errstate(invalid="ignore"):
            far = np.abs(ours - wide)
            far[(ours == wide) | (np.isnan(ours) & np.isnan(wide))] = 0.0
            may = self._off.get(key, np.zeros(ours.shape)) + rounding.ELEMENTARY * EPS * np.abs(ours)
        far, may = np.nan_to_num(far, nan=np.inf, posinf=np.inf), np.nan_to_num(may, nan=0.0, posinf=0.0)
        may += np.finfo(np.float32).tiny
        place = int(np.argmax(far / may))
        worst, allowed = float(far.flat[place]), float(may.flat[place])
        if worst > allowed:
            raise Differs(
                f"{what} is off by {worst:.3g} where it is {float(ours.flat[place]):.6g}, "
                f"and rounding explains {allowed:.3g}"
            )
        return worst, allowed, ours.size

    def first(self) -> str:
        """The first step whose value differs, in words; empty where the source tells none."""
        told = getattr(self._source, "tell", None)
        if self._run is None:
            return ""
        theirs = _asked(self._source, self._inputs, "tell" if told is not None else "run")
        names = {step.outputs[0]: step.name for step in self._spec.sketch.steps if step.outputs}
        for node in self._spec.spec.graph.nodes:
            value = self._spec.places.get(node.path)
            if value is None or value not in theirs:
                continue
            try:
                self._compared(f"`{node.path}`", Ref(node.path), np.asarray(theirs[value]))
            except Differs as differs:
                source = f" (`{names[value]}` of the source)" if names.get(value) else ""
                return f"the layer `{node.path}`{source}, where {differs}"
        return ""


def _check_size(graph: Graph, sizes: Mapping[str, int]) -> None:
    """SpecError NS777 where a run would take more memory than a proof may."""
    kinds = [*graph.inputs.values(), *(kind for node in graph.nodes for kind in node.types)]
    total = sum(prod(one.evaluate(sizes) for one in kind.sizes) for kind in kinds)
    for node in graph.nodes:
        window = getattr(node.op, "kernel_size", None) if not node.parameters else None
        if window is not None:  # a pool looks at every place of every window
            places = (window,) * (node.types[0].rank - 2) if isinstance(window, int) else window
            total += prod(places) * prod(one.evaluate(sizes) for one in node.types[0].sizes)
    if total > LARGEST:
        raise SpecError.of(
            "NS777",
            f"one run of the network makes or looks at {total:,} numbers, and {LARGEST:,} are tried at most",
            help="give smaller inputs with `--shape`, or a letter for what may be any size",
        )


def _asked(source: Source, inputs: Mapping[str, Array], what: str) -> Mapping[str, Array]:
    """What the source gives; SpecError NS777 where it fails, in one line of its own words."""
    try:
        found: Mapping[str, Array] = getattr(source, what)(inputs)
    except SpecError:
        raise
    except Exception as trouble:
        words = (str(trouble).strip().splitlines() or [type(trouble).__name__])[0][:200]
        count = len(next(iter(inputs.values())))
        raise SpecError.of(
            "NS777",
            f"the source itself fails on a batch of {count}: {words}",
            help="a network for one size of the batch alone is exported with a free one",
        ) from trouble
    return found


def _single(array: Array) -> Array:
    """Floating numbers in float32, as the source takes them."""
    return np.asarray(array, np.float32) if np.issubdtype(array.dtype, np.floating) else array


def _wide(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {
        key: np.asarray(one, np.float64) if np.issubdtype(one.dtype, np.floating) else one
        for key, one in arrays.items()
    }


def _narrow(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {key: _single(one) for key, one in arrays.items()}
