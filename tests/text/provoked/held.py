"""What is said of memory: sizes that nobody gave, and steps that fail."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from netspec.cli.show import show
from netspec.text import Diagnostic

ROOT = Path(__file__).parents[3]


def ns675(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    unet = ROOT / "specs" / "zoo" / "unet2d.yaml"
    CliRunner().invoke(show, [str(unet), "--memory"], standalone_mode=False, catch_exceptions=False)
    return ()


def ns677(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    from netspec_torch import weighing

    # One that ends at once stands for a process that the system ends.
    ended = folder / "ended"
    ended.write_text("#!/bin/sh\nkill -9 $$\n")
    ended.chmod(0o700)
    patch.setattr(sys, "executable", str(ended))
    weighing.weigh(ROOT / "specs" / "lenet.yaml", {}, {"N": 2})
    return ()
