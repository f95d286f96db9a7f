"""What an op is: a frozen record of its attributes with a shape rule, a cost and its own samples."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from netspec.ir.dim import Dim
from netspec.ir.problem import Problem, Warned
from netspec.ir.record import Record
from netspec.ir.terms import Shapes
from netspec.ir.types import FEATURE, DType, TensorType
from netspec.ir.view import Views, fixed, same

Relation = Literal["==", ">=", ">"]


@dataclass(frozen=True)
class Parameter:
    """A learned tensor that an op owns: its local name (`weight`), and its shape."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class State:
    """A tensor that training updates without a gradient (running statistics), with the value it starts from."""

    name: str
    shape: tuple[int, ...]
    fill: float
    dtype: DType = "float32"


@dataclass(frozen=True)
class Noise:
    """Random numbers an op draws in training, one for each element and independent of one another.

    They are keeps, 1 with probability `keep` and else 0; or with `between`, uniform numbers between the two.
    """

    name: str
    shape: tuple[Dim, ...]
    keep: float = 1.0
    between: tuple[float, float] | None = None

    def of(self, uniform: Any) -> Any:
        """The noise that uniform numbers in [0, 1) stand for: an array of them gives an array."""
        if self.between is None:
            return (uniform < self.keep) * 1.0
        low, high = self.between
        return low + (high - low) * uniform


@dataclass(frozen=True)
class Constraint:
    """A relation between sizes that must hold for the graph to run, recorded with the words that explain it."""

    left: Dim
    relation: Relation
    right: Dim
    why: str
    training: bool = False
    at: str | int | None = None


@dataclass(frozen=True)
class Inferred:
    """All that a shape rule says of one use of an op."""

    outputs: tuple[TensorType, ...]
    parameters: tuple[Parameter, ...] = ()
    state: tuple[State, ...] = ()
    noise: tuple[Noise, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One use of an op as documentation and test: attributes, input types, and for a bad one the code it must raise."""

    attributes: dict[str, object] = field(default_factory=dict)
    inputs: tuple[TensorType, ...] = ()
    code: str | None = None


def good(*inputs: TensorType, **attributes: object) -> Sample:
    """A sample that must be accepted and run in every backend."""
    return Sample(attributes, inputs)


def bad(code: str, *inputs: TensorType, **attributes: object) -> Sample:
    """A sample that must be refused with `code`."""
    return Sample(attributes, inputs, code)


class Op(Record):
    """The base of every op. A subclass is told once: docs, fields, `infer`, `macs`, `samples`; backends mirror it.

    `slots` names the inputs in order; a name that begins with `*` takes one or more, and the last may end with `?`:
    then it may be left out, and a formula gives it by its name alone (`where=present`). `words` are the arguments that
    a formula gives as bare words, which never clash with a value: axes, units. `written` is false for what no spec
    calls: the reader of the language makes such ops of other things. `pointwise` says that a number of the result
    depends on the numbers at its own place of the inputs and on no others (in evaluation). `moves` says that numbers
    are only brought to other places, left out or repeated. `normalises` says that its parameters scale and shift what
    it made even: `no_decay: [norm]` spares them.
    """

    slots: ClassVar[tuple[str, ...]] = ("x",)
    words: ClassVar[tuple[str, ...]] = ("axis",)
    formula: ClassVar[bool] = True
    written: ClassVar[bool] = True
    pointwise: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    normalises: ClassVar[bool] = False

    def infer(
        self, *inputs: Any, **_: Any
    ) -> Inferred:  # a signature that every rule may narrow: `(self, x)`
        """The outputs' types, parameters, state, noise and constraints; raises Problem where the inputs do not fit."""
        raise NotImplementedError

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Multiply-accumulates of one sample: conv, linear and matmul count, all else is 0 (the stated convention)."""
        del inputs, outputs
        return Dim.of(0)

    def terms(self, at: Shapes) -> int:
        """The most terms that one sum inside has, forward or backward: what its rounding grows with."""
        return at.few if self.pointwise or self.moves else at.all

    def views(self, *inputs: Any) -> tuple[Views | None, ...]:
        """What a place of the results sees of each input, by its axes: what the receptive field is made of.

        None for an input whose numbers do not matter. Of an axis that is left out nothing is known.
        """
        return pointwise_views(inputs) if self.pointwise else ({},) * len(inputs)

    @staticmethod
    def samples() -> list[Sample]:
        """Good and bad uses, from which the conformance tests are made."""
        raise NotImplementedError

    @classmethod
    def arity(cls) -> tuple[int, int | None]:
        """The least and the greatest number of inputs; None for no limit."""
        if cls.slots and cls.slots[-1].startswith("*"):
            return len(cls.slots), None
        return len(cls.slots) - len(cls.optional()), len(cls.slots)

    @classmethod
    def inputs(cls) -> tuple[str, ...]:
        """The names of the inputs, without the marks of `slots`."""
        return tuple(slot.strip("*?") for slot in cls.slots)

    @classmethod
    def optional(cls) -> tuple[str, ...]:
        """The names of the inputs that may be left out."""
        return tuple(slot.rstrip("?") for slot in cls.slots if slot.endswith("?"))


def pointwise_views(inputs: tuple[TensorType, ...]) -> tuple[Views, ...]:
    """The views of an op that works place by place: axes meet by position, and an axis of size 1 may be spread."""
    widest = max(inputs, key=lambda x: x.rank, default=TensorType())
    found: list[Views] = []
    for x in inputs:
        axes = {}
        for i, axis in enumerate(x.axes):
            others = [y.axes[i] for y in inputs if y.rank == widest.rank]
            name = next((one.name for one in others if one.name != FEATURE), axis.name)
            is_spread = axis.size == 1 and any(one.size != 1 for one in others)
            axes[axis.name] = fixed(0) if is_spread else same(name)
        found.append(axes)
    return tuple(found)


def infer_node(op: Op, inputs: tuple[TensorType, ...]) -> Inferred:
    """Apply the shape rule of `op`, after checking how many inputs it takes."""
    least, most = op.arity()
    if len(inputs) < least or (most is not None and len(inputs) > most):
        wanted = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} or {most}"
        names = ", ".join(f"`{name}`" for name in op.inputs()) or "none"
        raise Problem(
            "NS120",
            f"`{op.name}` takes {wanted} input{'s' if wanted != '1' else ''} ({names}), {len(inputs)} given",
            help="name the inputs beside the op with `from`",
        )
    return _of_others(op, inputs) if "." in op.name else op.infer(*inputs)


def _of_others(op: Op, inputs: tuple[TensorType, ...]) -> Inferred:
    """What the rule of another package's op says; Problem NS706 where it fails, or says nothing of the kind."""
    from netspec.ir import foreign  # noqa: PLC0415 - what finds packages takes time to import, and few specs need it

    cure = "the fault is in the package that brings the op, not in the spec: tell its makers"
    given = ", ".join(one.named() for one in inputs) or "nothing"
    try:
        inferred: object = op.infer(*inputs)
    except Problem:
        raise
    except Exception as fault:
        place = foreign.blamed(fault)
        where = f" ({place})" if place else ""
        message = f"the rule of `{op.name}` failed on {given}: {foreign.told(fault)}{where}"
        raise Problem("NS706", message, help=cure) from fault
    if isinstance(inferred, Inferred) and all(isinstance(one, TensorType) for one in inferred.outputs):
        return inferred
    message = (
        f"the rule of `{op.name}` gives `{type(inferred).__name__}` for {given}, and an `Inferred` is wanted"
    )
    raise Problem("NS706", message, help=cure)
