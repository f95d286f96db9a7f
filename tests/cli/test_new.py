"""Every starting spec is good, says what it says of itself, and trains on the data that its comments make."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

import netspec_numpy
from netspec.cli.new import KINDS, new, template
from netspec.data.phantom import generate
from netspec.front import check, load
from netspec.lang.canonical import canonical
from netspec.proof.verify import verify
from netspec.recipe.descent import descent
from netspec.text import Source, SpecError
from netspec_torch import backend as torch_backend
from netspec_torch.train.run import train
from tests.backends.torch.train.small import Then

SCRIPT = re.compile(r"^# {5}(.*)$", re.MULTILINE)


def written(folder: Path, kind: str) -> Path:
    """A starting spec in a project of its own, with what its comments say is made before."""
    path = folder / f"my-{kind}.yaml"
    (folder / "pyproject.toml").touch()
    done = CliRunner().invoke(new, [kind, "-o", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    lines = SCRIPT.findall(path.read_text("utf-8"))
    if "import numpy as np" in lines:
        few = re.sub(r"\b[26]00\b", "48", "\n".join(lines))
        assert few != "\n".join(lines)
        subprocess.run([sys.executable, "-c", few], cwd=folder, check=True)
    elif any(line.startswith("netspec phantom") for line in lines):
        generate(folder / "data" / "heart", "tiny", 1, 8, (), "train")
    return path


@pytest.fixture(scope="module", params=list(KINDS))
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind once, written and with its data beside it."""
    return written(tmp_path_factory.mktemp("project"), str(request.param))


def test_the_kinds_are_the_templates_there_are() -> None:
    found = {one.name for one in (files("netspec") / "templates").iterdir()}
    assert found == {f"{kind}.yaml" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_starting_spec_is_in_its_canonical_form(kind: str) -> None:
    text = template(kind)
    assert canonical(Source(f"{kind}.yaml", text)) == text


def test_a_starting_spec_has_neither_an_error_nor_a_warning_and_the_name_of_its_file(started: Path) -> None:
    spec, found = check(started)
    assert spec is not None
    assert found == ()
    assert spec.name == started.stem
    assert spec.graph.entry("loss")
    assert spec.graph.entry("metrics") or spec.group
    assert "FILE" not in started.read_text("utf-8")
    assert f"netspec train {started}" in started.read_text("utf-8")


def test_a_starting_spec_agrees_with_the_reference(started: Path) -> None:
    spec = load(started, {"width": 2})
    assert spec.training is not None
    proof = verify(
        spec.graph,
        descent(spec.training, spec.graph),
        group=spec.group.graph if spec.group else None,
        reference=netspec_numpy.backend,
        candidate=torch_backend,
    )
    assert proof.ok


def test_a_starting_spec_learns_from_what_its_comments_make(started: Path) -> None:
    watcher = Then()
    few = started.with_name(f"few-{started.name}")  # as it stands, on a tenth of the digits
    few.write_text(
        started.read_text("utf-8").replace("by: sample, train: 0.7,", "by: sample, train: 0.1,"), "utf-8"
    )
    spec = load(few if "source: digits" in few.read_text("utf-8") else started, {"epochs": 2, "width": 3})
    train(spec, runs=started.parent / "runs", device="cpu", watcher=watcher)
    first, last = (row["train_loss"] for row in watcher.rows)
    assert last < first


def test_without_a_file_the_spec_is_printed_and_names_itself() -> None:
    done = CliRunner().invoke(new, ["regression"], catch_exceptions=False)
    assert done.stdout == template("regression").replace("FILE", "regression.yaml")


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("my own work", "utf-8")
    with pytest.raises(SpecError, match="NS747"):
        CliRunner().invoke(new, ["regression", "-o", str(path)], catch_exceptions=False)
    assert path.read_text("utf-8") == "my own work"
    with pytest.raises(SpecError, match="NS746"):
        CliRunner().invoke(new, ["regression", "-o", str(tmp_path / "no" / "a.yaml")], catch_exceptions=False)


def test_a_file_whose_name_no_spec_can_have_keeps_the_name_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "my net (2).yaml"
    CliRunner().invoke(new, ["regression", "-o", str(path)], catch_exceptions=False)
    assert load(path).name == "regression"


@pytest.mark.parametrize(
    "word, said", [("segmentaton", "did you mean `segmentation`?"), ("x", "`volume-cdf`")]
)
def test_an_unknown_kind_is_a_wrong_command_line_and_told_what_there_is(word: str, said: str) -> None:
    done = CliRunner().invoke(new, [word])
    assert done.exit_code == 2
    assert said in done.output


def test_the_help_lists_the_kinds() -> None:
    said = CliRunner().invoke(new, ["--help"]).output
    assert all(kind in said and text in said for kind, text in KINDS.items())
