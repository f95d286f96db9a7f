"""What a NumPy rule is: a forward pass, and its backward written beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from netspec.ir.op import Op
from netspec.ir.types import TensorType

Array = NDArray[Any]
Arrays = tuple[Array, ...]
Mode = Literal["train", "eval"]

OpT = TypeVar("OpT", bound=Op)


@dataclass(frozen=True)
class Context:
    """All that a rule may look at besides its op and inputs.

    `types` are the inputs' types (to find axes by name), `outputs` the outputs'. `parameters`, `state` and `noise` hold
    arrays by the op's local names. Noise arrays are keep masks of 0 and 1. `frozen` holds what is written beside
    `freeze`: a rule with running statistics leaves them alone where it holds `statistics`.
    """

    types: tuple[TensorType, ...] = ()
    outputs: tuple[TensorType, ...] = ()
    parameters: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    noise: Mapping[str, Array] = field(default_factory=dict)
    mode: Mode = "eval"
    frozen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Forward:
    """What a forward pass gives: outputs, whatever its backward wants to see again, and the state after it."""

    outputs: Arrays
    saved: tuple[Any, ...] = ()
    state: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Backward:
    """Gradients of the loss: one for each input (None where it has none: class indices), and one for each parameter."""

    inputs: tuple[Array | None, ...]
    parameters: Mapping[str, Array] = field(default_factory=dict)


ForwardRule = Callable[[OpT, Arrays, Context], Forward]
BackwardRule = Callable[[OpT, tuple[Any, ...], Arrays, Context], Backward]


class Rule(Generic[OpT]):
    """Forward and backward of one op. Made by `@lowers(Op)` above the forward, completed by `@name.backward`."""

    def __init__(self, lowers: type[OpT], forward: ForwardRule[OpT]) -> None:
        self.lowers: type[Op] = lowers
        self.forward = forward
        self.pull: BackwardRule[OpT] | None = None
        self.__doc__ = forward.__doc__

    def backward(self, rule: BackwardRule[OpT]) -> BackwardRule[OpT]:
        """Bind the backward: from what the forward saved and the gradients of its outputs to those of its inputs."""
        self.pull = rule
        return rule


def lowers(op: type[OpT]) -> Callable[[ForwardRule[OpT]], Rule[OpT]]:
    """Mark a forward function as the rule of `op`."""
    return lambda forward: Rule(op, forward)


def float_like(x: Array) -> Array:
    """`x` as floating numbers: the model's own type stays, whole numbers and masks become float64."""
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)
