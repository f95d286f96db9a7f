"""`netspec explain`: the page of a code, or the list of all codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netspec.cli.options import format_option
from netspec.text.codes import CODES, GROUPS

if TYPE_CHECKING:
    from netspec.text.page import Page


@click.command()
@click.argument("code", metavar="[CODE]", required=False)
@format_option("text", "json")
def explain(code: str | None, form: str) -> None:
    """Print the page of CODE: what it means, why it matters, an example and its cure. Without CODE, list all codes."""
    if code is None:
        _list(form)
        return
    from netspec.text.page import page, written

    known = written(code)
    if known not in CODES:
        raise click.UsageError(_unknown(code))
    found = page(known)
    if form == "json":
        _json(_fields(found))
        return
    click.echo(found.text, nl=False)


def _list(form: str) -> None:
    """Every code with its line, by group."""
    if form == "json":
        _json(
            [
                {"code": code, "title": line, "group": group}
                for group, table in GROUPS.items()
                for code, line in sorted(table.items())
            ]
        )
        return
    blocks = [
        "\n".join([f"{group}:", *(f"  {code}  {line}" for code, line in sorted(table.items()))])
        for group, table in GROUPS.items()
    ]
    click.echo("\n\n".join([*blocks, "`netspec explain CODE` prints the page of one."]))


def _unknown(word: str) -> str:
    """What is said of a word that is no code."""
    from netspec.text.page import near
    from netspec.text.shown import shown

    said = f"There is no code `{shown(word[:40])}`."
    codes = near(word[:40])
    if not codes:
        return f"{said} `netspec explain` lists all of them."
    return "\n".join([f"{said} Did you mean one of these?", *(f"  {code}  {CODES[code]}" for code in codes)])


def _fields(page: Page) -> dict[str, str | None]:
    """A page as plain data."""
    return {
        "code": page.code,
        "title": page.title,
        "text": page.prose,
        "example": page.example,
        "told": page.told,
        "cured": page.cured,
    }


def _json(data: object) -> None:
    """Print plain data."""
    import json

    click.echo(json.dumps(data, indent=2))
