"""`netspec import`: turn a network of another framework into a spec that a person can read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.options import MOST_DIGITS, format_option, settings

if TYPE_CHECKING:
    from netspec.lang.constants import Constant
    from netspec.recover.imported import Imported

_SIZE = re.compile(rf"[1-9][0-9]{{0,{MOST_DIGITS - 1}}}|[A-Z][0-9]{{0,3}}")


def _shapes(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[tuple[int | str, ...], ...]:
    """The shapes of the inputs; a usage error for what is none."""
    found: list[tuple[int | str, ...]] = []
    for text in texts:
        parts = [part.strip() for part in text.split(",")]
        if not all(_SIZE.fullmatch(part) and part != "N" for part in parts):
            raise click.BadParameter(
                f"`{text}` is no shape: sizes without the batch, numbers or letters, such as `3,224,224` or `3,H,W`",
                context,
                parameter,
            )
        found.append(tuple(int(part) if part.isdigit() else part for part in parts))
    return tuple(found)


@click.command(name="import")
@click.argument("source", metavar="SOURCE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The spec to write; its weights go beside it, into a file that ends with `.safetensors`.",
)
@click.option("--name", default="", help="What the network is called; without it as its source says.")
@click.option(
    "--shape",
    "shapes",
    metavar="SIZE,...",
    multiple=True,
    callback=_shapes,
    help="The sizes of an input without the batch, as `3,224,224` or `3,H,W`; once for each input.",
)
@click.option(
    "--with",
    "arguments",
    metavar="NAME=VALUE",
    multiple=True,
    callback=settings,
    help="An argument for the class or function that SOURCE names; repeatable.",
)
@click.option("--check", is_flag=True, help="Do all of it, and write nothing.")
@format_option("text", "json")
def import_(
    source: str,
    output: Path | None,
    name: str,
    shapes: tuple[tuple[int | str, ...], ...],
    arguments: dict[str, Constant],
    form: str,
    *,
    check: bool,
) -> None:
    """Write the network in SOURCE as a spec, with its weights.

    SOURCE is an ONNX file, or a module of torch as `package.module:Class`. Its code is imported and run, in this folder
    and this environment; a class or function is called, with what `--with` says. The spec is computed and held to the
    source on random inputs first; where the two differ by more than rounding, or where the source does what no op says,
    that is told, and nothing is written.
    """
    from netspec.recover.found import kind_of
    from netspec.recover.imported import check_free, put, recovered

    if output is None and not check:
        raise click.UsageError(
            "Say where the spec goes, with `-o net.yaml`, or write nothing with `--check`."
        )
    if output is not None and output.suffix not in {".yaml", ".yml"}:
        raise click.UsageError(f"`{click.format_filename(output)}` ends neither with .yaml nor with .yml.")
    if output is not None and not check:
        check_free(output)
    if arguments and kind_of(source) != "torch":
        raise click.UsageError("`--with` is for what makes a module of torch, `package.module:Class`.")
    result = recovered(source, shapes, name=name, arguments=arguments)
    beside = put(result, output) if output is not None and not check else None
    if form == "json":
        click.echo(json.dumps(_record(result, output if beside else None, beside), indent=2))
        return
    _told(result, output if beside else None, beside)


def _told(result: Imported, output: Path | None, beside: Path | None) -> None:
    """What was done, in words."""
    proof, spec = result.proof, result.spec
    batches = " and ".join(map(str, proof.batches))
    click.echo(f"{spec.spec.name}: {result.parameters:,} parameters in {len(spec.spec.graph.nodes)} layers")
    click.echo(
        f"held to its source on batches of {batches}: {proof.numbers:,} numbers, the largest difference "
        f"{proof.difference:.2g}, {proof.used:.1%} of what rounding explains"
    )
    for note in spec.sketch.notes:
        click.echo(f"note: {note}")
    if output is not None and beside is not None:
        click.echo(f"wrote {click.format_filename(output)}: {len(spec.text.splitlines())} lines")
        click.echo(f"wrote {click.format_filename(beside)}: {len(spec.parameters) + len(spec.state)} tensors")


def _record(result: Imported, output: Path | None, beside: Path | None) -> dict[str, object]:
    """The same as data."""
    proof, spec = result.proof, result.spec
    return {
        "name": spec.spec.name,
        "parameters": result.parameters,
        "layers": len(spec.spec.graph.nodes),
        "lines": len(spec.text.splitlines()),
        "batches": list(proof.batches),
        "numbers": proof.numbers,
        "difference": proof.difference,
        "used": proof.used,
        "notes": list(spec.sketch.notes),
        "spec": None if output is None else str(output),
        "weights": None if beside is None else str(beside),
    }
