"""The tutorial's spec is the tutorial's network: against the same network written by hand, with the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import netspec
from netspec.passes.cost import cost
from tests.specs import tutorial_by_hand as by_hand

SPEC = Path(__file__).parents[2] / "specs" / "heart-tutorial-2015.yaml"
ROUNDING = torch.finfo(torch.float32).eps


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Eight slices and volumes, some of them whole numbers, where the step's side matters."""
    generator = torch.Generator().manual_seed(7)
    cine = torch.rand(8, 30, 64, 64, generator=generator) * 255
    return cine, torch.tensor([0.0, 3.1, 60.0, 99.5, 163.0, 250.25, 598.9, 599.0])


def test_it_has_the_published_number_of_parameters() -> None:
    counted = cost(netspec.load(SPEC).graph)
    assert counted.trainable == 4_748_160
    assert counted.parameters - counted.trainable == 80  # both gammas, which stay 1


@pytest.mark.parametrize("training", [True, False])
def test_outputs_loss_and_gradients_equal_the_network_written_by_hand(
    batch: tuple[Tensor, Tensor], training: bool
) -> None:
    cine, volume = batch
    hand = by_hand.Tutorial().train(training)
    model = netspec.compile(SPEC).train(training)
    model.load_state_dict(by_hand.renamed(hand.state_dict()))
    results = []
    for network, criterion in ((hand, by_hand.loss), (model, netspec.loss(SPEC))):
        torch.manual_seed(3)  # the same dropout
        cdf = network(cine)
        value = criterion(cdf, volume)
        torch.autograd.backward(value)
        results.append((cdf.detach(), value.detach(), {k: p.grad for k, p in network.named_parameters()}))
    (cdf, value, hand_grads), (own_cdf, own_value, own_grads) = results
    # Both sides are the same float32 operations in the same order, so they may differ by the rounding of single
    # operations at most: one unit in the last place of the largest number of each tensor is more than that.
    assert (cdf - own_cdf).abs().max() <= ROUNDING
    assert abs(value - own_value) <= ROUNDING * abs(value)
    for key, grad in by_hand.renamed({k: g for k, g in hand_grads.items() if g is not None}).items():
        own = own_grads[key]
        assert own is not None
        assert (grad - own).abs().max() <= ROUNDING * grad.abs().max(), key
    assert own_grads["stage1.norm.weight"] is None
    for key, tensor in by_hand.renamed(dict(hand.named_buffers())).items():
        assert torch.equal(tensor, dict(model.named_buffers())[key]), key


def test_one_step_of_sgd_leaves_equal_weights(batch: tuple[Tensor, Tensor]) -> None:
    cine, volume = batch
    hand = by_hand.Tutorial()
    model = netspec.compile(SPEC)
    model.load_state_dict(by_hand.renamed(hand.state_dict()))
    for network, criterion in ((hand, by_hand.loss), (model, netspec.loss(SPEC))):
        torch.manual_seed(3)
        learned = [p for p in network.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(learned, lr=0.001, momentum=0.9, weight_decay=1e-5)
        for _ in range(2):
            optimizer.zero_grad()
            torch.autograd.backward(criterion(network(cine), volume))
            optimizer.step()
    after = model.state_dict()
    for key, tensor in by_hand.renamed(hand.state_dict()).items():
        assert torch.allclose(tensor, after[key], rtol=2 * ROUNDING, atol=2 * ROUNDING * 0.01), key


def test_its_initial_weights_are_as_the_tutorial_drew_them() -> None:
    state = netspec.compile(SPEC, seed=1).state_dict()
    for key in ("stage1.conv1.weight", "stage2.conv1.weight", "linear1.weight"):
        assert state[key].abs().max() <= 0.01
        # The standard deviation of uniform(-a, a) is a / sqrt(3); the sample's is within 4 of its standard errors.
        wanted, error = 0.01 / 3**0.5, 0.01 / 3**0.5 / (2 * state[key].numel()) ** 0.5
        assert abs(state[key].std() - wanted) < 4 * error
    assert not state["stage1.conv1.bias"].any()
    assert torch.equal(state["stage1.norm.weight"], torch.ones(40))
