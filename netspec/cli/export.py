"""`netspec export`: write a model as ONNX, as a PyTorch program, or as weights with the spec inside."""

from __future__ import annotations

from pathlib import Path

import click

from netspec.cli.options import set_option, sizes_option
from netspec.lang.constants import Constant
from netspec.text.amount import in_bytes


@click.command()
@click.argument("spec", metavar="SPEC|RUN", type=click.Path(path_type=Path))
@set_option
@sizes_option
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
@click.option(
    "--to",
    type=click.Choice(("onnx", "pt2", "safetensors")),
    help="What to write; without it, the file's suffix says it.",
)
@click.option(
    "--checkpoint", type=click.Choice(("best", "last")), default="best", show_default=True,
    help="Which weights of a RUN.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Path(path_type=Path), help="A file of weights, or a run, for the model of a SPEC."
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Of the first values, where there are no weights; else the spec's own.",
)
@click.option("--fold", is_flag=True, help="Fold norms into the layers before them: less to compute.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def export(
    spec: Path,
    define: dict[str, Constant],
    sizes: dict[str, int],
    output: Path,
    to: str | None,
    checkpoint: str,
    weights: Path | None,
    seed: int | None,
    fold: bool,  # noqa: FBT001 - a flag of the command line
    force: bool,  # noqa: FBT001 - as above
) -> None:
    """Write the model of SPEC, or of a trained RUN, as a file that others read.

    `.onnx` and `.pt2` hold the model as it predicts; the batch and the letters of the spec stay free, each with its
    legal sizes, unless `--sizes` makes numbers of them. `.safetensors` holds the weights with the whole spec inside:
    `netspec.from_pretrained(file)` makes the model of it, and every command takes it as a SPEC. Before the file is put
    in its place it is checked, and run beside the model.
    """
    from netspec.cli.runs import is_run, run_spec, run_weights
    from netspec.front import load
    from netspec.lang.files import is_packed
    from netspec.proof.export import export as write
    from netspec.text import SpecError

    if is_run(spec):
        if weights is not None:
            raise click.UsageError("A run has weights of its own: `--checkpoint` chooses among them.")
        checked, weights = run_spec(spec, define), run_weights(spec, checkpoint)
    elif spec.is_dir():
        raise SpecError.of(
            "NS001",
            f"`{click.format_filename(spec)}` is a folder, and not that of a run",
            help="name a spec file, or a folder that `netspec train` made, as `runs/<name>-<date>-<time>-<mark>`",
        )
    else:
        checked = load(spec, define)
        if weights is None and is_packed(spec):
            weights = spec
    done = write(checked, output, to=to, weights=weights, sizes=sizes, seed=seed, fold=fold, force=force)
    place = click.format_filename(done.output)
    click.echo(f"wrote {place}: {in_bytes(done.size)}, {checked.name} ({checked.digest[:12]})")
    click.echo(f"  {done.checked}")
    if done.allowed:
        click.echo(f"  largest difference {done.difference:.2g}, where rounding explains {done.allowed:.2g}")
    if weights is None:
        click.echo("  untrained: it has first values (`--weights FILE`, or a RUN in the place of the SPEC)")
    for note in done.notes:
        click.echo(f"  {note}")
