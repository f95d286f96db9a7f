"""A whole race, in processes of its own as everywhere: what is told, and what becomes of those that cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netspec.backend import Against, Course, Watcher
from netspec.front import load
from netspec.passes.cost import cost, training_macs
from netspec.proof.workload import drawn, usual_sizes
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.bench import race as races
from netspec_torch.bench.contender import Contender
from netspec_torch.bench.contenders import CONTENDERS
from netspec_torch.bench.figures import Turn
from netspec_torch.bench.race import race, sizes_of
from tests.backends.torch.bench.test_theirs import NET, SPEC
from tests.backends.torch.train import small

FILE_THAT_DIES = (
    NET
    + """
import os, threading

class Dies(Net):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        if self.calls > 2:
            os._exit(7)
        return super().forward(x)
"""
)


def spec(folder: Path, text: str = SPEC) -> Spec:
    file = folder / "pictures.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def course(checked: Spec, **changes: Any) -> Course:
    """A short one, on numbers that were drawn."""

    def draw() -> Mapping[str, Any]:
        return drawn(checked.graph, usual_sizes(checked.graph, {}, 4), seed=0)

    return replace(
        Course(
            4,
            0.1,
            (cost(checked.graph).macs, training_macs(checked.graph)),
            draw,
            device="cpu",
            contenders=("module",),
        ),
        **changes,
    )


class Heard(Watcher):
    """Keeps what is told on the way."""

    def __init__(self) -> None:
        self.words: set[str] = set()

    def reading(self, done: int, total: int, what: str) -> None:
        assert 0 <= done <= total
        self.words.add(what)


def test_all_that_race_are_told_with_their_figures_beside_the_roof(tmp_path: Path) -> None:
    checked = spec(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    watcher = Heard()
    found = race(
        checked,
        course(
            checked,
            contenders=("plan", "by-hand"),
            against=Against(tmp_path / "net.py", "Net", "loss"),
            precision="bf16",
            pins={"memory_format": "channels_last"},
        ),
        watcher,
    )
    assert [one["name"] for one in found["contenders"]] == ["plan", "module", "by-hand"]
    assert found["reference"] == "by-hand"
    assert found["data"] == {"from": "drawn", "sizes": {"N": 4}, "why": "the spec `pictures` has no `data`"}
    assert found["macs_per_sample"] == 4 * 9 * 36 + 144 * 3
    assert (
        found["training_macs_per_sample"] == 2 * 4 * 9 * 36 + 3 * 144 * 3
    )  # nothing goes back to the picture
    assert set(found["roof"]) == {"bf16", "float32"}
    assert found["left_out"] == []
    assert watcher.words == {"comparing numbers", "measuring the plan", "warming up", "racing"}
    plan, module, by_hand = found["contenders"]
    assert plan["settings"]["precision"] == "bf16"
    assert plan["settings"]["memory_format"] == found["plan"]["plan"]["memory_format"] == "channels_last"
    assert module["settings"]["precision"] == "float32"
    assert by_hand["ratio"] == 1
    for one in found["contenders"]:
        assert one["rounds"] == found["rounds"] >= 5
        assert one["step_interval"][0] <= one["step_seconds"] <= one["step_interval"][1]
        assert one["ratio_interval"][0] <= one["ratio"] <= one["ratio_interval"][1]
        assert 0 <= one["data_share"] < 1
        assert one["memory"]["peak"] > one["memory"]["above_start"] >= 0
        assert one["warm_up_seconds"] > 0
        limit = found["roof"][one["settings"]["precision"]]["macs_per_second"]
        assert one["roof_share"] == one["macs_per_second"] / limit


@pytest.mark.slow
def test_the_specs_own_data_is_read_where_it_is_there(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    checked = small.spec(tmp_path)
    pytest.importorskip("pytorch_lightning")
    found = race(checked, course(checked, contenders=("lightning",), batch=8))
    assert found["data"] == {"from": "spec", "sizes": {"N": 8}, "why": ""}
    assert [one["name"] for one in found["contenders"]] == ["module", "lightning"]
    assert all(one["data_share"] > 0 for one in found["contenders"])


def test_a_network_that_is_another_one_is_refused_and_nothing_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = spec(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    monkeypatch.setattr(races, "_raced", lambda *_: pytest.fail("it was timed"))
    against = Against(tmp_path / "net.py", "Other")
    with pytest.raises(SpecError, match="NS672"):
        race(checked, course(checked, contenders=("by-hand",), against=against))


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    checked = spec(tmp_path)
    (tmp_path / "net.py").write_text(FILE_THAT_DIES, encoding="utf-8")
    against = Against(tmp_path / "net.py", "Dies")
    with pytest.raises(SpecError, match="NS673") as trouble:
        race(checked, course(checked, contenders=("by-hand",), against=against))
    assert trouble.value.diagnostics[0].message == (
        "`by-hand` cannot be measured: its process ended (exit status 7)"
    )


def test_what_is_not_installed_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = spec(tmp_path)
    absent = Contender("keras", "", CONTENDERS["module"].ready, needs=("no_such_package_anywhere",))
    monkeypatch.setitem(CONTENDERS, "keras", absent)
    out: dict[str, str] = {}
    names = races._asked(course(checked, contenders=("keras", "by-hand")), out)
    assert names == ["module"]
    assert out == {
        "by-hand": "no network was named with `--against`",
        "keras": "`no_such_package_anywhere` is not installed",
    }


def test_a_spec_without_a_loss_is_refused(tmp_path: Path) -> None:
    without = SPEC.replace("loss: cross_entropy(logits, label)\n", "").replace(
        "targets: {label: {kind: class_index, classes: 3}}\n", ""
    )
    checked = spec(tmp_path, without)
    with pytest.raises(SpecError, match="has no `loss`"):
        race(checked, course(checked))


def test_data_that_was_asked_for_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    checked = spec(tmp_path)
    with pytest.raises(SpecError, match="has no `data`"):
        race(checked, course(checked, data="spec"))


def test_a_precision_that_steps_are_not_timed_in_is_refused(tmp_path: Path) -> None:
    checked = spec(tmp_path)
    with pytest.raises(SpecError, match="NS646"):
        race(checked, course(checked, contenders=("plan",), precision="fp16"))


def test_letters_are_read_off_the_shapes_of_a_batch() -> None:
    zoo = load(Path(__file__).parents[4] / "specs" / "zoo" / "unet2d.yaml")
    shapes = {"image": (3, 1, 32, 48), "truth": (3, 32, 48)}
    assert sizes_of(zoo, shapes) == {"N": 3, "H": 32, "W": 48}


def test_a_turn_is_sent_whole() -> None:
    assert Turn(4, 2.0, 0.5).step == 0.5
