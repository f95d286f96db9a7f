"""`netspec bench`: the time of a training step beside those of others, in turns, against what the machine can do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.options import (
    DEVICES,
    PRECISIONS,
    format_option,
    plan_parts,
    set_option,
    sizes_option,
    spec_argument,
)
from netspec.lang.constants import Constant
from netspec.text.shown import shown

if TYPE_CHECKING:
    from netspec.backend import Racer
    from netspec.recipe.spec import Spec

CONTENDERS = ("plan", "module", "by-hand", "lightning", "keras")
USUAL_BATCH = 32


def _names(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The contenders asked for; a usage error where there is none of that name."""
    asked = [one.strip() for one in (text or "").split(",") if one.strip()]
    for one in asked:
        if one not in CONTENDERS:
            raise click.BadParameter(f"`{one}` is none of {', '.join(CONTENDERS)}", context, parameter)
    return tuple(asked)


def _against(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[Path, str] | None:
    """A file and a name in it; a usage error where it is not FILE.py:CLASS."""
    if text is None:
        return None
    file, colon, name = text.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise click.BadParameter(f"`{text}` is not FILE.py:CLASS, such as `net.py:UNet`", context, parameter)
    return Path(file), name


@click.command()
@spec_argument
@set_option
@sizes_option
@format_option("text", "json")
@click.option(
    "--batch", type=click.IntRange(1, 65536), help="Samples in a step. Left out: the recipe's, or 32."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 3600),
    default=10.0,
    show_default=True,
    help="How long each contender is measured.",
)
@click.option("--device", type=click.Choice(DEVICES), help="Replace the recipe's device.")
@click.option(
    "--plan",
    "pins",
    metavar="auto|none|PART=VALUE",
    multiple=True,
    callback=plan_parts,
    help="Replace the recipe's plan, or a part of it, as `netspec train` takes it; repeatable.",
)
@click.option(
    "--precision", type=click.Choice(PRECISIONS), help="Replace the recipe's precision, for `plan`."
)
@click.option(
    "--against",
    metavar="FILE.py:CLASS",
    callback=_against,
    help="Your own PyTorch of the same network. The file is imported, so it runs: name only code that you trust.",
)
@click.option(
    "--against-loss",
    metavar="FUNCTION",
    help="The loss in that file, called with the outputs and the targets.",
)
@click.option(
    "--data",
    type=click.Choice(("auto", "spec", "drawn")),
    default="auto",
    show_default=True,
    help="Where batches come from: the spec's data, or numbers drawn from the declared types.",
)
@click.option(
    "--only", callback=_names, metavar="NAME,...", help=f"Compare these alone: {', '.join(CONTENDERS)}."
)
def bench(
    spec: Any,
    define: dict[str, Constant],
    sizes: dict[str, int],
    form: str,
    batch: int | None,
    seconds: float,
    device: str | None,
    pins: dict[str, object],
    precision: str | None,
    against: tuple[Path, str] | None,
    against_loss: str | None,
    data: str,
    only: tuple[str, ...],
) -> int:
    """Time the training step of SPEC: its plan, the compiled module, your own PyTorch, Lightning and Keras.

    Each contender has a process of its own, and they run in turns, one at a time, so that a busy machine meets all of
    them. Before a clock runs, each must compute the module's numbers from the same weights: outputs, loss, gradients.
    The ratio is that of the steps of one round, its median over all rounds, with the interval that noise leaves it.
    Weights move at a rate of 1e-12: a rate takes no time. The roof is the fastest of a large convolution and a large
    matrix product, measured in the same run. Lightning and Keras take part where they are installed.
    """
    from netspec.backend import Against, Course
    from netspec.cli.progress import watching
    from netspec.front import load
    from netspec.passes.cost import cost, training_macs

    if against_loss is not None and against is None:
        raise click.UsageError(
            "`--against-loss` names a function of the file of `--against`, and none is given."
        )
    checked = load(spec, define)
    count = batch or (checked.training.batch_size if checked.training else USUAL_BATCH)
    course = Course(
        batch=count,
        seconds=seconds,
        macs=(cost(checked.graph).macs, training_macs(checked.graph)),
        draw=lambda: _drawn(checked, sizes, count),
        data="drawn" if sizes and data == "auto" else data,
        device=device,
        precision=precision,
        pins=pins,
        against=None if against is None else Against(*against, against_loss or ""),
        contenders=only,
    )
    backend = _racer()
    with watching() as watcher:
        told = backend.race(checked, course, watcher=watcher)
    click.echo(json.dumps(told, indent=2) if form == "json" else report(told))
    return 0


def _racer() -> Racer:
    """The backend that times; SpecError where it cannot."""
    from netspec.backend import Racer, find
    from netspec.text import SpecError

    backend = find("torch")
    if not isinstance(backend, Racer):
        raise SpecError.of(
            "NS649", "the torch backend found here cannot time a training", help="update netspec"
        )
    return backend


def _drawn(spec: Spec, sizes: Mapping[str, int], batch: int) -> Mapping[str, Any]:
    """A batch of numbers of which every declared fact is true; SpecError for sizes that a layer cannot take."""
    from netspec.passes.refusals import refusals
    from netspec.proof.workload import drawn, usual_sizes
    from netspec.text import Severity, SpecError

    found = refusals(spec.graph, sizes)
    if any(one.severity is Severity.ERROR for one in found):
        raise SpecError(found)
    return drawn(spec.graph, usual_sizes(spec.graph, sizes, batch), seed=0)


def report(told: Mapping[str, Any]) -> str:
    """The table for a person, and what it was measured on."""
    reference = told["reference"]
    head = (
        "",
        "step",
        "steps/s",
        "samples/s",
        f"over {reference}",
        "interval",
        "memory",
        "data",
        "GMAC/s",
        "of roof",
    )
    rows = [head, *(_row(one, reference) for one in told["contenders"])]
    sizes = ", ".join(f"{letter} = {size}" for letter, size in told["data"]["sizes"].items())
    machine = ", ".join(f"{key} {value}" for key, value in told["machine"].items())
    lines = [
        f"{shown(told['name'])}: a training step on {told['device']}, {told['optimizer']}, {sizes}",
        "",
        *_columns(rows),
        "",
        *(f"{one['name']}: {one['what']} ({_settings(one['settings'])})" for one in told["contenders"]),
    ]
    if "plan" in told:
        from netspec.cli.planned import plan_table

        lines += plan_table(told["plan"]).splitlines()
    for precision, best in told["roof"].items():
        lines.append(f"roof in {precision}: {best['macs_per_second'] / 1e9:,.1f} GMAC/s, {best['of']}")
    lines += [
        _macs(told),
        _data(told["data"]),
        _noise(told),
        _memory(told["contenders"]),
        *(f"left out: {one['name']}: {shown(one['why'])}" for one in told["left_out"]),
        f"machine: {machine}",
    ]
    return "\n".join(lines)


def _row(one: Mapping[str, Any], reference: str) -> tuple[str, ...]:
    """One contender."""
    low, high = one["ratio_interval"]
    itself = one["name"] == reference
    return (
        one["name"],
        f"{one['step_seconds'] * 1e3:,.1f} ms",
        f"{one['steps_per_second']:,.2f}",
        f"{one['samples_per_second']:,.1f}",
        "1" if itself else f"{one['ratio']:.3f}",
        "" if itself else f"{low:.3f} to {high:.3f}",
        f"{one['memory']['above_start'] / 2**20:,.0f} MiB",
        f"{one['data_share']:.1%}",
        f"{one['macs_per_second'] / 1e9:,.1f}",
        f"{one['roof_share']:.0%}",
    )


def _settings(settings: Mapping[str, Any]) -> str:
    """How a contender ran, in a few words."""
    words = []
    for key, value in settings.items():
        if value == []:  # no layer is kept in float32
            continue
        if isinstance(value, bool):
            words.append(key if value else f"no {key}")
        else:
            words.append(f"{key} {shown(str(value))}" if key != "precision" else str(value))
    return ", ".join(words)


def _macs(told: Mapping[str, Any]) -> str:
    """The work of a step."""
    forward, step = (told[key] / 1e6 for key in ("macs_per_sample", "training_macs_per_sample"))
    return f"macs of a sample: {forward:,.1f} M forward, {step:,.1f} M in a step, which goes back to all that learns"


def _data(data: Mapping[str, Any]) -> str:
    """Where batches came from."""
    if data["from"] == "spec":
        return "data: the spec's own, read and augmented as a training does"
    why = f" ({shown(data['why'])})" if data["why"] else ""
    return f"data: one batch of numbers drawn from the declared types{why}, so that waiting for data takes no time"


def _noise(told: Mapping[str, Any]) -> str:
    """What the interval is."""
    coverage = told["contenders"][0]["coverage"]
    return (
        f"interval: holds the median ratio with a probability of {coverage:.1%}, from {told['rounds']} rounds; two "
        "processes that do the same may differ by a little more than noise"
    )


def _memory(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the column of memory is."""
    return f"memory: the peak above what its libraries hold before anything is built ({rows[0]['memory']['method']})"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of text under one another, numbers to the right, with a line under the first."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
