from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import netspec
from netspec import imports
from netspec.text import SpecError

ROOT = Path(__file__).parent.parent
SMALL = """\
netspec: 1
name: small-net
inputs: {image: {shape: [1, 8, 8]}}
targets: {label: {kind: class_index, classes: 3}}
layers:
  - flatten
  - {linear: 3, name: scores}
loss: cross_entropy(scores, label)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that Python imports from, with the hook installed and nothing left behind."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    imports.install()
    yield tmp_path
    imports.remove()
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name].__spec__, "origin", None)
        if origin and origin.startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_spec_is_imported_with_its_classes_and_itself(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    (folder / "small_one.yaml").write_text(SMALL)
    module = importlib.import_module("small_one")
    model = module.SmallNet()
    image = torch.rand(2, 1, 8, 8)
    twin = netspec.compile(folder / "small_one.yaml")
    twin.load_state_dict(model.state_dict())
    assert torch.equal(model(image), twin(image))
    assert module.Loss()(model(image), torch.tensor([0, 2])).ndim == 0
    assert module.spec.digest == netspec.load(folder / "small_one.yaml").digest
    assert module.spec.digest in str(module.__doc__)
    assert module.Model is module.SmallNet


def test_a_model_of_an_imported_spec_is_copied_kept_and_read_as_any_other(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    (folder / "kept.yaml").write_text(SMALL)
    model = importlib.import_module("kept").SmallNet()
    kept = pickle.loads(pickle.dumps(model))
    assert all(
        torch.equal(a, b)
        for other in (kept, copy.deepcopy(model))
        for a, b in zip(other.parameters(), model.parameters(), strict=True)
    )
    assert "def forward(self, image: Tensor)" in inspect.getsource(type(model))


def test_a_dash_in_the_name_of_a_file_is_an_underscore(folder: Path) -> None:
    pytest.importorskip("torch")
    (folder / "two-words.yaml").write_text(SMALL)
    assert importlib.import_module("two_words").SmallNet


def test_what_is_wrong_with_a_spec_is_told_as_validate_tells_it(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(SMALL.replace("[1, 8, 8]", "[1, 8, 8").replace("linear", "liner"))
    with pytest.raises(SpecError) as caught:
        importlib.import_module("wrong")
    assert "wrong" not in sys.modules
    assert "--> " in str(caught.value)
    assert "wrong.yaml:" in str(caught.value)


def test_a_mistake_that_was_mended_is_imported_at_the_next_try(folder: Path) -> None:
    pytest.importorskip("torch")
    (folder / "mended.yaml").write_text(SMALL.replace("linear", "liner"))
    with pytest.raises(SpecError, match="liner"):
        importlib.import_module("mended")
    (folder / "mended.yaml").write_text(SMALL)
    assert importlib.import_module("mended").SmallNet


def test_a_spec_is_what_the_commands_take_for_one(folder: Path) -> None:
    pytest.importorskip("torch")
    (folder / "marked.yaml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert importlib.import_module("marked").SmallNet


@pytest.mark.parametrize("text", ["", "a: 1\n", "# netspec: 1\n", "doc:\n  netspec: 1\n"])
def test_a_yaml_file_that_is_no_spec_is_no_module(folder: Path, text: str) -> None:
    (folder / "settings.yaml").write_text(text)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("settings")


def test_a_module_of_python_comes_before_a_spec_of_the_same_name(folder: Path) -> None:
    (folder / "same.yaml").write_text(SMALL)
    (folder / "same.py").write_text("here = True\n")
    assert importlib.import_module("same").here


def test_a_folder_and_a_name_that_is_not_there_are_no_modules(folder: Path) -> None:
    (folder / "room.yaml").mkdir()
    for name in ("room.inner", "absent", "absent.too"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)


def test_without_the_hook_nothing_is_imported_and_with_it_the_zoo_is() -> None:
    pytest.importorskip("torch")
    asked = "from specs.zoo import resnet18; print(resnet18.Resnet18.__module__, resnet18.spec.name)"
    with_hook, without = (
        subprocess.run(
            [sys.executable, "-c", first + asked], cwd=ROOT, capture_output=True, text=True, check=False
        )
        for first in ("import netspec.imports; ", "import netspec; ")
    )
    assert with_hook.stdout == "specs.zoo.resnet18 resnet18\n"
    assert "ImportError" in without.stderr


def test_installing_it_twice_leaves_one_and_removing_it_leaves_none() -> None:
    imports.install()
    imports.install()
    assert sys.meta_path.count(imports.SpecFinder) == 1
    imports.remove()
    assert imports.SpecFinder not in sys.meta_path
