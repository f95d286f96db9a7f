"""The networks by hand are the networks of their specs: otherwise their times would say nothing about each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netspec.proof.workload import drawn, usual_sizes
from netspec.text import SpecError
from netspec_torch.bench.batches import tensors
from netspec_torch.bench.matched import keys
from netspec_torch.bench.network import Module, own
from netspec_torch.bench.same import check
from tests.benchmarks.by_hand.networks import NETWORKS, Network

SMALL = {
    "tutorial": ({}, {}, {}),
    "resnet18": ({"size": 64, "classes": 7}, {"classes": 7}, {}),
    "unet2d": ({"width": 4}, {"width": 4}, {"H": 33, "W": 48}),
    "unet3d": ({"width": 4}, {"width": 4}, {"D": 16, "H": 17, "W": 20}),
}
"""Constants of the spec, arguments of the class, and sizes, of which odd ones need the networks' own padding."""


def pair(name: str) -> tuple[Module, Module]:
    """The compiled module and the network by hand."""
    found: Network = NETWORKS[name]
    define, arguments, _ = SMALL[name]
    spec = found.load(**define)
    ours = own(spec)
    hand = found.build(**arguments)
    targets = list(spec.graph.targets)
    return ours, Module(
        name,
        hand,
        spec.graph,
        lambda module, batch: module(*(batch[one] for one in spec.graph.inputs)),
        lambda outputs, batch: found.loss(outputs, *(batch[one] for one in targets)),
        keys(hand, ours.module, called=name),
    )


def batch(name: str, ours: Module) -> dict[str, torch.Tensor]:
    sizes = usual_sizes(ours.graph, SMALL[name][2], 3)
    return tensors(drawn(ours.graph, sizes, seed=5))


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_loss_gradients_and_statistics_are_those_of_the_spec(name: str) -> None:
    ours, hand = pair(name)
    random = any(node.noise for node in ours.graph.nodes)
    check(ours, hand, batch(name, ours), random=random)


@pytest.mark.parametrize("name", NETWORKS)
def test_and_a_network_that_is_another_one_is_found_out(name: str) -> None:
    ours, hand = pair(name)
    norm = next(one for one in hand.module.modules() if isinstance(one, nn.BatchNorm2d | nn.BatchNorm3d))
    norm.eps *= 100
    with pytest.raises(SpecError, match="NS672"):
        check(ours, hand, batch(name, ours), random=True)
