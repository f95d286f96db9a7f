"""`netspec new`: a commented spec to start from. The specs lie in `netspec/templates/`, which holds no code."""

from __future__ import annotations

from pathlib import Path

import click

# Written out here so that `--help` opens no file; a test holds them equal to the folder.
KINDS = {
    "classification": "which class a picture shows",
    "regression": "which number belongs to a picture",
    "segmentation": "which class every pixel belongs to",
    "volume-cdf": "the distribution of a volume, from cine MRI of hearts",
}

_HELP = "\b\n" + "\n".join(f"{kind:<16}{text}" for kind, text in KINDS.items())
_PLACE = "FILE"
"""What stands in a template for the name of the spec itself."""


def _known(context: click.Context, parameter: click.Parameter, kind: str) -> str:
    """The kind, if it is one; a usage error with a suggestion for anything else."""
    if kind in KINDS:
        return kind
    from netspec.text import nearest

    near = nearest(kind, KINDS)
    hint = f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{one}`' for one in KINDS)}."
    raise click.BadParameter(f"There is no starting spec `{kind}`: {hint}", context, parameter)


@click.command(help=f"Write a commented spec to start from. KIND is one of\n\n{_HELP}")
@click.argument("kind", metavar="KIND", callback=_known)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write, which must not be there yet; without it, the spec is printed.",
)
def new(kind: str, output: Path | None) -> None:
    """Write a commented spec to start from."""
    text = template(kind)
    if output is None:
        click.echo(text.replace(_PLACE, f"{kind}.yaml"), nl=False)
        return
    from netspec.cli.output import create

    shown = click.format_filename(output)
    create(output, _called(text.replace(_PLACE, shown), kind, output.stem))
    click.echo(f"wrote {shown}; its first lines say how to try it, and `netspec validate {shown}` checks it")


def template(kind: str) -> str:
    """The text of a starting spec."""
    from importlib.resources import files

    return (files("netspec") / "templates" / f"{kind}.yaml").read_text(encoding="utf-8")


def _called(text: str, kind: str, stem: str) -> str:
    """The spec under the name of its file, where that can be a name: runs are called so."""
    from netspec.lang.names import TITLE

    return text.replace(f"name: {kind}\n", f"name: {stem}\n", 1) if TITLE.fullmatch(stem) else text
