"""An op and a backend of another package, installed as a wheel: all that ours have, they have for free."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.conftest import Installed, Ran

NET = """\
netspec: 1
name: acme
inputs: {image: {shape: [2, 6, 6], range: [0, 1]}}
targets: {volume: {shape: [1]}}
layers:
  - {acme.gem_pool: 2, name: pooled}
  - linear: 4
  - tanh
  - {linear: 1, name: y}
loss: mse(y, volume)
training: {epochs: 1, batch_size: 2, seed: 1, device: cpu, optimizer: {sgd: 0.1}}
"""


WITH_SIGMOID = NET.replace("- tanh", "- sigmoid")
IN_FORMULA = NET.replace(
    "{acme.gem_pool: 2, name: pooled}", "{formula: 'acme.gem_pool(image, 2)', name: pooled}"
)

ASKED = {
    "validate": "validate net.yaml",
    "show": "show net.yaml",
    "formula": "show formula.yaml",
    "torch": "verify net.yaml --modes float64,float32",
    "tape": "verify net.yaml --backend tape --format json",
    "unknown to the tape": "verify sigmoid.yaml --backend tape",
    "conformance": "conformance acme.gem_pool relu conv --format json",
    "compile": "compile net.yaml -o net.py",
    "page": "explain acme.gem_pool",
    "schema": "schema",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few specs of the op."""
    made = tmp_path_factory.mktemp("specs")
    for name, text in (("net", NET), ("sigmoid", WITH_SIGMOID), ("formula", IN_FORMULA)):
        (made / f"{name}.yaml").write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def ran(acme: Installed, folder: Path) -> dict[str, Ran]:
    """What is asked above, in one process."""
    done = acme.commands([one.split() for one in ASKED.values()], folder)
    return dict(zip(ASKED, done, strict=True))


def test_a_spec_calls_the_op_as_a_layer_and_in_formulas(ran: dict[str, Ran]) -> None:
    assert (ran["validate"].returncode, ran["validate"].stderr) == (0, "")
    for one in ("show", "formula"):
        assert ran[one].returncode == 0, ran[one].told
        assert "19 trainable parameters" in ran[one].stdout
    row = next(line for line in ran["show"].stdout.splitlines() if line.startswith("pooled"))
    assert row.split() == ["pooled", "acme.gem_pool", "[N,", "2]", "all", "2"]


def test_without_the_package_its_op_is_not_there(acme: Installed, folder: Path) -> None:
    code = "from netspec.cli.main import main; main(['validate', 'net.yaml'])"
    done = acme.run(code, folder, packages=False)
    assert done.returncode == 1
    assert "error[NS101]: there is no op `acme.gem_pool`" in done.stdout + done.stderr


MISTAKES = {
    "{acme.gem_poll: 2, name: pooled}": ["NS101", "did you mean `acme.gem_pool`?"],
    "{acme.gem_pool: {power: 2}, name: pooled}": ["NS121", "no argument `power`", "`p`, `eps`"],
    "{acme.gem_pool: 0, name: pooled}": ["NS123", "`p`"],
    "{acme.gem_pool: 100, name: pooled}": ["ACME001", "use 64 or less"],
    "flatten\n  - {acme.gem_pool: 2, name: pooled}": ["NS210", "before any `flatten`", "makes [72] of"],
    "{formula: 'acme.gem_pol(image)', name: pooled}": ["NS136"],
}


def test_mistakes_are_told_as_for_our_own_ops(acme: Installed, tmp_path: Path) -> None:
    for i, instead in enumerate(MISTAKES):
        text = NET.replace("{acme.gem_pool: 2, name: pooled}", instead)
        (tmp_path / f"{i}.yaml").write_text(text, encoding="utf-8")
    all_of_them = acme.commands([["validate", f"{i}.yaml"] for i in range(len(MISTAKES))], tmp_path)
    for done, words in zip(all_of_them, MISTAKES.values(), strict=True):
        assert done.returncode == 1
        assert [word for word in words if word not in done.told] == [], done.told
        assert "1 error" in done.told


def test_validate_loads_no_rules_and_nothing_heavy(acme: Installed, folder: Path) -> None:
    code = (
        "import sys\nfrom netspec.front import load\nload('net.yaml')\n"
        "print(sorted({'numpy', 'torch', 'acme_netspec.ops', 'acme_netspec.on_numpy'} & set(sys.modules)))"
    )
    assert acme.run(code, folder).stdout.strip() == "['acme_netspec.ops']"


def test_torch_is_proved_against_the_rules_that_the_package_brings(ran: dict[str, Ran]) -> None:
    assert ran["torch"].returncode == 0, ran["torch"].told
    assert "acme: torch and numpy agree" in ran["torch"].stdout


def test_a_backend_of_the_package_is_proved_through_the_update(ran: dict[str, Ran]) -> None:
    assert ran["tape"].returncode == 0, ran["tape"].told
    proof = json.loads(ran["tape"].stdout)
    assert (proof["candidate"], proof["ok"]) == ("tape", True)
    assert {"value", "loss", "gradient", "update"} <= {row["what"] for row in proof["rows"]}


def test_what_a_backend_does_not_know_is_told_in_its_own_words(ran: dict[str, Ran]) -> None:
    assert ran["unknown to the tape"].returncode == 1
    assert "error[TAPE001]: the tape has no rule for `sigmoid`" in ran["unknown to the tape"].stderr


def test_the_samples_are_held_in_every_backend_that_is_installed(ran: dict[str, Ran]) -> None:
    assert ran["conformance"].returncode == 0, ran["conformance"].told
    rows = json.loads(ran["conformance"].stdout)
    assert all(row["ok"] for row in rows)
    held = {(row["op"], row["backend"], row["dtype"]) for row in rows if row["cases"]}
    wanted = {("acme.gem_pool", one, kind) for one in ("tape", "torch") for kind in ("float64", "float32")}
    assert wanted | {("acme.gem_pool", "numpy", "slopes"), ("relu", "tape", "float32")} <= held
    (unknown,) = (row for row in rows if (row["op"], row["backend"]) == ("conv", "tape"))
    assert unknown["note"] == "has no rule for it"


def test_a_test_of_the_package_asks_for_all_faults_of_its_op(acme: Installed, tmp_path: Path) -> None:
    code = (
        "from acme_netspec.ops import GemPool\nfrom netspec.proof.promise import faults\n"
        "assert not list(faults(GemPool)), list(faults(GemPool))\n"
        "GemPool.infer = lambda self, x: 1 / 0\n"
        "print(*faults(GemPool), sep='\\n')"
    )
    done = acme.run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "`acme.gem_pool` in sample 0: it is refused: the rule of `acme.gem_pool` failed on" in done.stdout
    assert "in sample 3: it is refused with `NS706`, and `NS210` was promised" in done.stdout


def test_the_written_file_needs_torch_alone(acme: Installed, ran: dict[str, Ran], folder: Path) -> None:
    assert ran["compile"].returncode == 0, ran["compile"].told
    text = (folder / "net.py").read_text("utf-8")
    assert "def gem_pool(x: torch.Tensor, weight: torch.Tensor" in text
    assert "acme_netspec" not in text
    code = (
        "import sys, torch\nfrom net import Acme\nmodel = Acme()\n"
        "assert sorted(dict(model.named_parameters()))[-1] == 'y.weight'\n"
        "print(tuple(model(torch.rand(3, 2, 6, 6)).shape), 'netspec' in sys.modules)"
    )
    alone = acme.run(code, folder, packages=False)
    assert alone.stdout.strip() == "(3, 1) False", alone.stderr


def test_the_model_trains(acme: Installed, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.random((12, 2, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", image=image, volume=image.mean((1, 2, 3))[:, None])
    split = "split: {by: sample, train: 0.7, validation: 0.3, seed: 1}"
    text = f"{NET}data:\n  source: {{npz: data.npz}}\n  {split}\n"
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    done = acme.netspec("train", "net.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.told
    (log,) = (tmp_path / "runs").glob("*/metrics.csv")
    assert len(log.read_text("utf-8").splitlines()) >= 2


def test_the_page_of_the_op_and_the_schema_come_from_the_package(ran: dict[str, Ran]) -> None:
    page = ran["page"]
    assert page.returncode == 0, page.told
    assert page.stdout.startswith("# `acme.gem_pool`: op of another package\n")
    assert "`ACME001`" in page.stdout
    assert "The power." in page.stdout
    told = json.loads(ran["schema"].stdout)["definitions"]["layer"]["anyOf"][-1]["properties"]
    assert "The generalised mean over space" in told["acme.gem_pool"]["description"]
    assert "conv" in told
