"""What the reference says of free sizes is what the commands print of its example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from netspec.cli.show import show
from netspec.cli.validate import validate

PAGE = Path(__file__).parents[2] / "specs" / "README.md"


@pytest.fixture
def section() -> str:
    found = re.search(r"^## Free sizes\n(.*?)^## ", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def example(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The spec of the section in a file of the name that the page gives it, in the folder we are in."""
    (spec,) = re.findall(r"^```yaml\n(.*?)^```\n", section, re.DOTALL | re.MULTILINE)
    (tmp_path / "example.yaml").write_text(spec + "netspec: 1\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return "example.yaml"


def printed(section: str) -> list[str]:
    """What the section says is printed, in its order."""
    return [one.strip() for one in re.findall(r"^```text\n(.*?)^```\n", section, re.DOTALL | re.MULTILINE)]


def test_show_prints_the_legal_sizes_that_the_page_prints(section: str, example: str) -> None:
    made = CliRunner().invoke(show, [example], standalone_mode=False, catch_exceptions=False)
    assert made.stdout.strip().endswith(printed(section)[0])


def test_validate_refuses_the_size_of_the_page_in_the_words_of_the_page(section: str, example: str) -> None:
    (asked,) = re.findall(r"validate SPEC --sizes (\S+?)`", section)
    made = CliRunner().invoke(validate, [example, "--sizes", asked], standalone_mode=False)
    assert made.return_value == 1
    assert made.stdout.strip() == printed(section)[1]
