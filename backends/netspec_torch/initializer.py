"""First values of parameters as calls of `torch.nn.init`."""

from __future__ import annotations

import ast

from netspec.ir.graph import GraphParameter
from netspec.ir.record import Record
from netspec.recipe.initializer import (
    Constant,
    Dirac,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    Normal,
    Ones,
    Orthogonal,
    Sparse,
    TruncNormal,
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
    no fan-in (a bias), NS551 for another one that is not for a parameter of this shape.
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
            _fits(init, row)
            return [], {"gain": init.gain} if init.gain != 1 else {}
        case TruncNormal():
            return [init.mean, init.std, init.a, init.b], {}
        case Orthogonal():
            _fits(init, row)
            return [], {"gain": init.gain} if init.gain != 1 else {}
        case Dirac():
            _fits(init, row)
            return [], {"groups": init.groups} if init.groups != 1 else {}
        case Sparse():
            _fits(init, row)
            return [init.sparsity, init.std], {}
        case KaimingUniform() | KaimingNormal():
            _fits(init, row)
            slope: dict[str, Value] = {"a": init.a} if init.a else {}
            return [], {**slope, "mode": init.mode, "nonlinearity": init.nonlinearity}
        case _:
            called = init.name if isinstance(init, Record) else type(init).__name__
            raise SpecError.of(
                "NS733", f"the torch backend has no initialiser `{called}`", help="use another one"
            )


def _fits(init: Initializer, row: GraphParameter) -> None:
    """The shape is one that the initialiser is for; the checker has told of any other where it is written."""
    if misfit := init.misfit(row.shape):
        raise SpecError.of(
            "NS551" if isinstance(init, Orthogonal | Dirac | Sparse) else "NS734",
            f"{misfit}, and `{row.key}` has the shape {list(row.shape)}",
            help="give it `zeros`, `constant`, `uniform` or `normal`",
        )
