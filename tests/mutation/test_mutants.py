"""The makers of mutants: each kind of change is made where it may be, and a weak test lets what it cannot see live."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.mutants import mutants
from tests.mutation.trial import ROOT, SUITE

SOURCE = '''"""A sign."""

LIMIT = 3
NAME = "name"


def width(x: int, scale: float = 2.0) -> int:
    """How wide."""
    if x < LIMIT and not (x == 1):
        raise ValueError(f"{x + 1} is too small")
    return max(-x // 2, round(x * scale, ndigits=1))


def samples() -> list[int]:
    """Samples."""
    return [1 + 1]
'''


def test_every_mutant_is_another_program_and_changes_one_place() -> None:
    found = list(mutants(SOURCE))
    whole = ast.unparse(ast.parse(SOURCE))
    assert len({one.text for one in found}) == len(found)
    for one in found:
        differing = [(a, b) for a, b in zip(whole.splitlines(), one.text.splitlines(), strict=True) if a != b]
        assert len(differing) == 1, one


def test_each_kind_of_change_is_made() -> None:
    kinds = {one.kind for one in mutants(SOURCE)}
    assert kinds == {
        "comparison", "operator", "and, or", "sign", "number", "condition", "function", "argument"
    }  # fmt: skip


@pytest.mark.parametrize("word", ["A sign", "name", "How wide", "is too small", "[1 + 1]", "x: int"])
def test_words_samples_and_hints_are_left_alone(word: str) -> None:
    assert all(word in one.text for one in mutants(SOURCE))


TRY = """
from tests.mutation.trial import Tests, attempt, file_of
text = file_of("netspec.ops.reduction").read_text(encoding="utf-8")
for one in (text, text.replace("Factor", "Sector")):
    print(attempt("netspec.ops.reduction", one, Tests(("{held}",), frozenset())).killed)
"""


def test_what_a_test_holds_dies_and_what_it_does_not_lives(tmp_path: Path) -> None:
    held = tmp_path / "test_held.py"
    held.write_text("def test_it():\n    from netspec.ops.reduction import Factor\n", encoding="utf-8")
    script = TRY.replace("{held}", str(held))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_suite_is_there() -> None:
    assert all((ROOT / one).is_file() for one in SUITE)
