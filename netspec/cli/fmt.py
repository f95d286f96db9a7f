"""`netspec fmt`: put the text of specs in its canonical form."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path

import click

from netspec.cli.files import is_marked, rewrite, skip_others_option, spec_files
from netspec.cli.options import SPEC
from netspec.lang.canonical import canonical
from netspec.lang.yaml import LARGEST, decode, open_source
from netspec.text import Diagnostic, Source, SpecError
from netspec.text.render import render_all
from netspec.text.shown import shown

STDIN = Path("-")
"""The name under which the text of standard input is put in order, to standard output."""


@click.command()
@click.argument("paths", metavar="SPEC...", nargs=-1, required=True, type=SPEC)
@click.option(
    "--check", is_flag=True, help="Write nothing; name the files that would change, and fail if any would."
)
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@skip_others_option
def fmt(paths: tuple[Path, ...], *, check: bool, diff: bool, skip_others: bool) -> int:
    """Put each SPEC, or every `.yaml` file in a folder, in its canonical form.

    Comments, empty lines and the meaning stay. `-` is standard input, whose canonical form is printed. A file that is
    no YAML is left alone, and what is wrong with it is told.
    """
    if STDIN in paths:
        if len(paths) > 1 or check or diff:
            raise click.UsageError("`-` stands alone: the text of standard input is printed in order.")
        click.echo(canonical(_standard_input()), nl=False)
        return 0
    files = dict.fromkeys(spec_files(paths, skip_others=skip_others))
    changed: list[Path] = []
    wrong: list[Diagnostic] = []
    for file in files:
        try:
            old, new = _put_in_order(file)
            if new is not None and not check and not diff:
                rewrite(file, new)
        except SpecError as trouble:
            wrong += trouble.diagnostics
            continue
        if new is not None:
            changed.append(file)
            if diff:
                click.echo(_difference(file, old, new.decode()), nl=False)
    _tell(changed, wrong, len(files), verb="would change" if check or diff else "changed")
    return 1 if wrong or (check and changed) else 0


def _put_in_order(file: Path) -> tuple[str, bytes | None]:
    """The text of a file, and the bytes of its canonical form; None where it is in order. Raises SpecError.

    The file keeps the line ends of its first line. A byte order mark goes: UTF-8 needs none, and YAML asks for none.
    """
    source = open_source(file)
    made = canonical(source)
    first = source.text.find("\n")
    if first > 0 and source.text[first - 1] == "\r":
        made = made.replace("\n", "\r\n")
    in_order = made == source.text and not is_marked(file)
    return source.text, None if in_order else made.encode()


def _standard_input() -> Source:
    content = sys.stdin.buffer.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise SpecError.of("NS003", f"standard input has more than {LARGEST >> 20} MiB")
    return decode("<stdin>", content)


def _difference(file: Path, old: str, new: str) -> str:
    """A unified diff, which `git apply` and `patch` take."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{file}", f"b/{file}"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _tell(changed: list[Path], wrong: list[Diagnostic], files: int, *, verb: str) -> None:
    """What was done, and what was wrong, on standard error: standard output may be a diff."""
    for file in changed:
        click.echo(f"{verb} {shown(str(file))}", err=True)
    if wrong:
        color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        click.echo(render_all(wrong, color=color), err=True)
    elif not changed:
        click.echo(f"{files} spec{'s' if files != 1 else ''} in order", err=True)
