"""What is in an exported file, what is not, and that none is written over another or half."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import netspec
from netspec.recipe.packed import pack
from netspec.text import SpecError

onnx = pytest.importorskip("onnx")

SPEC = """netspec: 1
name: curve
doc: A curve of volumes.
inputs:
  image: {shape: [1, H, W], kind: image, range: [0, 1]}
targets:
  volume: {shape: [], unit: ml, range: [0, 99]}
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - max_pool: 4
  - global_avg_pool
  - linear: 100
  - softmax
  - {cumsum, name: cdf}
loss: crps(cdf, volume)
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "curve.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def told(path: Path) -> dict[str, str]:
    return {row.key: row.value for row in onnx.load(path).metadata_props}


def sizes(value: object) -> list[object]:
    return [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim]  # type: ignore[attr-defined]


def test_an_onnx_file_has_the_names_the_letters_and_the_weights_of_the_spec(
    spec: Path, tmp_path: Path
) -> None:
    done = netspec.export(spec, tmp_path / "curve.onnx")
    model = onnx.load(done.output)
    assert [(one.name, sizes(one)) for one in model.graph.input] == [("image", ["N", 1, "H", "W"])]
    assert [(one.name, sizes(one)) for one in model.graph.output] == [("cdf", ["N", 100])]
    kept = {one.name: one for one in model.graph.initializer}
    state = netspec.compile(spec, seed=0).state_dict()
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            assert onnx.numpy_helper.to_array(kept[key]).tobytes() == value.numpy().tobytes()
    checked = netspec.load(spec)
    assert told(done.output)["netspec.sha256"] == checked.digest
    assert "not for clinical use" in told(done.output)["netspec.use"]
    assert json.loads(told(done.output)["netspec.outputs"])["cdf"] == {
        "type": "float32[batch: N, channel: 100]",
        "unit": None,
        "facts": ["cdf over channel"],
    }


def test_files_say_nothing_of_the_machine_and_are_the_same_each_time(spec: Path, tmp_path: Path) -> None:
    for form in ("onnx", "pt2", "safetensors"):
        first, second = tmp_path / f"first.{form}", tmp_path / f"second.{form}"
        for file in (first, second):
            netspec.export(spec, file, seed=1)
        if form == "pt2":  # an archive of the same members
            with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
                contents = [one.read(name) for name in one.namelist()]
                names = {re.sub(r"^[^/]*/", "", name) for name in one.namelist()}
                assert names == {re.sub(r"^[^/]*/", "", name) for name in other.namelist()}
        else:
            contents = [first.read_bytes()]
            assert first.read_bytes() == second.read_bytes()
        for content in contents:
            for word in (b"site-packages", b".py", str(tmp_path).encode(), b"netspec_compiled", b'File "'):
                assert word not in content


def test_a_file_that_is_there_is_written_over_only_by_force(spec: Path, tmp_path: Path) -> None:
    file = tmp_path / "curve.safetensors"
    file.write_bytes(b"mine")
    with pytest.raises(SpecError, match="NS747"):
        netspec.export(spec, file)
    assert file.read_bytes() == b"mine"
    netspec.export(spec, file, force=True)
    assert netspec.from_pretrained(file) is not None
    assert sorted(one.name for one in tmp_path.iterdir()) == ["curve.safetensors", "curve.yaml"]


def test_nothing_is_left_of_a_file_that_is_wrong(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netspec_torch.export import onnx as writer

    run = writer.runs_with

    def off(*given: object) -> object:
        answers = run(*given)  # type: ignore[arg-type]
        return [{key: value * 1.0001 for key, value in one.items()} for one in answers or ()]

    monkeypatch.setattr(writer, "runs_with", off)
    with pytest.raises(SpecError, match="NS752") as trouble:
        netspec.export(spec, tmp_path / "curve.onnx")
    assert re.search(r"`cdf` is off by 9\.9\de-05, and rounding explains [1-9]\.\d+e-06", str(trouble.value))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["curve.yaml"]


def test_sizes_that_are_chosen_are_numbers_in_the_file(spec: Path, tmp_path: Path) -> None:
    done = netspec.export(spec, tmp_path / "curve.onnx", sizes={"H": 32, "W": 24, "N": 2})
    assert [sizes(one) for one in onnx.load(done.output).graph.input] == [[2, 1, 32, 24]]
    with pytest.raises(SpecError, match="NS280"):
        netspec.export(spec, tmp_path / "small.onnx", sizes={"H": 3})


def test_multiples_stay_multiples(tmp_path: Path) -> None:
    path = tmp_path / "down.yaml"
    path.write_text(
        "netspec: 1\nname: down\ninputs: {image: [2, H, 16]}\nlayers:\n"
        "  - {conv: {out_channels: 2, kernel_size: 1}, name: skip}\n  - max_pool: 4\n  - resize: {factor: 4}\n"
        "  - {add, from: [skip, _]}\n",
        encoding="utf-8",
    )
    netspec.export(path, tmp_path / "down.pt2")
    program = torch.export.load(tmp_path / "down.pt2").module()
    assert program(torch.zeros(5, 2, 20, 16)).shape == (5, 2, 20, 16)
    with pytest.raises(Exception, match=r"(?i)guard|assert|constraint|divisible|expect"):
        program(torch.zeros(5, 2, 22, 16))


def test_a_spec_that_claims_more_than_its_file_holds_takes_no_memory(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "huge.yaml").write_text(SPEC.replace("linear: 100", "linear: 1000000"), encoding="utf-8")
    claimed = pack(netspec.load(tmp_path / "huge.yaml"), "0")
    save_file(netspec.compile(spec).state_dict(), tmp_path / "huge.safetensors", metadata=claimed)
    monkeypatch.delattr("netspec_torch.export.write.assemble")
    with pytest.raises(SpecError, match=r"NS754.*linear1.weight is \[100, 4\] and not \[1000000, 4\]"):
        netspec.from_pretrained(tmp_path / "huge.safetensors")


def test_weights_come_from_a_file_or_nothing_is_written(spec: Path, tmp_path: Path) -> None:
    model = netspec.compile(spec, seed=5)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    netspec.export(spec, tmp_path / "curve.safetensors", weights=tmp_path / "weights.pt")
    back = netspec.from_pretrained(tmp_path / "curve.safetensors").state_dict()
    assert all(torch.equal(value, back[key]) for key, value in model.state_dict().items())
    del (state := model.state_dict())["linear1.bias"]
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(SpecError, match=r"NS754.*1 missing \(linear1.bias\)"):
        netspec.export(spec, tmp_path / "other.safetensors", weights=tmp_path / "weights.pt")
    assert not (tmp_path / "other.safetensors").exists()
