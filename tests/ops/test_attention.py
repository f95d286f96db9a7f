"""Attention, held to `nn.MultiheadAttention` and to its formula."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netspec.front import check_source
from netspec.ir.facts import Facts
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType, tensor
from netspec.ops.attention import MultiHeadAttention, ScaledDotProductAttention
from netspec.passes.cost import cost
from netspec.proof.verify import verify
from netspec.text import Source
from netspec_torch import attending
from netspec_torch.attending import MultiHeadAttention as Layer
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_agreement, check_or_refused, refuses_attributes
from tests.ops.strategies import seeds, typed

MASK = Facts(low=0, high=1, mask=True)
sizes = st.integers(1, 3)


@st.composite
def places(draw: st.DrawFn, heads: bool) -> tuple[TensorType, ...]:
    """Query, key and value that mostly go together, and sometimes a mask."""
    lead = {"batch": draw(st.integers(1, 2))} | ({"head": draw(st.integers(1, 2))} if heads else {})
    seen, features = draw(sizes), draw(st.sampled_from([1, 2, 4]))
    query = typed({**lead, "place": draw(sizes), "channel": features})
    names = draw(st.sampled_from([("place", "channel"), ("time", "feature"), ("time", "bin")]))
    key = typed({**lead, names[0]: seen, names[1]: features})
    low, high = draw(st.sampled_from([(-math.inf, math.inf), (1.0, 2.0), (-1.0, 3.0)]))
    value = typed({**lead, names[0]: seen, "feature": draw(sizes)}, Facts(low=low, high=high))
    if draw(st.booleans()):
        own = {"place": int(query.sizes[-2])} if names[0] != "place" and draw(st.booleans()) else {}
        mask = replace(typed({"batch": lead["batch"], **own, names[0]: seen}, MASK), dtype="bool")
        return query, key, value, mask
    return query, key, value


@pytest.mark.parametrize("heads", [False, True])
@settings(max_examples=20)
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_attention(heads: bool, data: st.DataObject) -> None:
    op = ScaledDotProductAttention(
        dropout=data.draw(st.sampled_from([0.0, 0.4])),
        is_causal=data.draw(st.booleans()),
        scale=data.draw(st.none() | st.just(0.5)),
    )
    check_or_refused(op, *data.draw(places(heads)), seed=data.draw(seeds))


@settings(max_examples=20)
@given(
    places(heads=False), st.integers(1, 2), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.4]), seeds
)
def test_numpy_and_torch_agree_on_any_heads(
    inputs: tuple[TensorType, ...], heads: int, bias: bool, is_causal: bool, dropout: float, seed: int
) -> None:
    op = MultiHeadAttention(num_heads=heads, bias=bias, is_causal=is_causal, dropout=dropout)
    check_or_refused(op, *inputs, seed=seed)


@pytest.mark.parametrize("same", [True, False])
@given(st.integers(1, 2), st.booleans(), st.booleans(), seeds)
def test_heads_are_those_of_pytorch_own_module(
    same: bool, heads: int, bias: bool, masked: bool, seed: int
) -> None:
    query = tensor(batch=3, place=3, channel=4)
    key = tensor(batch=3, time=4, channel=4)
    value = key if same else tensor(batch=3, time=4, feature=3)
    mask = (tensor("bool", facts=MASK, batch=3, time=4),) if masked else ()
    use = case(MultiHeadAttention(num_heads=heads, bias=bias), query, key, value, *mask)
    drawn = numbers(use, seed)
    if masked:
        drawn.inputs[3][:, 0] = True  # PyTorch's own gives NaN where no key takes part
    theirs = nn.MultiheadAttention(
        4, heads, bias=bias, batch_first=True, dtype=torch.float64, **({} if same else {"kdim": 4, "vdim": 3})
    )
    theirs.load_state_dict({key: torch.from_numpy(one) for key, one in drawn.parameters.items()}, strict=True)
    x = [torch.from_numpy(one) for one in drawn.inputs]
    made, _ = theirs(*x[:3], key_padding_mask=~x[3] if masked else None, need_weights=False)
    (y,) = forward(use, drawn, "eval")
    assert np.allclose(y, made.detach().numpy(), rtol=1e-12, atol=1e-12)


@given(st.integers(1, 4), st.integers(1, 4), seeds)
def test_a_causal_query_sees_nothing_that_is_to_come(length: int, seen: int, seed: int) -> None:
    kinds = tensor(batch=2, place=length, channel=2), *[tensor(batch=2, time=seen, channel=2)] * 2
    use = case(ScaledDotProductAttention(is_causal=True), *kinds)
    drawn = numbers(use, seed)
    (y,) = forward(use, drawn, "eval")
    for i in range(length):
        drawn.inputs[2][:, i + 1 :] = 1e3  # whatever stands there
        (again,) = forward(use, drawn, "eval")
        assert np.array_equal(y[:, i], again[:, i])
        drawn = numbers(use, seed)


def test_a_query_that_no_key_is_there_for_gets_nothing_and_sends_nothing_back() -> None:
    layer = Layer(4, 2).double()
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    where = torch.tensor([[[True, True, False]], [[False, False, False]]])
    for dropout in (0.0, 0.5):
        layer.drop.p = dropout
        y = layer(x, x, x, where=where)
        assert torch.equal(y[1], layer.out_proj.bias.expand(3, 4))
        (g,) = torch.autograd.grad(y.sum(), x)
        assert torch.isfinite(g).all()
        assert not g[1].any()


SPEC = """netspec: 1
inputs: {image: [8, 4, 4], present: {shape: {place: 16}, kind: mask}}
targets: {label: {shape: [], kind: class_index, classes: 3}}
layers:
  - {conv: {out_channels: 8, kernel_size: 3, padding: 1}, from: image}
  - flatten: {axis: [height, width], to: place}
  - {permute: [place, channel], name: tokens}
  - {multi_head_attention: {num_heads: 2, dropout: 0.1, where: present}, from: [tokens, tokens, tokens], name: att}
  - {add, from: [tokens, att]}
  - layer_norm: channel
  - {chunk: {chunks: 2, axis: channel}, name: [left, right]}
  - {scaled_dot_product_attention: {dropout: 0.2}, from: [left, right, left]}
  - mean: place
  - {linear: 3, name: scores}
loss: cross_entropy(scores, label)
"""


def _graph(text: str) -> Graph:
    spec, found = check_source(Source("attention.yaml", text), Path())
    assert not found, found
    assert spec is not None
    return spec.graph


def test_a_network_with_attention_is_proved_and_its_products_are_counted() -> None:
    graph = _graph(SPEC)
    by_path = {row.node.path: row for row in cost(graph).rows}
    assert by_path["att"].macs == 4 * 16 * 8 * 8 + 2 * 16 * 16 * 8
    assert by_path["scaled_dot_product_attention1"].macs == 2 * 16 * 16 * 4
    assert by_path["att"].parameters == 4 * 8 * 8 + 4 * 8
    assert verify(graph).ok


@pytest.mark.parametrize("arguments", [{}, {"num_heads": 0}, {"num_heads": 2, "dropout": 1.0}])
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, object]) -> None:
    refuses_attributes(MultiHeadAttention, **arguments)


@pytest.mark.parametrize("forgotten", ["where", "is_causal", "scale"])
def test_attention_that_forgets_something_is_caught(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tensor(batch=2, place=3, channel=4)
    mask = tensor("bool", facts=MASK, batch=2, place=3)
    use = case(ScaledDotProductAttention(is_causal=True, scale=0.3), place, place, place, mask)
    check_agreement(use)
    right = attending.attention

    def wrong(*values: torch.Tensor, **options: Any) -> torch.Tensor:
        """Attention without one of its options."""
        return right(*values, **{key: value for key, value in options.items() if key != forgotten})

    monkeypatch.setattr(attending, "attention", wrong)
    with pytest.raises(AssertionError, match="output 0"):
        check_agreement(use)
