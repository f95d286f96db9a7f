"""A spec inside a file of weights: read without torch, checked as any other, and trusted in nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import netspec
from netspec.lang.packed import MOST_HEADER
from netspec.recipe.packed import KEY, pack
from netspec.recipe.spec import Spec
from netspec.text import SpecError

PART = (
    "netspec: 1\nblocks:\n  step:\n    params: {channels: int}\n    layers:\n"
    "      - {conv: {out_channels: $channels, kernel_size: 1}}\n"
)
SPEC = """netspec: 1
name: packed
include: {parts: ../parts.yaml}
define: {width: 4, twice: $2 * width}
inputs: {image: [1, H, 8]}
layers:
  - parts.step: $twice
"""


def file(folder: Path, told: object, *, text: str | None = None) -> Path:
    """A file of weights without tensors that says `told` of its spec."""
    header = json.dumps({"__metadata__": {KEY: json.dumps(told) if text is None else text}}).encode()
    path = folder / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "parts.yaml").write_text(PART, encoding="utf-8")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "packed.yaml").write_text(SPEC, encoding="utf-8")
    return netspec.load(tmp_path / "specs" / "packed.yaml", {"width": 6})


def told(of: Spec, **changed: object) -> dict[str, Any]:
    """What a file says of the spec, with changes."""
    whole: dict[str, Any] = json.loads(pack(of, "0")[KEY])
    return {**whole, **changed}


def test_the_spec_comes_back_whole_from_one_file_elsewhere(spec: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    back = netspec.load(file(elsewhere, told(spec)))
    assert (back.digest, back.name, dict(back.define)) == (spec.digest, "packed", {"width": 6, "twice": 12})
    assert back.graph.parameters == spec.graph.parameters
    assert netspec.load(elsewhere / "model.safetensors", {"width": 2}).define["twice"] == 4


def test_no_path_of_the_machine_goes_with_it(spec: Any, tmp_path: Path) -> None:
    assert str(tmp_path) not in json.dumps(told(spec))
    assert told(spec)["file"] == "packed.yaml"


def test_commands_take_the_file_as_a_spec(spec: Any, tmp_path: Path) -> None:
    from netspec.cli.main import netspec as command

    for words in (["validate"], ["show", "--sizes", "H=4"]):
        result = CliRunner().invoke(command, [*words, str(file(tmp_path, told(spec)))])
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "changed,code",
    [
        ({"format": 2}, "NS753"),
        ({"spec": 5}, "NS753"),
        ({"files": {"../parts.yaml": None}}, "NS753"),
        ({"files": []}, "NS753"),
        ({"define": {"width": {"a": 1}}}, "NS753"),
        ({"define": {"width": None}}, "NS753"),
        ({"files": {str(i): "" for i in range(64)}}, "NS753"),
        ({"spec": "x" * (8 << 20), "files": {"a": "x"}}, "NS753"),
        ({"files": {}}, "NS151"),
        ({"sha256": "0" * 64}, "NS755"),
        ({"spec": SPEC.replace("../parts", "/etc/parts")}, "NS151"),
        ({"define": {"width": "wide"}}, "NS"),
    ],
)
def test_a_table_that_is_wrong_is_refused(
    spec: Any, tmp_path: Path, changed: Mapping[str, object], code: str
) -> None:
    with pytest.raises(SpecError, match=code):
        netspec.load(file(tmp_path, told(spec, **changed)))


def test_files_outside_are_never_opened(spec: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(PART, encoding="utf-8")
    with pytest.raises(SpecError, match="NS151"):
        netspec.load(file(tmp_path, told(spec, spec=SPEC.replace("../parts.yaml", "secret.yaml"))))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1",
        (1 << 62).to_bytes(8, "little") + b"{}",
        (MOST_HEADER + 1).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (9).to_bytes(8, "little") + b"\xff" * 9,
        (8).to_bytes(8, "little") + b'{"a": 1}',
        (20).to_bytes(8, "little") + b'{"__metadata__": []}',
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
)
def test_what_is_no_weights_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(SpecError, match="NS753"):
        netspec.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "5", "[" * 50_000])
def test_what_is_no_table_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="NS753"):
        netspec.load(file(tmp_path, None, text=text))


def test_a_file_that_is_not_there_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS001"):
        netspec.load(tmp_path / "model.safetensors")
