"""`netspec explain`: the page of a code or of a word of the language, or the list of all codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netspec.cli.options import format_option
from netspec.text.codes import CODES, GROUPS

if TYPE_CHECKING:
    from netspec.text.page import Page


@click.command()
@click.argument("code", metavar="[CODE|WORD]", required=False)
@format_option("text", "json")
def explain(code: str | None, form: str) -> None:
    """Print the page of a code such as NS211: what it means, why it matters, an example and its cure.

    A WORD may be an op, a rule of lint, a source, a transform, an optimizer, a phase of a schedule or an initialiser.
    Without either, list all codes.
    """
    if code is None:
        _list(form)
        return
    from netspec.text.page import page, written

    known = written(code)
    if known not in CODES:
        _word(code, form)
        return
    found = page(known)
    if form == "json":
        _json(_fields(found))
        return
    click.echo(found.text, nl=False)


def _word(word: str, form: str) -> None:
    """The section of an op, a rule or a part of the recipe; click's UsageError for a word that has none."""
    from netspec.reference.entry import entry

    told = entry(word)
    if told is None:
        raise click.UsageError(_unknown(word))
    if form == "json":
        _json({"word": word, "text": told})
        return
    click.echo(told, nl=False)


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
    click.echo(
        "\n\n".join(
            [*blocks, "`netspec explain CODE` prints the page of one, `netspec explain conv` that of an op."]
        )
    )


def _unknown(word: str) -> str:
    """What is said of a word that is no code and none of the language."""
    from netspec.lang.names import habit, meant
    from netspec.reference.entry import entries
    from netspec.text.page import near
    from netspec.text.shown import shown

    word = word[:40]
    said = f"There is no code or word `{shown(word)}`."
    known = set(entries())
    if found := habit(word, known):
        return f"{said} Did you mean `{found}`?"
    if codes := near(word):
        return "\n".join(
            [f"{said} Did you mean one of these?", *(f"  {code}  {CODES[code]}" for code in codes)]
        )
    if found := meant(word, known):
        return f"{said} Did you mean `{found}`?"
    return f"{said} `netspec explain` lists all codes."


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
