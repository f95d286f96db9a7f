from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from netspec_torch.plan import kept
from netspec_torch.plan.duel import Duel
from netspec_torch.plan.kept import Kept, place

HELD = Duel((1.0, 1.5), (0.5, 0.25), 3.0)


def test_what_is_kept_is_there_for_the_same_key_and_no_other(tmp_path: Path) -> None:
    one = Kept({"machine": "a"}, tmp_path)
    one.record("a -> b", HELD)
    one.record("guard", ["conv1 is wrong"])
    again = Kept({"machine": "a"}, tmp_path)
    assert again.duel("a -> b") == HELD
    assert again.words("guard") == ["conv1 is wrong"]
    assert again.duel("b -> a") is None
    assert Kept({"machine": "b"}, tmp_path).duel("a -> b") is None
    assert Kept({"machine": "a"}, tmp_path, anew=True).duel("a -> b") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"a": ' * 5000, '"words"', "NaN"])
def test_garbage_is_measured_again_and_replaced(text: str, tmp_path: Path) -> None:
    Kept({}, tmp_path).record("a", HELD)
    (file,) = tmp_path.glob("*.json")
    file.write_text(text, encoding="utf-8")
    found = Kept({}, tmp_path)
    assert found.duel("a") is None
    found.record("a", HELD)
    assert Kept({}, tmp_path).duel("a") == HELD


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"mine": [1], "other": [1, 2], "first": 0},
        {"mine": [], "other": [], "first": 0},
        {"mine": [0], "other": [1], "first": 0},
        {"mine": ["1"], "other": [1], "first": 0},
        {"mine": [-1], "other": [1], "first": 0},
        {"mine": [True], "other": [1], "first": 0},
        {"mine": [1], "other": [1], "first": float("inf")},
        {"mine": [1] * 2000, "other": [1] * 2000, "first": 0},
        [1],
        "mine",
    ],
)
def test_a_duel_that_cannot_have_been_is_none(told: Any, tmp_path: Path) -> None:
    found = Kept({}, tmp_path)
    found.record("a", HELD)
    (file,) = tmp_path.glob("*.json")
    file.write_text(json.dumps({"a": told}), encoding="utf-8")
    assert Kept({}, tmp_path).duel("a") is None


def test_words_that_are_none_are_none(tmp_path: Path) -> None:
    Kept({}, tmp_path).record("a", ["x"])
    (file,) = tmp_path.glob("*.json")
    for told in ([1], "x", {"x": 1}, None):
        file.write_text(json.dumps({"a": told}), encoding="utf-8")
        assert Kept({}, tmp_path).words("a") is None


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    found = Kept({}, tmp_path / "file" / "plans")
    found.record("a", HELD)
    assert found.duel("a") == HELD  # for this run
    assert Kept({}, tmp_path / "file" / "plans").duel("a") is None


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for _ in range(20):
            Kept({}, tmp_path).record(name, HELD)

    threads = [threading.Thread(target=write, args=(f"{i}",)) for i in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    (file,) = tmp_path.iterdir()
    assert set(json.loads(file.read_text(encoding="utf-8"))) <= {"0", "1", "2", "3"}
    assert any(Kept({}, tmp_path).duel(f"{i}") == HELD for i in range(4))


def test_the_oldest_files_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 3)
    for i in range(5):
        Kept({"i": i}, tmp_path).record("a", HELD)
        for file in tmp_path.glob("*.json"):
            os.utime(file, (file.stat().st_mtime - 10, file.stat().st_mtime - 10))
    assert len(list(tmp_path.iterdir())) == 3
    assert Kept({"i": 4}, tmp_path).duel("a") == HELD
    assert Kept({"i": 0}, tmp_path).duel("a") is None


def test_the_cache_of_the_user_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert place() == tmp_path / "netspec" / "plans"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert place() == tmp_path / "home" / ".cache" / "netspec" / "plans"
