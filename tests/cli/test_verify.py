from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import netspec_numpy
import netspec_torch
from netspec import backend
from netspec.cli import progress
from netspec.cli.verify import verify
from netspec.ops.linear import Linear
from netspec.proof.modes import MODES, QUICK
from netspec.text import SpecError
from tests.proof.specs import CLASSIFIER, CURVE, Planted, altered

TRAINING = "training:\n  epochs: 2\n  batch_size: 4\n  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}\n"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backends as an installed netspec finds them."""
    found: dict[str, Any] = {"numpy": netspec_numpy, "torch": netspec_torch}
    monkeypatch.setattr(backend, "find", found.__getitem__)


def prove(tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "model.yaml"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(verify, [str(file), *options], catch_exceptions=False, standalone_mode=False)


def test_a_model_that_agrees_is_told_in_a_table(tmp_path: Path) -> None:
    done = prove(tmp_path, CURVE + TRAINING + "  schedule: [warmup: 1 epochs, cosine]\n")
    assert done.return_value == 0
    first, under, *rest = done.output.splitlines()
    assert first.split()[:2] == ["mode", "compared"]
    assert set(under) == {"-"}
    assert any(line.split()[:4] == ["float64", "update", "step", "3"] for line in rest)
    assert rest[-1].startswith("curve: torch and numpy agree in float64, float32, bf16, channels_last on ")


def test_every_tensor_is_printed_if_asked_for(tmp_path: Path) -> None:
    done = prove(tmp_path, CLASSIFIER, "--all", "--batch", "3", "--seed", "5", "--modes", "float64")
    assert done.return_value == 0
    assert sum("batch_norm1.running_var" in line for line in done.output.splitlines()) == 1
    assert "note: the spec names no optimizer" in done.output
    assert "(N = 3; seed 5;" in done.output


def test_json_has_every_row(tmp_path: Path) -> None:
    done = prove(tmp_path, CURVE + TRAINING, "--format", "json", "--modes", "float64")
    told = json.loads(done.output)
    assert done.return_value == 0
    assert (told["name"], told["ok"], told["candidate"]) == ("curve", True, "torch")
    assert {row["what"] for row in told["rows"]} == {
        "value", "loss", "gradient", "input gradient", "update", "slope",
    }  # fmt: skip


def test_a_model_that_differs_ends_with_status_one_and_points_at_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(op: Any, inputs: Any, at: Any, made: Any) -> Any:
        del op, inputs, at
        return type(made)((made.outputs[0] * (1 + 1e-8),), made.saved, made.state)

    planted = Planted(altered(Linear, forward=off))
    found: dict[str, Any] = {"numpy": netspec_numpy, "torch": planted}
    monkeypatch.setattr(backend, "find", found.__getitem__)
    done = prove(tmp_path, CURVE)
    assert done.return_value == 1
    assert "<-- differs" in done.stdout
    assert "planted and numpy DIFFER" in done.stdout
    assert "error[NS714]: the value of `linear1`" in done.stderr
    assert "model.yaml:7:5" in done.stderr
    assert json.loads(prove(tmp_path, CURVE, "--format", "json").stdout)["diverging"][0]["line"] == 7


def test_the_schedule_sets_the_rates_of_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def watched(descent: Any, parameters: Any, gradients: Any, paces: Any) -> Any:
        seen.append(tuple(pace.factor for pace in paces))
        return netspec_numpy.update(descent, parameters, gradients, paces)

    found: dict[str, Any] = {"numpy": netspec_numpy, "torch": Planted(step=watched)}
    monkeypatch.setattr(backend, "find", found.__getitem__)
    prove(tmp_path, CURVE + TRAINING + "  schedule: [warmup: 10 steps, cosine]\n")
    assert seen == [pytest.approx((0.1, 0.2, 0.3))]


def test_a_wrong_spec_is_refused_as_everywhere(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS"):
        prove(tmp_path, CURVE.replace("softmax", "sofmax"))


# ---------------------------------------------------------------------------------------- modes, steps, certificates


def test_modes_that_are_not_run_are_said_with_their_reasons(tmp_path: Path) -> None:
    done = prove(tmp_path, CURVE, "--modes", "float32, bf16")
    assert done.return_value == 0
    assert "curve: torch and numpy agree in float32, bf16 on " in done.output
    assert "not run: float64: not asked for" in done.output
    assert "float32  value" in done.output
    assert "float64  " not in done.output.partition("not run")[0]


@pytest.mark.parametrize("modes", ["float16", "", "float32,all"])
def test_a_mode_that_there_is_not_is_a_usage_error(tmp_path: Path, modes: str) -> None:
    with pytest.raises(click.BadParameter, match="float64, float32, bf16, channels_last, compile, cuda"):
        prove(tmp_path, CURVE, "--modes", modes)


def test_all_asks_for_every_mode() -> None:
    context = click.Context(verify)
    (option,) = (one for one in verify.params if one.name == "modes")
    assert option.process_value(context, "all") == tuple(MODES)
    assert option.process_value(context, None) == QUICK


def test_so_many_steps_are_taken_and_the_schedule_stays_behind_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def watched(descent: Any, parameters: Any, gradients: Any, paces: Any) -> Any:
        seen.append([pace.factor for pace in paces])
        return netspec_numpy.update(descent, parameters, gradients, paces)

    found: dict[str, Any] = {"numpy": netspec_numpy, "torch": Planted(step=watched)}
    monkeypatch.setattr(backend, "find", found.__getitem__)
    short = TRAINING.replace("epochs: 2", "steps: 4") + "  schedule: [warmup: 4 steps]\n"
    prove(tmp_path, CURVE + short, "--steps", "6")
    ((*first, fifth, sixth),) = seen
    assert len(first) == 4
    assert fifth == sixth == first[-1]


def test_certificates_are_written_in_both_forms(tmp_path: Path) -> None:
    page, plain = tmp_path / "proof.html", tmp_path / "proof.txt"
    options = ("--certificate", str(page), "--certificate", str(plain), "--modes", "float64", "--seed", "7")
    done = prove(tmp_path, CURVE + TRAINING, *options)
    assert done.return_value == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    told = plain.read_text(encoding="utf-8")
    assert told.startswith("Certificate of curve\n====================\n")
    assert "netspec verify model.yaml --seed 7 --batch 2 --steps 3 --modes float64 --backend torch" in told


def test_a_certificate_is_written_where_something_differs_and_the_status_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(op: Any, inputs: Any, at: Any, made: Any) -> Any:
        del op, inputs, at
        return type(made)((made.outputs[0] * (1 + 1e-8),), made.saved, made.state)

    found: dict[str, Any] = {"numpy": netspec_numpy, "torch": Planted(altered(Linear, forward=off))}
    monkeypatch.setattr(backend, "find", found.__getitem__)
    file = tmp_path / "proof.txt"
    assert prove(tmp_path, CURVE, "--certificate", str(file)).return_value == 1
    assert "Where they differ" in file.read_text(encoding="utf-8")


def test_a_certificate_of_another_ending_is_a_usage_error_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match=r"proof\.pdf` ends neither with \.html nor with \.txt"):
        prove(tmp_path, CURVE, "--certificate", "proof.pdf")


def test_a_certificate_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS746"):
        prove(tmp_path, CURVE, "--modes", "float64", "--certificate", str(tmp_path / "no" / "proof.txt"))


def test_json_tells_with_what_it_was_made(tmp_path: Path) -> None:
    told = json.loads(prove(tmp_path, CURVE, "--format", "json", "--modes", "float64,float32").stdout)
    assert len(told["digest"]) == 64
    assert {"netspec", "numpy", "torch", "python", "platform", "CPU", "command", "time"} <= set(told["made"])
    assert {one["way"] for one in told["drift"]} == {"float32"}
    assert {one["mode"] for one in told["missing"]} == {"bf16", "channels_last", "compile", "cuda"}
    assert told["terms"] > 8


def test_how_far_it_has_come_is_told_on_the_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_EVERY", -1.0)
    done = prove(tmp_path, CURVE + TRAINING)
    told = [line for line in done.stderr.splitlines() if " of " in line]
    assert told[0] == "the reference in evaluation: 0 of 16"
    assert "bf16 in training: 12 of 16" in told
    assert told[-1] == "3 steps of training: 15 of 16"
    assert " of 16" not in done.stdout
