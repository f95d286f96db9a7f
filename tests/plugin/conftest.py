"""Packages of other people: built into wheels by pip, and installed into a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}


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

    def netspec(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the command `netspec` with the package installed beside it; no traceback ever reaches a user."""
        done = self.run(f"from netspec.cli.main import main; main({list(arguments)!r})", cwd)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done


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
