"""Files of weights: read for what they hold, whoever wrote them; refused in words where they cannot be trusted."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from netspec.text import SpecError
from netspec_torch.weights import digest, read
from netspec_torch.weights import file as reading


def state() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)).state_dict()


def same(found: Any, wanted: Any) -> None:
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype
        assert torch.equal(found[key], value)


def code(path: Path) -> str:
    with pytest.raises(SpecError) as refused:
        read(path)
    (one,) = refused.value.diagnostics
    assert str(path.parent) not in one.message + one.help
    assert one.help
    assert (one.message + one.help).isprintable()
    return one.code


def saved(folder: Path, content: Any, name: str = "w.pt") -> Path:
    torch.save(content, folder / name)
    return folder / name


# ------------------------------------------------------------------------------------------------- what can be read


def test_a_plain_state_dict_is_read_in_its_order(tmp_path: Path) -> None:
    found = read(saved(tmp_path, state()))
    same(found.tensors, state())
    assert (found.kind, found.ordered, found.notes) == ("state_dict", True, ())
    assert found.file == tmp_path / "w.pt"


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.bool])
def test_safetensors_of_every_kind_are_read(tmp_path: Path, kind: torch.dtype) -> None:
    wanted = {"b.weight": torch.tensor([[0, 1], [1, 1]]).to(kind), "a": torch.ones(()), "e": torch.ones(0, 3)}
    save_file(wanted, tmp_path / "w.safetensors", metadata={"spec": "name: net"})
    found = read(tmp_path / "w.safetensors")
    same({key: found.tensors[key] for key in wanted}, wanted)
    assert (found.kind, found.metadata, found.ordered) == ("safetensors", {"spec": "name: net"}, False)


def test_safetensors_do_not_depend_on_their_file_once_they_are_read(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    found = read(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"")
    same({key: found.tensors[key] for key in state()}, state())
    found.tensors["0.weight"].zero_()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read(tmp_path: Path, save: Any) -> None:
    wanted = {key: value.numpy() for key, value in state().items()}
    save(tmp_path / "w.npz", **wanted, big=np.ones((2, 3), ">f8"), fortran=np.asfortranarray(np.ones((2, 3))))
    found = read(tmp_path / "w.npz")
    same({key: found.tensors[key] for key in state()}, state())
    assert found.tensors["big"].dtype == torch.float64
    assert found.tensors["fortran"].is_contiguous()
    assert found.kind == "npz"


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_inside_a_checkpoint_is_found(tmp_path: Path, key: str) -> None:
    optimizer = torch.optim.Adam(nn.Linear(2, 2).parameters()).state_dict()
    found = read(saved(tmp_path, {"epoch": 3, "optimizer": optimizer, key: state(), "name": "net"}))
    same(found.tensors, state())
    assert found.metadata == {"name": "net"}


def test_a_checkpoint_of_lightning_is_read(tmp_path: Path) -> None:
    pl = pytest.importorskip("pytorch_lightning")

    class Net(pl.LightningModule):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.save_hyperparameters({"width": 3})
            self.net = nn.Linear(3, 2)

        def training_step(self, batch: Tensor) -> Tensor:
            return self.net(batch).sum()  # type: ignore[no-any-return]

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    trainer = pl.Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, enable_checkpointing=False,
    )  # fmt: skip
    model = Net()
    trainer.fit(model, torch.ones(2, 3))
    trainer.save_checkpoint(tmp_path / "l.ckpt")
    found = read(tmp_path / "l.ckpt")
    same(found.tensors, model.state_dict())
    assert found.kind == "lightning"


def test_names_are_told_as_the_network_has_them(tmp_path: Path) -> None:
    wrapped = OrderedDict((f"module._orig_mod.{key}", value) for key, value in state().items())
    found = read(saved(tmp_path, wrapped))
    same(found.tensors, state())
    assert len(found.notes) == 2


def test_a_network_with_one_layer_called_module_among_others_keeps_its_names(tmp_path: Path) -> None:
    mixed = {"module.weight": torch.ones(2), "head.weight": torch.ones(2)}
    same(read(saved(tmp_path, mixed)).tensors, mixed)


def test_parameters_views_and_tied_weights_are_tensors_like_others(tmp_path: Path) -> None:
    tied = nn.Parameter(torch.arange(6.0).reshape(2, 3))
    told = {"a": tied, "b": tied, "c": torch.arange(12.0).reshape(3, 4)[:, 1:3], "d": tied.data.t()}
    found = read(saved(tmp_path, told))
    same(found.tensors, {key: value.detach() for key, value in told.items()})
    assert not any(value.requires_grad for value in found.tensors.values())


def test_a_run_gives_its_best_weights(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "run.json").write_text('{"name": "net", "digest": "d", "seed": 3}')
    assert code(run) == "NS760"
    kept = {"format": 1, "digest": "d", "progress": {"taken": 3}, "optimizer": {}, "precision": {}}
    for last, average in ((1.0, 2.0), (3.0, 4.0)):
        told = {**kept, "model": {"w": torch.tensor(last)}, "average": {"w": torch.tensor(average)}}
        saved(run / "checkpoints", told, "last.ckpt" if last == 1 else "best.ckpt")
        assert read(run).tensors["w"] == average
    assert read(run / "checkpoints" / "last.ckpt").kind == "run"
    saved(run, {"w": torch.tensor(5.0)}, "weights.pt")
    found = read(run)
    assert found.tensors["w"] == 5
    assert (found.kind, found.metadata) == ("run", {"name": "net", "digest": "d"})
    assert found.file == run / "weights.pt"
    assert digest(run) == digest(run / "weights.pt") != digest(run / "checkpoints" / "best.ckpt")


# ------------------------------------------------------------------------------------------------- what is refused


class Runs:
    """Would write a file if it were unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("it-ran",)


def test_what_would_run_code_is_refused_and_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for content in ({"w": torch.ones(2), "x": Runs()}, nn.Linear(2, 2), {"state_dict": Runs()}):
        assert code(saved(tmp_path, content)) == "NS762"
    assert code(saved(tmp_path, {"w": bytearray(9)})) == "NS762"
    with torch.serialization.safe_globals([Runs, os.mkdir]):  # whatever the program allows elsewhere
        assert code(saved(tmp_path, {"w": torch.ones(2), "x": Runs()})) == "NS762"
    np.savez(tmp_path / "w.npz", w=np.array([Runs()], dtype=object))
    assert code(tmp_path / "w.npz") == "NS762"
    assert not (tmp_path / "it-ran").exists()


def test_a_pickle_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"w": [1.0]}))
    torch.save(state(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(state(), tmp_path / "p4.pth", pickle_protocol=4)
    for name in ("w.pkl", "old.pth", "p4.pth"):
        assert code(tmp_path / name) == "NS762"


def test_the_cure_of_an_old_file_works(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    same(read(saved(tmp_path, torch.load(tmp_path / "old.pth", weights_only=True))).tensors, state())


ODD = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "sparse rows": lambda: torch.eye(3).to_sparse_csr(),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    "without numbers": lambda: torch.ones(3, device="meta"),
    "complex": lambda: torch.ones(3, dtype=torch.complex64),
    "eight bits": lambda: torch.ones(3).to(torch.float8_e4m3fn),
    "unsigned": lambda: torch.ones(3, dtype=torch.uint16),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.filterwarnings("ignore")  # torch's own, of what it calls beta or deprecated
def test_tensors_of_another_kind_are_refused(tmp_path: Path, odd: str) -> None:
    assert code(saved(tmp_path, {"w": torch.ones(2), "x": ODD[odd]()})) == "NS764"


@pytest.mark.parametrize("dtype", ["M8[D]", "c8", "U3", "V4", "u4"])
def test_arrays_of_another_kind_are_refused(tmp_path: Path, dtype: str) -> None:
    np.savez(tmp_path / "w.npz", w=np.zeros(3, dtype))
    assert code(tmp_path / "w.npz") == "NS764"


def test_a_view_that_repeats_its_numbers_is_refused(tmp_path: Path) -> None:
    assert code(saved(tmp_path, {"w": torch.ones(1).expand(1 << 40)})) == "NS763"
    assert code(saved(tmp_path, {"w": torch.arange(8.0).unfold(0, 4, 1)})) == "NS763"


def test_many_views_of_the_same_numbers_are_refused_together(tmp_path: Path) -> None:
    whole = torch.zeros(10_000)
    assert code(saved(tmp_path, {str(i): whole[i:] for i in range(100)})) == "NS763"


def repacked(path: Path, change: Any) -> Path:
    """The archive with its entries changed."""
    with zipfile.ZipFile(path) as old:
        entries = {one: old.read(one) for one in old.namelist()}
    with zipfile.ZipFile(path, "w", **change) as new:
        for name, data in entries.items():
            new.writestr(name, data)
    return path


def test_a_packed_archive_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {"w": torch.zeros(1_000_000)})
    same(read(repacked(path, {})).tensors, {"w": torch.zeros(1_000_000)})
    assert code(repacked(path, {"compression": zipfile.ZIP_DEFLATED})) == "NS763"


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (1 << 30, 1 << 30)}
    )
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("w.npy", buffer.getvalue() + bytes(64))
    assert code(tmp_path / "w.npz") == "NS763"


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    assert code(saved(tmp_path, {"w": torch.zeros(1000)})) == "NS763"


@pytest.mark.parametrize(
    "content", [{}, [], {"epoch": 3}, {"w": 3}, {3: torch.ones(2)}, torch.ones(2), {"model": {"w": 1.0}}]
)
def test_what_holds_no_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    assert code(saved(tmp_path, content)) == "NS761"


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"")
    assert code(tmp_path / "w.pt") == "NS761"
    (tmp_path / "w.pt").write_text("weights: none\n")
    assert code(tmp_path / "w.pt") == "NS761"
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    assert code(tmp_path / "w.pt") == "NS761"
    assert code(tmp_path / "none.pt") == "NS760"
    assert code(tmp_path) == "NS760"


def test_a_compiled_script_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02}.")
        archive.writestr("net/code/__torch__.py", "")
        archive.writestr("net/constants.pkl", b"\x80\x02).")
    assert code(tmp_path / "w.pt") == "NS761"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pt")
    assert code(tmp_path / "w.pt") == "NS760"


def test_names_that_would_repaint_a_terminal_are_spelt_out(tmp_path: Path) -> None:
    assert code(saved(tmp_path, {"\x1b[31m": torch.ones(3, dtype=torch.complex64)})) == "NS764"
    assert code(saved(tmp_path, {"\x1b[31m": 1})) == "NS761"
    (tmp_path / "\x1b[31m.pt").write_text("?")
    assert code(tmp_path / "\x1b[31m.pt") == "NS761"


@pytest.mark.parametrize("form", ["pt", "safetensors", "npz"])
@settings(max_examples=30)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_never_breaks(
    form: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / f"w.{form}"
    small = {"conv.weight": torch.ones(2, 3), "bn.steps": torch.tensor(3)}
    if form == "pt":
        torch.save(small, path)
    elif form == "safetensors":
        save_file(small, path)
    else:
        np.savez(path, weight=small["conv.weight"].numpy(), steps=small["bn.steps"].numpy())
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        noise = data.draw(st.binary(max_size=8))
        whole[at : at + len(noise)] = noise
    path.write_bytes(
        bytes(whole[: data.draw(st.integers(1, len(whole)))] if data.draw(st.booleans()) else whole)
    )
    codes: set[str] = set()
    try:
        found = read(path)
    except SpecError as refused:
        codes = {one.code for one in refused.diagnostics}
    else:
        assert sum(one.numel() * one.element_size() for one in found.tensors.values()) <= len(whole)
    assert codes <= {"NS761", "NS762", "NS763", "NS764"}


@settings(max_examples=60)
@given(data=st.data())
def test_a_list_of_tensors_that_was_tampered_with_is_refused_or_read_and_never_breaks(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The archive itself is sound, checksums and all: what is in the pickle is its writer's."""
    folder = tmp_path_factory.mktemp("tampered")
    path = saved(
        folder, {"state_dict": {"w": torch.ones(2, 3), "n": torch.tensor(3)}, "lr": 0.1, "seen": [1, 2]}
    )
    with zipfile.ZipFile(path) as old:
        entries = {one: old.read(one) for one in old.namelist()}
    name = next(one for one in entries if one.endswith("data.pkl"))
    listed = bytearray(entries[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(listed) - 1))
        listed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    with zipfile.ZipFile(path, "w") as new:
        for one, content in entries.items():
            new.writestr(one, bytes(listed) if one == name else content)
    codes: set[str] = set()
    try:
        found = read(path)
    except SpecError as refused:
        codes = {one.code for one in refused.diagnostics}
    else:
        assert sum(one.numel() * one.element_size() for one in found.tensors.values()) <= path.stat().st_size
    assert codes <= {"NS761", "NS762", "NS763", "NS764"}
