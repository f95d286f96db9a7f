"""Every head that gives a distribution function, as a whole spec: typed as one, taken by `crps`, proved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import netspec
from netspec.front import check_source
from netspec.ir.graph import Ref
from netspec.proof.verify import verify
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec
from netspec.text import Source

BINS = 20

HEADS = {
    "sigmoid and cummax": "  - linear: $bins\n  - sigmoid\n  - {cummax, name: cdf}\n",
    "softmax and cumsum": "  - linear: $bins\n  - softmax\n  - {cumsum, name: cdf}\n",
    "normal": """\
  - {linear: 2, name: pair}
  - {unbind: feature, name: [centre, spread]}
  - {formula: 10 + 4 * centre, name: mu, as: {unit: ml}}
  - {formula: 1 + 3 * softplus(spread), name: sigma, as: {unit: ml}}
  - {normal_cdf: {mu: mu, sigma: sigma, bins: $bins}, name: cdf}
""",
    "log-normal": """\
  - {linear: 2, name: pair}
  - {unbind: feature, name: [centre, spread]}
  - {formula: 2 + centre, name: mu}
  - {formula: 0.2 + softplus(spread), name: sigma}
  - {lognormal_cdf: {mu: mu, sigma: sigma, bins: $bins}, name: cdf}
""",
    "mixture": """\
  - {tanh, name: trunk}
  - {linear: 3, from: trunk, name: scores}
  - {softmax, name: weights}
  - {linear: 3, from: trunk, name: centres}
  - {linear: 3, from: trunk, name: spreads}
  - {formula: 10 + 4 * centres, name: mu, as: {unit: ml}}
  - {formula: 1 + 3 * softplus(spreads), name: sigma, as: {unit: ml}}
  - {mixture_cdf: {weights: weights, mu: mu, sigma: sigma, bins: $bins}, name: cdf}
""",
    "ordinal": "  - linear: 1\n  - squeeze: feature\n  - {ordinal_cdf: $bins, name: cdf}\n",
}


def read(head: str, loss: str = "crps(cdf, volume)") -> Spec:
    """The spec of a head, about which there is nothing to say: no error and no warning."""
    text = (
        f"netspec: 1\nname: head\ndefine: {{bins: {BINS}}}\n"
        "inputs: {x: {shape: [5], range: [-1, 1]}}\n"
        "targets: {volume: {shape: [], unit: ml, range: [0, 19]}}\n"
        f"layers:\n  - linear: 6\n  - tanh\n{HEADS[head]}outputs: [cdf]\n"
        f"loss: {loss}\nmetrics: {{score: '{loss}'}}\n"
        "training: {epochs: 1, batch_size: 2, seed: 1, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}}\n"
    )
    spec, found = check_source(Source("head.yaml", text), Path())
    assert not found, [one.message for one in found]
    assert spec is not None
    return spec


@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_typed_as_a_distribution_function(head: str) -> None:
    graph = read(head).graph
    kind = graph.type_of(Ref("cdf"))
    assert kind.facts.is_cdf(kind.names[-1])
    assert kind.axes[-1].size == BINS


@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_proved_forward_backward_and_through_the_update(head: str) -> None:
    spec = read(head)
    assert spec.training is not None
    proof = verify(spec.graph, descent(spec.training, spec.graph))
    assert proof.ok, [row for row in proof.rows if not row.ok]
    assert {"value", "loss", "gradient", "update"} <= {row.what for row in proof.rows}


@pytest.mark.parametrize("head", HEADS)
def test_a_head_learns_a_curve_that_never_falls(head: str, tmp_path: Path) -> None:
    """Sixty steps in single precision: the loss goes down, and the curve stays a distribution."""
    spec = read(head)
    model, loss = netspec.compile(spec), netspec.loss(spec)
    torch.manual_seed(0)
    x = torch.rand(32, 5) * 2 - 1
    volume = (9 + 5 * x[:, 0]).clamp(0, 19)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    seen = []
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(model(x), {"volume": volume})
        value.backward()
        optimizer.step()
        seen.append(float(value.detach()))
    cdf = model(x).detach().numpy()
    assert np.isfinite(seen).all()
    assert seen[-1] < 0.8 * seen[0]
    assert (np.diff(cdf, axis=1) >= -1e-6).all()
    assert cdf.min() >= 0
    assert cdf.max() <= 1 + 1e-6


def test_thresholds_start_where_all_bins_are_equally_likely() -> None:
    model = netspec.compile(read("ordinal"))
    layer = model.get_submodule("cdf")
    found = dict(layer.named_parameters())
    theta = torch.cat([found["threshold"], torch.nn.functional.softplus(found["gap"])]).cumsum(0)
    expected = torch.arange(1, BINS + 1) / (BINS + 1)
    assert torch.allclose(torch.sigmoid(theta), expected, atol=1e-6)
