"""A batch that holds the places of an axis: what a sample costs, and how many rows there may be."""

from __future__ import annotations

import pytest

from netspec.ir.dim import Dim
from netspec.passes.cost import cost
from netspec.passes.demands import demands, letters
from netspec.passes.rows import batch_of, most_rows
from netspec.passes.sizes import legal_sizes
from tests.backends.torch.graphs import classifier
from tests.backends.torch.maps import Where, mapped, nested

CONV = 4 * 2 * 3 * 3 * (3 * 2)
"""Filters of 2 channels and 3x3 weights, at the 3x2 places of a 5x4 image."""

LINEAR = 3 * 5


@pytest.mark.parametrize("where", ["nowhere", "given", "computed"])
def test_a_layer_inside_a_map_costs_a_sample_as_often_as_there_are_places(where: Where) -> None:
    counted = cost(mapped(where, 7))
    macs = {row.node.path: row.macs for row in counted.rows if row.macs != 0}
    assert macs == {"map1.conv1": 7 * CONV, "map1.linear1": 7 * LINEAR}
    assert counted.macs == 7 * (CONV + LINEAR)


def test_a_mask_makes_it_at_most_so_much() -> None:
    told = {row.node.path for row in cost(mapped("given")).rows if row.at_most}
    assert told == {"map1.conv1", "map1.linear1"}
    assert cost(mapped("given")).at_most
    assert not cost(mapped("nowhere")).at_most


def test_a_free_number_of_places_stays_in_the_cost() -> None:
    assert cost(mapped("nowhere", "S")).macs == Dim.of("S") * (CONV + LINEAR)
    assert cost(mapped("given", "S")).macs == Dim.of("S") * (CONV + LINEAR)


def test_maps_in_maps_multiply() -> None:
    counted = cost(nested())
    assert counted.macs == Dim.of("S") * 3 * (3 * 9 * 4)
    assert counted.at_most


def test_what_no_map_touches_costs_what_it_did() -> None:
    graph = classifier()
    assert [row.macs for row in cost(graph).rows] == [
        node.op.macs(tuple(graph.type_of(ref) for ref in node.inputs), node.types)
        for node in graph.walk("predict", "train")
    ]
    assert most_rows(graph) == {}


def test_a_mask_keeps_at_most_all_places_of_all_samples() -> None:
    assert most_rows(nested()) == {"M": Dim.of("N") * Dim.of("S")}
    assert batch_of(nested()) == Dim.of("N")


def test_how_many_rows_a_mask_keeps_is_no_letter_that_a_user_chooses() -> None:
    assert letters(nested()) == letters(mapped("nowhere", "S")) == ("S", "N")
    asked = [str(one) for one in demands(mapped("given", "S")) if one.training]
    assert asked == ["6*N*S > 1"] == [str(one) for one in demands(mapped("nowhere", "S")) if one.training]
    assert {one.letter for one in legal_sizes(nested())} == {"S", "N"}
    assert legal_sizes(nested(), {"S": 2, "N": 3}) == ()
