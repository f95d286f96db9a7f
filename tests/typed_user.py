"""A stranger's program, held to strict types: what netspec gives back has the type that its interface promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from torch import nn

import netspec
from netspec.backend import RunResult
from netspec.recipe.spec import Spec


def use(path: Path) -> RunResult:
    """Every public function once; the type checker reads it, nobody runs it."""
    spec = assert_type(netspec.load(path, define={"width": 64}), Spec)
    assert_type(netspec.compile(spec, seed=1), nn.Module)
    assert_type(netspec.loss(spec), nn.Module)
    assert_type(netspec.from_module(nn.Linear(3, 2), [(3,)]).text, str)
    try:
        return assert_type(netspec.train(spec, runs="runs"), RunResult)
    except netspec.SpecError as trouble:
        assert_type(trouble.diagnostics, tuple[netspec.Diagnostic, ...])
        raise


def values(model: nn.Module) -> dict[str, Any]:
    """A compiled model is an ordinary module."""
    return dict(model.state_dict())
