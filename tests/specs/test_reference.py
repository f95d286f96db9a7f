"""The reference of the language is true: tables are what the source says, examples are good, mistakes are told so.

`--update-golden` writes the tables and the messages anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import pytest

from netspec.cli.main import COMMANDS
from netspec.front import check_source
from netspec.ir.record import Record
from netspec.lang.document import SECTIONS
from netspec.lang.kinds import KINDS, UNITS
from netspec.lang.names import STRUCTURE, WIRES
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.recipe.training import Training
from netspec.recipe.transform import TRANSFORMS
from netspec.reference.described import first_sentence
from netspec.reference.facts import kinds
from netspec.reference.markdown import table
from netspec.reference.ops import families
from netspec.text import Severity, Source
from netspec.text.render import render_all

SPECS = Path(__file__).parents[2] / "specs"
TABLE = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
EXAMPLE = re.compile(
    r"^```yaml\n(?P<spec>.*?)^```\n(?:\n```text\n(?P<told>.*?)^```\n)?", re.DOTALL | re.MULTILINE
)
"""A piece of a spec and, if it is wrong, what is said of it."""


def ops() -> str:
    """The ops of every family, with its page."""
    rows = (
        [f"[{family}](reference/ops/{family}.md)", ", ".join(f"`{kind.name}`" for kind in kinds)]
        for family, kinds in sorted(families().items())
    )
    return table(["family", "ops"], rows)


def calls(what: str, kinds: Mapping[str, type[Record]]) -> str:
    return table(
        [what, "what it does"], ([f"`{name}`", first_sentence(kind)] for name, kind in kinds.items())
    )


def named(parts: Mapping[str, Mapping[str, type[Record]]]) -> str:
    """Names alone: their formulas stand in the reference."""
    rows = ([what, ", ".join(f"`{name}`" for name in kinds)] for what, kinds in parts.items())
    return table(["what", "names, [with their formulas](reference/training.md)"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "ops": ops,
    "kinds": kinds,
    "sources": lambda: calls("source", SOURCES),
    "transforms": lambda: calls("transform", TRANSFORMS),
    "steps": lambda: named({"optimizers": OPTIMIZERS, "phases of a schedule": SCHEDULES}),
    "initialisers": lambda: named({"initialisers": INITIALIZERS}),
}


def read(name: str) -> str:
    return (SPECS / name).read_text("utf-8")


def test_the_tables_are_what_the_source_says(update_golden: bool) -> None:
    """An op or an argument that was added: run with `--update-golden` and look at the difference."""
    text = read("README.md")
    wanted = TABLE.sub(lambda one: f"<!-- {one[1]} -->\n{TABLES[one[1]]()}<!-- end -->\n", text)
    if update_golden:
        (SPECS / "README.md").write_text(wanted, "utf-8")
    assert read("README.md") == wanted


def test_every_table_has_its_place() -> None:
    assert {one[1] for one in TABLE.finditer(read("README.md"))} == set(TABLES)


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
    "blocks": {"loss": "", "metrics": ""},
    "layers of a formula": {"inputs": "inputs: {x: [3]}\n", "loss": "", "metrics": ""},
}


def whole(text: str) -> Source:
    """A spec that begins with the example, so that its lines keep their numbers, and has all it leaves out."""
    sections = re.findall(r"^(\w+):", text, re.MULTILINE)
    kind = "layers of a formula" if "formula" in text else sections[0]
    rest = {} if "extends" in sections else {**COMMON, **FOR.get(kind, {})}
    return Source("example.yaml", text + "".join(part for name, part in rest.items() if name not in sections))


PAGES = ("README.md", "structure.md", "commands.md")


def examples(*, good: bool) -> list[str]:
    found = (one for page in PAGES for one in EXAMPLE.finditer(read(page)))
    return [one["spec"] for one in found if (one["told"] is None) is good]


@pytest.mark.parametrize("text", examples(good=True), ids=lambda text: text.split(":")[0])
def test_every_example_is_good_with_what_it_leaves_out(text: str) -> None:
    spec, found = check_source(whole(text), SPECS)
    assert spec is not None, whole(text).text + render_all(found, color=False)
    assert all(one.severity is Severity.WARNING for one in found)


def told(one: re.Match[str]) -> str:
    """An example as it stands, a wrong one with what is said of it."""
    if one["told"] is None:
        return one[0]
    spec, found = check_source(whole(one["spec"]), SPECS)
    kind = Severity.ERROR if spec is None else Severity.WARNING
    message = render_all([each for each in found if each.severity is kind], color=False)
    assert message
    return f"```yaml\n{one['spec']}```\n\n```text\n{message.strip()}\n```\n"


@pytest.mark.parametrize("page", PAGES)
def test_every_mistake_on_a_page_is_told_as_the_page_says(page: str, update_golden: bool) -> None:
    wanted = EXAMPLE.sub(told, read(page))
    if update_golden:
        (SPECS / page).write_text(wanted, "utf-8")
    assert read(page) == wanted
    assert len(examples(good=False)) >= 3


def test_an_example_silences_its_warning_and_gets_it_without_the_silence() -> None:
    text = next(one for one in examples(good=True) if "lint:" in one)
    assert list(check_source(whole(text), SPECS)[1]) == []
    loud = check_source(whole(text.split("lint:")[0]), SPECS)[1]
    assert [one.code for one in loud] == ["NS320"]


def test_the_page_names_every_section_wire_kind_unit_command_and_setting() -> None:
    page = "".join(map(read, PAGES))
    words = set(re.findall(r"[a-z_0-9]+", page))
    wanted = {*SECTIONS, *WIRES, *KINDS, *UNITS, *COMMANDS, *Training.model_fields, *STRUCTURE}
    assert sorted(wanted - words) == []
    choices = [get_args(Training.model_fields[key].annotation) for key in ("device", "precision")]
    assert sorted({word for group in choices for word in group} - words) == []


def test_there_are_enough_examples() -> None:
    assert len(examples(good=True)) >= 9
