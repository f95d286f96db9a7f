"""Blocks drawn at random: whatever their uses have in common, classes compute what the flat lowering does."""

from __future__ import annotations

import ast
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.front import check_source
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec_torch.module import construct, execute
from netspec_torch.writing import observed, write

LINES = (
    "- conv: {out_channels: $channels, kernel_size: $kernel, padding: $kernel // 2}",
    "- {conv: {out_channels: $channels, kernel_size: 1, bias: $biased}, name: lambda1}",
    "- batch_norm",
    "- $bend",
    "- {batch_norm, when: biased}",
    "- {conv: {out_channels: $_.channel * 2, kernel_size: 1}, when: kernel > 1, name: for_loss}",
    "- {group_norm: 2, name: self1}",
    "- {dropout: $rate, when: rate > 0}",
    "- {max_pool: {kernel_size: $kernel, stride: 1, padding: $kernel // 2}}",
    "- residual: [conv: {out_channels: $_.channel, kernel_size: 3, padding: 1}, relu]",
    "- {formula: _ * rate + 0.5, name: forwarded}",
    "- concat: {branches: {same: [], nn: [conv: {out_channels: $channels, kernel_size: 1}, tanh]}}",
    "- {conv: {out_channels: $channels, kernel_size: 1}, repeat: $kernel}",
)

uses = st.tuples(
    st.sampled_from([2, 4, 6]),
    st.sampled_from([1, 3]),
    st.booleans(),
    st.sampled_from(["relu", "tanh", "{leaky_relu: 0.2}", "sigmoid"]),
    st.sampled_from([0.0, 0.25]),
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A spec of one block in blocks and in rows of copies, with arguments of all kinds."""
    inner = draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=6, unique=True))
    calls = draw(st.lists(uses, min_size=1, max_size=5))
    depths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    body = "\n".join(f"      {line}" for line in inner)
    named = [
        f"channels: {channels}, kernel: {kernel}, biased: {str(biased).lower()}, bend: {bend}, rate: {rate}"
        for channels, kernel, biased, bend, rate in calls
    ]
    single = "\n".join(f"  - unit: {{{one}}}" for one in named)
    rows = ", ".join(f"[{a}, {b}, {str(c).lower()}, {d}, {e}]" for a, b, c, d, e in calls)
    stages = "\n".join(
        f"  - {{stage: {{width: {2 * (i % 2) + 2}, depth: {depth}}}, name: part{i}}}"
        for i, depth in enumerate(depths)
    )
    return f"""netspec: 1
name: drawn
inputs: {{image: {{shape: [2, 8, 8], range: [-1, 1]}}}}
blocks:
  unit:
    params: {{channels: int, kernel: 1, biased: false, bend: layer, rate: 0.5}}
    layers:
{body}
  stage:
    params: {{width: int, depth: int}}
    layers:
      - unit: {{channels: $width, kernel: "$3 if i == 0 else 1", bend: relu}}
        repeat: $depth
layers:
{single}
  - unit:
    name: table
    repeat: {{columns: [channels, kernel, biased, bend, rate], rows: [{rows}]}}
{stages}
"""


def read(text: str) -> Spec | None:
    spec, _ = check_source(Source("drawn.yaml", text), Path())
    return spec


@given(specs())
def test_drawn_blocks_are_written_as_what_they_are(text: str) -> None:
    spec = read(text)
    if spec is None:
        return  # two layers met whose sizes do not: told by the checker, and no matter here
    source = write(spec.graph, name="drawn")
    assert source.text == write(spec.graph, name="drawn").text
    ast.parse(source.text)
    flat = observed(spec.graph, ["image"])
    torch.manual_seed(0)
    model = construct(execute(source), source.model, None)
    torch.manual_seed(0)
    other = construct(execute(flat), flat.model, None)
    state = other.state_dict()
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    image = torch.rand(2, 2, 8, 8)
    torch.manual_seed(1)
    found = model(image)
    torch.manual_seed(1)
    values = other(image)
    (ref,) = spec.graph.entry("predict").values()
    torch.testing.assert_close(found, values.get(str(ref), image), rtol=0, atol=0, equal_nan=True)
