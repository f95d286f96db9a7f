"""What `netspec train` takes and prints of plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netspec import backend
from netspec.cli.planned import plan_table
from netspec.cli.progress import Lines
from netspec.cli.train import train
from netspec_torch import backend as torch_backend
from netspec_torch.plan import Settled
from tests.backends.torch.train import small


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The backend as an installed netspec finds it, and a cache folder of the test's own."""
    monkeypatch.setattr(backend, "find", lambda name: torch_backend)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def called(folder: Path, *arguments: str) -> Result:
    """`netspec train` on the small spec, cut to four steps."""
    path = small.write(folder, ("epochs: 2", "steps: 4"))
    return CliRunner().invoke(
        train, [str(path), "--runs", str(folder / "runs"), "--device", "cpu", *arguments]
    )


def record(folder: Path) -> dict[str, Any]:
    (run,) = (folder / "runs").iterdir()
    told: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return told


def test_a_plan_is_measured_printed_and_pinned(tmp_path: Path) -> None:
    done = called(tmp_path, "--plan", "auto", "--plan", "compile=false", "--plan", "threads=1")
    assert done.exit_code == 0, (done.output, done.exception)
    told = record(tmp_path)
    assert (told["plan"]["threads"], told["plan"]["compile"]) == (1, False)
    assert told["planned"]["asked"]["memory_format"] == "auto"
    assert "measuring how to run the steps here\n" in done.stderr
    table = plan_table({**told["planned"], "plan": told["plan"]})
    assert table in done.stderr
    assert " s of measuring" in table
    assert "memory_format channels_last" in table
    assert "last digits differ from PyTorch's own way: threads" in table or "memory_format, threads" in table


def test_times_are_kept_and_measured_anew_when_asked(tmp_path: Path) -> None:
    pins = ("--plan", "memory_format=auto")
    for folder, more, kept in (("a", (), False), ("b", (), True), ("c", ("--replan",), False)):
        (tmp_path / folder).mkdir()
        assert called(tmp_path / folder, *pins, *more).exit_code == 0
        (tried,) = record(tmp_path / folder)["planned"]["tried"]
        assert tried["kept"] is kept


def test_pins_and_precision_go_over_the_recipe(tmp_path: Path) -> None:
    done = called(tmp_path, "--plan", "workers=2", "--precision", "bf16")
    assert done.exit_code == 0, (done.output, done.exception)
    told = record(tmp_path)
    assert (told["plan"]["workers"], told["plan"]["precision"], told["precision"]) == (2, "bf16", "bf16")
    assert "measuring" not in done.stderr


@pytest.mark.parametrize(
    "word,words",
    [
        ("fast", "`fast` is not `auto`, `none` or PART=VALUE, such as `compile=false`"),
        ("speed=1", "parts are `memory_format`, `compile`, `threads`, `workers`"),
        ("compile=yes", "`yes` is no value of `compile`: it is `auto`, `true` or `false`"),
        ("threads=0", "`0` is no value of `threads`: it is `auto`, `null` or a whole number from 1 to 1,024"),
        ("workers=null", "`null` is no value of `workers`"),
        ("threads=" + "9" * 50, "is no value of `threads`"),
        ("memory_format=", "`` is no value of `memory_format`"),
    ],
)
def test_what_is_no_part_of_a_plan_is_a_mistake_on_the_command_line(
    word: str, words: str, tmp_path: Path
) -> None:
    done = called(tmp_path, "--plan", word)
    assert done.exit_code == 2
    assert " ".join(words.split()) in " ".join(done.output.split())
    assert not (tmp_path / "runs").exists()


def test_none_is_pytorchs_own_way_whatever_the_spec_says(tmp_path: Path) -> None:
    path = small.write(tmp_path, ("epochs: 2", "steps: 4"), ("seed: 3", "seed: 3\n  plan: auto"))
    arguments = [str(path), "--runs", str(tmp_path / "runs"), "--device", "cpu", "--plan", "none"]
    assert CliRunner().invoke(train, arguments).exit_code == 0
    assert record(tmp_path)["plan"]["threads"] is None
    assert record(tmp_path)["planned"]["tried"] == []


def test_layers_that_stay_in_float32_are_named_with_the_reason(tmp_path: Path) -> None:
    plan = {
        "memory_format": "contiguous",
        "compile": False,
        "threads": 1,
        "workers": 1,
        "precision": "bf16",
        "float32": [f"conv{i}" for i in range(10)],
    }
    tried = {
        "part": "precision",
        "tried": "bf16",
        "ratio": 0.5,
        "taken": True,
        "kept": True,
        "why": "50% faster",
    }
    wrong = {"conv0": "gradient of weight off by 1e+20, and 0.1 is rounding"}
    lines = plan_table(
        {
            "plan": plan,
            "tried": [tried],
            "wrong": wrong,
            "partly": True,
            "seconds": 0.0,
            "step": 2.5,
            "asked": {"threads": 1},
        }
    ).splitlines()
    assert lines[0] == (
        "plan (0.0 s of measuring, the rest kept from before (`--replan` measures anew), a step takes 2.50 s): "
        "bf16, contiguous, eager, 1 thread, 1 worker"
    )
    assert lines[1].split() == ["precision", "bf16", "taken", "x", "0.50", "50%", "faster"]
    assert lines[2] == "  stays in float32: conv0 (gradient of weight off by 1e+20, and 0.1 is rounding)"
    assert lines[-3:] == [
        "  and 2 more, which `run.json` names",
        "  layers were checked on a part of each batch: all of it would have taken too long",
        "  last digits differ from PyTorch's own way: threads, precision",
    ]


def test_as_many_threads_as_pytorch_takes_by_itself_change_no_digit() -> None:
    plan = {**Settled(threads=2).as_json()}
    record = {"plan": plan, "tried": [], "wrong": {}, "partly": False, "seconds": 0.0, "step": None}
    assert "last digits" not in plan_table({**record, "asked": {"threads": "auto"}})
    assert plan_table({**record, "asked": {"threads": 2}}).endswith("own way: threads")


def test_another_machine_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().moved([])
    Lines().moved(["processor a, here b", "torch 1, here 2"])
    assert capsys.readouterr().err == (
        "the run began on another machine, and its plan is kept: processor a, here b; torch 1, here 2\n"
    )
