"""What a `map` becomes: the rules of folding at their edges, and what a layer inside may not do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.arithmetic import Add, Constant
from netspec.ops.fold import Fold, Spread, Unfold, infer_inside
from netspec.ops.join import Concat
from netspec.ops.linear import Linear
from netspec.ops.reduce import Mean

STACK = tensor(batch="N", slice="S", feature=4)
MASK = tensor("bool", facts=Facts(low=0, high=1, mask=True), batch="N", slice="S")


def only(op: Fold | Spread | Unfold, *inputs: TensorType) -> TensorType:
    """The one output."""
    (out,) = infer_node(op, inputs).outputs
    return out


def test_the_batch_becomes_all_places_of_all_samples() -> None:
    assert only(Fold(axis="slice"), STACK).sizes == (Dim.of("N") * Dim.of("S"), Dim.of(4))
    assert only(Fold(axis="slice", rows="M3"), STACK, MASK).sizes == (Dim.of("M3"), Dim.of(4))
    assert only(Spread(axis="slice"), tensor(batch="N"), STACK).sizes == (Dim.of("N") * Dim.of("S"),)


def test_what_comes_out_has_the_axis_first() -> None:
    cine = tensor(batch="N", channel=2, slice="S", height=3)
    folded = only(Fold(axis="slice"), cine)
    assert folded.names == ("batch", "channel", "height")
    assert only(Unfold(axis="slice"), folded, cine).names == ("batch", "slice", "channel", "height")


@pytest.mark.parametrize(
    "named,axes,stays",
    [
        ("slice", {"slice": 3, "bin": 4}, False),
        ("bin", {"slice": 3, "bin": 4}, True),
        ("feature", {"slice": 3, "feature": 4}, True),
        ("feature", {"slice": 3, "bin": 4}, False),  # it may mean the slices
    ],
)
def test_facts_along_the_folded_axis_go_and_others_stay(
    named: str, axes: dict[str, int], stays: bool
) -> None:
    sizes: dict[str, Any] = {"batch": "N", **axes}
    x = tensor(facts=Facts(low=0, high=1, sums_to_one=named), **sizes)
    out = only(Fold(axis="slice"), x)
    assert out.facts == Facts(low=0, high=1, sums_to_one=named if stays else None)


@pytest.mark.parametrize(
    "before,after",
    [
        (Facts(low=2, high=3), Facts(low=0, high=3)),
        (Facts(low=-3, high=-2), Facts(low=-3, high=0)),
        (Facts(low=0, high=1, sums_to_one="bin"), Facts(low=0, high=1)),
        (Facts(high=0, log_probabilities="bin"), Facts(high=0)),
        (Facts(low=0, high=1, nondecreasing="bin"), Facts(low=0, high=1, nondecreasing="bin")),
        (Facts(low=1, high=4, classes=5), Facts(low=0, high=4, classes=5)),
        (Facts(low=0, high=1, mask=True), Facts(low=0, high=1, mask=True)),
    ],
)
def test_rows_of_zeros_leave_the_facts_that_are_true_of_zeros(before: Facts, after: Facts) -> None:
    y = tensor(facts=before, batch="M", bin=3, unit="ml")
    assert only(Unfold(axis="slice"), y, STACK, MASK).facts == after
    assert only(Unfold(axis="slice"), y, STACK, MASK).unit == "ml"
    folded = tensor(facts=before, batch=Dim.of("N") * Dim.of("S"), bin=3)
    assert only(Unfold(axis="slice"), folded, STACK).facts == before


def test_maps_nest() -> None:
    whole = tensor(batch="N", slice="S", time="T", feature=2)
    mask = tensor("bool", facts=MASK.facts, batch="M", time="T")
    outer = only(Fold(axis="slice"), whole, MASK)
    inner = only(Fold(axis="time", rows="M2"), outer, mask)
    assert inner.sizes == (Dim.of("M2"), Dim.of(2))
    curve = only(Unfold(axis="time", rows="M2"), inner, outer, mask)
    assert curve.sizes == (Dim.of("M"), Dim.of("T"), Dim.of(2))
    assert only(Unfold(axis="slice"), curve, whole, MASK).sizes == whole.sizes


def test_a_size_that_is_not_settled_becomes_a_constraint() -> None:
    mask = tensor("bool", facts=MASK.facts, batch="N", slice="P")
    (one,) = infer_node(Fold(axis="slice"), (STACK, mask)).constraints
    assert (one.left, one.relation, one.right) == (Dim.of("P"), "==", Dim.of("S"))


def test_the_rows_of_one_map_may_not_be_called_like_those_around_it() -> None:
    inner = tensor("bool", facts=MASK.facts, batch="M", time=3)
    with pytest.raises(Problem) as caught:
        infer_node(Fold(axis="time"), (tensor(batch="M", time=3), inner))
    assert caught.value.code == "NS274"


@pytest.mark.parametrize("rows", ["m", "MM", "", "M-1", "M" + 16 * "1"])
def test_rows_are_called_by_one_letter(rows: str) -> None:
    with pytest.raises(ValidationError):
        Fold(axis="slice", rows=rows)


def test_a_layer_inside_a_map_may_not_mix_samples() -> None:
    inside = tensor(batch=Dim.of("N") * Dim.of("S"), feature=4)
    for op in (Mean(axis="feature"), Linear(out_features=2)):
        assert infer_inside(op, (inside,)) == infer_node(op, (inside,))
    for mixing in (Mean(), Mean(axis=("batch", "feature")), Mean(axis="batch")):
        with pytest.raises(Problem) as caught:
            infer_inside(mixing, (inside,))
        assert caught.value.code == "NS273"
        assert "`mean`" in caught.value.message
    assert infer_inside(Constant(value=2.0), ()) == infer_node(Constant(value=2.0), ())


def test_values_with_other_numbers_of_places_do_not_meet_inside_a_map() -> None:
    five, four = (tensor(batch=Dim.of("N") * count, feature=4) for count in (5, 4))
    for op in (Add(), Concat(axis="feature")):
        with pytest.raises(Problem) as caught:
            infer_inside(op, (five, four))
        assert (caught.value.code, caught.value.at) == ("NS272", 1)
        assert infer_inside(op, (five, five)) == infer_node(op, (five, five))
