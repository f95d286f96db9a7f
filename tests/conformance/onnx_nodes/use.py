"""A node of ONNX said as one use of an op of netspec, and run by the reference and by PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING, Facts
from netspec.ir.op import Op
from netspec.ir.types import BATCH, CHANNEL, SPATIAL, Axis, DType, TensorType
from tests.conformance.case import Array, Case, Mode, Numbers, backward_of, case, floating, forward
from tests.conformance.onnx_nodes.node import Node
from tests.ops.tolerance import EPS, tolerances

Arrays = tuple[Array, ...]
Run = Callable[[Case, Numbers, Mode], Arrays]
Given = tuple[TensorType, Array]
"""An input: its type and its numbers."""

EXACT = frozenset(
    {
        *(
            "relu",
            "relu6",
            "abs",
            "neg",
            "clamp",
            "hardtanh",
            "threshold",
            "hardshrink",
            "identity",
            "dropout",
        ),
        *("minimum", "maximum", "where", "less", "less_equal", "greater", "greater_equal", "equal"),
        *("max_pool", "global_max_pool", "max_unpool", "amax", "amin", "argmax", "one_hot"),
        *("concat", "stack", "expand", "pad", "crop"),
    }
)
"""Ops beside those that only move numbers that give numbers they were given, or whole ones: nothing is rounded."""


class Unsaid(Exception):
    """No op of netspec says what this node does; the words say why."""


@dataclass(frozen=True)
class Use:
    """One use of an op with all its numbers, in float64, and the way from its outputs to those of the node.

    `then` are ops of one input that follow where netspec says in several what ONNX says in one. `outputs` are the
    places of the node's outputs that the use has. `back` lays the op's outputs out as the node's:
    netspec names the axes that ONNX counts, so that a batch of 1 is put in front of what has none, and the like. It
    moves numbers and never changes one.
    """

    case: Case
    numbers: Numbers
    mode: Mode = "eval"
    then: tuple[Op, ...] = ()
    outputs: tuple[int, ...] = (0,)
    back: Callable[[Arrays], Arrays] = field(default=lambda made: made)


def use(
    op: Op,
    *inputs: Given,
    parameters: Mapping[str, Array] | None = None,
    state: Mapping[str, Array] | None = None,
    mode: Mode = "eval",
    then: Sequence[Op] = (),
    outputs: tuple[int, ...] = (0,),
    back: Callable[[Array], Array] = lambda y: y,
) -> Use:
    """One use of an op, whose parameters are exactly those that the op says it has."""
    said = case(op, *(kind for kind, _ in inputs))
    known = dict(parameters or {})
    wanted = {one.name: one.shape for one in said.inferred.parameters}
    assert {key: x.shape for key, x in known.items()} == wanted, f"{op!r} has the parameters {wanted}"
    numbers = Numbers(tuple(x for _, x in inputs), known, dict(state or {}))
    return Use(said, numbers, mode, tuple(then), outputs, lambda made: tuple(back(y) for y in made))


def numbers_of(array: Array) -> Array:
    """The numbers of an array in the type that netspec has for them; Unsaid where it has none."""
    if array.dtype in (np.float32, np.float64):
        return array.astype(np.float64)
    if array.dtype in (np.int64, np.bool_):
        return array
    raise Unsaid(f"netspec has no numbers of type {array.dtype}")


def moved(array: Array | None) -> Array:
    """Small whole numbers as floating ones, for ops that only move or compare them and so never see the difference."""
    if array is None or array.dtype not in (np.float32, np.int32):
        raise Unsaid("no floating number stands for each of these")
    return array.astype(np.float64)


def typed(axes: Sequence[str], array: Array, facts: Facts = NOTHING) -> Given:
    """The numbers with a type of these axes."""
    x = numbers_of(array)
    dtype: DType = "float32" if floating(x) else "bool" if x.dtype == bool else "int64"
    if dtype == "bool":
        facts = Facts(low=0, high=1, mask=True)
    sizes = tuple(Axis(name, Dim.of(size)) for name, size in zip(axes, x.shape, strict=True))
    return TensorType(sizes, dtype, facts), x


def image(array: Array) -> Given:
    """`[batch, channel, *space]`; what has more than three axes of space is Unsaid."""
    space = array.ndim - 2
    if not 0 <= space <= len(SPATIAL):
        raise Unsaid(f"an image of netspec has up to three axes of space, not {space}")
    return typed((BATCH, CHANNEL, *SPATIAL[len(SPATIAL) - space :]), array)


def lifted(array: Array, rank: int | None = None) -> Given:
    """The numbers behind a batch of 1, their axes called `a0`, `a1`, ...; missing axes in front have size 1."""
    wide = array.reshape((1,) * (1 + (rank or array.ndim) - array.ndim) + array.shape)
    return typed((BATCH, *named(range(wide.ndim - 1))), wide)


def named(places: Sequence[int] | range) -> tuple[str, ...]:
    """What `lifted` calls the axes at these places."""
    return tuple(f"a{place}" for place in places)


def dropped(y: Array) -> Array:
    """A result of lifted inputs without the batch of 1."""
    assert y.shape[0] == 1
    return np.asarray(y[0])


def number(node: Node, attribute: str, default: float) -> float:
    """An attribute as a floating number, exactly as ONNX stores it."""
    return float(node.attributes.get(attribute, default))


def steps(said: Use, run: Run) -> Iterator[tuple[Case, Numbers, Arrays]]:
    """Every step of a use with the numbers that a backend reads and makes there, one after another."""
    one, numbers = said.case, said.numbers
    made = run(one, numbers, said.mode)
    yield one, numbers, made
    for op in said.then:
        one, numbers = case(op, *one.inferred.outputs), Numbers(made)
        made = run(one, numbers, said.mode)
        yield one, numbers, made


def agree(node: Node, said: Use, run: Run) -> float:
    """The part of what rounding allows that a backend uses against what ONNX expects; fails where it is more."""
    *_, (_, _, last) = steps(said, run)
    made, most = said.back(last), said.back(allowed(node, said))
    assert len(made) == len(said.outputs), f"{node.name}: {len(made)} outputs"
    return max(_used(node, place, y, far) for place, y, far in zip(said.outputs, made, most, strict=True))


def _used(node: Node, place: int, y: Array, far: Array) -> float:
    """The largest difference of one output over what is allowed at its place."""
    expected = node.outputs[place]
    assert expected is not None
    assert y.shape == expected.shape, f"{node.name}: {y.shape} in place of {expected.shape}"
    wide = expected.astype(np.float64)
    assert np.array_equal(np.isfinite(y), np.isfinite(wide)), f"{node.name}: other places are not finite"
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.where((y == wide) | (np.isnan(y) & np.isnan(wide)), 0.0, abs(y - wide))
        used = np.where(gap > 0, gap / far, 0.0)
    assert (gap <= far).all(), f"{node.name}: off by {gap.max()}, and {np.max(far)} is allowed at most"
    return float(np.max(used, initial=0.0))


def allowed(node: Node, said: Use) -> Arrays:
    """How far ONNX's outputs may lie from exact ones: the harness's bound for two programs, at their precision.

    Of steps one after another, each adds its own bound to what it makes of the one before.
    """
    expected = node.outputs[said.outputs[0]]
    assert expected is not None
    coarse = float(np.finfo(expected.dtype).eps) / EPS if floating(expected) else 1.0
    far: Arrays = ()
    for one, numbers, made in steps(said, forward):
        own = tuple(y * coarse for y in _bound(one, numbers, made, said.mode))
        far = tuple(a + b for a, b in zip(own, _carried(one, numbers, made, far), strict=True))
    return far


def _bound(one: Case, numbers: Numbers, made: Arrays, mode: Mode) -> Arrays:
    """How far two right programs may lie apart in float64 in one step."""
    if one.op.moves or one.op.name in EXACT or getattr(one.op, "mode", None) == "nearest":
        return tuple(np.zeros(y.shape) for y in made)
    if one.op.name == "lp_pool":
        # The norm grows as its numbers do, so that the sum of |dy / dx| * |x| is y itself (Euler).
        return tuple(2 * abs(y) * ((8 + numbers.inputs[0][0, 0].size) * EPS) for y in made)
    if not _by_place(one):
        pulls = tuple(np.zeros(y.shape) for y in made)
        return tolerances(one, numbers, pulls, mode).outputs
    (y,) = made
    slopes = backward_of(one, numbers, mode)((np.ones_like(y),)).inputs
    terms = sum(abs(slope * x) for slope, x in zip(slopes, numbers.inputs, strict=True))
    return ((abs(y) + terms) * ((8 + len(slopes)) * EPS),)


def _by_place(one: Case) -> bool:
    """Whether a number of the result depends on one number of each input: one backward has the whole Jacobian then."""
    sizes = {kind.sizes for kind in one.types}
    return (
        one.op.pointwise
        and not one.inferred.parameters
        and len(sizes) == 1
        and all(kind.rank for kind in one.types)
    )


def _carried(one: Case, numbers: Numbers, made: Arrays, far: Arrays) -> Arrays:
    """What a step makes of how far its inputs are off: by the size of its slopes, number by number."""
    carried = tuple(np.zeros(y.shape) for y in made)
    if not any(off.any() for off in far):
        return carried
    run = backward_of(one, numbers, "eval")
    for which, y in enumerate(made):
        for place in np.ndindex(y.shape):
            pull = tuple(np.zeros(other.shape) for other in made)
            pull[which][place] = 1.0
            slopes = run(pull).inputs
            carried[which][place] = sum(
                float(np.sum(abs(s) * off)) for s, off in zip(slopes, far, strict=True)
            )
    return carried
