"""Tables and pages in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.reference.described import Told

MADE = "<!-- Made from the code by `pytest tests/specs --update-golden`: change it there. -->\n\n"
"""How every page begins that nobody writes by hand."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; `|` in a cell is escaped."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def sentence(text: str) -> str:
    """The text as a sentence that ends."""
    return text if not text or text.endswith((".", ":", ";")) else f"{text}."


def argument_table(told: Iterable[Told]) -> str:
    """Every argument with what it takes, its default and what it says; the main one in bold."""
    rows = (
        [
            f"**`{one.name}`**" if one.main else f"`{one.name}`",
            one.takes,
            "" if one.default is None else f"`{one.default}`",
            one.says,
        ]
        for one in told
    )
    return table(["argument", "takes", "default", "what it says"], rows).rstrip("\n")
