from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.passes.refusals import refusals
from netspec.passes.specialize import specialize
from netspec.text import Severity, Source
from netspec.text.render import render

SPEC = """\
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
  - global_avg_pool
  - {batch_norm, name: norm}
"""


def graph(text: str = SPEC) -> Graph:
    spec, found = check_source(Source("a.yaml", text), Path())
    assert spec is not None, found
    return spec.graph


def test_legal_sizes_are_not_refused() -> None:
    assert refusals(graph(), {"H": 64, "W": 4, "N": 2}) == ()
    assert refusals(graph(), {"H": 64}) == ()
    assert refusals(graph(), {}) == ()


def test_a_refusal_shows_the_layer_both_numbers_the_chain_and_the_nearest_legal_sizes() -> None:
    (one,) = refusals(graph(), {"H": 66})
    assert (
        render(one, color=False)
        == """\
error[NS280]: `H = 66` is not legal: at `at4` 16 is not 17 (the inputs of `add` agree along `height`)
  --> a.yaml:10:6
   |
10 |   - {add, from: [p2, c], name: at4}
   |      ^^^ inputs are float32[N, 4, 16, W//4] and float32[N, 4, 17, (W + 2)//4]
   = note: `c` (line 9) makes [4, 17, (W + 2)//4] of [4, 33, W//2]
   = note: `p2` (line 8) makes [4, 16, W//4] of [4, 33, W//2] and of [4, 32, W//2]
   = note: `p1` (line 5) makes [4, 33, W//2] of [4, 66, W]
   = help: nearest legal: `H = 64` and `H = 68` (H = 4k, k >= 1)
           or begin with `- pad_to_multiple: 4`, and any size is legal (`crop_like` takes it off again)"""
    )


def test_each_letter_that_is_wrong_gets_one_message_at_the_first_layer_that_refuses_it() -> None:
    found = refusals(graph(), {"H": 65, "W": 66})
    assert [(one.code, one.span.line if one.span else 0) for one in found] == [("NS280", 7), ("NS280", 10)]
    assert "`H = 65`" in found[0].message
    assert "`W = 66`" in found[1].message


def test_a_size_below_the_smallest_is_told_what_the_smallest_is() -> None:
    (one,) = refusals(graph(), {"H": 1})
    assert one.message.startswith(
        "`H = 1` is not legal: at `p1` 1 is less than 2 (the window fits along `height`)"
    )
    assert one.help.startswith(
        "nearest legal: `H = 4` (H = 4k, k >= 1)\nor begin with `- pad_to_multiple: 4`"
    )


def test_one_sample_can_be_predicted_and_not_trained_with() -> None:
    (one,) = refusals(graph(), {"N": 1})
    assert (one.code, one.severity) == ("NS282", Severity.WARNING)
    assert one.message == (
        "`N = 1` cannot be trained with: at `norm` 1 is not more than 1 "
        "(a variance in training needs more than one number for each channel)"
    )
    assert one.help == "nearest legal: `N = 2` (N >= 2)"
    frozen = SPEC.replace("{batch_norm, name: norm}", "{batch_norm, name: norm, freeze: statistics}")
    assert refusals(graph(frozen), {"N": 1}) == ()


def test_what_only_together_cannot_be_trained_with_is_told_together() -> None:
    text = SPEC.replace("  - global_avg_pool\n", "")
    assert refusals(graph(text), {"N": 1, "H": 8, "W": 4}) == ()
    (one,) = refusals(graph(text), {"N": 1, "H": 4, "W": 4})
    assert one.message.startswith("`N = 1`, `H = 4`, `W = 4` cannot be trained with together")
    assert "nearest legal with `H = 4`, `W = 4`: `N = 2` (N >= 2)" in one.help
    assert "nearest legal with `N = 1`, `W = 4`: `H = 8`" in one.help


@pytest.mark.parametrize("letter, help", [("H1", "did you mean `H`? "), ("K", "")])
def test_a_letter_that_is_not_there_is_told_with_those_that_are(letter: str, help: str) -> None:
    (one,) = refusals(graph(), {letter: 3})
    assert (one.code, one.help) == ("NS281", help + "its free sizes are `H`, `W`, `N`")


def test_a_letter_of_which_no_size_is_legal_is_an_error_at_the_second_of_the_two_layers() -> None:
    text = (
        "netspec: 1\ninputs: {x: {shape: [2, H, 8]}}\nlayers:\n"
        "  - {narrow: {axis: height, stop: 9}, name: a}\n"
        "  - {narrow: {axis: height, start: 2}, from: x, name: b}\n"
        "  - {narrow: {axis: height, start: 3}, from: x, name: c}\n"
        "  - {add, from: [a, b], name: first}\n  - {add, from: [a, c], name: second}\n"
    )
    spec, (one,) = check_source(Source("a.yaml", text), Path())
    assert spec is None
    assert (one.code, one.span.line if one.span else 0) == ("NS283", 8)
    assert one.message == (
        "no size of `H` is legal: `second` asks for `9 == H - 3` (the inputs of `add` agree along `height`)"
    )
    assert one.notes == (
        "`first` at line 7 asks for `9 == H - 2` (the inputs of `add` agree along `height`)",
    )


def test_a_letter_left_free_must_have_a_size_beside_the_given_ones() -> None:
    text = (
        "netspec: 1\ninputs: {x: {shape: [2, H, 8]}, y: {shape: [2, W, 8]}}\nlayers:\n"
        "  - {narrow: {axis: height, start: 4}, from: y, name: four}\n"
        "  - {add, from: [four, x]}\n  - {narrow: {axis: height, start: 1}, from: y, name: one}\n"
        "  - {add, from: [one, x]}\n"
    )
    assert refusals(graph(text), {"H": 5, "W": 9})[0].code == "NS280"
    (one,) = refusals(graph(text), {"H": 6})
    assert one.code == "NS283"
    assert "no size of `W` is legal with `H = 6`" in one.message


def test_a_specialized_graph_has_numbers_everywhere_but_in_letters_that_were_not_given() -> None:
    one = specialize(graph(), {"H": 64, "W": 32})
    assert {size.symbols for node in one.nodes for kind in node.types for size in kind.sizes} == {
        frozenset(),
        frozenset({"N"}),
    }
    assert str(one.inputs["image"]) == "float32[N, 3, 64, 32]"
    assert [str(node.types[0]) for node in one.nodes if node.path == "at4"] == ["float32[N, 4, 16, 8]"]
    assert one.parameters == graph().parameters
    dropped = specialize(graph(SPEC + "  - dropout\n"), {"N": 3})
    assert [str(size) for size in dropped.nodes[-1].noise[0].shape] == ["3", "4"]


BLOCK = """\
netspec: 1
inputs: {image: {shape: [3, H, W]}}
blocks:
  halve:
    layers:
      - {max_pool: {kernel_size: 4, stride: 2}}
layers:
  - halve
  - halve
"""


def test_a_refusal_in_a_block_shows_the_argument_and_where_the_block_is_used() -> None:
    (one,) = refusals(graph(BLOCK), {"H": 9})
    assert one.span is not None
    assert (one.span.line, one.span.text) == (6, "4")
    assert [(label.span.line, label.text) for label in one.labels] == [(9, "used here")]
    assert one.message == (
        "`H = 9` is not legal: at `halve2.max_pool1` 3 is less than 4 (the window fits along `height`)"
    )
    assert one.notes == ("`halve1.max_pool1` (line 6) makes [3, 3, W//2 - 1] of [3, 9, W]",)


@pytest.mark.parametrize(
    "old, new, offered",
    [
        ("[3, H, W]", "[3, H, 32]", "`- pad_to_multiple: [4, 1]`"),
        ("[3, H, W]", "[3, H, H]", "`- pad_to_multiple: 4`"),
        ("[3, H, W]", "{channel: 3, depth: H, height: W}", "`- pad_to_multiple: 4`"),
        ("  - global", "  - {conv: {out_channels: 4, kernel_size: 3}}\n  - global", None),
    ],
)
def test_a_multiple_is_offered_where_it_lets_any_size_in(old: str, new: str, offered: str | None) -> None:
    (one,) = refusals(graph(SPEC.replace(old, new)), {"H": 66})
    assert ("pad_to_multiple" in one.help) is (offered is not None)
    assert offered is None or offered in one.help
