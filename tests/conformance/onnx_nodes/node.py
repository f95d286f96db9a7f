"""ONNX's own node tests, read: one node, the arrays that go in, and the arrays that ONNX says come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.conformance.case import Array

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
BODIES = ("_expanded", "_expanded_ver18", "_expanded_ver26")
"""What the names of cases end with that say an op by others: the same numbers as the case without, in many nodes."""


@dataclass(frozen=True)
class Node:
    """One case: a node's op and attributes, its inputs and its expected outputs, None where one is left out."""

    name: str
    op: str
    attributes: Mapping[str, Any]
    inputs: tuple[Array | None, ...]
    outputs: tuple[Array | None, ...]

    def input(self, place: int) -> Array | None:
        """The input at a place; None where it is left out or there is none."""
        return self.inputs[place] if place < len(self.inputs) else None

    def given(self, place: int) -> Array:
        """The input at a place, which is there."""
        array = self.input(place)
        assert array is not None, f"{self.name} has no input {place}"
        return array


@cache
def names() -> Mapping[str, str]:
    """The op of every case of one node, by the name of the case."""
    found = {}
    for folder in sorted(FOLDER.iterdir()):
        name = folder.name.removeprefix("test_")
        if not name.endswith(BODIES):
            (node,) = onnx.load(folder / "model.onnx").graph.node
            found[name] = node.op_type
    return found


@cache
def read(name: str) -> Node:
    """One case with its arrays; what is no tensor (a sequence, an absent optional) stands as None."""
    folder = FOLDER / f"test_{name}"
    graph = onnx.load(folder / "model.onnx").graph
    (node,) = graph.node
    data = folder / "test_data_set_0"
    inside = [_array(data / f"input_{i}.pb") for i in range(len(graph.input))]
    outside = [_array(data / f"output_{i}.pb") for i in range(len(graph.output))]
    known = dict(zip((one.name for one in graph.input), inside, strict=True))
    expected = dict(zip((one.name for one in graph.output), outside, strict=True))
    return Node(
        name,
        node.op_type,
        {one.name: _plain(helper.get_attribute_value(one)) for one in node.attribute},
        tuple(known.get(one) for one in node.input),
        tuple(expected.get(one) for one in node.output),
    )


def _array(path: Path) -> Array | None:
    tensor = onnx.TensorProto()
    try:
        tensor.ParseFromString(path.read_bytes())
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, RuntimeError, KeyError):
        return None


def _plain(value: Any) -> Any:
    """Words as text, lists as tuples."""
    if isinstance(value, bytes):
        return value.decode()
    return tuple(_plain(one) for one in value) if isinstance(value, list) else value
