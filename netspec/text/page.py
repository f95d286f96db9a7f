"""The page of a code: what it means and why it matters, with an example, what is said of it, and its cure.

Pages are Markdown files in `pages`, one a code, so that they can be read where they lie. A page is a title, a few
paragraphs, and the example in fences: `yaml` the spec that is wrong, `text` what netspec prints, `yaml` the cured spec.
What no spec alone can show (files, runs, machines) has only the `text`. Tests run every example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from netspec.text.codes import CODES

_FORM = re.compile(
    r"# (?P<code>NS\d{3}): (?P<title>[^\n]+)\n\n"
    r"(?P<prose>(?:(?!^```).)+?)\n\n"
    r"(?:```yaml\n(?P<example>(?:(?!^```).)*)```\n\n)?"
    r"```text\n(?P<told>(?:(?!^```).)*)```\n"
    r"(?:\nInstead:\n\n```yaml\n(?P<cured>(?:(?!^```).)*)```\n)?",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Page:
    """One page. `text` is the whole of it in Markdown; `example` and `cured` are None where no spec shows the code."""

    code: str
    title: str
    prose: str
    example: str | None
    told: str
    cured: str | None
    text: str


def page(code: str) -> Page:
    """The page of a code of `CODES`. Raises KeyError where there is no such code."""
    if code not in CODES:
        raise KeyError(code)
    return read(files("netspec.text").joinpath("pages", f"{code}.md").read_text(encoding="utf-8"))


def read(text: str) -> Page:
    """A page from its Markdown. Raises ValueError where the text has not the form of one."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("a page is `# CODE: title`, prose, and fences of yaml, text and yaml")
    return Page(**found.groupdict(), text=text)


def written(word: str) -> str:
    """A code as it is listed: `ns211`, `211` and `[NS211]` are `NS211`; any other word stays as it is."""
    found = re.fullmatch(r"\W*(?:NS)?\W*(\d{1,3})\W*", word, re.IGNORECASE)
    return f"NS{int(found[1]):03}" if found else word


def near(word: str) -> list[str]:
    """The codes that an unknown one may stand for: those of the nearest numbers, or those whose line has the word."""
    number = re.search(r"\d+", word)
    if number is not None:
        wanted = min(int(number[0][:6]), 10**6)
        return sorted(sorted(CODES, key=lambda code: abs(int(code[2:]) - wanted))[:3])
    if not word.strip():
        return []
    spoken = re.compile(rf"\b{re.escape(word.strip().lower())}")
    return [code for code, line in CODES.items() if spoken.search(line.lower())][:8]
