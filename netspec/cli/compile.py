"""`netspec compile`: write a spec's model as one readable Python file that needs PyTorch alone."""

from __future__ import annotations

from pathlib import Path

import click

from netspec.cli.options import set_option, spec_argument
from netspec.cli.output import replace
from netspec.lang.constants import Constant


@click.command()
@spec_argument
@set_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write; without it, the code is printed.",
)
@click.option("--force", is_flag=True, help="Write over a file that netspec did not write.")
def compile(spec: Path, define: dict[str, Constant], output: Path | None, *, force: bool) -> None:
    """Write the model, its loss and its metrics as Python source.

    The file holds the code that `netspec.compile` runs. It imports PyTorch and nothing else; writing it needs no
    PyTorch at all.
    """
    from netspec.backend import Writer, find
    from netspec.front import load
    from netspec.text import SpecError

    checked = load(spec, define)
    backend = find("torch")
    if not isinstance(backend, Writer):
        raise SpecError.of("NS736", "the torch backend found here writes no source", help="update netspec")
    group = checked.group.graph if checked.group else None
    text = backend.source(
        checked.graph, name=checked.name, doc=checked.doc, digest=checked.digest, group=group
    )
    if output is None:
        click.echo(text, nl=False)
        return
    if not force:
        _refuse_others(output)
    replace(output, text, code="NS737")
    click.echo(f"wrote {click.format_filename(output)}: {len(text.splitlines())} lines that need torch alone")


WRITTEN = ", written by netspec from its spec."
"""What the first line of every written file says."""


def _refuse_others(output: Path) -> None:
    """SpecError NS742 for a file that is there and does not begin as written files do."""
    from netspec.text import SpecError

    try:
        with output.open(encoding="utf-8", errors="replace") as file:
            first = file.readline(1000)
    except OSError:
        return  # it is not there, or `replace` will tell
    if first.strip() and not (first.startswith('"""') and WRITTEN in first):
        raise SpecError.of(
            "NS742",
            f"`{click.format_filename(output)}` is there, and netspec did not write it",
            help="choose another file with `-o`, or write over it with `--force`",
        )
