"""Rules over blocks, copies, branches, maps and several files: a place is doubted once, and only if all of it is so."""

from __future__ import annotations

import cProfile
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.passes.lint import lint
from netspec.text import Source
from netspec.text.render import render_all
from tests.passes.lint.near import IMAGE, codes, layers, told

NORMED = """\
blocks:
  normed:
    params: {channels: int, norm: true}
    layers:
      - conv: {out_channels: $channels, kernel_size: 3, padding: 1}
      - {batch_norm, when: norm}
      - relu
"""


def test_a_block_is_doubted_once_for_all_its_uses() -> None:
    text = (
        f"netspec: 1\n{IMAGE}{NORMED}layers:\n  - normed: 8\n  - normed: 16\n  - {{normed: 16, repeat: 3}}\n"
    )
    (found,) = told(text)
    assert (found.code, found.span is not None and found.span.line) == ("NS403", 7)


def test_a_block_that_is_right_in_one_use_is_not_doubted() -> None:
    text = f"netspec: 1\n{IMAGE}{NORMED}layers:\n  - normed: 8\n  - normed: {{channels: 8, norm: false}}\n"
    assert codes(text) == []


def test_a_doubt_that_only_one_use_gives_rise_to_shows_that_use() -> None:
    inputs = "inputs: {image: {shape: [3, 32, 32], range: [0, 1]}}\n"
    block = "blocks: {down: {layers: [max_pool: 5]}}\n"
    (found,) = told(f"netspec: 1\n{inputs}{block}layers:\n  - down\n  - down\n")
    assert (found.code, found.span is not None and found.span.line) == ("NS409", 3)
    assert "1 of 6 along `height`" in found.message
    assert [(one.span.line, one.text) for one in found.labels] == [(6, "`down` is used here")]


def test_weights_used_again_without_the_norm_keep_their_bias() -> None:
    first = "{conv: {out_channels: 3, kernel_size: 3, padding: 1}, name: shared}"
    assert layers(first, "batch_norm") == ["NS403"]
    assert layers(first, "batch_norm", "{reuse: shared}", "relu") == []


def test_a_layer_of_a_block_is_dead_only_if_it_is_in_every_use() -> None:
    block = (
        "blocks:\n  two:\n    layers:\n      - {relu, name: a}\n      - {tanh, from: x, name: b}\n"
        "    outputs: [a, b]\n"
    )
    one = f"netspec: 1\n{IMAGE}{block}layers:\n  - {{two, name: [p, q]}}\n  - {{exp, from: p}}\n"
    assert codes(one) == ["NS405"]
    both = one.replace("{exp, from: p}", "{two, from: p, name: [r, s]}\n  - {add, from: [q, s]}")
    assert codes(both) == []  # nothing reads `a` of the second use, and the first one needs it


def test_a_branch_that_nobody_joins_is_dead() -> None:
    body = "branches:\n      left: [conv: {out_channels: 4, kernel_size: 1}]\n      right: [relu]"
    assert layers(body, "{tanh, from: right}") == ["NS405"]
    assert layers(f"concat:\n      {body.replace(chr(10), chr(10) + '  ')}") == []


def test_residuals_and_joins_are_alive() -> None:
    conv = "conv: {out_channels: 3, kernel_size: 3, padding: 1, bias: false}"
    assert layers(f"residual: [{conv}, batch_norm, relu, {conv}, batch_norm]", "relu") == []
    assert layers(f"concat: {{branches: {{a: [], b: [{conv}, batch_norm]}}}}", "relu") == []


def test_a_norm_in_a_map_measures_all_places_of_the_axis() -> None:
    text = (
        "netspec: 1\ninputs: {stack: {shape: {slice: 8, channel: 1, height: 8, width: 8}}}\n"
        "layers:\n  - map:\n      axis: slice\n      layers:\n"
        "        - {conv: {out_channels: 2, kernel_size: 3, bias: false}}\n"
        "        - batch_norm\n        - global_avg_pool\n  - flatten\n  - {linear: 1, name: y}\nloss: mean(y)\n"
        "training: {epochs: 1, batch_size: 1, optimizer: {sgd: 0.1}}\n"
    )
    assert codes(text) == []


@pytest.mark.parametrize(
    "blocks, used, words",
    [
        ("  spare: {layers: [relu]}\n  meant: {layers: [tanh]}\n", "meant", "spare"),
        ("  meant: {params: {width: 4, depth: 2}, layers: [linear: $width]}\n", "meant", "depth"),
        (
            "  meant: {params: {stride: 1}, layers: [max_pool: {kernel_size: 1, stride: 1}]}\n",
            "{meant, from: picture}",
            "stride",
        ),
        (
            "  meant: {inputs: [x, skip], layers: [{relu, from: x}]}\n",
            "{meant, from: [image, image]}",
            "skip",
        ),
    ],
)
def test_what_a_block_defines_and_nothing_reads_is_told(blocks: str, used: str, words: str) -> None:
    inputs = "inputs: {image: {shape: [3]}}\n"
    if "picture" in used:
        inputs = "inputs: {picture: {shape: [1, 4, 4]}}\n"
    (found,) = told(f"netspec: 1\n{inputs}blocks:\n{blocks}layers:\n  - {used}\n")
    assert found.code == "NS406"
    assert found.span is not None
    assert found.span.text == words


@pytest.mark.parametrize(
    "blocks, used",
    [
        ("  meant: {layers: [tanh]}\n", "{meant, when: 1 == 2}"),
        ("  meant: {layers: [tanh]}\n  outer: {params: {act: {layer: relu}}, layers: [$act]}\n", "outer: {act: meant}"),
        ("  meant: {layers: [tanh]}\n  outer: {layers: [meant]}\n", "outer"),
        ("  outer: {params: {act: {layer: relu}}, layers: [{$act, name: y}, {add, from: [x, y]}]}\n", "outer"),
        ("  meant: {inputs: [x, y], layers: [{add, from: [x, y]}]}\n", "{meant, from: [_, image]}"),
        ("  meant: {params: {n: 2}, layers: [{relu, repeat: $n}]}\n", "meant"),
        ("  meant: {params: {n: 2}, layers: [{relu, when: n == 2}, tanh]}\n", "meant"),
    ],
)  # fmt: skip
def test_what_a_block_defines_and_something_reads_is_used(blocks: str, used: str) -> None:
    inputs = "inputs: {image: {shape: [3]}}\n"
    assert codes(f"netspec: 1\n{inputs}blocks:\n{blocks}layers:\n  - sigmoid\n  - {used}\n") == []


def with_files(text: str, **files: str) -> list[tuple[str, str]]:
    """The codes and the words under the carets of a spec with other files beside it."""
    texts = {f"{name}.yaml": f"netspec: 1\n{body}" for name, body in files.items()}
    spec, found = check_source(Source("net.yaml", f"netspec: 1\n{text}"), Path(__file__).parent, files=texts)
    assert spec is not None, render_all(found, color=False)
    return [(one.code, one.span.text if one.span else "") for one in found]


def test_what_an_extended_or_included_file_does_not_use_is_its_own_affair() -> None:
    base = (
        f"define: {{old: 1}}\n{IMAGE}blocks: {{spare: {{layers: [relu]}}}}\nlayers:\n  - {{relu, name: a}}\n"
    )
    assert with_files("extends: base.yaml\n", base=base) == []
    assert with_files("extends: base.yaml\ndefine: {mine: 2}\n", base=base) == [("NS406", "mine")]
    assert with_files("extends: base.yaml\ndefine: {old: 2}\n", base=base) == [("NS406", "old")]
    parts = "blocks: {one: {layers: [relu]}, two: {layers: [tanh]}}\n"
    assert with_files(f"include: {{lib: parts.yaml}}\n{IMAGE}layers: [lib.one]\n", parts=parts) == []
    told = with_files(f"include: {{lib: parts.yaml}}\n{IMAGE}layers: [relu]\n", parts=parts)
    assert told == [("NS406", "lib")]


def test_a_doubt_about_an_included_block_stands_in_its_file_behind_those_of_the_spec() -> None:
    parts = "blocks:\n  one:\n    layers: [conv: {out_channels: 3, kernel_size: 4, padding: same}]\n"
    text = f"include: {{lib: parts.yaml}}\n{IMAGE}layers:\n  - max_pool: {{kernel_size: 2, stride: 3}}\n  - lib.one\n"
    assert with_files(text, parts=parts) == [("NS408", "3"), ("NS407", "4")]


def test_a_block_named_like_an_op_is_told_and_one_of_another_name_is_not() -> None:
    text = f"netspec: 1\n{IMAGE}blocks: {{%s: {{layers: [tanh]}}}}\nlayers: [%s]\n"
    assert codes(text % ("relu", "relu")) == ["NS417"]
    assert codes(text % ("squash", "squash")) == []


UNET = """
netspec: 1
define: {width: 8, classes: 4}
inputs: {image: {shape: [1, 64, 64], kind: image, range: [0, 1]}}
targets: {truth: {shape: {height: 64, width: 64}, kind: mask}}
blocks:
  double_conv:
    params: {channels: int}
    layers:
      - repeat: 2
        layers:
          - conv: {out_channels: $channels, kernel_size: 3, padding: 1, bias: false}
          - batch_norm
          - relu
layers:
  - {double_conv: $width, name: enc1}
  - max_pool: 2
  - {double_conv: $width * 2, name: enc2}
  - max_pool: 2
  - double_conv: $width * 4
  - dropout: 0.5
  - global_avg_pool
  - linear: $classes
"""


def test_the_way_down_of_a_u_net_and_its_dropout_at_the_bottom_are_no_doubt() -> None:
    assert codes(UNET) == []


DENSE = """
netspec: 1
inputs: {image: {shape: [3, 32, 32], range: [-3, 3]}}
blocks:
  dense_layer:
    params: {growth: int}
    layers:
      - concat:
          branches:
            old: []
            new:
              - batch_norm
              - relu
              - conv: {out_channels: $4 * growth, kernel_size: 1, bias: false}
              - batch_norm
              - relu
              - conv: {out_channels: $growth, kernel_size: 3, padding: 1, bias: false}
layers:
  - conv: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
  - {dense_layer: 8, repeat: 4}
  - batch_norm
  - relu
  - conv: {out_channels: 24, kernel_size: 1, bias: false}
  - avg_pool: 2
  - {dense_layer: 8, repeat: 4}
  - batch_norm
  - relu
  - global_avg_pool
  - linear: 10
"""
INVERTED = """
netspec: 1
inputs: {image: {shape: [3, 64, 64], range: [-3, 3]}}
blocks:
  inverted:
    params: {expand: int, channels: int, stride: 1}
    layers:
      - {conv: {out_channels: $expand * x.channel, kernel_size: 1, bias: false}, when: expand != 1}
      - {batch_norm, when: expand != 1}
      - {relu, when: expand != 1}
      - conv:
          out_channels: $expand * x.channel
          kernel_size: 3
          stride: $stride
          padding: 1
          groups: $expand * x.channel
          bias: false
      - batch_norm
      - relu
      - conv: {out_channels: $channels, kernel_size: 1, bias: false}
      - batch_norm
      - {add, from: [x, _], when: stride == 1 and x.channel == channels}
layers:
  - conv: {out_channels: 16, kernel_size: 3, stride: 2, padding: 1, bias: false}
  - batch_norm
  - relu
  - inverted:
    repeat:
      columns: [expand, channels, stride]
      rows:
        - [1, 8, 1]
        - [6, 12, 2]
        - [6, 12, 1]
        - [6, 16, 2]
  - global_avg_pool
  - dropout: 0.2
  - linear: 10
"""


@pytest.mark.parametrize("text", [DENSE, INVERTED], ids=["DenseNet", "MobileNetV2"])
def test_published_ways_to_build_are_no_doubt(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize("wires", ["", ", from: start"], ids=["a chain", "dead ends"])
def test_a_spec_of_many_layers_is_linted_in_steps_that_grow_with_them(wires: str) -> None:
    def steps(count: int) -> int:
        """Calls of functions while rules look: the same on every machine, which a clock is not."""
        layer = f"  - {{conv: {{out_channels: 3, kernel_size: 3, padding: 1}}{wires}}}\n"
        text = f"netspec: 1\n{IMAGE}layers:\n  - {{relu, name: start}}\n{layer * count}  - batch_norm\n"
        spec, _ = check_source(Source("net.yaml", text), Path(__file__).parent)
        assert spec is not None
        profile = cProfile.Profile()
        assert profile.runcall(lambda: list(lint(spec, {})))
        return sum(one.callcount for one in profile.getstats())

    assert steps(2000) < 8 * steps(250) * 2
