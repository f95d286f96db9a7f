"""The reference of the language is true: its tables are what the source says, and its examples are good.

`--update-golden` writes the tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from netspec.cli.main import COMMANDS
from netspec.ir.op import Op
from netspec.ir.record import Record
from netspec.lang.document import LATER, SECTIONS
from netspec.lang.kinds import KINDS, UNITS
from netspec.lang.load import check_source
from netspec.lang.names import STRUCTURE, WIRES
from netspec.ops import catalogue
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.recipe.training import Training
from netspec.recipe.transform import TRANSFORMS
from netspec.text import Severity, Source
from netspec.text.codes import CODES
from netspec.text.render import render_all

SPECS = Path(__file__).parents[2] / "specs"
TABLE = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)


def first_sentence(kind: type) -> str:
    """What the docstring says first, on one line, fit for a table."""
    paragraph = " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())
    found = re.match(r".*?[.](?= [A-Z]|$)", paragraph)
    return (found[0] if found else paragraph).rstrip(":;").replace("|", "\\|")


def default(field: FieldInfo) -> str:
    """A default as YAML has it."""
    value = field.default
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def arguments(kind: type[Record]) -> str:
    """Every argument with its default, the main one first and in bold."""
    found = []
    for key, field in sorted(kind.model_fields.items(), key=lambda one: one[0] != kind.main):
        name = field.alias or key
        text = f"`{name}`" if field.is_required() else f"`{name}={default(field)}`"
        found.append(f"**{text}**" if kind.main in (key, name) else text)
    return ", ".join(found)


def inputs(kind: type[Op]) -> str:
    return ", ".join(f"`{slot.lstrip('*')}`" + ("…" * slot.startswith("*")) for slot in kind.slots)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *map(list, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines).replace("---  |", "---|")


def calls(what: str, kinds: dict[str, type[Record]]) -> str:
    rows = ([f"`{name}`", arguments(kind), first_sentence(kind)] for name, kind in kinds.items())
    return table([what, "arguments", "what it does"], rows)


def ops() -> str:
    kinds = sorted(catalogue().items())
    rows = ([f"`{name}`", inputs(kind), arguments(kind), first_sentence(kind)] for name, kind in kinds)
    return table(["op", "inputs", "arguments", "what it does"], rows)


def codes() -> str:
    return table(["code", "what is wrong"], ([f"`{code}`", text] for code, text in sorted(CODES.items())))


TABLES: dict[str, Callable[[], str]] = {
    "ops": ops,
    "sources": lambda: calls("source", dict(SOURCES)),
    "transforms": lambda: calls("transform", dict(TRANSFORMS)),
    "optimizers": lambda: calls("optimizer", dict(OPTIMIZERS)),
    "schedules": lambda: calls("phase of a schedule", dict(SCHEDULES)),
    "initialisers": lambda: calls("initialiser", dict(INITIALIZERS)),
    "codes": codes,
}


def read(name: str) -> str:
    return (SPECS / name).read_text("utf-8")


@pytest.mark.parametrize("name", ["README.md", "codes.md"])
def test_the_tables_are_what_the_source_says(name: str, update_golden: bool) -> None:
    """An op, an argument or a code that was added: run with `--update-golden` and look at the difference."""
    text = read(name)
    wanted = TABLE.sub(lambda one: f"<!-- {one[1]} -->\n{TABLES[one[1]]()}<!-- end -->\n", text)
    if update_golden:
        (SPECS / name).write_text(wanted, "utf-8")
    assert read(name) == wanted


def test_every_table_has_its_place() -> None:
    assert {one[1] for name in ("README.md", "codes.md") for one in TABLE.finditer(read(name))} == set(TABLES)


COMMON = {
    "netspec": "netspec: 1\n",
    "inputs": "inputs: {image: {shape: [1, 32, 32]}}\n",
    "targets": "targets: {volume: {shape: [], unit: ml, range: [0, 99]}}\n",
    "layers": "layers:\n  - flatten\n  - linear: 100\n  - softmax\n  - {cumsum, name: cdf}\n",
    "loss": "loss: crps(cdf, volume)\n",
    "metrics": "metrics: {crps: 'crps(cdf, volume)'}\n",
}
FOR = {
    "data": {
        "inputs": "inputs: {cine: {shape: {time: 30, height: 64, width: 64}, range: [0, 1]}}\n",
        "layers": "layers:\n  - {rename: {time: channel}}\n  - flatten\n  - linear: 600\n  - softmax\n"
        "  - {cumsum, name: cdf}\n",
        "targets": "targets: {volume: {shape: [], unit: ml, range: [0, 599]}}\n",
    },
    "inputs": {"layers": "layers:\n  - {relu, from: picture}\n", "loss": "", "metrics": "", "targets": ""},
    "layers": {"loss": "", "metrics": ""},
    "layers of a formula": {"inputs": "inputs: {x: [3]}\n", "loss": "", "metrics": ""},
}


def snippets() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", read("README.md"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", snippets(), ids=lambda text: text.split(":")[0])
def test_every_example_is_good_with_what_it_leaves_out(text: str) -> None:
    sections = re.findall(r"^(\w+):", text, re.MULTILINE)
    kind = "layers of a formula" if "formula" in text else sections[0]
    rest = {**COMMON, **FOR.get(kind, {})}
    whole = text + "".join(part for name, part in rest.items() if name not in sections)
    spec, found = check_source(Source("example.yaml", whole), SPECS)
    assert spec is not None, whole + render_all(found, color=False)
    assert all(one.severity is Severity.WARNING for one in found)


def test_the_page_names_every_section_wire_kind_unit_command_and_setting() -> None:
    page = read("README.md")
    words = set(re.findall(r"[a-z_0-9]+", page))
    wanted = {*SECTIONS, *LATER, *WIRES, *KINDS, *UNITS, *COMMANDS, *Training.model_fields, *STRUCTURE}
    assert sorted(wanted - words) == []
    choices = [get_args(Training.model_fields[key].annotation) for key in ("device", "precision")]
    assert sorted({word for group in choices for word in group} - words) == []


def test_there_are_enough_examples() -> None:
    assert len(snippets()) >= 7
