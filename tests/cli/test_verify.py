from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import netspec_numpy
import netspec_torch
from netspec import backend
from netspec.cli.verify import verify
from netspec.ops.linear import Linear
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
