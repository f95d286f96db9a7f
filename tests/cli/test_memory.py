from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from netspec.cli import memory as told
from netspec.cli.show import show
from netspec.front import load
from netspec.text import SpecError

ROOT = Path(__file__).parents[2]
LENET, TUTORIAL, UNET = (
    ROOT / "specs" / name for name in ("lenet.yaml", "heart-tutorial-2015.yaml", "zoo/unet2d.yaml")
)


def printed(path: Path, *arguments: str) -> str:
    given = [str(path), "--memory", *arguments]
    made = CliRunner().invoke(show, given, standalone_mode=False, catch_exceptions=False)
    assert made.return_value == 0
    return made.stdout


def data(path: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(path, "--format", "json", *arguments))
    return found


def test_the_table_names_every_layer_that_keeps_something_and_what_is_held_besides() -> None:
    lines = printed(TUTORIAL).splitlines()
    assert lines[0].split() == ["layer", "kept", "for", "gradients"]
    assert any(line.startswith("stage1.conv1") for line in lines)
    assert any(line.startswith("what the optimizer remembers") for line in lines)
    assert any("a step of batches of 32 holds" in line for line in lines)


def test_the_parts_sum_up_to_the_whole_and_layers_to_what_is_kept() -> None:
    found = data(TUTORIAL, "--batch", "4")
    parts = found["bytes"]
    assert found["batch"] == 4
    assert sum(row["kept"] for row in found["layers"]) == parts["kept"]
    assert sum(size for part, size in parts.items() if part != "total") == parts["total"]


def test_memory_without_a_batch_is_that_of_the_training() -> None:
    training = load(LENET).training
    assert training is not None
    assert data(LENET)["batch"] == training.batch_size


def test_a_letter_without_a_size_is_asked_for_with_one_that_is_legal() -> None:
    with pytest.raises(SpecError, match="NS675") as refused:
        printed(UNET)
    assert refused.value.diagnostics[0].help == "say how large, as `--sizes H=16,W=16`"
    assert data(UNET, "--sizes", "H=64,W=32", "--batch", "1")["sizes"] == {"H": 64, "W": 32}


def test_a_size_that_no_layer_takes_is_refused_as_everywhere() -> None:
    with pytest.raises(SpecError, match="NS281"):
        printed(LENET, "--sizes", "Q=3")


def test_the_largest_batch_that_fits_fits_and_one_sample_more_does_not() -> None:
    found = data(TUTORIAL, "--fits", "1GiB")["fits"]
    assert found["room"] == 2**30
    total = {
        n: data(TUTORIAL, "--batch", str(n))["bytes"]["total"] for n in (found["batch"], found["batch"] + 1)
    }
    assert total[found["batch"]] <= 2**30 < total[found["batch"] + 1]


def test_where_not_even_one_sample_fits_it_is_said() -> None:
    assert "not even a batch of one sample fits" in printed(TUTORIAL, "--fits", "1 MiB")


def test_what_is_free_on_the_machine_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "_free", lambda: 2**29)
    assert data(LENET, "--fits", "machine")["fits"]["room"] == 2**29


def test_a_machine_that_does_not_say_what_is_free_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(self: Path, **named: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    with pytest.raises(SpecError, match="NS675"):
        told._free()


def test_what_is_free_on_cuda_is_refused_without_one() -> None:
    with pytest.raises(SpecError, match="NS703"):
        printed(LENET, "--fits", "cuda")


@pytest.mark.parametrize("wrong", ["8", "8 gigs", "-1GiB", "1e9B", "GiB", "9" * 40 + "GiB"])
def test_what_is_no_size_is_an_error_of_the_command_line(wrong: str) -> None:
    with pytest.raises(click.BadParameter, match="no size"):
        printed(LENET, "--fits", wrong)


@pytest.mark.parametrize("option", [("--batch", "4"), ("--fits", "8GiB"), ("--measure",)])
def test_what_belongs_to_memory_is_refused_without_it(option: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="--memory"):
        CliRunner().invoke(show, [str(LENET), *option], standalone_mode=False, catch_exceptions=False)


def test_a_batch_of_which_training_would_fail_is_told_and_a_warning_says_so(tmp_path: Path) -> None:
    path = tmp_path / "single.yaml"
    path.write_text(
        "netspec: 1\ninputs: {image: {shape: [3, 8, 8], kind: image, range: [0, 1]}}\ntargets: {y: {shape: [3]}}\n"
        "layers:\n  - flatten\n  - linear: 3\n  - {batch_norm, name: made}\nloss: mse(made, y)\n"
    )
    made = CliRunner().invoke(
        show, [str(path), "--memory", "--batch", "1"], standalone_mode=False, catch_exceptions=False
    )
    assert "warning[NS282]" in made.stderr
    assert "a step of batches of 1 holds" in made.stdout
    assert "without `training` no optimizer is known" in made.stdout


def test_half_precision_is_said_not_to_be_counted(tmp_path: Path) -> None:
    path = tmp_path / "half.yaml"
    path.write_text(LENET.read_text().replace("training:\n", "training:\n  precision: bf16\n"))
    assert "`precision: bf16`" in printed(path)


def test_batches_that_are_added_up_take_no_more(tmp_path: Path) -> None:
    path = tmp_path / "added.yaml"
    path.write_text(LENET.read_text().replace("training:\n", "training:\n  accumulate: 4\n"))
    assert data(path)["bytes"] == data(LENET)["bytes"]
    assert "`accumulate: 4`" in printed(path)


def test_a_step_is_measured_beside_what_was_told() -> None:
    found = data(LENET, "--batch", "4", "--measure")
    measured, parts = found["measured"], found["bytes"]
    assert measured["kept"] == parts["kept"]
    assert measured["gradients"] == parts["gradients"]
    assert measured["optimizer"] == parts["optimizer"]
    assert measured["peak"] >= measured["before"] > 0


def test_a_batch_among_the_sizes_is_taken_and_two_batches_are_refused() -> None:
    assert data(LENET, "--sizes", "N=3") == data(LENET, "--batch", "3")
    assert data(LENET, "--sizes", "N=3", "--batch", "3")["batch"] == 3
    made = CliRunner().invoke(show, [str(LENET), "--memory", "--sizes", "N=3", "--batch", "4"])
    assert made.exit_code == 2
    assert "`--batch 4` and `--sizes N=3` are two batches" in made.output
