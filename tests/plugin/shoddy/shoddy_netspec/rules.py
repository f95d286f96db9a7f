"""Rules with a fault each."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec_numpy import rule as on_numpy
from netspec_torch import rule as on_torch

from .ops import Falling, Lying, Seen, Unsupported


@on_numpy.lowers(Lying)
def lying(op: Lying, inputs: on_numpy.Arrays, at: on_numpy.Context) -> on_numpy.Forward:
    """It drops a row."""
    return on_numpy.Forward((inputs[0][1:],))


@on_numpy.lowers(Falling)
def falling(op: Falling, inputs: on_numpy.Arrays, at: on_numpy.Context) -> on_numpy.Forward:
    """It reads a table that has no such row."""
    table: dict[str, Any] = {}
    return on_numpy.Forward((table["row"],))


@on_numpy.lowers(Seen)
def seen(op: Seen, inputs: on_numpy.Arrays, at: on_numpy.Context) -> on_numpy.Forward:
    """As it came."""
    return on_numpy.Forward((np.asarray(inputs[0]),))


@on_torch.lowers(Unsupported)
def unsupported(op: Unsupported, at: on_torch.Site) -> on_torch.Lowered:
    """A function that names what nobody imports."""
    made = on_torch.call("rounded", *at.inputs)
    return on_torch.Lowered(made, support=("shoddy_netspec.rules:rounded",))


def rounded(x: Any) -> Any:
    """It needs NumPy, which a written file has not."""
    return np.round(x)
