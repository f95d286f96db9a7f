"""After an edit of a spec: what its old weights still are, told by the specs and not by guessing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netspec.front import load
from netspec.recipe.packed import pack
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec.weights.carry import asked, carried, shared
from netspec.weights.origin import Listing, listing, spec_behind
from netspec.weights.slots import slots

SPEC = """\
netspec: 1
name: small
define: {classes: 10}
inputs:
  image: {shape: [3, 16, 16], kind: image, range: [0, 1]}
layers:
  - conv: {out_channels: 8, kernel_size: 3, padding: 1}
  - relu
  - conv: {out_channels: 8, kernel_size: 3, padding: 1}
  - batch_norm
  - relu
  - conv: {out_channels: 8, kernel_size: 3, padding: 1}
  - relu
  - flatten
  - linear: $classes
"""


def spec(folder: Path, *changes: tuple[str, str], name: str = "new.yaml") -> Spec:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / name).write_text(text, encoding="utf-8")
    return load(folder / name)


def run(folder: Path, *, define: dict[str, object] | None = None) -> Path:
    """A folder as a run leaves it."""
    made = folder / "run"
    (made / "checkpoints").mkdir(parents=True)
    (made / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (made / "run.json").write_text(json.dumps({"name": "small", "define": define or {"classes": 10}}))
    return made


def listed(one: Spec) -> Listing:
    return Listing(slots(one.graph).shapes)


def test_the_spec_of_a_run_tells_what_became_of_its_layers(tmp_path: Path) -> None:
    old = spec(tmp_path, name="old.yaml")
    front = ("layers:\n", "layers:\n  - conv: {out_channels: 3, kernel_size: 5, padding: 2}\n")
    new = spec(tmp_path, front)
    report = carried(new, listed(old), run(tmp_path))
    sources = {key: source for key, source in report.sources.items() if key.endswith("weight")}
    assert sources == {
        "conv2.weight": "conv1.weight",
        "conv3.weight": "conv2.weight",
        "batch_norm1.weight": "batch_norm1.weight",
        "conv4.weight": "conv3.weight",
        "linear1.weight": "linear1.weight",
    }
    rows = {row.name: row for row in report.rows}
    assert rows["conv1.weight"].status == "new"
    assert rows["conv1.weight"].why == "the old spec has no such layer"
    assert rows["conv2.weight"].why == "the old spec calls it `conv1`"
    assert not report.unused


def test_a_checkpoint_inside_a_run_knows_its_spec_too(tmp_path: Path) -> None:
    folder = run(tmp_path)
    for path in (folder, folder / "weights.pt", folder / "checkpoints" / "best.ckpt"):
        found, note = spec_behind(path, {})
        assert found is not None
        assert (found.name, note) == ("small", "")
    assert spec_behind(tmp_path / "other.pt", {}) == (None, "")


def test_the_constants_of_a_run_are_its_own(tmp_path: Path) -> None:
    found, _ = spec_behind(run(tmp_path, define={"classes": 7}), {})
    assert found is not None
    assert slots(found.graph).shapes["linear1.weight"][0] == 7


def test_other_classes_make_a_new_head_and_keep_the_rest(tmp_path: Path) -> None:
    old = spec(tmp_path, name="old.yaml")
    new = spec(tmp_path, ("classes: 10", "classes: 5"))
    for file in (run(tmp_path), tmp_path / "w.pt"):
        report = carried(new, listed(old), file)
        left = {row.name: row.why for row in report.rows if not row.taken}
        assert left == {
            "linear1.weight": "[10, 2048] there, [5, 2048] here",
            "linear1.bias": "[10] there, [5] here",
        }
        assert [one.why for one in report.unused] == list(left.values())


def test_a_layer_that_got_a_name_is_the_one_it_was(tmp_path: Path) -> None:
    old = spec(tmp_path, name="old.yaml")
    new = spec(tmp_path, ("  - linear: $classes", "  - {linear: $classes, name: logits}"))
    for file in (run(tmp_path), tmp_path / "w.pt"):
        report = carried(new, listed(old), file)
        assert report.whole
        assert report.sources["logits.weight"] == "linear1.weight"


def test_a_run_whose_spec_cannot_be_read_is_matched_by_names(tmp_path: Path) -> None:
    folder = run(tmp_path)
    (folder / "spec.yaml").write_text("layers: [", encoding="utf-8")
    old = spec(tmp_path, name="old.yaml")
    report = carried(old, listed(old), folder)
    assert report.whole
    assert "names and structure decide" in report.notes[0]


def test_a_file_in_a_run_that_is_not_of_its_spec_is_matched_by_names(tmp_path: Path) -> None:
    old = spec(tmp_path, name="old.yaml")
    stored = Listing({f"net.{key}": shape for key, shape in slots(old.graph).shapes.items()})
    report = carried(old, stored, run(tmp_path))
    assert report.whole
    assert report.rows[0].why == "the name without `net.`"


def test_a_file_that_holds_its_spec_tells_what_became_of_its_layers(tmp_path: Path) -> None:
    old = spec(tmp_path, name="old.yaml")
    front = ("layers:\n", "layers:\n  - conv: {out_channels: 3, kernel_size: 5, padding: 2}\n")
    words = {"__metadata__": pack(old, "0")}
    head = json.dumps(words).encode()
    file = tmp_path / "w.safetensors"
    file.write_bytes(len(head).to_bytes(8, "little") + head)
    stored = Listing(slots(old.graph).shapes, ordered=False, metadata=words["__metadata__"])
    report = carried(spec(tmp_path, front), stored, file)
    assert report.sources["conv2.weight"] == "conv1.weight"
    head = head.replace(b"name: small", b"name: other")
    file.write_bytes(len(head).to_bytes(8, "little") + head)
    report = carried(spec(tmp_path, front), stored, file)
    assert report.notes[0] == "the spec of the weights cannot be read (NS755): names and structure decide"


def test_layers_of_regions_are_paired_too(tmp_path: Path) -> None:
    inside = "  - map:\n      axis: slice\n      layers:\n        - conv: {out_channels: 8, kernel_size: 3}\n"
    text = SPEC[: SPEC.index("  - conv")].replace(
        "[3, 16, 16]", "{slice: 4, channel: 3, height: 16, width: 16}"
    )
    text += inside + "        - mean: [height, width]\n  - flatten\n  - linear: $classes\n"
    one, other = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(text, encoding="utf-8")
    other.write_text(text.replace("        - conv: {", "        - relu\n        - conv: {"), encoding="utf-8")
    new = load(other).graph
    assert shared(load(one).graph, new).keys() == slots(new).shapes.keys()


def test_what_is_asked_for_must_be_there_and_fit(tmp_path: Path) -> None:
    wanted = slots(spec(tmp_path).graph)
    stored = {"a.weight": (8, 3, 3, 3), "a.bias": (8,), "b": (8,), "c.other": (8,)}
    assert asked({"a": "conv1"}, stored, wanted) == {"conv1.weight": "a.weight", "conv1.bias": "a.bias"}
    assert asked({"b": "conv2.bias"}, stored, wanted) == {"conv2.bias": "b"}
    wrong = {
        "there is no tensor or layer `x` in the file": {"x": "conv1"},
        "there is no tensor or layer `conv9` in the network": {"a": "conv9"},
        "`conv1.bias` is mapped twice": {"b": "conv1.bias", "a.bias": "conv1.bias"},
        "`a.bias` is mapped twice": {"a": "conv1", "a.bias": "conv2.bias"},
        "`a.weight` cannot become `conv2.weight`: [8, 3, 3, 3] there, [8, 8, 3, 3] here": {"a": "conv2"},
        "`c` and `conv1` have no tensor of one name": {"c": "conv1"},
    }
    for message, pairs in wrong.items():
        with pytest.raises(SpecError) as refused:
            asked(pairs, stored, wanted)
        (one,) = refused.value.diagnostics
        assert (one.code, one.message) == ("NS767", message)
        assert one.help


def test_the_list_of_a_safetensors_file_needs_no_framework(tmp_path: Path) -> None:
    told = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "__metadata__": {"a": "b"}}
    head = json.dumps(told).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    assert listing(path) == Listing({"w": (2,)}, ordered=False, metadata={"a": "b"})
    path.write_bytes(b"PK\x03\x04")
    assert listing(path) is None
    assert listing(tmp_path) is None
    with pytest.raises(SpecError, match="NS760"):
        listing(tmp_path / "none")
