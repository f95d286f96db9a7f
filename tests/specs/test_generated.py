"""What is made from the code is what the code says: `--update-golden` makes it anew.

A page that nobody makes any more is told too, so that an op that was renamed leaves nothing behind.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.op import Op
from netspec.ir.record import Record
from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Sequence
from netspec.lang.values import Values
from netspec.lang.yaml import read
from netspec.ops import written
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.recipe.split import Split
from netspec.recipe.training import Checkpoint, Clip, EarlyStopping, Training
from netspec.recipe.transform import TRANSFORMS
from netspec.reference.described import arguments
from netspec.reference.example import example
from netspec.reference.ops import op_section
from netspec.reference.pages import pages
from netspec.text import Source

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


@pytest.mark.parametrize("kind", calls(), ids=lambda kind: kind.name)
def test_a_call_that_a_page_shows_is_read_as_the_op_it_shows(kind: type[Op]) -> None:
    one = example(kind)
    written = ast.parse(one.call, mode="eval").body
    assert isinstance(written, ast.Call)
    assert isinstance(written.func, ast.Name)
    assert written.func.id == kind.name
    inputs = "".join(
        f"  {name}: {{shape: {{{', '.join(map(str, given.axes[1:]))}}}}}\n"
        for name, given in zip(one.names, one.types, strict=True)
        if given.dtype == "float32"
    )
    text = f'netspec: 1\ninputs:\n{inputs}layers:\n  - formula: "{one.call}"\n'
    spec, found = check_source(Source("formula.yaml", text), REFERENCE)
    if (
        spec is None
    ):  # inputs of a kind or with facts that this line does not declare: the call itself must be right
        assert {finding.code[:3] for finding in found} <= {"NS3", "NS1"}, text
        assert not {finding.code for finding in found} & {"NS112", "NS121", "NS123", "NS125", "NS130"}, found
        return
    assert spec.graph.nodes[-1].op == one.op


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
