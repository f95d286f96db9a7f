from __future__ import annotations

import cProfile
from dataclasses import replace
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.dim import Dim
from netspec.ir.graph import Graph
from netspec.ir.op import Constraint
from netspec.passes.demands import demands, letters
from netspec.passes.sizes import Legal, legal_sizes
from netspec.text import Source

TWO_LEVELS = """
netspec: 1
inputs: {image: {shape: [3, H, W]}}
layers:
  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}, name: a}
  - {max_pool: 2, name: p1}
  - {conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}, from: a, name: b}
  - {add, from: [p1, b], name: at2}
  - {max_pool: 2, name: p2}
  - {conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}, from: at2, name: c}
  - {add, from: [p2, c], name: at4}
  - {conv: {out_channels: 4, kernel_size: 5}, name: last}
"""
POOLED = "  - batch_norm\n  - global_avg_pool\n  - {batch_norm, name: flat}\n"


def graph(layers: str, inputs: str = "{x: {shape: [2, H, W]}}") -> Graph:
    text = layers if layers.startswith("\nnetspec") else f"netspec: 1\ninputs: {inputs}\nlayers:\n{layers}"
    spec, found = check_source(Source("a.yaml", text), Path())
    assert spec is not None, found
    return spec.graph


def legal(one: Graph, letter: str = "H", **given: int) -> Legal:
    return next(found for found in legal_sizes(one, given) if found.letter == letter)


def test_multiples_a_least_size_and_the_layers_that_bind_them_are_told() -> None:
    found = legal(graph(TWO_LEVELS)).alone
    assert str(found.sizes) == "H = 4k, k >= 5"
    assert [(one.node.path, one.line) for one in found.bounds] == [("at2", 8), ("at4", 11), ("last", 12)]
    assert found.unknown == ()
    assert [one.letter for one in legal_sizes(graph(TWO_LEVELS))] == ["H", "W", "N"]


def test_a_plain_stack_has_a_least_size_and_no_multiples() -> None:
    found = legal(graph("".join(f"  - conv: {{out_channels: 2, kernel_size: {k}}}\n" for k in (3, 5, 3, 7))))
    assert str(found.alone.sizes) == "H >= 15"
    assert [one.node.path for one in found.alone.bounds] == ["conv4"]


def test_several_rests_of_a_division_are_all_told() -> None:
    one = graph(
        "  - {conv: {out_channels: 2, kernel_size: [8, 1], stride: [8, 1]}, name: b}\n"
        "  - {conv: {out_channels: 2, kernel_size: [4, 1], stride: [8, 1]}, from: x, name: c}\n"
        "  - {add, from: [b, c]}\n"
    )
    found = legal(one).alone.sizes
    assert str(found).startswith("H = 8k, k >= 1 or H = 8k + 1, k >= 1")
    assert [size for size in range(1, 99) if size in found] == [size for size in range(8, 99) if size % 8 < 4]


def test_sizes_that_stop_somewhere_are_told_with_their_end() -> None:
    one = graph(
        "  - {narrow: {axis: height, stop: 9}, name: a}\n  - {narrow: {axis: height, start: 2}, from: x, name: b}\n"
        "  - {add, from: [a, b]}\n"
    )
    assert str(legal(one).alone.sizes) == "H = 11"


def test_training_asks_more_of_the_batch_than_evaluation() -> None:
    one = legal(graph(TWO_LEVELS + POOLED), "N")
    assert str(one.alone.sizes) == "N >= 1"
    assert one.training is not None
    assert str(one.training.sizes) == "N >= 2"
    assert [demand.node.path for demand in one.training.bounds] == ["flat"]
    assert legal(graph(TWO_LEVELS + POOLED)).training is None


def test_what_training_asks_at_the_smallest_sizes_says_which_these_are() -> None:
    one = legal(graph(TWO_LEVELS + "  - batch_norm\n"), "N").training
    assert one is not None
    assert (str(one.sizes), dict(one.held)) == ("N >= 2", {"H": 20, "W": 20})
    assert legal(graph(TWO_LEVELS + "  - batch_norm\n"), "N", H=24).training is None


def test_frozen_statistics_ask_nothing_of_the_batch() -> None:
    assert (
        legal(graph(TWO_LEVELS + "  - global_avg_pool\n  - {batch_norm, freeze: statistics}\n"), "N").training
        is None
    )


def test_letters_that_meet_are_told_together_and_solved_at_the_smallest_size_of_the_other() -> None:
    inputs = "{x: {shape: [2, H, W]}, y: {shape: [2, S, W]}}"
    one = graph(
        "  - {max_pool: 4, from: y}\n  - {conv: {out_channels: 2, kernel_size: 1}, name: b}\n"
        "  - {max_pool: 2, from: x}\n  - {max_pool: 2, name: c}\n  - {add, from: [b, c], name: sum}\n",
        inputs,
    )
    found = legal(one)
    assert str(found.alone.sizes) == "H >= 4"
    assert [str(demand) for demand in found.joint] == ["S//4 == H//4"]
    assert found.together is not None
    assert (str(found.together.sizes), dict(found.together.held)) == ("4 <= H <= 7", {"S": 4})
    given = legal(one, S=21)
    assert (str(given.alone.sizes), given.joint) == ("20 <= H <= 23", ())


def test_what_is_asked_of_two_letters_and_always_holds_is_not_told() -> None:
    one = graph("  - {max_pool: 3}\n  - flatten\n  - {narrow: {axis: feature, stop: 2}}\n")
    found = legal(one)
    assert (str(found.alone.sizes), found.joint) == ("H >= 3", ())
    more = legal(graph("  - flatten\n  - {narrow: {axis: feature, stop: 12}, name: cut}\n"))
    assert str(more.alone.sizes) == "H >= 1"
    assert [str(demand) for demand in more.joint] == ["2*H*W >= 12"]
    assert more.together is not None
    assert (str(more.together.sizes), dict(more.together.held)) == ("H >= 6", {"W": 1})


def test_what_cannot_be_settled_is_not_known_and_the_rest_is_still_told() -> None:
    one = graph(TWO_LEVELS)
    size = Dim.of("H")
    far = Constraint(5003 * (size // 5003), "==", size, "it is a multiple of a large prime")
    last = replace(one.nodes[-1], constraints=(*one.nodes[-1].constraints, far))
    found = legal(replace(one, nodes=(*one.nodes[:-1], last))).alone
    assert [demand.why for demand in found.unknown] == [far.why]
    assert str(found.sizes) == "H = 4k, k >= 5"


def test_sizes_that_contradict_each_other_leave_none_and_name_the_two_layers() -> None:
    one = graph(
        "  - {narrow: {axis: height, stop: 9}, name: a}\n  - {narrow: {axis: height, start: 2}, from: x, name: b}\n"
        "  - {add, from: [a, b], name: first}\n  - {relu, name: second}\n"
    )
    other = Constraint(Dim.of("H"), "==", Dim.of(12), "it is a dozen")
    last = replace(one.nodes[-1], constraints=(other,))
    found = legal(replace(one, nodes=(*one.nodes[:-1], last))).alone
    assert found.least is None
    assert str(found.sizes) == "no size of H is legal"
    assert [demand.node.path for demand in found.bounds] == ["first", "second"]


def test_letters_come_in_the_order_of_the_spec_and_the_batch_last() -> None:
    assert letters(graph(TWO_LEVELS)) == ("H", "W", "N")
    assert letters(graph("  - {relu, from: x}\n", "{x: {shape: [2, 8, 8]}}")) == ("N",)


def test_a_demand_is_listed_once_and_where_it_is_first_made() -> None:
    one = graph("  - relu\n  - {max_pool: 4, name: first}\n  - {max_pool: 4, from: x, name: again}\n")
    asked = [demand for demand in demands(one) if demand.letters == {"H"}]
    assert len(asked) == len({(demand.left, demand.relation, demand.right) for demand in asked})
    assert {demand.node.path for demand in asked if str(demand) == "H >= 4"} == {"first"}


def test_a_deep_network_is_solved_at_once() -> None:
    layers = "".join(
        "  - {conv: {out_channels: 2, kernel_size: 3}}\n" + "  - {batch_norm}\n  - relu\n"
        for _ in range(1500)
    )
    one = graph(layers)
    profile = cProfile.Profile()
    found = profile.runcall(legal, one)
    assert sum(call.callcount for call in profile.getstats()) < 1_000 * len(one.nodes)
    assert str(found.alone.sizes) == "H >= 3001"


@pytest.mark.parametrize("letter", ["H", "W"])
def test_a_letter_that_nothing_binds_may_be_anything(letter: str) -> None:
    found = legal(graph("  - relu\n"), letter)
    assert (str(found.alone.sizes), found.alone.bounds) == (f"{letter} >= 1", ())
