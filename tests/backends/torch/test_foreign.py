"""Support functions of other packages: copied as they stand where they stand alone, refused where they do not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from netspec.text import SpecError
from netspec_torch.file import File, finish
from netspec_torch.foreign import foreign_support

TEXT = '''
"""A module that is read and never imported."""
import something_that_nobody_has
from typing import Any

SCALE = 2.0


def alone(x: Any, by: "Tensor" = 1.0) -> Any:
    """It needs its arguments, torch and Python."""
    parts = [F.relu(one) for one in x.unbind(0)]
    return torch.stack(parts) * by + math.pi * max(len(parts), 1)


def leaning(x):
    """It leans on its module."""
    return x * SCALE


@something_that_nobody_has.cached
def decorated(x):
    """It is wrapped."""
    return x


def crop_to(x):
    """It is called like one of ours."""
    return x
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "somebodys_functions.py").write_text(TEXT, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "somebodys_functions"


def test_a_function_that_stands_alone_is_copied_word_for_word(package: str) -> None:
    node, text = foreign_support(f"{package}:alone")
    assert isinstance(node, ast.FunctionDef)
    assert text.startswith("def alone(x: Any, by:")
    assert text in TEXT


@pytest.mark.parametrize(
    "key, words",
    [
        ("somebodys_functions:leaning", "uses `SCALE`, which the written file has not"),
        ("somebodys_functions:decorated", "is decorated"),
        ("somebodys_functions:gone", "has no function `gone`"),
        ("a_module_that_nobody_has:alone", "cannot be read: ModuleNotFoundError"),
        ("a_package_that.nobody_has:alone", "cannot be read: ModuleNotFoundError"),
        ("math:sqrt", "cannot be read"),
    ],
)
def test_others_are_refused_with_the_reason(package: str, key: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        foreign_support(key)
    (one,) = caught.value.diagnostics
    assert one.code == "NS735"
    assert words in one.message
    assert one.help


def test_two_functions_of_one_name_cannot_stand_in_one_file(package: str) -> None:
    file = File(called={"crop_to": None, f"{package}:crop_to": None})
    with pytest.raises(SpecError, match="two functions called `crop_to`"):
        finish(file, "Model", "A file.")
