"""Files that lie: each is refused in one line, nothing outside their folder is read, and nothing large is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from netspec.recover.imported import recovered
from netspec.text import SpecError
from netspec_onnx.file import opened
from netspec_onnx.recover import RULES
from tests.backends.onnx.made import model, node, noise, put
from tests.backends.onnx.test_nodes import CASES, CONSTANTS

WEIGHT = noise(6, 4, 1, 1)


def conv() -> Any:
    """A model with one convolution and its filter."""
    return model(node("Conv", ["x", "w"]), tensors={"w": WEIGHT})


def refused(path: str) -> SpecError:
    """What is said of a file."""
    with pytest.raises(SpecError) as caught:
        recovered(path)
    return caught.value


def outside(made: Any, **about: str) -> Any:
    """The filter, told to stand in a file."""
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in about.items():
        weight.external_data.add(key=key, value=value)
    return made


def test_data_beside_the_model_is_read_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"12345678" + WEIGHT.tobytes())
    made = outside(conv(), location="w.bin", offset="8", length=str(WEIGHT.nbytes))
    assert np.array_equal(recovered(put(tmp_path, made)).spec.parameters["conv1.weight"], WEIGHT)


@pytest.mark.parametrize(
    "location",
    [
        "../w.bin",
        "/etc/passwd",
        "a/../../w.bin",
        "",
        "..\\w.bin",
        "w.bin\0",
        "link.bin",
        "folder/w.bin",
        "missing.bin",
    ],
)
def test_data_stays_inside_the_folder(location: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    (inside / "link.bin").symlink_to(tmp_path / "w.bin")
    (inside / "folder").symlink_to(tmp_path)
    told = refused(put(inside, outside(conv(), location=location)))
    assert {one.code for one in told.diagnostics} == {"NS771"}
    assert str(tmp_path) not in str(told)


@pytest.mark.parametrize(
    "about",
    [
        {"offset": "-8"}, {"offset": "8"}, {"offset": "1e3"}, {"offset": "9" * 30}, {"length": "4"}, {"length": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_places_in_a_file_are_places_in_it(about: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    assert refused(put(tmp_path, outside(conv(), location="w.bin", **about))).diagnostics[0].code == "NS771"


def huge(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [2**40, 2**20]


def negative(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [-6, -4, 1, 1]


def other_count(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [6, 4, 3, 3]


def unknown_kind(made: Any) -> None:
    made.graph.initializer[0].data_type = 97


def text(made: Any) -> None:
    made.graph.initializer[0].data_type = TensorProto.STRING


def missing(made: Any) -> None:
    made.graph.node[0].input[1] = "nobody"


def circle(made: Any) -> None:
    made.graph.node.extend([node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"])])
    made.graph.node[0].input[0] = "a"


def double(made: Any) -> None:
    made.graph.node.append(node("Relu", ["x"], ["y"]))


def no_output(made: Any) -> None:
    made.graph.output[0].name = "other"


def long_name(made: Any) -> None:
    made.graph.node[0].name = "n" * 100_000


def huge_input(made: Any) -> None:
    made.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 2**50


def sparse(made: Any) -> None:
    made.graph.sparse_initializer.add()


LIES: tuple[Callable[[Any], None], ...] = (
    huge, negative, other_count, unknown_kind, text, missing, circle, double, no_output, long_name, huge_input, sparse,
)  # fmt: skip


@pytest.mark.parametrize("lie", LIES, ids=lambda one: one.__name__)
def test_what_a_file_says_of_itself_is_checked(lie: Callable[[Any], None], tmp_path: Path) -> None:
    made = conv()
    lie(made)
    told = refused(put(tmp_path, made))
    assert {one.code for one in told.diagnostics} <= {"NS770", "NS771"}
    assert len(str(told)) < 1000


def test_a_shape_that_is_made_of_a_huge_constant_is_not_made(tmp_path: Path) -> None:
    nodes = (node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"]))
    told = refused(put(tmp_path, model(*nodes, tensors={"s": np.array([2**20, 2**20], np.int64)})))
    assert told.diagnostics[0].code == "NS773"


@pytest.mark.parametrize("opset", [1, 6, 99])
def test_versions_that_are_not_understood_are_told(opset: int, tmp_path: Path) -> None:
    assert f"opset {opset}" in str(refused(put(tmp_path, model(node("Relu", ["x"]), opset=opset))))


def test_a_node_that_holds_a_graph_is_refused_by_name(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [node("Relu", ["x"], ["z"])], "then", [], [helper.make_empty_tensor_value_info("z")]
    )
    made = model(node("If", ["yes"], then_branch=inner, else_branch=inner), tensors={"yes": np.array(True)})
    assert "`If` at `If_y`" in str(refused(put(tmp_path, made)))


def test_a_folder_and_an_empty_file_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    assert refused(str(tmp_path / "folder.onnx")).diagnostics[0].code == "NS770"
    assert refused(put(tmp_path, b"")).diagnostics[0].code == "NS770"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    assert refused(str(tmp_path / "pipe.onnx")).diagnostics[0].code == "NS770"


def test_words_of_a_file_are_shown_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    made = model(helper.make_node("Det", ["x"], ["y"], name="evil\x1b[2J\n"))
    assert "\x1b" not in str(refused(put(tmp_path, made)))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_that_were_changed_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    raw = bytearray(conv().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = Path(put(tmp_path, bytes(raw[: data.draw(st.integers(1, len(raw)))])))
    with suppress(SpecError):
        opened(path)


def test_a_network_that_makes_too_much_is_not_run(tmp_path: Path) -> None:
    made = model(node("Resize", ["x", "", "", "s"]), tensors={"s": np.array([1, 4, 2**17, 2**17], np.int64)})
    made.graph.node[0].attribute.extend(
        [
            helper.make_attribute("coordinate_transformation_mode", "asymmetric"),
            helper.make_attribute("nearest_mode", "floor"),
        ]
    )
    (told,) = refused(put(tmp_path, made)).diagnostics
    assert told.code == "NS777"
    assert "are tried at most" in told.message


def test_a_window_of_a_million_places_is_not_slid(tmp_path: Path) -> None:
    made = model(node("MaxPool", ["x"], kernel_shape=[1_000_000, 64], auto_pad="SAME_UPPER"))
    (told,) = refused(put(tmp_path, made)).diagnostics
    assert told.code == "NS777"


ODD = st.sampled_from([0, -1, 2, 3, 10**6, 2**40, -(2**62)])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nodes_that_do_not_keep_to_their_op_are_refused(data: st.DataObject, tmp_path: Path) -> None:
    """Attributes and inputs of good nodes are lost, doubled and changed; nothing but a SpecError may come of it."""
    nodes, tensors, _ = CASES[data.draw(st.sampled_from(sorted(CASES)))]
    made = model(*nodes, tensors={**CONSTANTS, **tensors})
    one = made.graph.node[data.draw(st.integers(0, len(nodes) - 1))]
    what = data.draw(st.sampled_from(["lose", "change", "input", "op"]))
    if what in {"lose", "change"} and one.attribute:
        place = data.draw(st.integers(0, len(one.attribute) - 1))
        if what == "lose":
            del one.attribute[place]
        elif one.attribute[place].ints:
            one.attribute[place].ints[:] = data.draw(st.lists(ODD, max_size=5))
        else:
            one.attribute[place].i = data.draw(ODD)
    elif what == "input":
        one.input[:] = data.draw(st.permutations([*one.input, "x", "bias"]))[: data.draw(st.integers(0, 4))]
    else:
        one.op_type = data.draw(st.sampled_from(sorted(RULES)))
    with suppress(SpecError):
        recovered(put(tmp_path, made))
