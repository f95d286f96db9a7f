"""The page of all codes: every code with its line, and the page that tells of it."""

from __future__ import annotations

from netspec.reference.markdown import MADE, table
from netspec.text.codes import GROUPS

PAGES = "../../netspec/text/pages"
"""Where the pages of single codes lie, seen from `specs/reference/`."""


DOOR = """\
# Messages

A code keeps its meaning. Each has a page with an example and its cure, which `netspec explain CODE` prints.
Warnings can be silenced with a reason: `lint: {ignore: {NS320: why}}`.
"""


def codes_page() -> str:
    """`codes.md`: the codes by group, each linked to its page."""
    parts = [MADE + DOOR]
    for group, codes in GROUPS.items():
        rows = [[f"[{code}]({PAGES}/{code}.md)", line] for code, line in sorted(codes.items())]
        parts.append(f"\n## {group}\n\n{table(['code', 'what is wrong'], rows)}")
    return "".join(parts)
