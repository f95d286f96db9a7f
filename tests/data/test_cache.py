"""Prepared samples on disk: whole or not there, whatever happens while they are written or lie about."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from netspec.data.cache import KEPT, Cache, Prepared
from netspec.text import SpecError

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3) + i for i in range(4)]
KEY = "a" * 64


def written(folder: Path, key: str = KEY) -> Prepared:
    with Cache(folder).write(key) as writer:
        writer.add("x", ARRAYS[:3])
        writer.add("x", ARRAYS[3:])
        writer.add("n", [np.asarray(i, np.int64) for i in range(4)])
        return writer.finish({"hello": [1, 2]})


def test_what_was_written_is_read_back_memory_mapped(tmp_path: Path) -> None:
    for prepared in (written(tmp_path), Cache(tmp_path).load(KEY)):
        assert prepared is not None
        assert isinstance(prepared.fields["x"], np.memmap)
        assert np.array_equal(prepared.fields["x"], np.stack(ARRAYS))
        assert prepared.fields["n"].tolist() == [0, 1, 2, 3]
        assert prepared.notes["hello"] == [1, 2]


def test_the_files_are_ordinary_arrays(tmp_path: Path) -> None:
    written(tmp_path)
    assert np.array_equal(np.load(tmp_path / KEY / "x.npy", allow_pickle=False), np.stack(ARRAYS))


def test_an_interrupted_run_leaves_nothing_that_is_taken_for_a_set(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.write(KEY) as writer:
        writer.add("x", ARRAYS)  # and `finish` is never reached
    assert cache.load(KEY) is None
    assert [path.name for path in tmp_path.iterdir()] == [".gitignore"]


def test_a_killed_run_s_remains_are_removed_after_a_day(tmp_path: Path) -> None:
    stale = tmp_path / ".unfinished-abc-1"
    fresh = tmp_path / ".unfinished-abc-2"
    for place in (stale, fresh):
        place.mkdir(parents=True)
    old = time.time() - 100_000
    os.utime(stale, (old, old))
    written(tmp_path)
    assert not stale.exists()
    assert fresh.exists()


@pytest.mark.parametrize("name", ["x.npy", "n.npy", "notes.json"])
def test_a_damaged_set_is_made_again(tmp_path: Path, name: str) -> None:
    written(tmp_path)
    whole = (tmp_path / KEY / name).read_bytes()
    for damage in (whole[:-1], whole[:40], b"", whole + b"\0" if name != "notes.json" else b"[]"):
        (tmp_path / KEY / name).write_bytes(damage)
        assert Cache(tmp_path).load(KEY) is None
    (tmp_path / KEY / name).unlink()
    assert Cache(tmp_path).load(KEY) is None
    assert np.array_equal(written(tmp_path).fields["x"], np.stack(ARRAYS))


def test_notes_that_lie_are_not_believed(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / KEY / "notes.json"
    notes = json.loads(path.read_text())
    for told in ({"shape": [4, 3, 2], "dtype": "<f4"}, {"shape": [1], "dtype": "|O"}, {"shape": "x"}, None):
        path.write_text(json.dumps({**notes, "fields": {"x": told}}))
        assert Cache(tmp_path).load(KEY) is None


def test_the_sets_that_were_used_last_stay(tmp_path: Path) -> None:
    for i in range(KEPT + 2):
        written(tmp_path, f"{i:064d}")
        os.utime(tmp_path / f"{i:064d}", (1000 + i, 1000 + i))
    written(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert len(left) == KEPT
    assert f"{0:064d}" not in left


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SpecError, match="NS529") as caught:
        Cache(tmp_path / "file" / "cache")
    assert "cache: none" in caught.value.diagnostics[0].help


def test_the_cache_keeps_itself_out_of_version_control(tmp_path: Path) -> None:
    Cache(tmp_path / "cache")
    assert (tmp_path / "cache" / ".gitignore").read_text() == "*\n"
