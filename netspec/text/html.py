"""HTML for a notebook: fragments without scripts, in which every word of a spec is nothing but a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from netspec.text.diagnostic import Diagnostic, Severity
from netspec.text.render import render
from netspec.text.shown import shown

MOST_ROWS = 500
"""Rows of a table that a notebook is given; of more, the first and how many are left out."""

_COLORS = {Severity.ERROR: "#b3261e", Severity.WARNING: "#8a5a00", Severity.INFO: "#00639b"}


def escaped(words: str) -> str:
    """Words that are nothing but words: no tag, no entity, nothing that cannot be seen."""
    return escape(shown(words), quote=True)


def messages(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics as the terminal shows them, carets included, each with its title in the colour of its severity."""
    return "".join(_message(one) for one in diagnostics)


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> str:
    """A table of words; from the column `numbers` on they stand to the right."""
    shown_rows = [_row("td", row, numbers) for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        rest = f"... and {len(rows) - MOST_ROWS:,} more"
        shown_rows.append(f'<tr><td colspan="{len(header)}">{rest}</td></tr>')
    return "\n".join(
        [
            "<table>",
            f'<caption style="text-align: left">{escaped(caption)}</caption>',
            f"<thead>{_row('th', header, numbers)}</thead>",
            "<tbody>",
            *shown_rows,
            "</tbody></table>",
        ]
    )


def _row(tag: str, cells: Sequence[str], numbers: int) -> str:
    made = [
        f'<{tag} style="text-align: {"left" if i < numbers else "right"}">{escaped(words)}</{tag}>'
        for i, words in enumerate(cells)
    ]
    return f"<tr>{''.join(made)}</tr>"


def _message(one: Diagnostic) -> str:
    title, *rest = render(one, color=False).split("\n")
    head = f'<b style="color: {_COLORS[one.severity]}">{escaped(title)}</b>'
    return f"<pre>{'<br>'.join([head, *(escaped(line) for line in rest)])}</pre>"
