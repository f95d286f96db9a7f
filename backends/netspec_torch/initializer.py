"""First values of parameters as calls of `torch.nn.init`."""

from __future__ import annotations

import ast

from netspec.ir.record import Record
from netspec.text import SpecError
from netspec_torch.rule import Value, call

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "zeros": (),
    "ones": (),
    "constant": ("value",),
    "uniform": ("low", "high"),
    "normal": ("mean", "std"),
    "xavier_uniform": ("gain",),
    "xavier_normal": ("gain",),
    "kaiming_uniform": ("a", "mode", "nonlinearity"),
    "kaiming_normal": ("a", "mode", "nonlinearity"),
}
_POSITIONAL = {"low", "high", "value", "mean", "std"}


def write(init: object, parameter: ast.expr) -> ast.expr:
    """`nn.init.<name>_(parameter, ...)`; SpecError NS733 for one that PyTorch lacks."""
    if not isinstance(init, Record) or init.name not in _ARGUMENTS:
        raise SpecError.of("NS733", f"the torch backend has no initialiser `{getattr(init, 'name', init)}`")
    given = {key: getattr(init, key) for key in _ARGUMENTS[init.name] if hasattr(init, key)}
    positional: list[Value] = [given.pop(key) for key in list(given) if key in _POSITIONAL]
    return call(f"nn.init.{init.name}_", parameter, *positional, **given)
