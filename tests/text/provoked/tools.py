"""What is said by the commands that write files of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from netspec.cli.new import new
from netspec.text import Diagnostic


def ns747(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    (folder / "mine.yaml").touch()
    CliRunner().invoke(new, ["regression", "-o", "mine.yaml"], catch_exceptions=False)
    return ()
