"""What is made from the code is what the code says: `--update-golden` makes it anew.

A page that nobody makes any more is told too, so that an op that was renamed leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.op import Op
from netspec.ir.record import Record
from netspec.lang.printer import declared
from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Sequence
from netspec.lang.values import Values
from netspec.lang.yaml import read
from netspec.ops import written
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.recipe.spec import Spec
from netspec.recipe.split import Split
from netspec.recipe.training import Checkpoint, Clip, EarlyStopping, Training
from netspec.reference.described import arguments
from netspec.reference.example import example
from netspec.reference.ops import op_section
from netspec.reference.pages import pages
from netspec.text import Source
from netspec.text.flow import flow

REFERENCE = Path(__file__).parents[2] / "specs" / "reference"
OPS = sorted(written().items())
PARTS: dict[str, type[Record]] = {one.name: one for one in (Training, Split, Clip, EarlyStopping, Checkpoint)}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Every page as the code makes it now."""
    return pages()


def test_every_page_is_what_the_code_makes(made: dict[str, str], update_golden: bool) -> None:
    for name, text in made.items():
        path = REFERENCE / name
        if update_golden:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.read_text("utf-8") == text, f"{name}: run with --update-golden and look at the difference"


def test_no_page_is_left_of_a_family_that_is_gone(made: dict[str, str]) -> None:
    found = {path.relative_to(REFERENCE).as_posix() for path in (REFERENCE / "ops").glob("*")}
    assert found == {name for name in made if name.startswith("ops/")}


@pytest.mark.parametrize("kind", [kind for _, kind in OPS], ids=[name for name, _ in OPS])
def test_the_example_of_an_op_is_read_as_the_op_it_shows(kind: type[Op]) -> None:
    one = example(kind)
    root, found, _ = read(Source("example.yaml", f"layers:\n  - {one.layer}\n"))
    assert root is not None, found
    entry = root.get("layers")
    assert entry is not None
    assert isinstance(entry.value, Sequence)
    layer = entry.value.items[0]
    if isinstance(layer, Mapping):
        layer = Mapping(tuple(part for part in layer if part.name != "from"), layer.span)
    report = Report()
    assert Values({}, report).call(layer, {kind.name: kind}, "op") == one.op, report.diagnostics
    assert one.inferred.outputs


def calls() -> list[type[Op]]:
    """The ops that the pages show in formulas."""
    return [kind for _, kind in OPS if "In a formula:" in op_section(kind)]


def whole(kind: type[Op], layer: str) -> Spec | None:
    """A spec whose inputs are those of the example, and whose last layer is `layer`."""
    one = example(kind)
    types = zip(one.names, one.types, strict=True)
    inputs = "".join(f"  {name}: {flow(declared(given))}\n" for name, given in types)
    text = f"netspec: 1\ninputs:\n{inputs}layers:\n  - {layer}\n"
    return check_source(Source("formula.yaml", text), REFERENCE)[0]


def can_be_declared(kind: type[Op]) -> bool:
    """Whether inputs can be declared to be all that those of the example are; some facts only layers prove."""
    one = example(kind)
    if any(not given.batched for given in one.types):
        return False
    spec = whole(kind, f"{{identity, from: {one.names[0]}}}")
    found = list(spec.graph.inputs.values()) if spec else []
    return [replace(kind, axes=kind.axes[1:]) for kind in found] == [
        replace(kind, axes=kind.axes[1:]) for kind in one.types
    ]


DECLARED = [kind for kind in calls() if can_be_declared(kind)]


def test_the_calls_of_most_ops_can_be_tried() -> None:
    assert len(DECLARED) > len(calls()) / 2


@pytest.mark.parametrize("kind", DECLARED, ids=lambda kind: kind.name)
def test_a_call_that_a_page_shows_is_read_as_the_op_it_shows(kind: type[Op]) -> None:
    one = example(kind)
    spec = whole(kind, f'formula: "{one.call}"')
    assert spec is not None, one.call
    assert spec.graph.nodes[-1].op == one.op
    made = spec.graph.nodes[-1].types[0]
    assert made.names == one.inferred.outputs[0].names
    assert (made.facts, made.unit) == (one.inferred.outputs[0].facts, one.inferred.outputs[0].unit)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for table in (written(), SOURCES, TRANSFORMS, OPTIMIZERS, SCHEDULES, INITIALIZERS, PARTS)
        for kind in table.values()
    ],
    ids=lambda kind: kind.name,
)
def test_every_argument_is_told(kind: type[Record]) -> None:
    """By a string under its field, by the record's docstring, or by the vocabulary of arguments that say the same."""
    for one in arguments(kind):
        assert one.says, f"`{one.name}` of `{kind.name}`: write a string under the field"
        assert "anything" not in one.takes, f"`{one.name}` of `{kind.name}`: {one.takes}"
