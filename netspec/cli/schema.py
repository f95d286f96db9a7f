"""`netspec schema`: the JSON Schema of a spec, by which an editor completes and marks."""

from __future__ import annotations

from pathlib import Path

import click


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
    unknown, in a file that begins with `# yaml-language-server: $schema=netspec.schema.json`.
    """
    from netspec.reference.schema import schema_text

    text = schema_text()
    if output is None:
        click.echo(text, nl=False)
        return
    from netspec.cli.output import replace

    replace(output, text)
    name = click.format_filename(output)
    click.echo(f"wrote {name}; begin a spec with `# yaml-language-server: $schema={name}`")
