"""What a light install says when a command needs more: never a traceback, always the line that installs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TINY = """
netspec: 1
inputs: {image: [8]}
targets: {label: {kind: class_index, classes: 10}}
layers: [{linear: 10, name: logits}]
loss: cross_entropy(logits, label)
"""


def without(package: str, code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that has no such package."""
    hidden = f"import sys; sys.modules[{package!r}] = None\n"
    return subprocess.run(
        [sys.executable, "-c", hidden + code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "package, command, extra",
    [
        ("numpy", ["verify", "tiny.yaml"], "torch"),
        ("torch", ["verify", "tiny.yaml"], "torch"),
        ("numpy", ["phantom", "hearts"], "dicom"),
    ],
)
def test_a_command_without_its_packages_names_the_line_that_installs_them(
    package: str, command: list[str], extra: str, tmp_path: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = without(package, f"from netspec.cli.main import main; main({command!r})", tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"error[NS702]: this needs the package `{package}`" in done.stderr
    assert f"pip install 'netspec-compiler[{extra}]'" in done.stderr


@pytest.mark.parametrize("function", ["compile", "loss"])
def test_python_without_torch_gets_one_error_that_names_the_extra(function: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    code = (
        "import netspec\n"
        f"try: netspec.{function}('tiny.yaml')\n"
        "except netspec.SpecError as error: print(error.diagnostics[0].code, error.diagnostics[0].help)\n"
    )
    done = without("torch", code, tmp_path)
    assert done.stdout == "NS702 run `pip install 'netspec-compiler[torch]'`\n", done.stderr
