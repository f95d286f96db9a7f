"""Packages of other people: built into wheels by pip, and installed into a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}


RUNNER = """
import contextlib, io, json
from netspec.cli.main import main
found = []
for arguments in {commands!r}:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as left:
            found.append([left.code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Ran:
    """How one command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def told(self) -> str:
        """All that was said."""
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Installed:
    """A folder that a package was installed into, and what runs beside it."""

    site: Path

    def run(self, code: str, cwd: Path, *, packages: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Python code in a process that finds the package, or one that does not."""
        path = [str(self.site)] if packages else []
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def netspec(self, *arguments: str, cwd: Path) -> Ran:
        """Run the command `netspec` with the package installed beside it."""
        return self.commands([list(arguments)], cwd)[0]

    def commands(self, commands: Sequence[Sequence[str]], cwd: Path) -> list[Ran]:
        """Run several commands in one process, as importing torch takes longest; no traceback reaches a user."""
        done = self.run(RUNNER.format(commands=[list(one) for one in commands]), cwd)
        assert done.returncode == 0, done.stderr
        found = [Ran(*row) for row in json.loads(done.stdout)]
        assert not [one for one in found if "Traceback" in one.told], found
        return found


def install(project: str, folder: Path) -> Installed:
    """Build a project beside this file into a wheel, and install that; nothing is downloaded."""
    wheels, site = folder / "wheels", folder / "site"
    how = ["--quiet", "--no-deps", "--no-index"]
    for command in (
        ["wheel", *how, "--no-build-isolation", "--wheel-dir", str(wheels), str(HERE / project)],
        ["install", *how, "--target", str(site), "--find-links", str(wheels), f"{project}-netspec"],
    ):
        subprocess.run(
            [sys.executable, "-m", "pip", *command], env={**os.environ, **OFFLINE}, check=True, timeout=300
        )
    assert list(wheels.glob("*.whl"))
    return Installed(site)


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A package that brings an op with its rules, and a backend."""
    return install("acme", tmp_path_factory.mktemp("acme"))


@pytest.fixture(scope="session")
def shoddy(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A package in which nothing works."""
    return install("shoddy", tmp_path_factory.mktemp("shoddy"))
