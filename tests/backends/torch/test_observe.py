from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import netspec_torch
from netspec.backend import Feed, Run
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.ir.types import tensor
from netspec.ops.dropout import AlphaDropout, Dropout
from netspec.ops.rectifier import Rrelu
from netspec_torch.module import assemble
from tests.backends.torch.graphs import classifier, regression
from tests.conformance.case import case, forward, graph_of, numbers

Arrays = dict[str, NDArray[Any]]


def state_of(model: nn.Module, floating: type = np.float64) -> Arrays:
    return {
        key: value.numpy().astype(floating) if value.is_floating_point() else value.numpy().copy()
        for key, value in model.state_dict().items()
    }


def feed(graph: Graph, mode: Any = "train", floating: type = np.float64) -> Feed:
    rng = np.random.default_rng(0)
    held = state_of(assemble(graph, seed=0).model, floating)
    return Feed(
        {"image": rng.uniform(size=(4, 2, 8, 8)).astype(floating)},
        {"label": np.array([0, 1, 2, 1])},
        {key: value for key, value in held.items() if key in graph.parameters},
        {key: value for key, value in held.items() if key in graph.state},
        {"dropout1.keep": rng.integers(0, 2, (4, 36)).astype(floating)},
        mode,
    )


def test_every_value_is_seen_under_the_text_of_its_reference() -> None:
    graph = classifier()
    run = netspec_torch.run(graph, feed(graph))
    assert list(run.values) == [str(ref) for node in graph.nodes for ref in node.refs]
    assert run.values["logits"].dtype == np.float64
    assert run.values["conv1"].shape == (4, 4, 6, 6)


@pytest.mark.parametrize("floating", [np.float32, np.float64])
def test_it_is_the_compiled_module_in_evaluation(floating: type) -> None:
    graph = classifier()
    given = feed(graph, "eval", floating)
    run = netspec_torch.run(graph, given)
    made = assemble(graph, seed=0)
    assert made.loss is not None
    kind = torch.float64 if floating is np.float64 else torch.float32
    model = made.model.to(kind).eval()
    model.load_state_dict(
        {key: torch.tensor(value) for key, value in {**given.parameters, **given.state}.items()}
    )
    image = torch.tensor(given.inputs["image"], requires_grad=True)
    outputs = model(image, **made.for_loss)
    total = made.loss(outputs, torch.tensor(given.targets["label"]))
    total.backward()
    assert run.loss == float(total.detach())
    np.testing.assert_array_equal(run.values["shares"], outputs["shares"].detach().numpy())
    assert image.grad is not None
    np.testing.assert_array_equal(run.inputs["image"], image.grad.numpy())
    assert run.parameters.keys() == {key for key, row in graph.parameters.items() if row.trainable}
    for key, gradient in run.parameters.items():
        grad = model.get_parameter(key).grad
        assert grad is not None
        np.testing.assert_array_equal(gradient, grad.numpy())


def test_dropout_uses_the_masks_that_are_given() -> None:
    graph = classifier()
    given = feed(graph)
    run = netspec_torch.run(graph, given)
    expected = run.values["flatten1"] * given.noise["dropout1.keep"] / 0.75
    np.testing.assert_array_equal(run.values["dropout1"], expected)
    assert np.array_equal(netspec_torch.run(graph, given).values["logits"], run.values["logits"])


@pytest.mark.parametrize(
    "op", [Rrelu(), AlphaDropout(p=0.3), AlphaDropout(p=0.3, whole="channel"), Dropout(p=1)]
)
def test_other_noise_is_used_as_it_is_given_too(op: Op) -> None:
    """To rounding of float64: the reference is given the same numbers."""
    use = case(op, tensor(batch=2, channel=3, height=2, width=2))
    graph, drawn = graph_of(use), numbers(use, 0)
    (noise,) = use.inferred.noise
    given = noise.of(np.random.default_rng(3).random(drawn.noise[noise.name].shape))
    run = netspec_torch.run(
        graph, Feed({"x0": drawn.inputs[0]}, noise={f"layer.{noise.name}": given}, mode="train")
    )
    (ours,) = forward(use, replace(drawn, noise={noise.name: given}), "train")
    assert np.allclose(run.values["layer"], ours, rtol=1e-14, atol=1e-15)
    assert not np.array_equal(ours, drawn.inputs[0])


def test_a_mask_that_the_layer_drew_itself_gives_what_the_layer_gave() -> None:
    graph = classifier()
    model = assemble(graph, seed=0).model.double()
    given = feed(graph)
    seen: list[torch.Tensor] = []
    model.get_submodule("dropout1").register_forward_hook(lambda _, __, y: seen.append(y))
    outputs = model(torch.tensor(given.inputs["image"]))
    mask = (seen[0] != 0).double().numpy()
    flat = netspec_torch.run(graph, given).values["flatten1"]
    assert np.all(flat[mask == 0] >= 0)
    drawn = Feed(given.inputs, given.targets, given.parameters, given.state, {"dropout1.keep": mask}, "train")
    run = netspec_torch.run(graph, drawn)
    np.testing.assert_allclose(run.values["logits"], outputs["logits"].detach().numpy(), rtol=1e-13)


def test_state_moves_in_training_alone() -> None:
    graph = classifier()
    trained, evaluated = (netspec_torch.run(graph, feed(graph, mode)) for mode in ("train", "eval"))
    assert trained.state.keys() == graph.state.keys()
    assert int(trained.state["batch_norm1.num_batches_tracked"]) == 1
    assert not np.array_equal(
        trained.state["batch_norm1.running_mean"], evaluated.state["batch_norm1.running_mean"]
    )
    assert not np.any(evaluated.state["batch_norm1.running_mean"])


def test_without_targets_there_is_no_loss_and_no_gradient() -> None:
    graph = classifier()
    given = feed(graph)
    run: Run = netspec_torch.run(
        graph, Feed(given.inputs, {}, given.parameters, given.state, given.noise, "train")
    )
    assert run.loss is None
    assert not run.parameters
    assert "shares" in run.values
    assert "loss.cross_entropy1" not in run.values


def test_shared_weights_get_the_sum_of_their_gradients() -> None:
    graph = regression()
    rng = np.random.default_rng(0)
    held = state_of(assemble(graph, seed=0).model)
    left, right, target = rng.normal(size=(2, 4)), rng.normal(size=(2, 4)), rng.normal(size=(2, 3))
    both = netspec_torch.run(
        graph, Feed({"left": left, "right": right}, {"near": target, "far": target}, held)
    )
    key = "trunk.0.linear.weight"
    near, far = (
        netspec_torch.run(graph, Feed({"left": one, "right": two}, {"near": target, "far": target}, held))
        for one, two in ((left, left), (right, right))
    )
    # the loss is near(left) + far(right) / 2, and both terms have the same form
    assert both.loss == pytest.approx(_mean(near, "near_loss") + _mean(far, "near_loss") / 2, rel=1e-12)
    np.testing.assert_allclose(
        both.parameters[key], near.parameters[key] / 1.5 + far.parameters[key] / 3, rtol=1e-9
    )


def _mean(run: Run, term: str) -> float:
    assert term == "near_loss"
    return float(run.values["loss.mean0"])


def test_no_gradients_are_made_where_none_are_wanted() -> None:
    graph = classifier()
    run = netspec_torch.run(graph, feed(graph), gradients=False)
    assert run.loss is not None
    assert not run.parameters
    assert not run.inputs
