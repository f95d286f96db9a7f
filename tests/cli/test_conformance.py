from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

import netspec_numpy
import netspec_torch
from netspec import backend
from netspec.cli.conformance import conformance
from netspec.proof.conformance import Held
from netspec.text import SpecError


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backends as an installed netspec finds them."""
    found: dict[str, Any] = {"numpy": netspec_numpy, "torch": netspec_torch}
    monkeypatch.setattr(backend, "find", found.__getitem__)
    monkeypatch.setattr(backend, "installed", lambda: found)


def hold(*arguments: str) -> Result:
    return CliRunner().invoke(conformance, list(arguments), catch_exceptions=False, standalone_mode=False)


def test_ops_that_agree_are_told_in_a_table() -> None:
    done = hold("relu", "lin*")
    assert done.return_value == 0
    first, under, *rest = done.output.splitlines()
    assert first.split()[:4] == ["op", "backend", "type", "compared"]
    assert set(under) == {"-"}
    assert {line.split()[0] for line in rest if " torch " in line and "%" in line} == {"relu", "linear"}
    assert "2 ops and update rules in numpy, torch: agree with the reference" in rest[-1]


def test_what_differs_is_marked_and_ends_in_1(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Held("relu", "torch", "float32", "forward", 3, 0.5, 1e-6, 5e5, ok=False, where="2")
    monkeypatch.setattr("netspec.proof.conformance.conformance", lambda *_, **__: iter([row]))
    done = hold("relu")
    assert done.return_value == 1
    assert "<-- differs in sample 2" in done.output
    assert "1 rows DIFFER" in done.output


def test_json_holds_every_row_with_plain_numbers() -> None:
    done = hold("relu", "--format", "json")
    rows = json.loads(done.output)
    assert {(row["backend"], row["dtype"], row["part"]) for row in rows} == {
        ("numpy", "slopes", "backward"),
        *(("torch", dtype, part) for dtype in ("float64", "float32") for part in ("forward", "backward")),
    }
    assert all(row["ok"] and row["cases"] for row in rows)


def test_a_name_that_no_op_has_is_met_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(conformance, ["sofmax"])
    assert done.exit_code == 2
    assert "There is no op `sofmax`. Did you mean `softmax`?" in done.output


def test_a_backend_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(SpecError) as caught:
        hold("relu", "--backend", "nobody")
    assert [one.code for one in caught.value.diagnostics] == ["NS701"]
