"""Whole networks that cut, turn and join values, as they are written, proved against the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.proof.verify import verify
from netspec.text import Source

LOSS = "targets: {label: {shape: [], kind: class_index, classes: 3}}\nloss: cross_entropy(scores, label)\n"

SHUFFLE = """netspec: 1
inputs: {image: [3, H, W]}
blocks:
  shuffle_unit:                                   # Ma and others 2018, figure 3c
    layers:
      - {chunk: 2, name: [left, right]}
      - {conv: {out_channels: $x.channel // 2, kernel_size: 1, bias: false}, from: right}
      - batch_norm
      - relu
      - conv: {out_channels: $x.channel // 2, kernel_size: 3, padding: 1, groups: $x.channel // 2, bias: false}
      - batch_norm
      - {conv: {out_channels: $x.channel // 2, kernel_size: 1, bias: false}}
      - {batch_norm, name: turned}
      - {concat, from: [left, turned]}
      - channel_shuffle: 2
layers:
  - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
  - {shuffle_unit, repeat: 2}
  - squeeze_excite: {reduction: 2, activation: silu}
  - global_avg_pool
  - {linear: 3, name: scores}
"""

CONVNEXT = """netspec: 1
inputs: {image: [3, 8, 8]}
layers:
  - conv: {out_channels: 8, kernel_size: 2, stride: 2}
  - residual:                                     # Liu and others 2022, figure 4
      - conv: {out_channels: 8, kernel_size: 3, padding: 1, groups: 8}
      - permute: [height, width, channel]
      - layer_norm: channel
      - linear: 32
      - gelu
      - linear: 8
      - permute: [channel, height, width]
  - cbam: {reduction: 2, kernel_size: 3}
  - global_avg_pool
  - {linear: 3, name: scores}
"""

HYBRID = """netspec: 1
inputs: {image: [3, 8, 8]}
layers:
  - conv: {out_channels: 8, kernel_size: 2, stride: 2}
  - flatten: {axis: [height, width], to: place}
  - {permute: [place, channel], name: tokens}
  - {linear: 24, name: wide}
  - {split: {sizes: [8, 8, 8], axis: channel}, name: [query, key, value]}
  - {permute: [channel, place], from: key}
  - {rename: {place: seen}, name: across}
  - {matmul, from: [query, across]}
  - rescale: {std: 2.8284271247461903}
  - {softmax: seen, name: weights}
  - {rename: {place: seen}, from: value, name: seen_values}
  - {matmul, from: [weights, seen_values], name: written_out}
  - {scaled_dot_product_attention, from: [query, key, value], name: at_once}
  - {sub, from: [written_out, at_once], name: nothing}
  - {multi_head_attention: {num_heads: 2, dropout: 0.2}, from: [tokens, at_once, written_out]}
  - {add, from: [_, nothing]}
  - mean: place
  - {linear: 3, name: scores}
"""

WINDOWS = """netspec: 1
inputs: {cine: {time: 4, height: 6, width: 6}}
layers:
  - {unsqueeze: {axis: channel, after: batch}}
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
  - {roll: {height: -1, width: 1}, name: rolled}
  - {reshape: {group: 2, channel: -1, time: time, height: height, width: width}, name: groups}
  - {unbind: group, name: [first, second]}
  - {flip: [height, time], from: second, name: turned}
  - {stack: {axis: view, after: channel}, from: [first, turned]}
  - flatten: {axis: [channel, view], to: channel}
  - {narrow: {axis: width, start: 1, step: 2}, name: every_other}
  - {mean: time}
  - {pixel_unshuffle: 3}
  - flatten
  - {linear: 3, name: scores}
"""


def graph_of(text: str) -> Graph:
    """The graph of a spec with nothing against it."""
    spec, found = check_source(Source("layouts.yaml", text + LOSS), Path())
    assert not found, [one.message for one in found]
    assert spec is not None
    return spec.graph


@pytest.mark.parametrize("text", [SHUFFLE, CONVNEXT, HYBRID], ids=["shuffle", "convnext", "hybrid"])
def test_networks_that_cut_and_turn_values_are_proved(text: str) -> None:
    assert verify(graph_of(text)).ok


def test_a_value_goes_through_every_layout_and_is_proved() -> None:
    graph = graph_of(WINDOWS.replace("pixel_unshuffle: 3", "pixel_unshuffle: 1"))
    by_path = {node.path: node.types[0] for node in graph.nodes}
    assert by_path["groups"].names == ("batch", "group", "channel", "time", "height", "width")
    assert by_path["every_other"].sizes[-1] == 3
    assert verify(graph).ok


JOINS = ["add", "sub", "mul", "div", "minimum", "maximum", "concat", "stack: view", "concat: width"]


@pytest.mark.parametrize("join", JOINS)
def test_every_join_is_a_layer_of_two_values_and_of_branches(join: str) -> None:
    op, _, axis = join.partition(": ")
    beside = f"{{{join}, from: [left, right]}}"
    inside = f"axis: {axis}, " if axis else ""
    branches = f"{op}: {{{inside}branches: {{left: [relu], right: [{{softplus}}]}}}}"
    two = "netspec: 1\ninputs: {x: [2, 3, 3]}\nlayers:\n  - {relu, name: left}\n  - {softplus, from: x, name: right}\n"
    graphs = []
    for text in (f"{two}  - {beside}\n", f"netspec: 1\ninputs: {{x: [2, 3, 3]}}\nlayers:\n  - {branches}\n"):
        spec, found = check_source(Source("join.yaml", text), Path())
        assert not found, [one.message for one in found]
        assert spec is not None
        graphs.append(spec.graph)
    first, second = (graph.nodes[-1] for graph in graphs)
    assert first.op == second.op
    assert first.types == second.types


@pytest.mark.parametrize("join", ["add", "sub", "mul", "div", "minimum", "maximum"])
def test_nothing_spreads_in_a_join_unless_it_is_asked_to(join: str) -> None:
    text = "netspec: 1\ninputs: {x: [2, 3, 3]}\nlayers:\n  - {adaptive_avg_pool: 1, name: mean}\n  - "
    _, found = check_source(Source("join.yaml", f"{text}{{{join}, from: [x, mean]}}\n"), Path())
    assert [one.code for one in found] == ["NS251"]
    assert "broadcast: true" in found[0].help
    asked = f"{text}{{{join}: {{broadcast: true}}, from: [x, mean]}}\n"
    assert not check_source(Source("join.yaml", asked), Path())[1]
