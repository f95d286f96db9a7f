"""A certificate as one HTML file: no script, nothing fetched, readable by day, by night and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import log10

from netspec.proof.certificate.document import Cell, Certificate, Section, Table
from netspec.text.html import escaped

LEAST = 1e-6
"""The share of a tolerance at which a bar is empty; a bar grows with the number of its digits."""

KEY = "A bar is empty at a millionth of the tolerance and full at all of it: it grows with the number of digits."

STYLE = """
:root { color-scheme: light dark; --ground: #fdfdfb; --ink: #1d2021; --soft: #6b6f72; --line: #dcdcd6; --good: #1f7a4d;
  --bad: #b3261e; --bar: #9cc9b2; --shade: #f3f3ee; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181a; --ink: #e6e6e1; --soft: #9a9fa3; --line: #34383b;
  --good: #6fce9d; --bad: #ff8a80; --bar: #2f6b4d; --shade: #1e2123; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 3rem 0 .6rem; font-weight: 650; }
p { max-width: 48rem; margin: .4rem 0; }
code, pre, td.n, dd { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;
  font-size: .86em; }
.verdict { max-width: 48rem; font-size: 1.1rem; padding: .9rem 1.1rem; border-left: .3rem solid var(--good);
  background: var(--shade); }
.verdict b { color: var(--good); }
.differs .verdict { border-color: var(--bad); }
.differs .verdict b, td.wrong { color: var(--bad); font-weight: 650; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.4rem; margin: 1.6rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; align-self: center; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .9rem 0; font-size: .92em; }
th { text-align: left; font-weight: 550; color: var(--soft); border-bottom: 1px solid var(--ink); white-space: nowrap; }
th, td { padding: .22rem .9rem .22rem 0; vertical-align: top; }
td { border-bottom: 1px solid var(--line); }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { background: linear-gradient(var(--bar), var(--bar)) no-repeat left bottom / var(--used, 0) 3px; }
pre { background: var(--shade); padding: .8rem 1rem; overflow-x: auto; line-height: 1.45; }
summary, .key { color: var(--soft); font-size: .92em; }
summary { cursor: pointer; }
@media print { :root { --ground: #fff; --ink: #000; --soft: #444; --line: #bbb; --good: #0a5c36; --bad: #9b1c14;
  --bar: #9cc9b2; --shade: #f6f6f6; } main { padding: 0; max-width: none; } body { font-size: 9.5pt; }
  h2 { break-after: avoid; } tr, pre, .verdict { break-inside: avoid; } thead { display: table-header-group; }
  .wide, pre { overflow: visible; } pre { white-space: pre-wrap; } * { print-color-adjust: exact; } }
""".strip()

_CODE = re.compile(r"`([^`]*)`")


def html(certificate: Certificate) -> str:
    """The whole document. Every word of the spec is escaped, and what cannot be seen is spelt out."""
    title = escaped(certificate.title)
    mark = "agrees" if certificate.ok else "differs"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>\n{STYLE}\n</style>",
        "</head>",
        f'<body class="{mark}">',
        "<main>",
        f"<h1>{title}</h1>",
        f'<p class="verdict"><b>{"Proved." if certificate.ok else "Not proved."}</b> {_prose(certificate.verdict)}</p>',
        "<dl>",
        *(f"<dt>{escaped(label)}</dt><dd>{escaped(value)}</dd>" for label, value in certificate.facts),
        "</dl>",
    ]
    for section in certificate.sections:
        lines += _section(section)
    return "\n".join([*lines, "</main>", "</body>", "</html>"]) + "\n"


def _section(section: Section) -> Iterator[str]:
    """One part."""
    yield "<section>"
    yield f"<h2>{escaped(section.title)}</h2>"
    yield from (f"<p>{_prose(one)}</p>" for one in section.paragraphs)
    if section.table is not None:
        yield from _table(section.table)
    if section.lines:
        yield "<pre>" + "\n".join(escaped(line) for line in section.lines) + "</pre>"
    yield "</section>"


def _table(table: Table) -> Iterator[str]:
    """A table; a long one can be folded, and stands open for the printer."""
    if table.long:
        yield f"<details open><summary>{len(table.rows):,} rows</summary>"
    yield '<div class="wide"><table>'
    heads = (f"<th{_class(table, i)}>{escaped(words)}</th>" for i, words in enumerate(table.header))
    yield f"<thead><tr>{''.join(heads)}</tr></thead>"
    yield "<tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(_cell(table, i, cell) for i, cell in enumerate(row))}</tr>"
    yield "</tbody></table></div>"
    if table.long:
        yield "</details>"
    if any(cell.used is not None for row in table.rows for cell in row):
        yield f'<p class="key">{KEY}</p>'


def _class(table: Table, column: int) -> str:
    """The mark of a column of figures."""
    return ' class="n"' if column in table.numbers else ""


def _cell(table: Table, column: int, cell: Cell) -> str:
    """One field, with a bar under it where it tells a share."""
    words = escaped(cell.words)
    kinds = ["n"] * (column in table.numbers)
    if cell.wrong:
        return f'<td class="{" ".join([*kinds, "wrong"])}">{words}</td>'
    if cell.used is None:
        return f"<td{_class(table, column)}>{words}</td>"
    return f'<td class="{" ".join([*kinds, "bar"])}" style="--used:{_length(cell.used)}%">{words}</td>'


def _length(used: float) -> int:
    """How long the bar of a share is, in percent."""
    return 0 if used <= LEAST else round(100 * min(1.0, 1 - log10(used) / log10(LEAST)))


def _prose(paragraph: str) -> str:
    """A paragraph; what stands in backticks is code."""
    return _CODE.sub(lambda found: f"<code>{found[1]}</code>", escaped(paragraph))
