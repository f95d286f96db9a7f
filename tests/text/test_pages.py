"""Every code has a page, and every page is true: its examples are run, and print what it says.

`--update-golden` writes what is printed into the pages. What a spec alone cannot show is provoked by a function called
by its code, in `provoked`; a page without an example needs one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.text import Diagnostic, Source, SpecError, page
from netspec.text.codes import CODES
from netspec.text.page import Page
from netspec.text.render import render

PAGES = Path(page.__file__).parent / "pages"
PROVOKED = Path(__file__).parent / "provoked"

Provoke = Callable[[Path, pytest.MonkeyPatch], Iterable[Diagnostic]]

WITHOUT_SPEC = {
    name.upper(): path.stem
    for path in sorted(PROVOKED.glob("*.py"))
    for name in re.findall(r"^def (ns\d{3})\(", path.read_text(encoding="utf-8"), re.MULTILINE)
}
"""The module of `provoked` that has the function of a code; it is imported when its page is tried."""


def pages() -> dict[str, Page]:
    """Every page that there is."""
    found = {path.stem: page.read(path.read_text(encoding="utf-8")) for path in sorted(PAGES.glob("*.md"))}
    return {code: one for code, one in found.items() if code in CODES}


SHOWN = {code: one for code, one in pages().items() if one.example is not None}


def told(found: Iterable[Diagnostic]) -> str:
    """What is printed."""
    return "\n\n".join(render(one, color=False) for one in found) + "\n"


def held(one: Page, said: str, *, update: bool) -> None:
    """Compare the page with what was said, or write that into it."""
    if update and one.told != said:
        text = one.text.replace(f"```text\n{one.told}```", f"```text\n{said}```")
        (PAGES / f"{one.code}.md").write_text(text, encoding="utf-8", newline="\n")
        one = page.page(one.code)
    assert one.told == said


def checked(text: str) -> tuple[Diagnostic, ...]:
    """Everything there is to say about an example."""
    return check_source(Source("example.yaml", text), Path(__file__).parents[2])[1]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    """A code comes with its page: see the form in netspec/text/page.py, and write the text with `--update-golden`."""
    assert {path.stem for path in PAGES.iterdir()} == set(CODES)


def test_the_title_of_a_page_is_the_line_of_its_code(update_golden: bool) -> None:
    for code, one in pages().items() if update_golden else ():
        text = one.text.replace(f"# {code}: {one.title}\n", f"# {code}: {CODES[code]}\n", 1)
        (PAGES / f"{code}.md").write_text(text, encoding="utf-8", newline="\n")
    assert {one.code: one.title for one in pages().values()} == {code: CODES[code] for code in pages()}


def test_a_page_says_in_two_sentences_or_more_what_is_meant() -> None:
    short = [one.code for one in pages().values() if len(re.findall(r"[.:](?=\s|\Z)", one.prose)) < 2]
    assert short == []


def test_a_page_without_an_example_is_provoked_by_a_function_of_its_code() -> None:
    assert {code for code, one in pages().items() if one.example is None} == set(WITHOUT_SPEC)


@pytest.mark.parametrize("code", SHOWN)
def test_the_example_of_a_page_raises_its_code_alone_and_prints_what_the_page_says(
    code: str, update_golden: bool
) -> None:
    one = SHOWN[code]
    assert one.example is not None
    found = checked(one.example)
    assert {each.code for each in found} == {code}, told(found)
    held(one, told(found), update=update_golden)


@pytest.mark.parametrize("code", SHOWN)
def test_the_cured_example_of_a_page_is_a_good_spec(code: str) -> None:
    one = SHOWN[code]
    assert one.cured is not None, "an example comes with its cure"
    assert one.cured != one.example
    found = checked(one.cured)
    assert found == (), told(found)


@pytest.mark.parametrize("code", WITHOUT_SPEC)
def test_what_no_spec_shows_is_printed_as_its_page_says(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    provoke: Provoke = getattr(import_module(f"tests.text.provoked.{WITHOUT_SPEC[code]}"), code.lower())
    monkeypatch.chdir(tmp_path)
    try:
        found = tuple(provoke(tmp_path, monkeypatch))
    except SpecError as refused:
        found = refused.diagnostics
    said = told(found)
    assert {each.code for each in found} == {code}, said
    assert str(tmp_path) not in said
    held(page.page(code), said, update=update_golden)


def test_a_text_that_is_no_page_is_refused() -> None:
    whole = page.page("NS211").text
    for wrong in (whole[2:], whole.replace("```text", "```"), whole.replace("Instead:\n", ""), ""):
        with pytest.raises(ValueError, match="a page is"):
            page.read(wrong)


@pytest.mark.parametrize("word", ["NS211", "ns211", "211", "[NS211]", "NS-211", "ns 211"])
def test_a_code_is_known_however_it_is_written(word: str) -> None:
    assert page.written(word) == "NS211"


@pytest.mark.parametrize(
    "word, codes",
    [
        ("NS299", {"NS300"}),
        ("0", {"NS001"}),
        ("99999999999999999999", {max(CODES)}),
        ("groups", {"NS213"}),
        ("Padding", {"NS214", "NS218"}),
        ("  ", set()),
        ("zebra", set()),
        ("(", set()),
    ],
)
def test_an_unknown_code_brings_those_near_it(word: str, codes: set[str]) -> None:
    found = page.near(word)
    assert codes <= set(found) <= set(CODES)
    assert bool(found) is bool(codes)
    assert len(found) <= 8
