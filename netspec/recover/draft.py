"""A sketch in the making: each step is checked as it is drawn, so that whoever reads a source knows all types.

Axes have names in netspec, and a source has none: what `softmax` or `permute` needs is read off the type of the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from netspec import ops
from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, CHANNEL, FEATURE, SPATIAL, Axis, DType, TensorType
from netspec.recover.sketch import Refusal, Sketch, Step, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = "N"
"""The letter of the batch."""

MOST_INPUT = 2**31
"""So many numbers one sample of an input may have, if its shape is to be believed."""


class Unsaid(Exception):
    """Something has no words in netspec; the words say why."""


def axes_of(rank: int) -> tuple[str, ...]:
    """What the axes of a sample are called where nobody says: those of an image of that many axes."""
    if rank <= 1:
        return (FEATURE,) * rank
    space = rank - 1
    if space > len(SPATIAL):
        raise Unsaid(f"a sample with {rank} axes: name them")
    return (CHANNEL, *SPATIAL[len(SPATIAL) - space :])


class Draft:
    """Draws a sketch step by step.

    `input`, `step`, `number` and `tensor` give names of values, of which `type` is known at once. A step that netspec's
    own rules refuse raises Unsaid; whoever reads the source adds the place with `refuse`.
    """

    def __init__(self, name: str, source: str = "") -> None:
        self.name = name
        self.source = source
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self._inputs: dict[str, Value] = {}
        self._refusals: dict[Refusal, None] = {}
        self._types: dict[str, TensorType] = {}
        self._made: dict[str, Step] = {}
        self._counter = count(1)

    def input(
        self,
        name: str,
        shape: Sequence[int | str],
        dtype: DType = "float32",
        axes: Sequence[str] = (),
        *,
        source: str = "",
    ) -> str:
        """Declare an input and give its value; Unsaid where its axes have no names or its size cannot be meant."""
        names = tuple(axes) or axes_of(len(shape))
        total = 1
        for size in shape:
            total *= size if isinstance(size, int) else 1
        if total > MOST_INPUT or any(isinstance(size, int) and size < 1 for size in shape):
            raise Unsaid(f"an input of {list(shape)} numbers a sample")
        sizes = (Axis(axis, Dim.of(size)) for axis, size in zip(names, shape, strict=True))
        facts = Facts(low=0, high=1, mask=True) if dtype == "bool" else Facts()
        self._inputs[name] = Value(tuple(shape), dtype, tuple(axes), source or name)
        self._types[name] = TensorType((Axis(BATCH, Dim.of(SAMPLES)), *sizes), dtype, facts)
        return name

    def type(self, value: str) -> TensorType:
        """What is known of a value."""
        return self._types[value]

    def made(self, value: str) -> Step | None:
        """The step that gives a value; None for an input."""
        return self._made.get(value)

    def step(
        self,
        name: str,
        op: str,
        arguments: Mapping[str, object] | None = None,
        inputs: Sequence[str] = (),
        *,
        weights: Mapping[str, NDArray[Any]] | None = None,
        shares: str | None = None,
        frozen: bool | tuple[str, ...] = False,
    ) -> tuple[str, ...]:
        """Draw one use of an op and give its values.

        Unsaid where the op has no such arguments, does not take these inputs, or has weights of other shapes.
        """
        kind = ops.find(op)
        if kind is None or not kind.written:
            raise Unsaid(f"there is no op `{op}`")
        made = instance(kind, arguments or {})
        inferred = inferred_of(made, tuple(self._types[one] for one in inputs))
        if shares is None:
            _check_weights(op, inferred, weights or {})
        outputs = tuple(f"%{next(self._counter)}" for _ in inferred.outputs)
        found = Step(
            name, op, dict(arguments or {}), tuple(inputs), outputs, dict(weights or {}), shares, frozen
        )
        self.steps.append(found)
        for value, type in zip(outputs, inferred.outputs, strict=True):
            self._types[value] = type
            self._made[value] = found
        return outputs

    def number(self, value: float) -> str:
        """A plain number."""
        return self.step("", "constant", {"value": float(value)})[0]

    def tensor(self, name: str, array: NDArray[Any], axes: Sequence[str], *, frozen: bool = True) -> str:
        """A tensor that is the same for all samples: a `parameter`, which learns unless it is `frozen`."""
        shape = dict(zip(axes, map(int, array.shape), strict=True))
        return self.step(name, "parameter", {"shape": shape}, weights={"value": array}, frozen=frozen)[0]

    def refuse(self, op: str, place: str, why: str) -> None:
        """Note what has no words; the same thing at the same place once."""
        self._refusals[Refusal(op, place, why)] = None

    @property
    def refused(self) -> bool:
        """Whether anything was refused so far."""
        return bool(self._refusals)

    def sketch(self, outputs: Mapping[str, str]) -> Sketch:
        """The whole sketch, its outputs by name; steps that nothing needs are left out."""
        needed = set(outputs.values())
        kept: list[Step] = []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                kept.append(step)
                needed.update(step.inputs)
                needed.update({step.shares} if step.shares else ())
        return Sketch(
            self.name,
            dict(self._inputs),
            dict(outputs),
            tuple(reversed(kept)),
            tuple(self._refusals),
            self.source,
            tuple(self.notes),
        )


def instance(kind: type[Op], arguments: Mapping[str, object]) -> Op:
    """The op with these arguments; Unsaid where they are none of its own."""
    try:
        return kind.model_validate(dict(arguments))
    except ValidationError as trouble:
        first = trouble.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Unsaid(f"`{kind.name}` with such `{where}`: {first['msg']}") from trouble


def inferred_of(op: Op, types: tuple[TensorType, ...]) -> Inferred:
    """What the op's own rule says of inputs of these types; Unsaid where it refuses them."""
    try:
        return infer_node(op, types)
    except Problem as problem:
        raise Unsaid(problem.message) from problem


def _check_weights(op: str, inferred: Inferred, weights: Mapping[str, NDArray[Any]]) -> None:
    """Unsaid unless the weights are those that the op has."""
    wanted = {one.name: one.shape for one in inferred.parameters}
    optional = {one.name: one.shape for one in inferred.state}
    for name, shape in wanted.items():
        if name not in weights:
            raise Unsaid(f"`{op}` has a `{name}` of {list(shape)}, and none is there")
    for name, array in weights.items():
        shape = {**optional, **wanted}.get(name, ())
        if name not in wanted and name not in optional:
            raise Unsaid(f"`{op}` has no `{name}`")
        if tuple(array.shape) != tuple(shape):
            raise Unsaid(f"`{op}` has a `{name}` of {list(shape)}, and {list(array.shape)} is there")
