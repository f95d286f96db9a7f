"""A small use of an op, made from one of its good samples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

from netspec.ir.op import Inferred, Op, Sample, infer_node
from netspec.ir.types import TensorType
from netspec.text.flow import flow


@dataclass(frozen=True)
class Example:
    """One use: the op, what its inputs are called, and what they are."""

    op: Op
    written: dict[str, object]
    names: tuple[str, ...]
    types: tuple[TensorType, ...]

    @property
    def inferred(self) -> Inferred:
        """What the op makes of it."""
        return infer_node(self.op, self.types)

    @property
    def layer(self) -> str:
        """The op as a layer, `from` included where there are several inputs."""
        head = head_text(self.op.name, self.op.main, self.written)
        return head if len(self.names) < 2 else f"{{{head}, from: [{', '.join(self.names)}]}}"

    @property
    def written_as_call(self) -> bool:
        """Whether a formula can say it: its arguments have names, and its result is one value."""
        return not getattr(self.op, "free_arguments", False) and len(self.inferred.outputs) == 1

    @property
    def call(self) -> str:
        """The op as a function in a formula, where axes and units are bare words."""
        rest = [f"{key}={_argument(value, bare=key in self.op.words)}" for key, value in self.written.items()]
        given = [
            f"{name}={name}" if slot.endswith("?") else name
            for name, slot in zip_longest(self.names, self.op.slots[: len(self.names)], fillvalue="")
        ]
        return f"{self.op.name}({', '.join([*given, *rest])})"


def head_text(name: str, main: str | None, written: dict[str, object]) -> str:
    """`relu`, `max_pool: 2`, `conv: {out_channels: 8, kernel_size: 3}`: an op with what stands under it."""
    if not written:
        return name
    if main is not None and set(written) == {main} and not isinstance(written[main], dict):
        return f"{name}: {flow(written[main])}"
    return f"{name}: {flow(written)}"


def example(kind: type[Op]) -> Example:
    """The good sample that says most about an op: with most arguments, the first of several."""
    good = [sample for sample in kind.samples() if sample.code is None]
    sample = max(good, key=lambda one: (_plain(one), len(one.attributes)))
    op = kind.model_validate(sample.attributes)
    free = getattr(kind, "free_arguments", False)
    written = dict(sample.attributes) if free else op.arguments()
    return Example(op, written, _names(kind, len(sample.inputs)), sample.inputs)


def _plain(sample: Sample) -> bool:
    """Whether every input is a value of samples, as in a network."""
    return all(kind.batched for kind in sample.inputs)


def _names(kind: type[Op], count: int) -> tuple[str, ...]:
    """A name for every input: the slot's, with a number where one slot takes several."""
    slots = [slot.strip("*?") for slot in kind.slots]
    names = [*slots, *(slots[-1:] * (count - len(slots)))][:count]
    several = {name for name, times in Counter(names).items() if times > 1}
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name}{seen[name]}" if name in several else name)
    return tuple(found)


def _argument(value: object, *, bare: bool) -> str:
    if bare:
        return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, tuple):
        return f"[{', '.join(_argument(one, bare=False) for one in value)}]"
    return flow(value)
