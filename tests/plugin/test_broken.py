"""A package in which nothing works: each fault is told with the name of the package, at its place, kindly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Installed, Ran

MAKER = "`shoddy-netspec` 0.1"
UPDATE = "update it, `pip install -U shoddy-netspec`, or uninstall it"

AT_LAYERS = {
    "shoddy.missing": [
        "NS704",
        "the op `shoddy.missing` of",
        MAKER,
        "No module named 'a_module_that_nobody_has'",
        UPDATE,
    ],
    "shoddy.word": ["NS705", "is no subclass of `netspec.ir.op.Op`", MAKER, UPDATE],
    "shoddy.renamed": ["NS705", "calls itself `shoddy.other`", MAKER],
    "shoddy.typed": [
        "NS706",
        "TypeError: can only concatenate tuple",
        f"({MAKER}, at ops.py:",
        "tell its makers",
    ],
    "shoddy.answer": ["NS706", "gives `TensorType`", "an `Inferred` is wanted"],
    "{formula: shoddy.missing(x), name: z}": ["NS704", MAKER],
    "{formula: shoddy.typed(x), name: z}": ["NS706", MAKER],
}
"""A layer that cannot be, and what is said of it."""

LATER = {
    "verify shoddy.ruleless": ["NS710", "the reference has no rule for `shoddy.ruleless`", ".yaml:6"],
    "compile shoddy.ruleless": ["NS730", "the torch backend has no lowering"],
    "verify shoddy.misruled": ["NS705", "for `shoddy.misruled`", "netspec_numpy.rule.Rule", MAKER],
    "compile shoddy.unsupported": ["NS735", "uses `np`, which the written file has not"],
    "verify relu --backend shoddy": ["NS705", "has no `name`, `table`, `run`, `update`", MAKER],
    "verify relu --backend gone": ["NS704", "the backend `gone`", MAKER, UPDATE],
    "verify relu --backend numby": ["NS701"],
    "conformance relu": ["NS70", MAKER],
}
"""A command with its layer, and what is said where rules and backends are asked for."""

BLAMED = ("show shoddy.seen", "verify shoddy.falling")
"""What falls over where nobody has a place to point at."""

FINE = ("validate relu", "verify relu --modes float64", "explain conv", "schema")
"""What has nothing to do with the package."""

LYING = "conformance shoddy.lying shoddy.missing --backend torch"


@pytest.fixture(scope="module")
def ran(shoddy: Installed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """All of the above, in one process, by what was asked."""
    folder = tmp_path_factory.mktemp("specs")
    asked = [*(f"validate {layer}" for layer in AT_LAYERS), *LATER, *BLAMED, *FINE, LYING]
    done = shoddy.commands([_command(one, folder) for one in asked], folder)
    return dict(zip(asked, done, strict=True))


def _command(asked: str, folder: Path) -> list[str]:
    """The command, with a spec of the layer in place of the layer; the layer stands at line 6."""
    command, rest = asked.split(maxsplit=1) if " " in asked else (asked, "")
    if command in {"conformance", "explain", "schema"}:
        return asked.split()
    layer, *options = [rest] if rest.startswith("{") else rest.split()
    path = folder / f"{abs(hash(layer))}.yaml"
    path.write_text(
        "netspec: 1\nname: net\ninputs: {x: [3]}\ntargets: {t: {shape: [2]}}\n"
        f"layers:\n  - {layer}\n  - {{linear: 2, name: y}}\nloss: mse(y, t)\n",
        encoding="utf-8",
    )
    return [command, path.name, *options]


@pytest.mark.parametrize("layer", AT_LAYERS)
def test_a_broken_op_is_told_at_its_layer(ran: dict[str, Ran], layer: str) -> None:
    done = ran[f"validate {layer}"]
    assert done.returncode == 1
    assert [word for word in AT_LAYERS[layer] if word not in done.told] == [], done.told
    assert ".yaml:6:" in done.told
    assert "1 error" in done.told


@pytest.mark.parametrize("asked", LATER)
def test_a_broken_rule_or_backend_is_told_by_name(ran: dict[str, Ran], asked: str) -> None:
    done = ran[asked]
    assert done.returncode == 1
    assert [word for word in LATER[asked] if word not in done.told] == [], done.told


@pytest.mark.parametrize("asked", BLAMED)
def test_what_falls_over_later_is_blamed_on_its_package(ran: dict[str, Ran], asked: str) -> None:
    done = ran[asked]
    assert done.returncode == 70
    assert "error: another package failed: " in done.stderr
    assert MAKER in done.stderr
    assert "netspec itself" not in done.stderr


@pytest.mark.parametrize("asked", FINE)
def test_a_broken_package_is_in_nobodys_way(ran: dict[str, Ran], asked: str) -> None:
    assert ran[asked].returncode == 0, ran[asked].told


def test_a_lying_sample_is_told_with_its_number(ran: dict[str, Ran]) -> None:
    done = ran[LYING]
    assert done.returncode == 1
    assert "sample 0: `op` is inferred [2, 3], and the reference makes [1, 3]" in done.stdout
    assert "sample 1: it is accepted, and `NS310` was promised" in done.stdout
    assert "sample 2: it is refused: no floating numbers [NS310]" in done.stdout
    assert f"the op `shoddy.missing` of {MAKER} cannot be loaded" in done.stdout
    assert "4 rows DIFFER" in done.stdout
