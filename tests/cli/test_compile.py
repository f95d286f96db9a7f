from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from netspec import backend
from netspec.cli.compile import compile
from netspec.text import SpecError
from netspec_torch import backend as torch_backend

SPEC = """
netspec: 1
name: small
define: {width: 3}
inputs: {x: [4]}
layers:
  - linear: $width
"""


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend as an installed netspec finds it."""
    monkeypatch.setattr(backend, "find", lambda name: torch_backend)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(SPEC, encoding="utf-8")
    return file


def test_it_writes_a_file(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.py"
    done = CliRunner().invoke(
        compile, [str(spec), "-o", str(out), "--set", "width=7"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert done.output.startswith("wrote ")
    assert "nn.Linear(4, 7)" in out.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_it_writes_its_own_files_anew_and_leaves_those_of_others_alone(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.py"
    line = [str(spec), "-o", str(out)]
    assert CliRunner().invoke(compile, line, catch_exceptions=False).exit_code == 0
    assert CliRunner().invoke(compile, [*line, "--set", "width=8"], catch_exceptions=False).exit_code == 0
    assert "nn.Linear(4, 8)" in out.read_text(encoding="utf-8")
    own = "import torch\n"
    out.write_text(own, encoding="utf-8")
    with pytest.raises(SpecError, match="NS742"):
        CliRunner().invoke(compile, line, catch_exceptions=False)
    assert out.read_text(encoding="utf-8") == own
    assert CliRunner().invoke(compile, [*line, "--force"], catch_exceptions=False).exit_code == 0
    assert "nn.Linear(4, 3)" in out.read_text(encoding="utf-8")


def test_an_empty_file_is_nobodys_work(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.py"
    out.touch()
    assert CliRunner().invoke(compile, [str(spec), "-o", str(out)], catch_exceptions=False).exit_code == 0


def test_without_a_file_it_prints_the_code(spec: Path) -> None:
    done = CliRunner().invoke(compile, [str(spec)], catch_exceptions=False)
    assert "class Small(nn.Module):" in done.output
    assert "nn.Linear(4, 3)" in done.output


def test_a_place_that_cannot_be_written_is_told(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS737"):
        CliRunner().invoke(
            compile, [str(spec), "-o", str(tmp_path / "no" / "net.py")], catch_exceptions=False
        )


def test_a_wrong_spec_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(SPEC.replace("linear", "liner"), encoding="utf-8")
    with pytest.raises(SpecError, match="liner"):
        CliRunner().invoke(compile, [str(file), "-o", str(tmp_path / "net.py")], catch_exceptions=False)
    assert not (tmp_path / "net.py").exists()


def test_a_setting_that_is_none_is_a_usage_error(spec: Path) -> None:
    assert CliRunner().invoke(compile, [str(spec), "--set", "width"]).exit_code == 2


def test_it_needs_no_torch(spec: Path, tmp_path: Path) -> None:
    code = f"""
import sys
sys.path[:] = {sys.path!r}
sys.modules["torch"] = sys.modules["numpy"] = None
from netspec import backend
import netspec_torch
backend.find = lambda name: netspec_torch
from netspec.cli.compile import compile
compile([{str(spec)!r}, "-o", {str(tmp_path / "net.py")!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "net.py").exists()


def test_a_file_without_a_name_is_refused(spec: Path) -> None:
    with pytest.raises(SpecError) as refused:
        CliRunner().invoke(compile, [str(spec), "-o", ""], catch_exceptions=False, standalone_mode=False)
    assert refused.value.diagnostics[0].code == "NS737"
