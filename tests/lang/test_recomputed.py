from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.text import Diagnostic, Source

TEXT = """
netspec: 1
inputs: {image: {shape: [3, 8, 8], kind: image, range: [0, 1]}}
targets: {size: {shape: [1]}}
blocks:
  wide:
    layers: [{conv: {out_channels: 4, kernel_size: 3}}, relu]
layers:
  - {wide, name: first}
  - {wide, name: second, repeat: 2}
  - flatten
  - {linear: 1, name: said}
loss: mse(said, size)
training: {steps: 10, batch_size: 4, optimizer: {sgd: 0.1}, recompute: WORDS}
"""


def told(text: str) -> tuple[Diagnostic, ...]:
    return check_source(Source("recomputed.yaml", text), Path(__file__).parents[2])[1]


def about(words: str) -> list[Diagnostic]:
    return [one for one in told(TEXT.replace("WORDS", words)) if one.code == "NS676"]


@pytest.mark.parametrize(
    "words", ["[]", "[blocks]", "[wide]", "[first, said]", "[second.1]", "[second]", "[first.conv1]"]
)
def test_blocks_uses_groups_copies_and_layers_may_be_named(words: str) -> None:
    assert told(TEXT.replace("WORDS", words)) == ()


@pytest.mark.parametrize(
    "word,near", [("frist", "first"), ("block", "blocks"), ("wid", "wide"), ("second.7", "second.1")]
)
def test_a_word_that_is_not_there_is_told_with_one_that_is_near(word: str, near: str) -> None:
    (one,) = about(f"[{word}]")
    assert f"`{word}`" in one.message
    assert one.help is not None
    assert "did you mean" in one.help
    assert one.edit is not None
    assert one.edit.text == near or near in one.help
    assert one.span is not None
    assert one.span.text == word


def test_a_word_near_to_nothing_is_told_with_what_may_be_named() -> None:
    (one,) = about("[zzzzzzzz]")
    assert (
        one.help
        == "it takes `blocks`, the name of a block, or the path of a layer or a group as `netspec show` has it"
    )


def test_blocks_where_none_is_used_are_told() -> None:
    text = (
        TEXT.replace("blocks:\n  wide:\n    layers: [{conv: {out_channels: 4, kernel_size: 3}}, relu]\n", "")
        .replace("  - {wide, name: first}\n  - {wide, name: second, repeat: 2}\n", "")
        .replace("WORDS", "[blocks]")
    )
    (one,) = (each for each in told(text) if each.code == "NS676")
    assert one.message == "`recompute` names `blocks`, and the network uses none"


def test_a_word_alone_is_no_list() -> None:
    (one,) = told(TEXT.replace("WORDS", "blocks"))
    assert "must be a list of words" in one.message


def test_layers_between_which_another_runs_are_refused_with_its_name() -> None:
    from netspec.ir.types import tensor
    from netspec.ops.activation import Relu
    from netspec.recipe.recompute import segments, stranger
    from tests.backends.torch.build import Build

    at = Build(x=tensor(batch="N", feature=3))
    at.use("part.a", Relu(), "x")
    at.use("other", Relu(), "part.a")
    at.use("part.b", Relu(), "other")
    graph = at.graph({"y": "part.b"})
    between = stranger(graph, segments(graph, ["part"])["part"])
    assert between is not None
    assert between.path == "other"
    assert stranger(graph, segments(graph, ["part.b"])["part.b"]) is None
