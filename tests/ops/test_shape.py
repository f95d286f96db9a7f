"""Other axes for the same numbers, parts of values, and values joined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.dim import Dim
from netspec.ir.op import Op
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ops.join import Concat
from netspec.ops.shape import Flatten, Rename, Squeeze, Unsqueeze
from netspec.ops.slicing import FrameDifference, Narrow, Select, Unbind
from tests.conformance.case import Numbers, case, draw, forward
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import seeds, tensors

WORDS = st.sampled_from(["channel", "time", "bin", "width", "slice", "batch"])


@given(tensors(least=0), seeds)
def test_flatten_is_right_for_any_axes(x: TensorType, seed: int) -> None:
    assert check_or_refused(Flatten(), x, seed=seed) == (x.rank > 1)


@given(tensors(least=0), st.dictionaries(WORDS, WORDS, min_size=1, max_size=3), seeds)
def test_rename_is_right_for_any_names(x: TensorType, names: dict[str, str], seed: int) -> None:
    op = Rename.model_validate(names)
    if check_or_refused(op, x, seed=seed):
        (y,) = case(op, x).inferred.outputs
        assert y.names == tuple(names.get(name, name) for name in x.names)


@given(tensors(least=0), WORDS, st.sampled_from([Unsqueeze, Squeeze, Unbind]), seeds)
def test_axes_come_go_and_come_apart(
    x: TensorType, axis: str, kind: type[Unsqueeze | Squeeze | Unbind], seed: int
) -> None:
    check_or_refused(kind(axis=axis), x, seed=seed)


@given(tensors(), WORDS, st.integers(-5, 5), st.none() | st.integers(-5, 5), seeds)
def test_narrow_is_python_slicing_where_the_stretch_is_there(
    x: TensorType, axis: str, start: int, stop: int | None, seed: int
) -> None:
    op = Narrow(axis=axis, start=start, stop=stop)
    accepted = check_or_refused(op, x, seed=seed)
    if axis != "batch" and axis in x.names:
        size = int(x.size(axis))
        whole = all(-size <= end <= size for end in (start, stop) if end is not None)
        assert accepted == (whole and len(range(size)[start:stop]) > 0)


@given(tensors(), WORDS, st.integers(-5, 5), seeds)
def test_select_is_python_indexing(x: TensorType, axis: str, index: int, seed: int) -> None:
    accepted = check_or_refused(Select(axis=axis, index=index), x, seed=seed)
    if axis != "batch" and axis in x.names:
        assert accepted == (-int(x.size(axis)) <= index < int(x.size(axis)))


@given(tensors(least=0), st.none() | WORDS, seeds)
def test_differences_are_right_for_any_axis(x: TensorType, axis: str | None, seed: int) -> None:
    check_or_refused(FrameDifference(axis=axis), x, seed=seed)


@given(
    tensors(), st.none() | WORDS, st.lists(st.integers(1, 3), min_size=1, max_size=2), st.booleans(), seeds
)
def test_concat_is_right_for_any_sizes(
    x: TensorType, axis: str | None, sizes: list[int], other: bool, seed: int
) -> None:
    along = x.names[1] if axis is None else axis
    rest = [x.with_axes(Axis(a.name, Dim.of(n)) if a.name == along else a for a in x.axes) for n in sizes]
    if other:
        longer = [
            Axis(a.name, a.size + int(a.name != along and i == x.rank - 1)) for i, a in enumerate(x.axes)
        ]
        rest[0] = rest[0].with_axes(longer)
    check_or_refused(Concat(axis=axis), x, *rest, seed=seed)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_is_taken_apart_is_joined_again(size: int) -> None:
    kind = tensor(batch=2, time=size, width=3)
    rng = np.random.default_rng(0)
    x = draw(kind, rng)
    parts = forward(case(Unbind(axis="time"), kind), Numbers((x,)), "eval")
    part = tensor(batch=2, width=3)
    rows = [forward(case(Unsqueeze(axis="time"), part), Numbers((one,)), "eval")[0] for one in parts]
    one = tensor(batch=2, time=1, width=3)
    (joined,) = (
        forward(case(Concat(axis="time"), *[one] * size), Numbers(tuple(rows)), "eval") if size > 1 else rows
    )
    assert np.array_equal(joined, x)


@pytest.mark.parametrize(
    "kind,written",
    [
        (Rename, {}),
        (Rename, {"time": 3}),
        (Unsqueeze, {}),
        (Narrow, {"axis": "time", "start": 1.5}),
        (Select, {}),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(kind: type[Op], written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(written)


def test_a_mapping_of_rename_is_its_argument() -> None:
    assert Rename.model_validate({"time": "channel"}).axes == (("time", "channel"),)
    assert Rename(axes=(("time", "channel"),)) == Rename.model_validate({"time": "channel"})
