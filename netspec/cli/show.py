"""`netspec show`: the layers of a spec with what the checker derived of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from netspec.cli import memory as memory_text
from netspec.cli import receptive_field
from netspec.cli import sizes as sizes_text
from netspec.cli.options import format_option, set_option, sizes_option, spec_argument
from netspec.front import load
from netspec.ir.dim import Dim
from netspec.ir.graph import Ref
from netspec.ir.types import TensorType
from netspec.lang.constants import Constant
from netspec.passes.cost import Cost, Row, cost
from netspec.passes.receptive_field import Field, receptive_fields
from netspec.passes.refusals import refusals
from netspec.passes.rows import masked, most_rows
from netspec.passes.sizes import legal_sizes
from netspec.passes.specialize import specialize
from netspec.recipe.spec import Spec
from netspec.text import Severity, SpecError

FIRST_NUMBER = 5
"""From this column on numbers stand to the right."""


@click.command()
@spec_argument
@set_option
@sizes_option
@format_option("text", "json")
@click.option(
    "--memory", is_flag=True, help="Tell what a training step holds in memory, before anything runs."
)
@click.option(
    "--batch", type=click.IntRange(1, 10**6), help="How many samples a step has; else those of `training`."
)
@click.option(
    "--fits",
    metavar="SIZE",
    callback=memory_text.room_option,
    help="Tell the largest batch for so much memory: `8GiB`, or what is free on the `machine` or on `cuda`.",
)
@click.option(
    "--measure", is_flag=True, help="Take real steps in a process of their own, and tell what they held."
)
def show(
    spec: Any, define: dict[str, Constant], sizes: dict[str, int], form: str, *, memory: bool, **asked: Any
) -> int:
    """Print every layer of SPEC: its type, what is proved of its numbers, parameters and multiply-accumulates.

    Below stand the legal sizes of each letter; with `--sizes` numbers take the place of letters. With `--memory` it
    is told instead what each layer keeps for the gradients, and what a training holds besides.
    """
    checked = load(spec, define)
    if memory:
        memory_text.tell(checked, spec, define, sizes, memory_text.Asked(**asked), form)
        return 0
    if any(asked.values()):
        raise click.UsageError("`--batch`, `--fits` and `--measure` belong to `--memory`.")
    legal = legal_sizes(checked.graph, sizes)
    if sizes:
        checked = _at(checked, sizes)
    counted = cost(checked.graph)
    fields = receptive_fields(checked.graph)
    if form == "json":
        click.echo(json.dumps(_data(checked, counted, fields) | {"sizes": sizes_text.data(legal)}, indent=2))
        return 0
    click.echo(_table(checked, counted, receptive_field.column(checked.graph, fields)))
    for line in receptive_field.lines(checked.graph, fields):
        click.echo(line)
    for title, told in (("legal sizes", sizes_text.lines(legal)), ("rows of masks", _kept(checked))):
        if told:
            click.echo(f"\n{title}\n" + "\n".join(f"  {line}" for line in told))
    return 0


def _at(spec: Spec, sizes: dict[str, int]) -> Spec:
    """The spec at these sizes; SpecError where a layer cannot take them."""
    found = refusals(spec.graph, sizes)
    if any(one.severity is Severity.ERROR for one in found):
        raise SpecError(found)
    return replace(spec, graph=specialize(spec.graph, sizes))


def _data(spec: Spec, counted: Cost, fields: Mapping[Ref, Field]) -> dict[str, object]:
    """The same as plain data; free sizes are strings."""
    return {
        "name": spec.name,
        "inputs": {name: _type(kind) for name, kind in spec.graph.inputs.items()},
        "targets": {name: _type(kind) for name, kind in spec.graph.targets.items()},
        "nodes": [_node(row, fields) for row in counted.rows],
        "outputs": {name: str(ref) for name, ref in spec.graph.entry("predict").items()},
        "totals": {
            "parameters": counted.parameters,
            "trainable": counted.trainable,
            "macs": _size(counted.macs),
            "for_loss": {"parameters": counted.for_loss[0], "macs": _size(counted.for_loss[1])},
            **({"macs_at_most": True} if counted.at_most else {}),
        },
    }


def _node(row: Row, fields: Mapping[Ref, Field]) -> dict[str, object]:
    """One node. What is said of its type is of its first output; `outputs` holds all where there are several."""
    node = row.node
    found: dict[str, object] = {
        "name": node.path,
        "op": node.op.name,
        "arguments": {key: _plain(value) for key, value in node.op.arguments().items()},
        "inputs": [str(ref) for ref in node.inputs],
        **_type(node.types[0]),
        "parameters": row.parameters,
        "trainable": row.trainable,
        "macs": _size(row.macs),
        "receptive_field": receptive_field.data(fields[Ref(node.path)]),
    }
    if row.at_most:
        found["macs_at_most"] = True
    if len(node.types) > 1:
        found["outputs"] = [_type(kind) for kind in node.types]
    return found


def _type(kind: TensorType) -> dict[str, object]:
    return {
        "axes": list(kind.names),
        "shape": [_size(size) for size in kind.sizes],
        "dtype": kind.dtype,
        "facts": list(kind.facts.names()),
        "unit": kind.unit,
    }


def _size(size: Dim) -> int | str:
    return str(size) if size.value is None else size.value


def _plain(value: object) -> object:
    """A value that JSON can hold."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def _table(spec: Spec, counted: Cost, sees: Mapping[str, str]) -> str:
    """Columns for a person, that of the receptive field where there is one, and the totals."""
    rows = [("layer", "op", "output", "sees", "what is known", "parameters", "MACs")]
    for name, kind in spec.graph.inputs.items():
        rows.append((name, "input", _shape(kind), "", _known(kind), "", ""))
    for row in counted.rows:
        if not (row.node.op.slots or row.node.parameters):  # a number in a formula: the formula says it
            continue
        kind = row.node.types[0]
        parameters = f"{row.parameters:,}" if row.parameters else ""
        macs = _macs(row) if row.macs != 0 else ""
        field = sees.get(row.node.path, "")
        rows.append((row.node.path, row.node.op.name, _shape(kind), field, _known(kind), parameters, macs))
    shown = [i for i in range(7) if i != 3 or sees]
    widths = [max(len(row[i]) for row in rows) for i in range(7)]
    lines = []
    for number, cells in enumerate(rows):
        parts = [cells[i].rjust(widths[i]) if i >= FIRST_NUMBER else cells[i].ljust(widths[i]) for i in shown]
        lines.append("  ".join(parts).rstrip())
        if number == 0:
            lines.append("-" * (sum(widths[i] for i in shown) + 2 * len(shown) - 2))
    frozen = counted.parameters - counted.trainable
    apart = f" ({frozen:,} frozen)" if frozen else ""
    lines += [
        "",
        f"{spec.name}: {counted.trainable:,} trainable parameters{apart}, {_macs(counted)} MACs a sample",
    ]
    heads, work = counted.for_loss
    if heads or work != 0:
        lines.append(f"of these, only the loss needs {heads:,} parameters and {_count(work)} MACs")
    return "\n".join(lines)


def _shape(kind: TensorType) -> str:
    return "[" + ", ".join(str(size) for size in kind.sizes) + "]"


def _known(kind: TensorType) -> str:
    return ", ".join((*kind.facts.names(), *((kind.unit,) if kind.unit else ())))


def _kept(spec: Spec) -> list[str]:
    """What the letters are that masks decide."""
    most = most_rows(spec.graph)
    masks = {op.rows: node.inputs[1] for node, op in masked(spec.graph)}
    return [f"{letter} <= {most[letter]}: where `{mask}` holds" for letter, mask in masks.items()]


def _macs(counted: Row | Cost) -> str:
    """Multiply-accumulates; at most so many where a mask leaves rows out."""
    return f"at most {_count(counted.macs)}" if counted.at_most else _count(counted.macs)


def _count(size: Dim) -> str:
    return str(size) if size.value is None else f"{size.value:,}"
