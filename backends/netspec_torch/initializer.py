"""First values of parameters as calls of `torch.nn.init`."""

from __future__ import annotations

import ast

from netspec.ir.graph import GraphParameter
from netspec.ir.record import Record
from netspec.recipe.initializer import (
    Constant,
    KaimingNormal,
    KaimingUniform,
    Normal,
    Ones,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from netspec.text import SpecError
from netspec_torch.rule import Value, call


def write(row: GraphParameter, parameter: ast.expr) -> ast.expr:
    """`nn.init.<name>_(parameter, ...)` for the row's initialiser.

    SpecError NS733 for an initialiser that PyTorch lacks, NS734 for one of Xavier's or He's on a parameter that has
    no fan-in (a bias).
    """
    init = row.init
    positional, named = _arguments(init, row)
    assert isinstance(init, Record)  # or _arguments had refused it
    return call(f"nn.init.{init.name}_", parameter, *positional, **named)


def _arguments(init: object, row: GraphParameter) -> tuple[list[Value], dict[str, Value]]:
    """What follows the parameter in the call."""
    match init:
        case Zeros() | Ones():
            return [], {}
        case Constant():
            return [init.value], {}
        case Uniform():
            return list(init.range), {}
        case Normal():
            return [init.mean, init.std], {}
        case XavierUniform() | XavierNormal():
            _has_fans(init, row)
            return [], {"gain": init.gain} if init.gain != 1 else {}
        case KaimingUniform() | KaimingNormal():
            _has_fans(init, row)
            slope: dict[str, Value] = {"a": init.a} if init.a else {}
            return [], {**slope, "mode": init.mode, "nonlinearity": init.nonlinearity}
        case _:
            called = init.name if isinstance(init, Record) else type(init).__name__
            raise SpecError.of(
                "NS733", f"the torch backend has no initialiser `{called}`", help="use another one"
            )


def _has_fans(init: Record, row: GraphParameter) -> None:
    """Fan-in and fan-out are counted over a weight of two or more axes."""
    if len(row.shape) < 2:
        raise SpecError.of(
            "NS734",
            f"`{init.name}` scales by fan-in and fan-out, and `{row.key}` of shape {list(row.shape)} has none",
            help="give it `zeros`, `constant`, `uniform` or `normal`",
        )
