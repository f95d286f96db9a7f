from __future__ import annotations

from pathlib import Path

import pytest
import torch

import netspec_torch
from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.text import Source, SpecError
from netspec_torch.train.single import told_of_single_numbers
from tests.backends.torch.train import small

SPEC = """
netspec: 1
inputs:
  stack: {shape: {slice: 3, channel: 2, height: 4, width: 4}}
  present: {shape: {slice: 3}, kind: mask}
layers:
  - from: stack
    map:
      axis: slice
      where: present
      layers: [batch_norm, global_avg_pool, {batch_norm, name: rows}, {linear: 2}]
"""


def run(graph: Graph, present: list[list[bool]]) -> torch.Tensor:
    """One forward pass in training."""
    model = netspec_torch.assemble(graph, seed=0).model.train()
    made: torch.Tensor = model(torch.randn(1, 3, 2, 4, 4), torch.tensor(present))
    return made


def test_a_mask_that_leaves_one_row_is_told_at_the_norm_that_has_no_space() -> None:
    spec, _ = check_source(Source("a.yaml", SPEC), Path())
    assert spec is not None
    with told_of_single_numbers(spec.graph):
        run(spec.graph, [[True, False, True]])
    with pytest.raises(SpecError) as caught, told_of_single_numbers(spec.graph):
        run(spec.graph, [[True, False, False]])
    (one,) = caught.value.diagnostics
    assert one.code == "NS275"
    assert "`rows`" in one.message
    assert "[1, 2]" in one.message
    assert one.notes == ("the rows are those where `present` holds: 1 of this batch",)
    assert one.span is not None
    assert one.span.source.text[one.span.start :].startswith("batch_norm, name: rows")


def test_training_on_single_samples_ends_in_words(tmp_path: Path) -> None:
    changes = ("batch_size: 32", "batch_size: 1"), ("  - flatten\n", "  - flatten\n  - batch_norm\n")
    with pytest.raises(SpecError) as caught:
        small.run(small.spec(tmp_path, *changes))
    (one,) = caught.value.diagnostics
    assert one.code == "NS275"
    assert "batch_size" in one.help
    assert one.notes == ()


def test_another_mistake_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="something else"), told_of_single_numbers(Graph()):
        raise ValueError("something else")
