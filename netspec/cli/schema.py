"""`netspec schema`: the JSON Schema of a spec, by which an editor completes and marks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.text import SpecError

if TYPE_CHECKING:
    from netspec.ir.op import Op


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write; without it, the schema is printed.",
)
def schema(output: Path | None) -> None:
    """Write the JSON Schema of a spec.

    An editor with a YAML language server completes sections, ops and arguments with their docs, and marks what is
    unknown, in a file that begins with `# yaml-language-server: $schema=netspec.schema.json`. Ops of other packages
    that are installed are in it.
    """
    from netspec.reference.schema import schema_text

    text = schema_text(_others())
    if output is None:
        click.echo(text, nl=False)
        return
    from netspec.cli.output import replace

    replace(output, text)
    name = click.format_filename(output)
    click.echo(f"wrote {name}; begin a spec with `# yaml-language-server: $schema={name}`")


def _others() -> dict[str, type[Op]]:
    """The ops of other packages; one that cannot be used is left out, and that is told."""
    from netspec.ops import foreign_names, foreign_op

    found: dict[str, type[Op]] = {}
    for name in foreign_names():
        try:
            found[name] = foreign_op(name)
        except SpecError as trouble:
            click.echo(f"left out: {trouble.diagnostics[0].message}", err=True)
    return found
