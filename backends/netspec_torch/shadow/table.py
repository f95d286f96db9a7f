"""PyTorch's functions by name, as they act on shadows: those of `torch`, of `F`, and the methods of a tensor."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from netspec_torch.shadow.tensor import Unknown

FILES = ("attending", "comparing", "making", "moving", "normalising", "pointwise", "reducing", "sliding")
"""The files of this folder in which functions stand under PyTorch's names, with a `_` behind what Python has itself."""


@cache
def _functions() -> Mapping[str, Callable[..., Any]]:
    """Every public function of the files."""
    found: dict[str, Callable[..., Any]] = {}
    for file in FILES:
        module = importlib.import_module(f"netspec_torch.shadow.{file}")
        for name, value in vars(module).items():
            if (
                callable(value)
                and not name.startswith("_")
                and getattr(value, "__module__", "") == module.__name__
            ):
                found[name.removesuffix("_")] = value
    return found


def function(name: str) -> Callable[..., Any]:
    """One of PyTorch's functions; Unknown where nothing is told of it."""
    found = _functions().get(name)
    if found is None:
        raise Unknown(name)
    return found


class Names:
    """What stands for `torch` or `F` where code runs on shadows."""

    def __init__(self, **own: Any) -> None:
        self._own = own

    def __getattr__(self, name: str) -> Any:
        """One of PyTorch's functions, types or numbers."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self._own[name] if name in self._own else function(name)


@cache
def namespace() -> dict[str, Any]:
    """The names that a written file imports, as they are for shadows."""
    from netspec_torch.shadow import layers  # noqa: PLC0415 - layers call functions of the table
    from netspec_torch.shadow.tensor import Shadow  # noqa: PLC0415 - as above

    kinds = {one: one for one in ("float32", "float64", "int64", "bool")}
    functional = Names()
    torch = Names(
        **kinds,
        pi=3.141592653589793,
        finfo=lambda _: SimpleNamespace(tiny=1e-38, eps=1e-7),
        linalg=functional,
        Tensor=Shadow,
        nn=layers,
    )
    return {"torch": torch, "F": functional, "nn": layers, "Tensor": Shadow}
