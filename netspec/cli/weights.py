"""`netspec weights`: tell what a spec can take over from a file of weights or a run, and write what it starts with."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netspec.cli.options import format_option, set_option, spec_argument
from netspec.lang.constants import Constant


def _pairs(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """The pairs by the file's names; a usage error where one is not OLD=NEW or a name stands twice."""
    found: dict[str, str] = {}
    for text in texts:
        old, equals, new = (part.strip() for part in text.partition("="))
        if not equals or not old or not new:
            raise click.BadParameter(f"`{text}` is not OLD=NEW, such as `fc=logits`", context, parameter)
        if old in found:
            raise click.BadParameter(f"`{old}` is mapped twice", context, parameter)
        found[old] = new
    return found


@click.command()
@spec_argument
@click.argument("file", metavar="FILE|RUN", type=click.Path(path_type=Path))
@set_option
@click.option(
    "--map", "pairs", metavar="OLD=NEW", multiple=True, callback=_pairs,
    help="Take the file's tensor, layer or block OLD for NEW; repeatable.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Refuse if not every tensor of SPEC comes from the file.")
@click.option("--all", "every", is_flag=True, help="Print every layer, long runs of one story too.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the weights that SPEC starts with, as `.safetensors`.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@format_option("text", "json")
def weights(
    spec: Path,
    file: Path,
    define: dict[str, Constant],
    pairs: dict[str, str],
    strict: bool,  # noqa: FBT001 - a flag of the command line
    every: bool,  # noqa: FBT001 - as above
    output: Path | None,
    force: bool,  # noqa: FBT001 - as above
    form: str,
) -> None:
    """Tell which tensors of FILE fit SPEC: kept, renamed, reshaped, new, ambiguous, unused, and why.

    FILE is a state dict of PyTorch (`.pt`, `.pth`), a checkpoint of Lightning, safetensors, an `.npz`, or the folder of
    a run, whose old spec then says what became of its layers. Nothing in it is executed, and without `-o` nothing is
    written. The exit status is 1 if nothing fits, and with `--strict` if not all of SPEC comes from FILE.
    """
    if output is not None and output.suffix != ".safetensors":
        raise click.UsageError(
            f"`{click.format_filename(output)}` does not end with .safetensors, and that is what is written."
        )
    from netspec.backend import Carrier, find
    from netspec.front import load
    from netspec.text import SpecError
    from netspec.text.shown import shown
    from netspec.weights.carry import carried, held
    from netspec.weights.origin import listing

    checked = load(spec, define)
    stored = listing(file)
    backend = find("torch") if stored is None or output is not None else None
    if backend is not None and not isinstance(backend, Carrier):
        raise SpecError.of("NS736", "the torch backend found here reads no weights", help="update netspec")
    if stored is None:
        assert backend is not None
        stored = backend.listed(file)
    report = carried(checked, stored, file, pairs)
    click.echo(
        json.dumps(report.as_json(), indent=2) if form == "json" else "\n".join(report.lines(every=every))
    )
    held(report, shown(file.name), strict=strict)
    if output is not None:
        assert backend is not None
        backend.keep(checked, file, output, pairs=pairs, strict=strict, force=force)
        click.echo(f"wrote {click.format_filename(output)}", err=True)
