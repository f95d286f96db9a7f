from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from netspec.cli.show import show
from netspec.front import load
from netspec.text import SpecError

ROOT = Path(__file__).parents[2]
FREE = """
netspec: 1
inputs: {image: {shape: [3, H, W], kind: image, range: [0, 1]}}
layers:
  - {conv: {out_channels: 8, kernel_size: 3}, name: first}
  - batch_norm:
    freeze: true
  - {max_pool: 2, name: pooled}
  - global_avg_pool
  - linear: 4
  - {unbind: feature, name: [a, b, c, d]}
outputs: [a, pooled]
"""


def shown(path: Path, *arguments: str) -> str:
    made = CliRunner().invoke(show, [str(path), *arguments], standalone_mode=False, catch_exceptions=False)
    assert made.return_value == 0
    return made.stdout


def data(path: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(path, "--format", "json", *arguments))
    return found


@pytest.fixture
def free(tmp_path: Path) -> Path:
    path = tmp_path / "free.yaml"
    path.write_text(FREE.replace("unbind: feature", "unbind: channel"))
    return path


def test_every_node_says_name_op_inputs_type_facts_parameters_and_macs(free: Path) -> None:
    nodes = {one["name"]: one for one in data(free)["nodes"]}
    first = nodes["first"]
    assert (first["op"], first["inputs"], first["dtype"]) == ("conv", ["image"], "float32")
    assert first["axes"] == ["batch", "channel", "height", "width"]
    assert first["shape"] == ["N", 8, "H - 2", "W - 2"]
    assert first["parameters"] == 8 * 3 * 9 + 8
    assert isinstance(first["macs"], str)
    assert isinstance(first["facts"], list)
    assert nodes["pooled"]["shape"][2:] == ["H//2 - 1", "W//2 - 1"]
    assert nodes["linear1"]["macs"] == 8 * 4


def test_totals_are_the_sums_and_frozen_parameters_are_not_trainable(free: Path) -> None:
    found = data(free)
    assert found["totals"]["parameters"] == sum(one["parameters"] for one in found["nodes"])
    assert found["totals"]["parameters"] - found["totals"]["trainable"] == 2 * 8
    assert isinstance(found["totals"]["macs"], str)


def test_the_tutorial_has_the_parameters_that_the_tutorial_says() -> None:
    totals = data(ROOT / "specs" / "heart-tutorial-2015.yaml")["totals"]
    assert totals["trainable"] == 4_748_160
    assert isinstance(totals["macs"], int)


def test_a_layer_of_several_values_shows_the_type_of_each(free: Path) -> None:
    node = next(one for one in data(free)["nodes"] if one["op"] == "unbind")
    assert [one["shape"] for one in node["outputs"]] == [["N"]] * 4


def test_inputs_and_outputs_are_said_by_name(free: Path) -> None:
    found = data(free)
    assert found["inputs"]["image"]["shape"] == ["N", 3, "H", "W"]
    assert found["outputs"] == {"a": found["outputs"]["a"], "pooled": "pooled"}


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_table_names_every_layer_and_the_totals(path: Path) -> None:
    text = shown(path)
    lines = text.splitlines()
    names = {line.split()[0] for line in lines if line.strip()}
    spec = load(path)
    wanted = {node.path for node in spec.graph.walk("predict") if node.op.slots}
    assert wanted <= names
    assert f"{data(path)['totals']['trainable']:,} trainable parameters" in text


def test_a_setting_changes_what_is_shown() -> None:
    path = ROOT / "specs" / "heart-volume.yaml"
    few, many = data(path, "--set", "width=8")["totals"], data(path)["totals"]
    assert few["parameters"] < many["parameters"]


FORKED = """
netspec: 1
inputs: {image: {shape: [3, H, W], kind: image, range: [0, 1]}}
layers:
  - {max_pool: 2, name: pooled}
  - {conv: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1}, from: image, name: strided}
  - {add, from: [pooled, strided], name: both}
  - {conv: {out_channels: 8, kernel_size: 3}, name: last}
  - global_avg_pool
  - batch_norm
"""


@pytest.fixture
def forked(tmp_path: Path) -> Path:
    path = tmp_path / "forked.yaml"
    path.write_text(FORKED)
    return path


def test_the_legal_sizes_of_each_letter_stand_under_the_table(forked: Path) -> None:
    assert shown(forked).splitlines()[-4:] == [
        "legal sizes",
        "  H = 2k, k >= 3 (bound by `both` at line 7 and `last` at line 8)",
        "  W = 2k, k >= 3 (bound by `both` at line 7 and `last` at line 8)",
        "  N >= 1; in training N >= 2 (bound by `batch_norm1` at line 10)",
    ]


def test_a_spec_without_letters_says_nothing_of_sizes() -> None:
    assert "legal sizes" not in shown(ROOT / "specs" / "digits.yaml")


def test_sizes_put_numbers_in_the_table_and_the_totals(forked: Path) -> None:
    text = shown(forked, "--sizes", "H=8", "--sizes", "W=10")
    assert "[N, 8, 2, 3]" in text
    assert "H" not in text.split("legal sizes")[0].replace("MACs", "")
    found = data(forked, "--sizes", "H=8,W=10")
    assert found["totals"]["macs"] == 3 * 9 * 3 * 4 * 5 + 3 * 9 * 8 * 2 * 3
    assert list(found["sizes"]) == ["N"]


def test_one_size_leaves_the_other_letter_free(forked: Path) -> None:
    found = data(forked, "--sizes", "H=8")
    assert found["inputs"]["image"]["shape"] == ["N", 3, 8, "W"]
    assert found["sizes"]["W"]["legal"] == "W = 2k, k >= 3"


def test_sizes_are_data_with_their_runs_and_the_layers_that_bind_them(forked: Path) -> None:
    sizes = data(forked)["sizes"]
    assert sizes["H"]["runs"] == [[6, None]]
    assert sizes["H"]["period"] == 2
    assert [(one["layer"], one["line"]) for one in sizes["H"]["bound_by"]] == [("both", 7), ("last", 8)]
    assert sizes["H"]["bound_by"][0]["asks"] == "H//2 == (H + 1)//2"
    assert (sizes["H"]["not_known"], sizes["H"]["joint"], sizes["H"]["training"]) == ([], [], None)
    assert sizes["N"]["training"]["legal"] == "N >= 2"


def test_letters_that_meet_are_told_with_the_layer_where_they_do(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        "netspec: 1\ninputs: {a: {shape: [2, H, 4]}, b: {shape: [2, S, 4]}}\n"
        "layers:\n  - {max_pool: 2, from: a, name: half_a}\n  - {max_pool: 2, from: b, name: half_b}\n"
        "  - {add, from: [half_a, half_b], name: sum}\n"
    )
    assert (
        "  H >= 2 (bound by `half_a` at line 4); and `H//2 == S//2` for `sum` at line 6, "
        "so 2 <= H <= 3 with S = 2 (bound by `sum` at line 6)"
    ) in shown(path)


def test_sizes_that_a_layer_refuses_are_an_error(forked: Path) -> None:
    with pytest.raises(SpecError) as trouble:
        shown(forked, "--sizes", "H=9,W=8")
    assert [one.code for one in trouble.value.diagnostics] == ["NS280"]


def test_the_receptive_field_has_a_column_a_line_and_data(forked: Path) -> None:
    text = shown(forked)
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert "sees" in rows["layer"]
    assert "3x3" in rows["strided"]
    assert "7x7" in rows["last"]
    assert "all" in rows["batch_norm1"]
    assert "receptive field: 7x7 of HxW of `image` at `last`, moving by 2" in text.splitlines()
    nodes = {one["name"]: one["receptive_field"]["image"] for one in data(forked)["nodes"]}
    assert nodes["last"]["height"] == {"size": 7, "jump": 2, "start": -1, "along": "height"}
    assert nodes["pooled"]["channel"] == {"size": 1, "jump": 1, "start": 0, "along": "channel"}
    assert nodes["batch_norm1"] == dict.fromkeys(("channel", "height", "width"), "all")


def test_a_field_that_is_not_known_is_a_question_mark_and_null(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "netspec: 1\ninputs: {x: {shape: [1, 8, 8]}}\nlayers:\n  - {max_pool: 2, name: p}\n  - {flatten, name: f}\n"
    )
    rows = {line.split()[0]: line.split() for line in shown(path).splitlines() if line.strip()}
    assert rows["f"][-1] == "?"
    node = next(one for one in data(path)["nodes"] if one["name"] == "f")
    assert node["receptive_field"]["x"]["height"] is None


def test_the_whole_of_an_axis_is_told_by_its_size_beside_one_that_slides() -> None:
    text = shown(ROOT / "specs" / "heart-volume.yaml")
    assert "receptive field: 30x35x35 of 30x64x64 of `cine` at `conv3`, moving by 8" in text


def test_a_network_without_space_says_nothing_of_receptive_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\ninputs: {x: [4]}\nlayers: [linear: 3]\n")
    assert "sees" not in shown(path)
    assert "receptive" not in shown(path)


def test_two_pictures_have_a_line_each_and_no_column(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "netspec: 1\ninputs: {x: {shape: [2, 9, 9]}, y: {shape: [2, 8, 8]}}\nlayers:\n"
        "  - {conv: {out_channels: 2, kernel_size: 3}, from: x, name: a}\n"
        "  - {max_pool: {kernel_size: 2, stride: 1}, from: y, name: b}\n"
        "  - {add, from: [a, b], name: sum}\n"
    )
    text = shown(path)
    assert "sees" not in text.splitlines()[0]
    assert "receptive field: 3x3 of 9x9 of `x` at `a`, moving by 1" in text.splitlines()
    assert "receptive field: 2x2 of 8x8 of `y` at `b`, moving by 1" in text.splitlines()


MAPPED = """
netspec: 1
inputs:
  stack: {shape: {slice: S, channel: 1, height: 8, width: 8}}
  present: {shape: {slice: S}, kind: mask}
layers:
  - from: stack
    map: {axis: slice, where: present, layers: [{conv: {out_channels: 2, kernel_size: 3}}, global_avg_pool]}
  - mean: slice
"""


def test_what_a_map_costs_is_told_for_all_its_places_and_where_its_letter_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(MAPPED)
    text = shown(path)
    macs = 2 * 9 * 36
    assert f"at most {macs}*S MACs a sample" in text
    assert "M <= N*S: where `present` holds" in text
    assert f"at most {9 * macs:,} MACs a sample" in shown(path, "--sizes", "S=9")
    told = data(path, "--sizes", "S=9")
    assert told["totals"]["macs"] == 9 * macs
    assert told["totals"]["macs_at_most"] is True
    path.write_text(MAPPED.replace("where: present, ", ""))
    assert "at most" not in shown(path)
    assert "rows of masks" not in shown(path)


def test_what_only_the_loss_needs_is_counted_apart() -> None:
    path = ROOT / "specs" / "zoo" / "googlenet.yaml"
    # Two heads: a convolution of 4x4 places, a linear layer of 2048 to 1024, one of 1024 to 1000.
    macs = sum(channels * 128 * 16 + 2048 * 1024 + 1024 * 1000 for channels in (512, 528))
    assert f"of these, only the loss needs 6,379,984 parameters and {macs:,} MACs" in shown(path)
    assert data(path)["totals"]["for_loss"] == {"parameters": 6_379_984, "macs": macs}
