"""An ONNX file, opened with care: it is another's, and all that it says of itself is checked before it is believed.

Nothing in it is run. Its size, the sizes of its tensors and the files that it points to are looked at before anything
is read or allocated; what is not as it should be is a SpecError, whatever bytes were given.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import needing
from netspec.text import SpecError

Array = NDArray[Any]

LARGEST_FILE = 2**31 - 1
"""Bytes of one file: protobuf itself reads no more."""

LARGEST_WHOLE = 2**34
"""Bytes of all tensors together, those in files beside it included."""

MOST_NODES = 100_000

LONGEST_NAME = 500

STANDARD = ("", "ai.onnx")
"""The domains of ONNX's own ops."""

OPSETS = range(7, 27)
"""The versions of ONNX's ops that are understood here."""


@dataclass(frozen=True)
class Node:
    """One use of an op of ONNX. An input or an output that is left out is an empty word."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What a person finds the node by."""
        return self.name or next((one for one in self.outputs if one), self.op)

    def input(self, index: int) -> str:
        """An input's name; empty where there is none."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class Given:
    """An input of the graph: its kind of numbers as ONNX counts them, and its sizes; a word is a free one."""

    name: str
    kind: int
    shape: tuple[int | str, ...] | None


@dataclass(frozen=True)
class Model:
    """What an ONNX file holds, its tensors as arrays. `proto` is the message itself, its tensors brought inside."""

    name: str
    opset: int
    inputs: tuple[Given, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, Array]
    nodes: tuple[Node, ...]
    producer: str
    proto: Any = field(repr=False, compare=False)


def opened(path: Path) -> Model:
    """The model in a file; SpecError NS770 where it cannot be read, NS771 where it is not to be trusted."""
    with needing("onnx"):
        import onnx  # noqa: PLC0415 - named by an error where it is missing
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise unreadable(path, "it is no file")
        if size > LARGEST_FILE:
            raise unreadable(path, f"it has {size:,} bytes, and {LARGEST_FILE:,} are read at most")
        raw = path.read_bytes()
    except OSError as trouble:
        raise unreadable(path, (trouble.strerror or "no reason is given").lower()) from trouble
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(raw)
    except Exception as trouble:  # protobuf has errors of its own, and is no dependency of ours
        raise unreadable(path, "its bytes are no ONNX model") from trouble
    del raw
    if not proto.HasField("graph") or not proto.graph.node:
        raise unreadable(path, "it has no graph with nodes")
    return _Checked(path, proto).model()


def unreadable(path: Path, why: str) -> SpecError:
    """SpecError NS770."""
    return SpecError.of(
        "NS770", f"`{ascii(path.name)[1:-1]:.80}` cannot be read: {why}",
        help="name a file that ONNX's own checker, `onnx.checker.check_model`, accepts",
    )  # fmt: skip


def distrusted(why: str, help: str = "") -> SpecError:
    """SpecError NS771."""
    return SpecError.of("NS771", why, help=help or "export the network again, from a source you trust")


_NAMELESS = ("", "main", "main_graph", "torch_jit", "torch-jit-export")
"""What exporters call a graph that nobody named; the file has a better name."""


class _Checked:
    """Reads a message part by part."""

    def __init__(self, path: Path, proto: Any) -> None:
        self.path = path
        self.proto = proto
        self.read = 0

    def model(self) -> Model:
        """All of it."""
        graph = self.proto.graph
        if len(graph.node) > MOST_NODES:
            raise distrusted(f"the graph has {len(graph.node):,} nodes, and {MOST_NODES:,} are read at most")
        self._sparse()
        opset = self._opset()
        tensors = {}
        for one in graph.initializer:
            tensors[_named(one.name)] = self._tensor(one, one.name)
        given = tuple(_given(one) for one in graph.input if one.name not in tensors)
        nodes = tuple(self._node(one) for one in graph.node)
        outputs = tuple(_named(one.name) for one in graph.output)
        if not outputs:
            raise unreadable(self.path, "its graph has no outputs")
        ordered = _in_order(nodes, {*tensors, *(one.name for one in given)}, outputs)
        producer = " ".join(filter(None, (self.proto.producer_name, self.proto.producer_version)))
        name = self.path.stem if graph.name in _NAMELESS else graph.name
        return Model(name, opset, given, outputs, tensors, ordered, producer[:100], self.proto)

    def _sparse(self) -> None:
        if self.proto.graph.sparse_initializer:
            raise distrusted("sparse tensors are not read", "export the weights as plain tensors")

    def _opset(self) -> int:
        """The version of ONNX's own ops."""
        versions = [one.version for one in self.proto.opset_import if one.domain in STANDARD]
        if not versions or max(versions) not in OPSETS:
            told = f"opset {max(versions)}" if versions else "no opset"
            raise unreadable(
                self.path, f"it has {told}, and {OPSETS.start} to {OPSETS.stop - 1} are understood"
            )
        return int(max(versions))

    def _node(self, proto: Any) -> Node:
        """A node with its attributes; one that holds a graph of its own keeps its name alone, to be refused."""
        op = proto.op_type if proto.domain in STANDARD else f"{proto.domain}.{proto.op_type}"
        attributes = {one.name: self._attribute(one) for one in proto.attribute}
        told = {one.key: one.value for one in getattr(proto, "metadata_props", ())}
        names = (tuple(map(_named, proto.input)), tuple(map(_named, proto.output)))
        return Node(_named(op), _named(proto.name), *names, attributes, told)

    def _attribute(self, proto: Any) -> Any:
        """A number, a word, a list of them, or an array; None for what else there may be."""
        kinds = type(proto)
        if proto.type == kinds.FLOAT:
            return shortest(proto.f)
        if proto.type == kinds.INT:
            return int(proto.i)
        if proto.type == kinds.STRING:
            return proto.s.decode("utf-8", "replace")
        if proto.type == kinds.INTS:
            return tuple(map(int, proto.ints))
        if proto.type == kinds.FLOATS:
            return tuple(map(shortest, proto.floats))
        if proto.type == kinds.STRINGS:
            return tuple(one.decode("utf-8", "replace") for one in proto.strings)
        if proto.type == kinds.TENSOR:
            return self._tensor(proto.t, proto.name)
        return None

    def _tensor(self, proto: Any, name: str) -> Array:
        """The numbers of a tensor, from the message or from a file beside it."""
        from onnx import TensorProto, external_data_helper, helper, numpy_helper  # noqa: PLC0415 - see `opened`

        shape = tuple(map(int, proto.dims))
        if any(size < 0 for size in shape):
            raise distrusted(f"the tensor `{name:.80}` has a size below zero: {list(shape)}")
        if proto.data_type == TensorProto.STRING:
            raise distrusted(f"the tensor `{name:.80}` holds text")
        try:
            kind = np.dtype(helper.tensor_dtype_to_np_dtype(proto.data_type))
        except (KeyError, TypeError, ValueError) as trouble:
            raise distrusted(f"the tensor `{name:.80}` holds numbers of an unknown kind") from trouble
        wanted = prod(shape) * kind.itemsize
        self.read += wanted
        if self.read > LARGEST_WHOLE:
            raise distrusted(f"the tensors up to `{name:.80}` would take {self.read:,} bytes")
        try:
            if external_data_helper.uses_external_data(proto):
                raw = self._beside(proto, wanted, name)
                proto.raw_data = raw
                proto.data_location = TensorProto.DEFAULT
                del proto.external_data[:]
            else:
                _check_count(proto, prod(shape), wanted, name)
            array = np.asarray(numpy_helper.to_array(proto))
        except SpecError:
            raise
        except (
            Exception
        ) as trouble:  # what malformed messages make of numpy and onnx is as various as they are
            raise distrusted(f"the tensor `{name:.80}` cannot be read") from trouble
        return array

    def _beside(self, proto: Any, wanted: int, name: str) -> bytes:
        """The bytes of a tensor that stand in a file of the model's own folder, and nowhere else."""
        about = {one.key: one.value for one in proto.external_data}
        location = about.get("location", "")
        folder = self.path.resolve().parent
        parts = Path(location).parts
        outside = f"the tensor `{name:.80}` points to `{ascii(location)[1:-1]:.80}`, outside the folder of the model"
        if (
            not location
            or "\0" in location
            or Path(location).is_absolute()
            or ".." in parts
            or "\\" in location
        ):
            raise distrusted(outside, "keep external data beside the model, under a plain relative name")
        found = (folder / location).resolve()
        if folder not in found.parents or not found.is_file():
            if found.is_relative_to(folder):
                raise distrusted(
                    f"the file `{location:.80}` of the tensor `{name:.80}` is not there",
                    "put the model's data file beside it",
                )
            raise distrusted(outside, "keep external data beside the model, under a plain relative name")
        offset, length = (_whole(about.get(key), name) for key in ("offset", "length"))
        if length not in (None, wanted):
            raise distrusted(f"the tensor `{name:.80}` takes {wanted:,} bytes, and {length:,} are named")
        with found.open("rb") as file:
            held = os.fstat(file.fileno()).st_size
            if (offset or 0) + wanted > held:
                raise distrusted(f"the tensor `{name:.80}` ends behind its file of {held:,} bytes")
            file.seek(offset or 0)
            raw: bytes = file.read(wanted)
            return raw


def _check_count(proto: Any, count: int, wanted: int, name: str) -> None:
    """SpecError unless a message holds as many numbers as its shape says; packed ones may take less than a byte."""
    fields = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
    most = max(len(getattr(proto, one)) for one in fields)
    held = (
        len(proto.raw_data) in {wanted, (count + 1) // 2} if proto.HasField("raw_data") else most * 2 >= count
    )
    if not held:
        raise distrusted(f"the tensor `{name:.80}` says {count:,} numbers and holds another number of them")


def shortest(value: float) -> float:
    """The shortest decimal that float32 reads as this number: what was written, before it was stored."""
    return float(str(np.float32(value)))


def _whole(text: str | None, name: str) -> int | None:
    """A whole number that a message has as text."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise distrusted(
            f"the tensor `{name:.80}` stands at `{ascii(text)[1:-1]:.40}`, which is no place in a file"
        )
    return int(text)


def _named(name: str) -> str:
    """A name of reasonable length."""
    if len(name) > LONGEST_NAME:
        raise distrusted(f"a name has {len(name):,} characters: `{ascii(name[:40])[1:-1]}...`")
    return name


def _given(proto: Any) -> Given:
    """An input, without a shape where it tells none."""
    kind = proto.type.tensor_type
    if not proto.type.HasField("tensor_type") or not kind.HasField("shape"):
        return Given(_named(proto.name), kind.elem_type, None)
    sizes: list[int | str] = []
    for i, one in enumerate(kind.shape.dim):
        sizes.append(int(one.dim_value) if one.HasField("dim_value") else _named(one.dim_param) or f"?{i}")
    return Given(_named(proto.name), kind.elem_type, tuple(sizes))


def _in_order(nodes: tuple[Node, ...], given: set[str], outputs: tuple[str, ...]) -> tuple[Node, ...]:
    """The nodes, each behind what it needs; SpecError where names are missing, double, or run in a circle."""
    made = Counter(name for node in nodes for name in node.outputs if name)
    double = [name for name, count in made.items() if count > 1 or name in given]
    if double:
        raise distrusted(f"the value `{double[0]:.80}` is made twice")
    waiting: dict[str, list[int]] = {}
    left = [0] * len(nodes)
    for i, node in enumerate(nodes):
        for name in {*node.inputs} - {""} - given:
            if name not in made:
                raise distrusted(f"the node `{node.place:.80}` needs `{name:.80}`, which nothing makes")
            waiting.setdefault(name, []).append(i)
            left[i] += 1
    for name in outputs:
        if name not in made and name not in given:
            raise distrusted(f"the output `{name:.80}` is made by nothing")
    ready = [i for i in reversed(range(len(nodes))) if not left[i]]
    ordered: list[int] = []
    while ready:
        i = ready.pop()
        ordered.append(i)
        freed = []
        for name in nodes[i].outputs:
            for other in waiting.get(name, ()):
                left[other] -= 1
                if not left[other]:
                    freed.append(other)
        ready.extend(sorted(freed, reverse=True))
    if len(ordered) < len(nodes):
        circle = next(i for i in range(len(nodes)) if left[i])
        raise distrusted(f"the nodes run in a circle, at `{nodes[circle].place:.80}`")
    return tuple(nodes[i] for i in (sorted(ordered) if _sorted_already(nodes, given) else ordered))


def _sorted_already(nodes: tuple[Node, ...], given: set[str]) -> bool:
    """Whether every node stands behind what it needs, so that the file's own order can be kept."""
    seen = {*given, ""}
    for node in nodes:
        if not seen.issuperset(node.inputs):
            return False
        seen.update(node.outputs)
    return True
