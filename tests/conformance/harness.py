"""What every op must fulfil, each as one check of one use: `check(case)` does them all.

The shape rule tells the true shapes; the facts are true of the numbers; the reference and PyTorch agree forward,
backward and in their state within the derived tolerance; the reference's gradients are the slopes of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.op import Inferred, Op, Sample, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, Axis, TensorType
from netspec.proof.claims import untrue
from tests.conformance.case import (
    Array,
    Case,
    Mode,
    Numbers,
    Result,
    candidate,
    candidate_outputs,
    case,
    floating,
    forward,
    numbers,
    pulls,
    reference,
    rows_kept,
    shape,
    torch_attempt,
)
from tests.conformance.forbidden import FORBIDDEN
from tests.ops.tolerance import EPS, absolute, is_sum, tolerances

MODES: tuple[Mode, ...] = ("eval", "train")
H = 2.0**-13


def modes(use: Case) -> tuple[Mode, ...]:
    """Both modes where they may differ, else one."""
    return MODES if use.inferred.state or use.inferred.noise else ("eval",)


def build(kind: type[Op], sample: Sample) -> Op:
    """The op of a sample."""
    return kind(**sample.attributes)


def use_of(kind: type[Op], sample: Sample) -> Case:
    """The use that a good sample shows."""
    return case(build(kind, sample), *sample.inputs)


def check(use: Case, seed: int = 0) -> None:
    """All checks of one use."""
    check_shapes(use, seed)
    check_facts(use, seed)
    for mode in modes(use):
        check_agreement(use, seed, mode)
        check_slopes(use, seed, mode)


def check_or_refused(op: Op, *types: TensorType, seed: int = 0, frozen: frozenset[str] = frozenset()) -> bool:
    """All checks of one use if the rule accepts it, else that it must be refused. Whether it was accepted."""
    inferred, refusal = inferred_or_refused(op, types)
    if inferred is None:
        assert refusal is not None
        assert refusal.help, f"{refusal.code} has no cure: {refusal.message}"
        runs = refusal.code not in FORBIDDEN and torch_attempt(Case(op, types, Inferred(())))
        assert not runs, f"torch runs what {refusal.code} refuses: {op!r} of {types}"
        return False
    use = Case(op, types, inferred, frozen)
    check(use, seed)
    check_symbols(use)
    return True


def check_shapes(use: Case, seed: int = 0) -> None:
    """The rule's sizes and kinds of numbers are those of the reference and of PyTorch."""
    drawn = numbers(use, seed)
    for mode in modes(use):
        ours = forward(use, drawn, mode)
        theirs = candidate_outputs(use, drawn, mode)
        assert len(ours) == len(theirs) == len(use.inferred.outputs), f"number of outputs of {use}"
        for kind, y, z in zip(use.inferred.outputs, ours, theirs, strict=True):
            assert y.shape == z.shape == shape(kind, rows_kept(use, drawn)), (
                f"inferred {kind}, NumPy {y.shape}, torch {z.shape}: {use}"
            )
            assert _kind(y) == _kind(z) == kind.dtype, (
                f"inferred {kind}, NumPy {y.dtype}, torch {z.dtype}: {use}"
            )


def check_precision(use: Case, seed: int = 0) -> None:
    """The reference stays in the floating type of its numbers: float32 in, float32 out, backward as well."""

    def single(x: Array) -> Array:
        return x.astype(np.float32) if floating(x) else x

    drawn = numbers(use, seed)
    narrow = Numbers(
        tuple(map(single, drawn.inputs)),
        {key: single(x) for key, x in drawn.parameters.items()},
        {key: single(x) for key, x in drawn.state.items()},
        {key: single(x) for key, x in drawn.noise.items()},
    )
    if not any(map(floating, (*narrow.inputs, *narrow.parameters.values()))) or not all(
        k.rank for k in use.types
    ):
        return  # plain numbers take the type of what they meet, and alone they are Python's own
    for mode in modes(use):
        result = reference(use, narrow, tuple(map(single, pulls(forward(use, narrow, mode), seed))), mode)
        for i, y in enumerate(result.outputs):
            assert not floating(y) or y.dtype == np.float32, f"output {i} of {use} is {y.dtype}"
        for i, (x, dx) in enumerate(zip(narrow.inputs, result.inputs, strict=True)):
            assert not floating(x) or not dx.any() or dx.dtype == np.float32, (
                f"gradient {i} of {use} is {dx.dtype}"
            )
        for key, value in (*result.parameters.items(), *result.state.items()):
            assert not floating(value) or value.dtype == np.float32, f"{key} of {use} is {value.dtype}"


def _kind(array: Array) -> str:
    if array.dtype == bool:
        return "bool"
    return "float32" if floating(array) else "int64"


def check_agreement(use: Case, seed: int = 0, mode: Mode = "eval") -> None:
    """NumPy and PyTorch give the same values, gradients and state within the derived tolerance."""
    drawn = numbers(use, seed)
    gradients = pulls(forward(use, drawn, mode), seed + 1)
    ours, theirs = reference(use, drawn, gradients, mode), candidate(use, drawn, gradients, mode)
    for what, left, right, most in _rows(ours, theirs, tolerances(use, drawn, gradients, mode)):
        compare(f"{what} of {use} in {mode}", left, right, most)


def _rows(ours: Result, theirs: Result, most: Result) -> Iterator[tuple[str, Array, Array, Array]]:
    for i, rows in enumerate(zip(ours.outputs, theirs.outputs, most.outputs, strict=True)):
        yield f"output {i}", *rows
    for i, rows in enumerate(zip(ours.inputs, theirs.inputs, most.inputs, strict=True)):
        yield f"gradient of input {i}", *rows
    assert ours.parameters.keys() == theirs.parameters.keys()
    for key, value in ours.parameters.items():
        yield f"gradient of {key}", value, theirs.parameters[key], most.parameters[key]
    assert ours.state.keys() == theirs.state.keys()
    for key, value in ours.state.items():
        yield f"state {key}", value, theirs.state[key], most.state[key]


def compare(what: str, left: Array, right: Array, most: Array | float) -> None:
    """Fail where two arrays differ by more than `most`, and say where and by how much."""
    assert left.shape == right.shape, f"{what}: {left.shape} and {right.shape}"
    if not left.size:
        return
    if not (floating(left) or floating(right)):
        assert np.array_equal(left, right), f"{what}: {left} and {right}"
        return
    assert np.array_equal(np.isfinite(left), np.isfinite(right)), f"{what}: not finite at different places"
    gap = np.where(left == right, 0.0, abs(left - right))
    excess = gap - most
    worst = np.unravel_index(int(np.argmax(excess)), gap.shape)
    allowed = float(np.broadcast_to(most, gap.shape)[worst])
    assert excess[worst] <= 0, (
        f"{what}: {left[worst]} and {right[worst]} at {worst}, {gap[worst]} > {allowed}"
    )


def check_slopes(use: Case, seed: int = 0, mode: Mode = "eval") -> None:
    """The reference's gradients are the slopes of its values along random directions.

    A central difference D(h) is off by about a third of |D(2h) - D(h)| and by the roundings of two values over 2h; the
    sum of both is the tolerance, and a tolerance that could hide an error is itself a failure. A value that is a sum is
    rounded as the sum of its terms' absolute values is, however much of it cancels.
    """
    drawn = numbers(use, seed)
    gradients = pulls(forward(use, drawn, mode), seed + 1)
    back = reference(use, drawn, gradients, mode)
    rng = np.random.default_rng(seed + 2)

    def value(at: Numbers) -> tuple[float, float]:
        made = forward(use, at, mode)
        sizes = forward(use, absolute(at), mode) if is_sum(use.op) else made
        pairs = [(g, y, z) for g, y, z in zip(gradients, made, sizes, strict=True) if floating(y)]
        return sum(float((g * y).sum()) for g, y, _ in pairs), sum(
            float(abs(g * z).sum()) for g, _, z in pairs
        )

    for what, size, moved in _directions(drawn, back, rng):
        slopes, weights = [], []
        for h in (H, 2 * H):
            (above, big), (below, bigger) = value(moved(h)), value(moved(-h))
            slopes.append((above - below) / (2 * h))
            weights.append(max(big, bigger))
        told, scale = size
        rounding = (16 + max((x.size for x in drawn.inputs), default=1)) * EPS * (max(weights) / H + scale)
        most = abs(slopes[1] - slopes[0]) + rounding
        assert most <= 1e-3 * max(scale, 1.0), f"{what} of {use}: a kink or a jump, {slopes}"
        assert abs(told - slopes[0]) <= most, (
            f"{what} of {use} in {mode}: {told}, slope {slopes[0]} within {most}"
        )


def _directions(
    drawn: Numbers, back: Result, rng: np.random.Generator
) -> Iterable[tuple[str, tuple[float, float], Callable[[float], Numbers]]]:
    """One direction for every floating input and parameter: its name, what the gradient says, and the moved numbers."""
    for i, x in enumerate(drawn.inputs):
        # Masks, classes, the one probability of one class: kinks lie at ties and at whole numbers.
        kinked = np.unique(x).size < x.size or np.array_equal(x, np.round(x))
        if floating(x) and x.size and not kinked:
            v = rng.normal(size=x.shape) / np.sqrt(x.size)
            told = (float(np.sum(back.inputs[i] * v)), float(np.sum(abs(back.inputs[i] * v))))

            def input_moved(h: float, i: int = i, v: Array = v) -> Numbers:
                inputs = tuple(x + h * _grain(drawn) * v if j == i else x for j, x in enumerate(drawn.inputs))
                return replace(drawn, inputs=inputs)

            yield f"slope of input {i}", (told[0] * _grain(drawn), told[1] * _grain(drawn)), input_moved
    for key, w in drawn.parameters.items():
        v = rng.normal(size=w.shape)
        told = (float(np.sum(back.parameters[key] * v)), float(np.sum(abs(back.parameters[key] * v))))

        def parameter_moved(h: float, key: str = key, v: Array = v) -> Numbers:
            return replace(drawn, parameters={**drawn.parameters, key: drawn.parameters[key] + h * v})

        yield f"slope of {key}", told, parameter_moved


def _grain(drawn: Numbers) -> float:
    """How far inputs may move without meeting a tie: `spaced` keeps them some 4 / size apart."""
    return min(1.0, 64.0 / max(x.size for x in drawn.inputs))


def check_facts(use: Case, seed: int = 0) -> None:
    """What the rule claims of the outputs is true of the reference's numbers, at the bounds of the inputs too."""
    for mode in modes(use):
        for edges in (False, True):
            drawn = numbers(use, seed + 3, edges=edges)
            for kind, y in zip(use.inferred.outputs, forward(use, drawn, mode), strict=True):
                facts_hold(f"{use} in {mode}", kind, y)


def facts_hold(what: str, kind: TensorType, y: Array) -> None:
    """Fail where a fact is false of `y`."""
    found = list(untrue(kind, y))
    assert not found, f"{what}: {'; '.join(found)}"


def check_symbols(use: Case) -> None:
    """With any one size free, the rule gives formulas that are right at the number, or says why it must be fixed.

    What is written for the free size gives the same numbers, to the last bit, as what is written for the known one.
    """
    drawn = numbers(use, 0)
    known_runs = [run(use, drawn, "eval") for run in (forward, candidate_outputs)]
    for i, kind in enumerate(use.types):
        for j, axis in enumerate(kind.axes):
            if axis.size.value is None:  # the rows of a mask, which are free as they are
                continue
            freed = _freed(use.types, axis, j == 0)
            number = _smallest_batch(use.types) if j == 0 else int(axis.size)
            inferred, refusal = inferred_or_refused(use.op, freed)
            if inferred is None:
                assert refusal is not None
                assert j > 0, f"{use}: the batch must be free, and is refused: {refusal.message}"
                assert refusal.help, f"{use}: {refusal.code} has no cure"
                continue
            for told, known in zip(inferred.outputs, use.inferred.outputs, strict=True):
                got = tuple(size.substitute({"N": number}) for size in told.sizes)
                assert got == known.sizes, (
                    f"{use}: {told.named()} at {axis.size} of input {i} is not {known.named()}"
                )
                assert told.names == known.names
            free = Case(use.op, freed, inferred, use.frozen)
            for run, outputs in zip((forward, candidate_outputs), known_runs, strict=True):
                for got_y, y in zip(run(free, drawn, "eval"), outputs, strict=True):
                    assert np.array_equal(got_y, y, equal_nan=floating(y)), f"{use} with {freed}"


def check_letters(op: Op, *types: TensorType) -> None:
    """With a letter of its own for every size of space, the rule accepts exactly the sizes that it accepts as numbers.

    What is recorded holds for the sizes that are legal and for no others, and the outputs are those of known sizes.
    """
    sizes: dict[str, int] = {}

    def free(kind: TensorType) -> TensorType:
        axes = list(kind.axes)
        for place in range(2, kind.rank):
            letter = f"S{len(sizes)}"
            sizes[letter] = int(axes[place].size)
            axes[place] = Axis(axes[place].name, Dim.of(letter))
        return kind.with_axes(axes)

    freed = tuple(free(kind) for kind in types)
    (known, _), (inferred, refusal) = inferred_or_refused(op, types), inferred_or_refused(op, freed)
    if inferred is None:
        assert known is None, f"{op!r} takes {types}, and is refused with letters: {refusal}"
        return
    kept = all(
        decide(one.left.substitute(sizes), one.relation, one.right.substitute(sizes))
        for one in inferred.constraints
        if not one.training
    )
    assert (known is not None) == kept, f"{op!r} of {types}: {inferred.constraints}"
    if known is None:
        return
    use, other = Case(op, types, known), Case(op, freed, inferred)
    drawn = numbers(use, 0)
    for told, one in zip(inferred.outputs, known.outputs, strict=True):
        assert tuple(size.substitute(sizes) for size in told.sizes) == one.sizes
    for run in (forward, candidate_outputs):
        for got, y in zip(run(other, drawn, "eval"), run(use, drawn, "eval"), strict=True):
            assert np.array_equal(got, y, equal_nan=floating(y)), f"{use} with {freed}"


def inferred_or_refused(op: Op, types: tuple[TensorType, ...]) -> tuple[Inferred | None, Problem | None]:
    """What the rule says, or why it refuses."""
    try:
        return infer_node(op, types), None
    except Problem as problem:
        return None, problem


def _freed(types: tuple[TensorType, ...], axis: Axis, batch: bool) -> tuple[TensorType, ...]:
    """The types with the axis of one name and size free, in all inputs at once.

    Of a batch, the smallest is free, and one that holds the places of an axis too is a multiple of it.
    """

    def free(one: Axis) -> Axis:
        if batch and one.name == axis.name and one.size.value is not None:
            return Axis(one.name, Dim.of("N") * (one.size.value // _smallest_batch(types)))
        same = not batch and (one.name, one.size) == (axis.name, axis.size)
        return Axis(one.name, Dim.of("N")) if same else one

    return tuple(kind.with_axes(free(one) for one in kind.axes) for kind in types)


def _smallest_batch(types: tuple[TensorType, ...]) -> int:
    """The number of samples; inputs whose batch holds more than samples have larger ones."""
    sizes = (kind.axes[0].size.value for kind in types if kind.axes)
    return min(size for size in sizes if size is not None)


def check_empty(use: Case) -> None:
    """A batch without samples goes through both backends, forward and backward, unless a constraint wants more.

    A mask may leave nothing of a batch. Uses that mix samples are not asked.
    """
    empty = tuple(kind.with_axes((Axis(BATCH, Dim.of(0)), *kind.axes[1:])) for kind in use.types)
    inferred, _ = inferred_or_refused(use.op, empty)
    if inferred is None or not all(kind.batched for kind in (*use.types, *inferred.outputs)):
        return
    if any(decide(one.left, one.relation, one.right) is False for one in inferred.constraints):
        return
    none = Case(use.op, empty, inferred, use.frozen)
    drawn = numbers(replace(none, inferred=replace(inferred, noise=())), 0)
    gradients = pulls(forward(none, drawn, "eval"), 1)
    for what, run in (("NumPy", reference), ("torch", candidate)):
        result = run(none, drawn, gradients, "eval")
        for kind, y in zip(inferred.outputs, result.outputs, strict=True):
            assert y.shape == shape(kind, 0), f"{what} gives {y.shape} of no samples, not {kind}: {use}"
        for x, dx in zip(drawn.inputs, result.inputs, strict=True):
            assert dx.shape == x.shape, f"{what} gives a gradient {dx.shape} of no samples: {use}"
        assert all((g == 0).all() for g in result.parameters.values()), f"{what}: no sample has a gradient"


def check_refused(kind: type[Op], sample: Sample) -> None:
    """A bad sample raises its code with a cure. PyTorch cannot run it either, or the language forbids it."""
    assert sample.code is not None
    op = build(kind, sample)
    with pytest.raises(Problem) as caught:
        infer_node(op, sample.inputs)
    problem = caught.value
    assert problem.code == sample.code, f"{problem.code} in place of {sample.code}: {problem.message}"
    assert problem.help, f"{problem.code} has no cure: {problem.message}"
    if isinstance(problem.at, str):
        known = {*kind.model_fields, *kind.slots, *sample.attributes}
        assert problem.at in known, f"{problem.code} points at `{problem.at}`"
    if isinstance(problem.at, int):
        assert problem.at < max(len(sample.inputs), 1), f"{problem.code} points at input {problem.at}"
    assert sample.code in FORBIDDEN or not _torch_runs(op, sample), (
        f"torch runs what {sample.code} refuses: {sample}"
    )


def _torch_runs(op: Op, sample: Sample) -> bool:
    """Whether PyTorch gives any answer for a use that our rule refuses; its own errors are of every class."""
    return torch_attempt(Case(op, sample.inputs, Inferred(())))


def refuses_attributes(kind: type[Op], **attributes: Any) -> None:
    """Fail unless these attributes are refused by the op's schema."""
    with pytest.raises(ValidationError):
        kind(**attributes)
