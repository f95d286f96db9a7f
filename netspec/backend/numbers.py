"""The numbers that go into a run of a graph, and those that come out: NumPy arrays, whatever computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays = Mapping[str, "NDArray[Any]"]
Mode = Literal["train", "eval"]


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
