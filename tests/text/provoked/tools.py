"""What is said by the commands that write files of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from netspec.cli.new import new
from netspec.front import check_source
from netspec.ir.problem import Problem
from netspec.lang.printer import spec_text
from netspec.text import Diagnostic, Severity, Source


def ns747(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    (folder / "mine.yaml").touch()
    CliRunner().invoke(new, ["regression", "-o", "mine.yaml"], catch_exceptions=False)
    return ()


def ns748(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    layers = "  - {map: {axis: slice, layers: [relu]}, name: bent}"
    text = f"netspec: 1\ninputs: {{x: {{shape: {{slice: 3, feature: 4}}}}}}\nlayers:\n{layers}\n"
    spec, _ = check_source(Source("example.yaml", text), folder)
    assert spec is not None
    with pytest.raises(Problem) as trouble:
        spec_text(spec.graph)
    return [Diagnostic(trouble.value.code, Severity.ERROR, trouble.value.message)]
