"""The header of a safetensors file: read as written, and believed in nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from netspec.text import SpecError
from netspec.weights.header import Header, begins, read_header


def header(data: bytes) -> Header:
    return read_header(io.BytesIO(data), len(data), "w.safetensors")


def written(told: Any, numbers: int) -> bytes:
    text = told if isinstance(told, bytes) else json.dumps(told).encode()
    return len(text).to_bytes(8, "little") + text + bytes(numbers)


def entry(*shape: Any, at: tuple[Any, ...] = (0, 4), kind: Any = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(at)}


def code(data: bytes) -> str:
    with pytest.raises(SpecError) as refused:
        header(data)
    (one,) = refused.value.diagnostics
    assert "w.safetensors" in one.message
    assert one.help
    return one.code


SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@given(st.dictionaries(st.text(min_size=1, max_size=8), SHAPES, max_size=6))
def test_what_the_format_writes_is_read_back(shapes: dict[str, tuple[int, ...]]) -> None:
    arrays = {name: np.ones(shape, np.float32) for name, shape in shapes.items() if name != "__metadata__"}
    data = save(arrays, metadata={"name": "net"})
    assert begins(data[:9])
    found = header(data)
    assert {name: one.shape for name, one in found.tensors.items()} == {
        name: value.shape for name, value in arrays.items()
    }
    assert found.metadata == {"name": "net"}
    for name, one in found.tensors.items():
        assert data[one.begin : one.end] == arrays[name].tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08",
        (10**15).to_bytes(8, "little") + b"{}",
        (101_000_000).to_bytes(8, "little") + b"{" + bytes(101_000_000),
        written(b"{" * 5000, 0),
        written(b"[]", 0),
        written(b"\xff\xfe", 0),
        written({"w": [1]}, 4),
        written({"w": entry(1) | {"more": 1}}, 4),
        written({"w": entry(-1, at=(4, 0))}, 4),
        written({"w": entry(True)}, 4),
        written({"w": entry(1.0)}, 4),
        written({"w": entry(1, at=(0, 2, 4))}, 4),
        written({"w": entry(1, kind=["F32"])}, 4),
        written({"__metadata__": {"spec": 3}, "w": entry(1)}, 4),
        written(b'{"w": %s, "w": %s}' % ((json.dumps(entry(1)).encode(),) * 2), 4),
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    assert code(data) == "NS761"


@pytest.mark.parametrize(
    "data",
    [
        written({"w": entry(10**9, 10**9)}, 4),
        written({"w": entry(10**30, 0, 10**30, at=(0, 4))}, 4),
        written({"w": entry(*[1] * 9)}, 4),
        written({"w": entry(1, at=(4, 8))}, 4),
        written({"w": entry(1), "v": entry(1)}, 4),
        written({"w": entry(2, at=(0, 8)), "v": entry(1, at=(4, 8))}, 8),
        written({"w": entry(1), "v": entry(1, at=(8, 12))}, 12),
        written({"w": entry(1)}, 8),
        written({}, 4),
    ],
)
def test_sizes_that_are_not_those_of_the_file_are_refused_before_anything_is_made(data: bytes) -> None:
    assert code(data) == "NS763"


@pytest.mark.parametrize("kind", ["F8_E4M3", "C64", "U32", "\x1b[31m"])
def test_numbers_of_another_kind_are_refused_by_name(kind: str) -> None:
    with pytest.raises(SpecError) as refused:
        header(written({"a\nb": entry(1, kind=kind)}, 4))
    (one,) = refused.value.diagnostics
    assert one.code == "NS764"
    assert one.message.isprintable()


@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_damaged_header_is_refused_or_read_and_never_breaks(noise: bytes, at: int) -> None:
    whole = bytearray(save({"conv.weight": np.ones((2, 3), np.float32), "b": np.ones(2, np.int64)}))
    whole[at : at + len(noise)] = noise
    codes: set[str] = set()
    try:
        found = header(bytes(whole))
    except SpecError as refused:
        codes = {one.code for one in refused.diagnostics}
    else:
        assert sum(one.end - one.begin for one in found.tensors.values()) < len(whole)
    assert codes <= {"NS761", "NS763", "NS764"}
