"""What other repositories take from `.pre-commit-hooks.yaml`: each hook is run as pre-commit would run it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
GOOD = "netspec: 1\ninputs: {x: [3]}\nlayers: [linear: 2]\n"
FILES = {
    "good.yaml": GOOD,
    "ci.yml": "on:  push\njobs: [a, b\n",
    "values.yaml": "a:  1\n",
}


def run(hook: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The hook's entry on every file of a folder, in a process of its own, with the command of this tree."""
    command, *arguments = shlex.split(HOOKS[hook]["entry"])
    assert command == "netspec"
    program = "from netspec.cli.main import main; main()"
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    return subprocess.run(
        [sys.executable, "-c", program, *arguments, *sorted(path.name for path in folder.iterdir())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_each_hook_says_what_pre_commit_needs() -> None:
    assert set(HOOKS) == {"netspec-validate", "netspec-fmt"}
    for hook in HOOKS.values():
        assert set(hook) == {"id", "name", "description", "entry", "language", "types"}
        assert (hook["language"], hook["types"]) == ("python", ["yaml"])


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_passes_over_what_is_no_spec(hook: str, project: Path) -> None:
    made = run(hook, project)
    assert made.returncode == 0, made.stderr
    assert {path.name: path.read_text() for path in project.iterdir()} == FILES


def test_the_hook_for_checking_fails_on_a_mistake(project: Path) -> None:
    (project / "bad.yaml").write_text(GOOD.replace("linear", "lineal"))
    made = run("netspec-validate", project)
    assert made.returncode == 1
    assert "bad.yaml:3:10" in made.stdout
    assert "ci.yml" not in made.stdout


def test_the_hook_for_the_form_changes_the_file_which_pre_commit_takes_for_a_failure(project: Path) -> None:
    (project / "loose.yaml").write_text(GOOD.replace(": ", ":  "))
    made = run("netspec-fmt", project)
    assert made.returncode == 0, made.stderr
    assert (project / "loose.yaml").read_text() == GOOD
