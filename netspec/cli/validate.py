"""`netspec validate`: check specs and say everything that is wrong with them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from netspec.cli.files import skip_others_option, spec_files
from netspec.cli.options import SPEC, format_option, set_option, sizes_option
from netspec.front import check
from netspec.lang.constants import Constant
from netspec.text import Diagnostic, Severity


@click.command()
@click.argument("paths", metavar="SPEC...", nargs=-1, required=True, type=SPEC)
@set_option
@sizes_option
@format_option("text", "json", "github", "sarif")
@skip_others_option
@click.option(
    "--fix", is_flag=True, help="Make the exact edits of messages, those of warnings too, in the files."
)
def validate(
    paths: tuple[Path, ...],
    define: dict[str, Constant],
    sizes: dict[str, int],
    form: str,
    *,
    skip_others: bool,
    fix: bool,
) -> int:
    """Check each SPEC, or every `.yaml` file in a folder, without touching data or a GPU."""
    files = spec_files(paths, skip_others=skip_others)
    diagnostics: list[Diagnostic] = []
    if fix:
        from netspec.cli.fix import fix_files

        fix_files(files, define, aside=form != "text")
    for file in files:
        spec, found = check(file, define)
        diagnostics.extend(found)
        if spec is not None and sizes:
            from netspec.passes.refusals import refusals

            diagnostics.extend(refusals(spec.graph, sizes))
    diagnostics = list(dict.fromkeys(diagnostics))  # of a file that several of them extend or include, once
    failed = any(one.severity is Severity.ERROR for one in diagnostics)
    if form == "json":
        import json

        from netspec.text.render import to_json

        click.echo(json.dumps(to_json(diagnostics), indent=2))
    elif form == "github":
        from netspec.text.render import to_github

        click.echo(to_github(diagnostics), nl=bool(diagnostics))
    elif form == "sarif":
        import json

        from netspec import __version__
        from netspec.text.sarif import to_sarif

        click.echo(json.dumps(to_sarif(diagnostics, version=__version__, folder=Path()), indent=2))
    else:
        _print(diagnostics, len(files), sizes, failed=failed)
    return 1 if failed else 0


def _print(diagnostics: list[Diagnostic], files: int, sizes: dict[str, int], *, failed: bool) -> None:
    """Text for a person: all messages, and one line when nothing is wrong."""
    if diagnostics:
        from netspec.text.render import render_all

        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        click.echo(render_all(diagnostics, color=color))
    if not failed:
        at = f" at {', '.join(f'{letter}={size}' for letter, size in sizes.items())}" if sizes else ""
        click.echo(f"{files} spec{'s' if files != 1 else ''} checked{at}: no errors")
