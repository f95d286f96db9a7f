from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netspec.data.samples import open_samples
from netspec.front import load
from netspec.recipe.schedule import paces
from netspec.text import SpecError
from netspec_torch.train.batches import Plan, noise_seed, set_noise
from netspec_torch.train.folder import new_run
from netspec_torch.train.run import compile_spec, train
from tests.backends.torch.train import small


def rows(folder: Path) -> list[dict[str, str]]:
    """The log of a run."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def record(folder: Path, name: str) -> Any:
    """A JSON file of a run."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    return small.run(small.spec(tmp_path_factory.mktemp("finished"))).folder


def test_the_run_folder_holds_all_that_is_needed_to_know_what_was_done(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints",
        "metrics.csv",
        "model.py",
        "quality.json",
        "result.json",
        "run.json",
        "spec.yaml",
        "split.json",
        "weights.pt",
    ]
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    assert (folder / "spec.yaml").read_text(encoding="utf-8") == small.SPEC
    told = record(folder, "run.json")
    assert told["seed"] == 3
    assert told["samples"] == {"train": 150, "validation": 50, "test": 0}
    assert told["parameters"] == told["trainable"] == 36 + 4 + 8 + 1450
    assert told["versions"]["torch"] == torch.__version__
    assert str(Path.home()) not in json.dumps(told)


def test_the_split_of_the_run_is_the_one_that_was_trained_on(folder: Path) -> None:
    checked = load(folder / "spec.yaml")
    assert checked.data is not None
    declared = {**checked.graph.inputs, **checked.graph.targets}
    samples = open_samples(checked.data, checked.folder, declared=declared)
    told = record(folder, "split.json")
    assert told["train"]["samples"] == samples.splits["train"].tolist()
    assert len(set(told["train"]["groups"])) == 150


def test_the_written_model_with_the_kept_weights_is_the_best_model_of_the_run(folder: Path) -> None:
    scope: dict[str, Any] = {"__name__": "written"}
    exec((folder / "model.py").read_text(encoding="utf-8"), scope)
    model: nn.Module = scope["Small"]()
    model.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    best = min(rows(folder), key=lambda row: float(row["validation_loss"]))
    assert record(folder, "result.json")["metrics"]["accuracy"] == float(best["accuracy"])
    assert record(folder, "result.json")["best_epoch"] == int(best["epoch"])


def test_the_same_spec_trained_twice_gives_two_folders_and_one_result(tmp_path: Path) -> None:
    checked = small.spec(tmp_path)
    one, other = small.run(checked), small.run(checked)
    assert one.folder != other.folder
    assert small.same(small.last(one.folder), small.last(other.folder))


def test_training_leaves_torchs_generator_as_it_was(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    small.run(small.spec(tmp_path, ("epochs: 2", "steps: 4")))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_rates_in_the_log_are_those_of_the_schedule(folder: Path) -> None:
    checked = load(folder / "spec.yaml")
    assert checked.training is not None
    pace = paces(checked.training.schedule, 10, 5)
    assert [float(row["lr"]) for row in rows(folder)] == [0.05 * pace(4).factor, 0.05 * pace(9).factor]
    assert [int(row["step"]) for row in rows(folder)] == [5, 10]


@pytest.mark.parametrize("clip", ["norm: 0.1", "value: 0.01"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_weights_are_those_of_a_loop_written_out(clip: str, accumulate: int, tmp_path: Path) -> None:
    checked = small.spec(
        tmp_path,
        ("norm: 1", clip),
        ("  - dropout: 0.3\n", ""),
        ("  - batch_norm\n", ""),
        ("batch_size: 32", f"batch_size: 40\n  accumulate: {accumulate}"),
    )
    result = small.run(checked)
    recipe = checked.training
    assert recipe is not None
    assert checked.data is not None
    declared = {**checked.graph.inputs, **checked.graph.targets}
    samples = open_samples(checked.data, checked.folder, declared=declared)
    plan = Plan(samples.splits["train"], 40, accumulate, 3)
    model = compile_spec(checked).model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    pace = paces(recipe.schedule, 2 * plan.steps_per_epoch, plan.steps_per_epoch)
    for step in range(2 * plan.steps_per_epoch):
        parts = [plan.part(step * accumulate + i)[0] for i in range(accumulate)]
        chosen = np.concatenate(parts)
        image = torch.from_numpy(np.array(samples.fields["image"][chosen]))
        label = torch.from_numpy(np.array(samples.fields["label"][chosen]))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(image), label).backward()  # type: ignore[no-untyped-call]
        if clip.startswith("norm"):
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        else:
            nn.utils.clip_grad_value_(model.parameters(), 0.01)
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * pace(step).factor
        optimizer.step()
    weights = small.last(result.folder)["model"]
    for name, value in model.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6)


def test_a_length_in_steps_ends_in_the_middle_of_an_epoch_with_a_row_of_its_own(tmp_path: Path) -> None:
    result = small.run(small.spec(tmp_path, ("epochs: 2", "steps: 7")))
    assert [(row["epoch"], row["step"]) for row in rows(result.folder)] == [("1", "5"), ("2", "7")]


def test_early_stopping_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    checked = small.spec(
        tmp_path,
        ("epochs: 2", "epochs: 50"),
        ("clip: {norm: 1}", "early_stopping: {minimize: accuracy, patience: 2 epochs}"),
    )
    result = small.run(checked)
    logged = rows(result.folder)
    assert result.report["stopped"] == "early"
    assert len(logged) == result.report["best_epoch"] + 2
    assert small.run(checked, resume=result.folder).report["step"] == result.report["step"]
    assert rows(result.folder) == logged


def test_as_many_of_the_best_checkpoints_are_kept_as_are_asked_for(tmp_path: Path) -> None:
    checked = small.spec(
        tmp_path, ("epochs: 2", "epochs: 5"), ("clip: {norm: 1}", "checkpoint: {maximize: accuracy, keep: 2}")
    )
    result = small.run(checked)
    ranked = sorted(rows(result.folder), key=lambda row: -float(row["accuracy"]))
    kept = {f"epoch-{int(row['epoch']):04d}.ckpt" for row in ranked[:2]}
    there = {path.name for path in (result.folder / "checkpoints").iterdir()}
    assert there == kept | {"best.ckpt", "last.ckpt"}
    assert result.report["metrics"]["accuracy"] == float(ranked[0]["accuracy"])


def test_without_validation_there_is_a_log_of_the_training_alone(tmp_path: Path) -> None:
    result = small.run(small.spec(tmp_path, (", validation: 50", "")))
    assert list(rows(result.folder)[0]) == ["epoch", "step", "lr", "train_loss"]
    assert result.report["split"] == "train"


def test_brain_floats_train_too(tmp_path: Path) -> None:
    result = small.run(small.spec(tmp_path, ("seed: 3", "seed: 3\n  precision: bf16")))
    assert 0 < result.report["loss"]["loss"] < math.log(10)
    assert small.last(result.folder)["model"]["logits.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    "change, code",
    [
        (("seed: 3", "seed: 3\n  precision: fp16"), "NS646"),
        (("seed: 3", "seed: 3\n  accumulate: 151"), "NS640"),
        (("clip: {norm: 1}", "checkpoint: {maximize: accuracy}"), "NS647"),
        (("classes: 10}", "classes: 9}"), "NS504"),
        (("height: 8, width: 8}", "height: 9, width: 8}"), "NS503"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(
    change: tuple[str, str], code: str, tmp_path: Path
) -> None:
    changes = [change, (", validation: 50", "")] if code == "NS647" else [change]
    with pytest.raises(SpecError, match=code):
        small.run(small.spec(tmp_path, *changes))
    assert not (tmp_path / "runs").exists()


def test_a_spec_without_training_is_refused(tmp_path: Path) -> None:
    text = small.SPEC[: small.SPEC.index("training:")]
    with pytest.raises(SpecError, match="NS645"):
        small.run(load(small.write(tmp_path, text=text)))


def test_a_place_where_no_folder_can_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(SpecError, match="NS641"):
        train(small.spec(tmp_path), runs=tmp_path / "runs", device="cpu")


@pytest.mark.parametrize(
    "count, batch, accumulate", [(150, 32, 1), (129, 32, 1), (10, 32, 1), (150, 16, 3), (100, 33, 3)]
)
def test_every_epoch_takes_each_sample_once_and_no_batch_is_a_single_one(
    count: int, batch: int, accumulate: int
) -> None:
    plan = Plan(np.arange(count) * 3, batch, accumulate, 5)
    orders = []
    for epoch in range(2):
        parts = [plan.part(epoch * plan.parts_per_epoch + i) for i in range(plan.parts_per_epoch)]
        taken = np.concatenate([numbers for numbers, _ in parts])
        assert sorted(taken) == list(range(0, 3 * count, 3))
        assert min(len(numbers) for numbers, _ in parts) >= 2
        for step in range(plan.steps_per_epoch):
            weights = [weight for _, weight in parts[step * accumulate : (step + 1) * accumulate]]
            assert sum(weights) == pytest.approx(accumulate)
        orders.append(taken.tolist())
    assert orders[0] != orders[1]


def test_noise_differs_from_step_to_step_and_from_seed_to_seed() -> None:
    assert len({noise_seed(seed, taken) for seed in range(5) for taken in range(20)}) == 100


def test_a_run_writes_nothing_outside_its_folder_and_the_cache(tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        small.run(small.spec(tmp_path, ("epochs: 2", "steps: 4")))
    finally:
        os.chdir(here)
    assert {path.name for path in tmp_path.iterdir()} <= {"small.yaml", "runs", ".netspec"}


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "..", "", "a" * 5000, "a\nb", "."])
def test_no_name_leads_a_run_out_of_the_folder_of_runs(name: str, tmp_path: Path) -> None:
    made = new_run(tmp_path / "runs", name, "0" * 64)
    assert made.path.resolve().parent == (tmp_path / "runs").resolve()
    assert not made.path.name.startswith(".")
    assert made.checkpoints.is_dir()


@pytest.mark.parametrize("device", ["cpu"])
def test_noise_is_that_of_torch_seeded_whole(device: str) -> None:
    set_noise(torch.device(device), 2**62 + 11)
    drawn = torch.rand(5, device=device)
    torch.manual_seed(2**62 + 11)
    assert torch.equal(drawn, torch.rand(5, device=device))


def test_the_stacks_of_generators_that_are_never_used_are_not_formatted_at_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("traceback.format_stack", lambda *_: pytest.fail("a stack was formatted"))
    set_noise(torch.device("cpu"), 3)
