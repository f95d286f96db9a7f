"""A free parameter: its value, and its gradient as it comes."""

from __future__ import annotations

from typing import Any

from netspec.ops.parameter import FreeParameter
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(FreeParameter)
def parameter(op: FreeParameter, inputs: Arrays, at: Context) -> Forward:
    """`y = value`."""
    del op, inputs
    return Forward((at.parameters["value"],))


@parameter.backward
def parameter_backward(op: FreeParameter, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient is the value's own."""
    del op, saved, at
    return Backward((), {"value": grads[0]})
