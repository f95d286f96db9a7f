"""The plan of a real run: measured, kept in its folder, and repeated to the same bits where it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netspec.backend import RunResult, Watcher
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.plan import Settled, ground
from netspec_torch.train import planning
from netspec_torch.train.batches import Plan, Stream
from netspec_torch.train.evaluate import evaluate
from netspec_torch.train.learner import Learner
from netspec_torch.train.rehearsal import Rehearsal
from netspec_torch.train.run import compile_spec, open_data, train
from netspec_torch.way import no_compiler
from tests.backends.torch.train import small

PLANNED = (
    "seed: 3",
    "seed: 3\n  plan: {memory_format: channels_last, threads: 1, workers: 2}\n  precision: bf16",
)


class Told(small.Then):
    """Keeps what is said of plans."""

    def __init__(self, at: int = 0, action: Any = lambda: None) -> None:
        super().__init__(at, action)
        self.records: list[Mapping[str, Any]] = []
        self.tried: list[str] = []
        self.differences: list[str] = []

    def planning(self, what: str) -> None:
        self.tried.append(what)

    def planned(self, record: Mapping[str, Any]) -> None:
        self.records.append(record)

    def moved(self, differences: Sequence[str]) -> None:
        self.differences += differences


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "netspec" / "plans"


def run(checked: Spec, **options: Any) -> RunResult:
    return train(checked, runs=checked.folder / "runs", device="cpu", **options)


def record(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return told


def test_without_a_plan_nothing_is_measured_and_pytorchs_own_way_is_recorded(
    tmp_path: Path, cache: Path
) -> None:
    watcher = Told()
    folder = run(small.spec(tmp_path, ("epochs: 2", "steps: 4")), watcher=watcher).folder
    assert Settled.from_json(record(folder)["plan"]) == Settled()
    assert (watcher.tried, watcher.records) == ([], [])
    assert not cache.exists()


def test_what_is_measured_is_printed_kept_and_pinned_in_the_run(tmp_path: Path, cache: Path) -> None:
    checked = small.spec(
        tmp_path, ("epochs: 2", "steps: 4"), ("seed: 3", "seed: 3\n  plan: auto\n  precision: auto")
    )
    state = torch.random.get_rng_state()
    watcher = Told()
    folder = run(checked, watcher=watcher).folder
    assert torch.equal(torch.random.get_rng_state(), state)
    told = record(folder)
    settled = Settled.from_json(told["plan"])
    assert settled.threads is not None
    assert told["planned"]["asked"]["compile"] == "auto"
    assert {one["part"] for one in told["planned"]["tried"]} >= {"memory_format", "precision", "workers"}
    assert told["planned"]["machine"] == ground.called("cpu")
    assert watcher.records[0]["plan"] == told["plan"]
    assert len(list(cache.glob("*.json"))) == 1
    assert str(tmp_path) not in next(cache.glob("*.json")).read_text(encoding="utf-8")


def test_measuring_changes_no_number_of_the_run(tmp_path: Path) -> None:
    """The same pins with and without something measured beside them."""
    change = ("epochs: 2", "steps: 4")
    plain = small.spec(_folder(tmp_path, "plain"), change)
    pins = {"threads": 1, "memory_format": "contiguous", "compile": False}
    one = run(plain, pins={**pins, "workers": 0}).folder
    other = run(plain, pins={**pins, "workers": "auto"}).folder
    assert small.same(small.last(one), small.last(other))


def test_a_planned_run_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "SAVE_EVERY", 0.0)
    straight = run(small.spec(_folder(tmp_path, "straight"), PLANNED)).folder
    checked = small.spec(_folder(tmp_path, "cut"), PLANNED)
    with pytest.raises(small.Crash):
        run(checked, watcher=small.Then(7, small.crash))
    folder = small.only_run(checked)
    threads = torch.get_num_threads()
    run(checked, resume=folder)
    assert torch.get_num_threads() == threads
    assert small.same(small.last(folder), small.last(straight))
    assert (folder / "metrics.csv").read_bytes() == (straight / "metrics.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(bool(no_compiler()), reason="nothing here compiles")
def test_a_compiled_run_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "SAVE_EVERY", 0.0)
    pins = {"compile": True, "threads": 1, "precision": "bf16"}
    straight = run(small.spec(_folder(tmp_path, "straight")), pins=pins).folder
    checked = small.spec(_folder(tmp_path, "cut"))
    with pytest.raises(small.Crash):
        run(checked, watcher=small.Then(7, small.crash), pins=pins)
    torch.compiler.reset()
    folder = small.only_run(checked)
    run(checked, resume=folder)
    assert small.same(small.last(folder), small.last(straight))
    assert Settled.from_json(record(folder)["plan"]).compile


def test_going_on_repeats_the_pinned_plan_whatever_is_measured_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "SAVE_EVERY", 0.0)
    seen: list[Settled] = []
    apply = Settled.apply

    def watched(self: Settled, model: torch.nn.Module) -> Any:
        seen.append(self)
        return apply(self, model)

    change = ("seed: 3", "seed: 3\n  plan: auto")
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 6"), change)
    with pytest.raises(small.Crash):
        run(checked, watcher=small.Then(3, small.crash))
    folder = small.only_run(checked)
    told = record(folder)
    pinned = replace(Settled.from_json(told["plan"]), memory_format="channels_last", workers=3)
    (folder / "run.json").write_text(json.dumps({**told, "plan": pinned.as_json()}), encoding="utf-8")
    monkeypatch.setattr(Settled, "apply", watched)
    monkeypatch.setattr(
        Rehearsal, "lane", lambda *_, **__: pytest.fail("a run that goes on measures nothing")
    )
    watcher = Told()
    run(checked, resume=folder, watcher=watcher)
    assert seen == [pinned]
    assert (watcher.tried, watcher.records, watcher.differences) == ([], [], [])


def test_another_machine_is_told(tmp_path: Path) -> None:
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"))
    folder = run(checked).folder
    told = record(folder)
    told["planned"]["machine"] = {"processor": "an older one", "cores": told["planned"]["machine"]["cores"]}
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    watcher = Told()
    run(checked, resume=folder, watcher=watcher)
    assert [one.split(" ")[0] for one in watcher.differences] == ["processor", "torch"]
    assert "processor an older one, here " in watcher.differences[0]


def test_a_run_from_before_plans_goes_on_in_pytorchs_own_way(tmp_path: Path) -> None:
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"))
    folder = run(checked).folder
    told = record(folder)
    del told["plan"], told["planned"]
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    assert run(checked, resume=folder).report["step"] == 4
    assert evaluate(checked, folder, device="cpu")["samples"] == 50


@pytest.mark.parametrize("plan", [None, "auto", {"device": "cpu"}, []])
def test_a_plan_that_is_none_is_refused_and_nothing_is_guessed(plan: Any, tmp_path: Path) -> None:
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"))
    folder = run(checked).folder
    (folder / "run.json").write_text(json.dumps({**record(folder), "plan": plan}), encoding="utf-8")
    with pytest.raises(SpecError, match="NS661"):
        run(checked, resume=folder)


@pytest.mark.parametrize(
    "options", [{"pins": {"compile": "auto"}}, {"pins": {"precision": "auto"}}, {"replan": True}]
)
def test_a_run_that_goes_on_measures_nothing(options: dict[str, Any], tmp_path: Path) -> None:
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"))
    folder = run(checked).folder
    with pytest.raises(SpecError, match="NS662"):
        run(checked, resume=folder, **options)


def test_a_pin_holds_from_where_a_run_goes_on_and_is_recorded(tmp_path: Path) -> None:
    checked = small.spec(tmp_path, PLANNED, ("epochs: 2", "steps: 4"))
    folder = run(checked).folder
    run(checked, resume=folder, pins={"workers": 0, "precision": "float32"})
    assert Settled.from_json(record(folder)["plan"]) == Settled(memory_format="channels_last", threads=1)


def test_pins_go_over_the_spec(tmp_path: Path) -> None:
    checked = small.spec(tmp_path, PLANNED, ("epochs: 2", "steps: 4"))
    folder = run(checked, pins={"memory_format": "contiguous", "precision": "float32"}).folder
    assert Settled.from_json(record(folder)["plan"]) == Settled(threads=1, workers=2)


@pytest.mark.parametrize("precision", ["fp16", "tf32"])
def test_numbers_of_cuda_are_refused_on_a_cpu(precision: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS646"):
        run(small.spec(tmp_path), pins={"precision": precision})
    assert not (tmp_path / "runs").exists()


def test_a_compiler_that_is_pinned_and_missing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "no_compiler", lambda: "no compiler")
    with pytest.raises(SpecError, match=r"NS660.*no compiler"):
        run(small.spec(tmp_path, ("seed: 3", "seed: 3\n  plan: {compile: true}")))
    assert not (tmp_path / "runs").exists()


def test_a_layer_that_stays_in_float32_does_so_in_training_and_in_evaluation(tmp_path: Path) -> None:
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"), ("seed: 3", "seed: 3\n  precision: bf16"))
    folder = run(checked).folder
    told = record(folder)
    before = evaluate(checked, folder, device="cpu")["loss"]
    fenced = {**told, "plan": {**told["plan"], "float32": ["conv1", "logits"]}}
    (folder / "run.json").write_text(json.dumps(fenced), encoding="utf-8")
    after = evaluate(checked, folder, device="cpu")["loss"]
    assert after != before
    (folder / "run.json").write_text(
        json.dumps({**told, "plan": {**told["plan"], "float32": ["gone"]}}), "utf-8"
    )
    with pytest.raises(SpecError, match="NS652"):
        evaluate(checked, folder, device="cpu")


def test_a_loader_with_workers_gives_the_same_batches_in_the_same_order(tmp_path: Path) -> None:
    checked = small.spec(tmp_path)
    samples = open_data(checked, Watcher())
    order = Plan(samples.splits["train"], 32, 1, 3)
    plain = list(Stream(samples, order, 2, 12))
    for workers in (1, 3):
        ahead = list(Stream(samples, order, 2, 12, workers=workers))
        assert small.same([one for one, _ in ahead], [one for one, _ in plain])
        assert [weight for _, weight in ahead] == [weight for _, weight in plain]


def test_the_guard_takes_real_batches_and_finds_nothing_in_a_right_network(tmp_path: Path) -> None:
    checked = small.spec(tmp_path)
    samples = open_data(checked, Watcher())
    order = Plan(samples.splits["train"], 32, 1, 3)
    stage = Rehearsal(checked, order, samples, lambda: compile_spec(checked))
    assert stage.guard(Settled(precision="bf16")) == []
    batch = stage.batches(Settled())[0]
    assert torch.equal(batch["label"], torch.from_numpy(samples.fields["label"][order.part(0)[0]]))


def test_layers_are_checked_with_the_weights_that_the_training_starts_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(small.spec(_folder(tmp_path, "first"), ("epochs: 2", "steps: 6"))).folder
    seen: list[torch.Tensor] = []

    def watched(self: Rehearsal, settled: Settled, share: float) -> list[str]:
        model = self._make().model
        seen.append(model.get_parameter("logits.weight").detach().clone())
        return []

    monkeypatch.setattr(Rehearsal, "guard", watched)
    monkeypatch.setattr(ground, "has_bf16", lambda: True)
    checked = small.spec(_folder(tmp_path, "second"), ("epochs: 2", "steps: 4"))
    run(checked, weights=first, pins={"precision": "auto"})
    assert torch.equal(seen[0], torch.load(first / "weights.pt", weights_only=True)["logits.weight"])


def test_a_network_that_pytorch_cannot_run_in_a_way_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Settled, model: torch.nn.Module) -> Any:
        if self.memory_format == "channels_last":
            raise RuntimeError("no such kernel")
        return model

    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"))
    monkeypatch.setattr(Settled, "apply", broken)
    watcher = Told()
    run(checked, watcher=watcher, pins={"memory_format": "auto"})
    (tried,) = watcher.records[0]["tried"]
    assert (tried["taken"], tried["why"]) == (False, "PyTorch raises RuntimeError")
    assert (
        planning.recorded(record(small.only_run(checked)), checked.training, torch.device("cpu")) == Settled()
    )


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
