"""The walk through an ONNX graph: each node is said with netspec's ops, or refused with its name and the reason.

ONNX counts axes and keeps those of size 1; netspec names them. A value that lost axes in netspec which ONNX still has
is `Laid` with their places, and they are put back only where somebody needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.types import Axis, TensorType
from netspec.recover.draft import Draft, Unsaid, axes_of
from netspec.recover.sketch import Step
from netspec_onnx.constants import FOLDS, Unfolded, fold, part_of_shape, sizes
from netspec_onnx.file import Model, Node
from netspec_onnx.words import Words

Array = NDArray[Any]


@dataclass
class Laid:
    """A value of ONNX: netspec's value, and at which places of ONNX's shape it lacks an axis of size 1.

    `back` are ops that give all axes at once where there is a shorter word for it than to put them back one by one.
    """

    value: str
    ones: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    back: Callable[[], str] | None = None
    whole: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Deferred:
    """What a node would be refused for, unless a node behind it is the end of a figure that has words."""

    node: Node
    why: str


class Pending(Exception):
    """A value is wanted that waits for a figure."""

    def __init__(self, origin: Deferred) -> None:
        super().__init__(origin.why)
        self.origin = origin


PATIENT = frozenset({"Add", "Sub", "Mul", "Div"})
"""What has no words by itself may still be part of a figure behind these ops."""

Rule = Callable[["Reader", Node], "Sequence[str | Laid]"]


class Reader:
    """Reads one model into a draft."""

    def __init__(
        self, model: Model, draft: Draft, rules: Mapping[str, Rule], deferred: Mapping[str, str]
    ) -> None:
        self.model = model
        self.draft = draft
        self.arrays: dict[str, Array] = dict(model.tensors)
        self.laid: dict[str, Laid | Deferred] = {}
        self.makers = {name: node for node in model.nodes for name in node.outputs if name}
        self.uses: dict[str, int] = {}
        self.words = Words(model)
        self.firsts: dict[tuple[str, ...], str] = {}
        self.shuffled: dict[str, str] = {}
        self.tensors: dict[tuple[str, ...], str] = {}
        self.inputs: list[str] = []
        self._rules = rules
        self._deferred = deferred
        self._refused: set[str] = set()
        for node in model.nodes:
            for name in node.inputs:
                self.uses[name] = self.uses.get(name, 0) + 1
        for name in model.outputs:
            self.uses[name] = self.uses.get(name, 0) + 1

    def read(self) -> None:
        """Say every node that is needed; what cannot be said is refused in the draft, all of it."""
        needed = self._needed()
        for node in self.model.nodes:
            if needed.isdisjoint(node.outputs) or self._folded(node):
                continue
            if any(name in self._refused for name in node.inputs):
                self._refused.update(node.outputs)
                self._known_at_all(node)
                continue
            self._say(node)

    def _known_at_all(self, node: Node) -> None:
        """Behind a refusal nothing has a type; that a node has no words at all can be told all the same."""
        if node.op not in self._rules and node.op not in self._deferred and node.op not in FOLDS:
            self.draft.refuse(node.op, node.place, "netspec has no op that does this")

    def _needed(self) -> set[str]:
        """The values that lead to an output."""
        wanted = set(self.model.outputs)
        for node in reversed(self.model.nodes):
            if not wanted.isdisjoint(node.outputs):
                wanted.update(node.inputs)
        return wanted

    def _folded(self, node: Node) -> bool:
        """Whether the node could be worked out, and now is."""
        if node.op == "Shape" and node.input(0) in self.laid and isinstance(self.laid[node.input(0)], Laid):
            self.arrays[node.outputs[0]] = part_of_shape(node, sizes(self.shape(node.input(0))))
            return True
        if (
            node.op == "CastLike"
            and node.input(0) in self.arrays
            and self.arrays[node.input(0)].dtype != object
        ):
            # What it is to be like is a value of the network, and these are float32.
            self.arrays[node.outputs[0]] = self.arrays[node.input(0)].astype(np.float32)
            return True
        if not all(name in self.arrays for name in node.inputs if name):
            return False
        try:
            made = fold(node, [self.arrays[name] for name in node.inputs if name])
        except (Unfolded, DimTooComplex):
            return False
        self.arrays.update(zip(node.outputs, made, strict=False))
        if node.op in {"Identity", "Transpose", "Cast"}:
            self.words.same(node.input(0), node.outputs[0])
        return True

    def _say(self, node: Node) -> None:
        """One node by its rule."""
        if node.op in self._deferred:
            self._defer(node, Deferred(node, self._deferred[node.op]))
            return
        rule = self._rules.get(node.op)
        if rule is None:
            self._refuse(node, "netspec has no op that does this")
            return
        before = len(self.draft.steps)
        try:
            made = rule(self, node)
        except Pending as trouble:
            self._unsaid(node, before, trouble.origin)
        except (Unsaid, Unfolded) as trouble:
            self._unsaid(node, before, Deferred(node, str(trouble)))
        except DimTooComplex:
            self._unsaid(node, before, Deferred(node, "its sizes are too complex to reason about"))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # A rule takes a node at its word; what does not keep to its op's own form has no meaning to be found.
            self._unsaid(
                node, before, Deferred(node, "its inputs or attributes are not those that ONNX gives this op")
            )
        else:
            self._keep(node, made)

    def _keep(self, node: Node, made: Sequence[str | Laid]) -> None:
        """Give the outputs their values."""
        for name, value in zip(node.outputs, made, strict=False):
            self.laid[name] = Laid(value) if isinstance(value, str) else value
        for name in node.outputs[len(made) :]:
            if name and self.uses.get(name):
                self._refuse(node, "it gives more than one value here")

    def _unsaid(self, node: Node, before: int, origin: Deferred) -> None:
        """Take back what was drawn for a node that has no words; refuse it, unless it may be part of a figure."""
        del self.draft.steps[before:]
        if node.op in PATIENT:
            self._defer(node, origin)
        else:
            self._refuse(origin.node, origin.why, node)

    def _defer(self, node: Node, origin: Deferred) -> None:
        """Wait whether a figure ends behind the node."""
        for name in node.outputs:
            self.laid[name] = origin

    def _refuse(self, node: Node, why: str, at: Node | None = None) -> None:
        self.draft.refuse(node.op, node.place, why)
        self._refused.update((at or node).outputs)

    def results(self) -> dict[str, str]:
        """The values of the outputs, by the names of the file; what waited for a figure till the end is refused."""
        found = {}
        for name in self.model.outputs:
            laid = self.laid.get(name)
            if isinstance(laid, Deferred):
                self._refuse(laid.node, laid.why)
            elif name in self._refused:
                continue
            elif laid is None:
                self.draft.refuse("output", name, "it is a constant, which depends on no input")
            else:
                found[name] = self.full(laid)
        return found

    # ------------------------------------------------------------------------------------------ what rules ask

    def at(self, name: str) -> Laid:
        """The value of a name; Unsaid where it has none of its own."""
        if name in self.arrays:
            raise Unsaid(f"`{name}` is a constant here")
        found = self.laid.get(name)
        if isinstance(found, Deferred):
            raise Pending(found)
        if found is None:
            raise Unsaid(f"there is no value `{name}`")
        return found

    def value(self, name: str) -> str:
        """The value of a name with all the axes that ONNX sees."""
        return self.full(self.at(name))

    def full(self, laid: Laid) -> str:
        """A value with all the axes that ONNX sees."""
        if not laid.ones:
            return laid.value
        if laid.whole is None:
            laid.whole = laid.back() if laid.back else self._put_back(laid)
        return laid.whole

    def _put_back(self, laid: Laid) -> str:
        """Axes of size 1 where they were, one after another."""
        value = laid.value
        for place, name in zip(laid.ones, laid.names, strict=True):
            axes = self.draft.type(value).names
            own = name if name not in axes else self.fresh(axes)
            after = axes[place - 1]
            arguments = {"axis": own} if after == "batch" else {"axis": own, "after": after}
            (value,) = self.draft.step("", "unsqueeze", arguments, (value,))
        return value

    @staticmethod
    def fresh(taken: Sequence[str]) -> str:
        """A name for an axis that none has."""
        return next(name for i in range(1, 99) if (name := f"axis{i}") not in taken)

    def image(self, name: str) -> str:
        """A value whose axes are called as those of an image are: what convolutions and pools want."""
        value = self.value(name)
        kind = self.draft.type(value)
        wanted = axes_of(kind.rank - 1)
        pairs = {a: b for a, b in zip(kind.names[1:], wanted, strict=True) if a != b}
        return self.draft.step("", "rename", pairs, (value,))[0] if pairs and kind.rank > 2 else value

    def type(self, name: str) -> TensorType:
        """The type of a value with all the axes that ONNX sees, without drawing anything."""
        laid = self.at(name)
        if not laid.ones:
            return self.draft.type(laid.value)
        if laid.whole is not None:
            return self.draft.type(laid.whole)
        kind = self.draft.type(laid.value)
        axes = list(kind.axes)
        for place, one in zip(laid.ones, laid.names, strict=True):
            axes.insert(place, Axis(one, Dim.of(1)))
        return kind.with_axes(axes)

    def shape(self, name: str) -> tuple[Dim, ...]:
        """The sizes of a value as ONNX sees them."""
        return self.type(name).sizes

    def rank(self, name: str) -> int:
        """How many axes ONNX sees."""
        return self.arrays[name].ndim if name in self.arrays else self.type(name).rank

    def array(self, node: Node, index: int) -> Array | None:
        """A constant input; None where it is left out. Unsaid where it is computed by the network."""
        name = node.input(index)
        if not name:
            return None
        if name not in self.arrays:
            raise Unsaid(f"its input {index + 1} is computed by the network itself")
        return self.arrays[name]

    def numbers(self, node: Node, index: int) -> Array:
        """A constant input of floating numbers that must be there."""
        found = self.array(node, index)
        if found is None:
            raise Unsaid(f"its input {index + 1} is missing")
        if found.dtype == object:
            raise Unsaid(f"its input {index + 1} depends on the size of what comes in")
        return floats(found)

    def number(self, name: str) -> float | None:
        """A constant of one number."""
        found = self.arrays.get(name)
        if found is None or found.dtype == object or found.size != 1 or found.dtype.kind not in "fiu":
            return None
        return float(str(found.ravel()[0])) if found.dtype == np.float32 else float(found.ravel()[0])

    def maker(self, name: str, *ops: str) -> Node | None:
        """The node that makes a value, if it is one of these ops."""
        node = self.makers.get(name)
        return node if node is not None and (not ops or node.op in ops) else None

    def draw(
        self,
        node: Node,
        op: str,
        arguments: Mapping[str, object] | None = None,
        inputs: Sequence[str] = (),
        *,
        weights: Mapping[str, Array] | None = None,
        keys: Sequence[str] = (),
        name: str | None = None,
    ) -> tuple[str, ...]:
        """A step of the node. `keys` are the constants its weights come from: who has the same ones shares them."""
        label = self.words.of(node, keys) if name is None else name
        own = weights or {}
        shared = tuple(keys) if own and self._deliberate(own) else ()
        if shared in self.firsts and shared:
            first = self.draft.made(self.firsts[shared])
            if first is not None and _same_weights(first, op, own):
                return self.draft.step(label, op, arguments, inputs, shares=first.outputs[0])
        made = self.draft.step(label, op, arguments, inputs, weights=own)
        if shared:
            self.firsts[shared] = made[0]
        return made

    @staticmethod
    def _deliberate(weights: Mapping[str, Array]) -> bool:
        """Whether these are weights that nobody has twice by chance: exporters also merge constants that are equal."""
        weight = weights.get("weight")
        return weight is not None and weight.ndim > 1 and bool((weight != weight.flat[0]).any())


def _same_weights(first: Step, op: str, weights: Mapping[str, Array]) -> bool:
    """Whether a step has exactly these weights."""
    return (
        first.op == op
        and first.weights.keys() == weights.keys()
        and all(np.array_equal(first.weights[key], one) for key, one in weights.items())
    )


def floats(array: Array) -> Array:
    """Floating numbers as float32, wider ones included; Unsaid for others."""
    if array.dtype.kind != "f" and str(array.dtype) != "bfloat16":
        raise Unsaid(f"numbers of the kind {array.dtype}")
    return np.asarray(array, dtype=np.float32)
