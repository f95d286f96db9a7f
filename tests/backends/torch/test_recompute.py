"""Segments that are run again: the same numbers to the bit, and only what goes in is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from netspec.front import check_source, load
from netspec.recipe.recompute import named, segments
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec_torch.module import Compiled, assemble
from netspec_torch.recompute import recompute
from netspec_torch.shadow.predict import kept
from netspec_torch.weighing import keeping, numbers, size

ROOT = Path(__file__).parents[3]

NOISY = """
netspec: 1
inputs: {image: {shape: [3, 8, 8], kind: image, range: [0, 1]}}
targets: {label: {shape: [], kind: class_index, classes: 4}}
blocks:
  noisy:
    params: {channels: int}
    layers:
      - conv: {out_channels: $channels, kernel_size: 3, padding: same}
      - batch_norm
      - relu
      - dropout: 0.3
      - {instance_norm: {affine: true, track_running_stats: true}}
layers:
  - {noisy: 6, name: first}
  - {noisy: 6, repeat: 2, name: more}
  - {batch_norm: {momentum: null}, name: counted}
  - {dropout: 0.2, name: thinned}
  - global_avg_pool
  - linear: 4
loss: cross_entropy(_, label)
training: {steps: 2, batch_size: 4, optimizer: {sgd: {lr: 0.1}}, recompute: WORDS}
"""


def spec_of(words: str) -> Spec:
    text = NOISY.replace("WORDS", words).replace("linear: 4", "{linear: 4, name: logits}")
    found, diagnostics = check_source(
        Source("noisy.yaml", text.replace("(_, label)", "(logits, label)")), ROOT
    )
    assert found is not None, [one.message for one in diagnostics]
    return found


def step(spec: Spec, words: tuple[str, ...], sizes: dict[str, int], steps: int = 2) -> dict[str, Tensor]:
    """Everything that a few steps give and leave: losses, gradients, weights and statistics."""
    made = assemble(spec.graph, name=spec.name, seed=0)
    recompute(made.model, spec.graph, words)
    assert made.loss is not None
    found: dict[str, Tensor] = {}
    rule = torch.optim.SGD(made.model.parameters(), lr=0.05)
    for i in range(steps):
        torch.manual_seed(i)
        loss = loss_of(spec, made, sizes)
        made.model.zero_grad()
        loss.backward()
        found[f"loss {i}"] = loss.detach()
        found |= {
            f"{key} {i}": one.grad.clone()
            for key, one in made.model.named_parameters()
            if one.grad is not None
        }
        rule.step()
    found |= made.model.state_dict()
    found["random"] = torch.rand(3)  # the generator stands where it would
    return found


def loss_of(spec: Spec, made: Compiled, sizes: dict[str, int]) -> Any:
    assert made.loss is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        inputs = [numbers(kind, sizes) for kind in spec.graph.inputs.values()]
        targets = {key: numbers(kind, sizes) for key, kind in spec.graph.targets.items()}
    return made.loss(made.model(*inputs, **made.for_loss), targets)


@pytest.mark.parametrize(
    "words", ["[blocks]", "[noisy]", "[first]", "[more.0, thinned]", "[more]", "[first, counted]"]
)
def test_loss_gradients_statistics_and_noise_are_the_same_to_the_bit(words: str) -> None:
    spec = spec_of(words)
    assert spec.training is not None
    assert spec.training.recompute
    plain, again = step(spec, (), {"N": 4}), step(spec, spec.training.recompute, {"N": 4})
    assert plain.keys() == again.keys()
    differing = [key for key, one in plain.items() if not torch.equal(one, again[key])]
    assert differing == []


def test_without_care_statistics_would_be_learned_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    from netspec_torch import recompute as module

    spec = spec_of("[blocks]")
    monkeypatch.setattr(module, "untouched", lambda layers: nullcontext())
    plain, again = step(spec, (), {"N": 4}), step(spec, ("blocks",), {"N": 4})
    assert {
        key.rpartition(".")[2].split()[0] for key, one in plain.items() if not torch.equal(one, again[key])
    } >= {
        "running_mean",
        "num_batches_tracked",
    }


@pytest.mark.parametrize("words", ["[blocks]", "[first]", "[more]", "[first, more.1]"])
def test_memory_is_told_with_what_is_recomputed_and_is_less(words: str) -> None:
    spec = spec_of(words)
    assert spec.training is not None
    owned = {
        path: frozenset(node.path for node in run)
        for path, run in segments(spec.graph, spec.training.recompute).items()
    }
    made = assemble(spec.graph, name=spec.name, seed=0)
    recompute(made.model, spec.graph, spec.training.recompute)
    with keeping(made.model) as held:
        loss_of(spec, made, {"N": 4})
    told = kept(spec.graph, {"N": 4}, recomputed=owned)
    assert told.total == size(held)
    assert told.total < kept(spec.graph, {"N": 4}).total
    assert told.again > 0


@pytest.mark.parametrize("name", ["zoo/resnet18", "zoo/googlenet", "heart-tutorial-2015"])
def test_a_network_recomputed_block_by_block_is_the_same_to_the_bit(name: str) -> None:
    spec = load(ROOT / "specs" / f"{name}.yaml")
    plain, again = step(spec, (), {"N": 2}, 1), step(spec, ("blocks",), {"N": 2}, 1)
    assert [key for key, one in plain.items() if not torch.equal(one, again[key])] == []


def test_evaluation_and_what_needs_no_gradient_run_the_models_own_forward() -> None:
    spec = spec_of("[blocks]")
    made = assemble(spec.graph, name=spec.name, seed=0)
    image = torch.rand(4, 3, 8, 8)
    wanted = made.model.eval()(image)
    recompute(made.model, spec.graph, ("blocks",))
    assert torch.equal(made.model(image), wanted)
    assert (
        made.model.state_dict().keys()
        == assemble(spec.graph, name=spec.name, seed=0).model.state_dict().keys()
    )
    made.model.train()
    with torch.no_grad():
        made.model(image)
    assert not made.for_loss


def test_words_name_blocks_uses_and_paths() -> None:
    graph = spec_of("[blocks]").graph
    assert named(graph, "blocks") == named(graph, "noisy") == ("first", "more.0", "more.1")
    assert named(graph, "more") == ("more",)
    assert named(graph, "mor") == ()
    assert list(segments(graph, ["more.1", "more", "first.conv1"])) == ["more", "first.conv1"]
