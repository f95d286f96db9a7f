from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from numpy.typing import NDArray

import netspec_numpy
from netspec.backend import Feed, Run
from netspec.ir.types import tensor
from netspec.ops.dropout import Dropout
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.reduce import Mean
from netspec.text import SpecError
from netspec_numpy.rule import Rule
from netspec_numpy.run import run
from tests.backends.torch.build import Build
from tests.backends.torch.graphs import classifier, regression

Array = NDArray[Any]


def classifier_feed(mode: Any, floating: type = np.float64) -> Feed:
    rng = np.random.default_rng(7)
    graph = classifier()
    return Feed(
        {"image": rng.uniform(size=(4, 2, 8, 8)).astype(floating)},
        {"label": np.array([0, 1, 2, 1])},
        {key: rng.normal(size=row.shape).astype(floating) for key, row in graph.parameters.items()},
        {
            "batch_norm1.running_mean": rng.normal(size=4).astype(floating),
            "batch_norm1.running_var": rng.uniform(0.5, 2, 4).astype(floating),
            "batch_norm1.num_batches_tracked": np.array(3),
        },
        {"dropout1.keep": rng.integers(0, 2, (4, 36)).astype(floating)},
        mode,
    )


def classifier_by_hand(feed: Feed) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The classifier as a person writes it in PyTorch: its leaves by key, and values by name."""
    learned = {key: torch.tensor(value, requires_grad=True) for key, value in feed.parameters.items()}
    kept = {key: torch.tensor(value) for key, value in feed.state.items()}
    image = torch.tensor(feed.inputs["image"], requires_grad=True)
    training = feed.mode == "train"
    x = F.conv2d(image, learned["conv1.weight"], learned["conv1.bias"])
    x = F.batch_norm(
        x,
        kept["batch_norm1.running_mean"],
        kept["batch_norm1.running_var"],
        learned["batch_norm1.weight"],
        learned["batch_norm1.bias"],
        training=training,
    )
    x = F.max_pool2d(F.relu(x), 2).flatten(1)
    if training:
        x = x * torch.tensor(feed.noise["dropout1.keep"]) / 0.75
    logits = F.linear(x, learned["logits.weight"], learned["logits.bias"])
    loss = F.cross_entropy(logits, torch.tensor(feed.targets["label"]))
    loss.backward()  # type: ignore[no-untyped-call]
    return {**learned, "image": image}, {"logits": logits, "loss": loss, **kept}


def near(ours: Any, theirs: torch.Tensor | None) -> None:
    assert theirs is not None
    expected = theirs.detach().numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12 * max(1.0, float(abs(expected).max())))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_network_gives_what_it_gives_written_by_hand_in_torch(mode: Any) -> None:
    feed = classifier_feed(mode)
    found = netspec_numpy.run(classifier(), feed)
    leaves, values = classifier_by_hand(feed)
    near(found.values["logits"], values["logits"])
    near(found.loss, values["loss"])
    near(found.inputs["image"], leaves["image"].grad)
    assert set(found.parameters) == set(feed.parameters) - {"batch_norm1.weight"}
    for key, gradient in found.parameters.items():
        near(gradient, leaves[key].grad)
    for key in ("batch_norm1.running_mean", "batch_norm1.running_var"):
        near(found.state[key], values[key])
    assert found.state["batch_norm1.num_batches_tracked"] == (4 if mode == "train" else 3)


def regression_feed() -> Feed:
    rng = np.random.default_rng(3)
    graph = regression()
    sides = {key: rng.normal(size=(5, 4)) for key in graph.inputs}
    targets = {key: rng.normal(size=(5, 3)) for key in graph.targets}
    return Feed(sides, targets, {key: rng.normal(size=row.shape) for key, row in graph.parameters.items()})


def test_a_layer_used_twice_gets_the_sum_of_both_gradients() -> None:
    feed = regression_feed()
    found = netspec_numpy.run(regression(), feed)
    learned = {key: torch.tensor(value, requires_grad=True) for key, value in feed.parameters.items()}
    given = {key: torch.tensor(value) for key, value in {**feed.inputs, **feed.targets}.items()}

    def trunk(x: torch.Tensor) -> torch.Tensor:
        hidden = F.linear(x, learned["trunk.0.linear.weight"], learned["trunk.0.linear.bias"])
        return F.linear(hidden, learned["trunk.1.linear.weight"])

    near_loss = F.mse_loss(trunk(given["left"]), given["near"])
    loss = near_loss + 0.5 * F.mse_loss(trunk(given["right"]), given["far"])
    loss.backward()  # type: ignore[no-untyped-call]
    near(found.loss, loss)
    for key, gradient in found.parameters.items():
        near(gradient, learned[key].grad)


def test_without_targets_there_are_values_and_no_loss() -> None:
    given = classifier_feed("eval")
    found = netspec_numpy.run(classifier(), Feed(given.inputs, {}, given.parameters, given.state))
    assert found.loss is None
    assert found.parameters == {}
    assert found.inputs == {}
    assert "shares" in found.values
    assert "loss.cross_entropy1" not in found.values


def test_without_gradients_there_is_the_loss_alone() -> None:
    found = netspec_numpy.run(classifier(), classifier_feed("train"), gradients=False)
    assert found.loss == netspec_numpy.run(classifier(), classifier_feed("train")).loss
    assert found.parameters == {}


def test_what_the_loss_does_not_reach_has_gradients_of_zero() -> None:
    at = Build(left=tensor(batch="N", feature=2), right=tensor(batch="N", feature=2))
    at.use("used", Linear(out_features=1), "left")
    at.use("idle", Linear(out_features=1), "right")
    at.use("loss.mean1", Mean(), "used")
    graph = at.graph({"used": "used", "idle": "idle"}, loss={"loss": "loss.mean1"})
    ones = {key: np.ones(row.shape) for key, row in graph.parameters.items()}
    found = netspec_numpy.run(graph, Feed({"left": np.ones((3, 2)), "right": np.ones((3, 2))}, {}, ones))
    assert not found.inputs["right"].any()
    assert not found.parameters["idle.weight"].any()
    assert found.inputs["left"].all()


def test_frozen_statistics_stay_in_training() -> None:
    at = Build(x=tensor(batch="N", feature=3))
    at.use("norm", BatchNorm(), "x", frozen=["statistics"])
    graph = at.graph({"norm": "norm"})
    state = {"norm.running_mean": np.ones(3), "norm.running_var": np.full(3, 4.0)}
    counted = {**state, "norm.num_batches_tracked": np.array(5)}
    learned = {"norm.weight": np.ones(3), "norm.bias": np.zeros(3)}
    x = np.random.default_rng(0).normal(size=(6, 3))
    found = netspec_numpy.run(graph, Feed({"x": x}, {}, learned, counted, mode="train"))
    assert all(np.array_equal(found.state[key], counted[key]) for key in counted)
    np.testing.assert_allclose(found.values["norm"], (x - 1) / np.sqrt(4 + 1e-5), rtol=1e-14)


def test_everything_is_computed_in_double_precision_and_nothing_given_is_changed() -> None:
    feed = classifier_feed("train", np.float32)
    before = {key: value.copy() for key, value in {**feed.inputs, **feed.parameters, **feed.state}.items()}
    found = netspec_numpy.run(classifier(), feed)
    computed = (*found.values.values(), *found.parameters.values(), *found.inputs.values())
    assert {str(value.dtype) for value in computed} == {"float64"}
    after = {**feed.inputs, **feed.parameters, **feed.state}
    assert all(np.array_equal(after[key], value) for key, value in before.items())


def test_every_value_is_seen_under_the_text_of_its_reference() -> None:
    graph = classifier()
    found = netspec_numpy.run(graph, classifier_feed("eval"))
    assert list(found.values) == [str(ref) for node in graph.nodes for ref in node.refs]


def dropped(mode: Any, noise: dict[str, Array]) -> Run:
    at = Build(x=tensor(batch="N", feature=3))
    at.use("drop", Dropout(p=0.25), "x")
    return run(at.graph({"drop": "drop"}), Feed({"x": np.ones((1, 3))}, noise=noise, mode=mode))


def test_dropout_takes_the_masks_it_is_given_and_only_in_training() -> None:
    mask = {"drop.keep": np.array([[1.0, 0.0, 1.0]])}
    assert np.array_equal(dropped("train", mask).values["drop"], [[4 / 3, 0, 4 / 3]])
    assert np.array_equal(dropped("eval", {}).values["drop"], [[1, 1, 1]])
    with pytest.raises(KeyError, match=r"drop\.keep"):
        dropped("train", {})


def test_an_op_without_a_rule_is_told() -> None:
    with pytest.raises(SpecError, match=r"NS710.*`conv`"):
        run(classifier(), classifier_feed("eval"), rules={})


def test_an_op_without_a_backward_is_told() -> None:
    rules = dict(netspec_numpy.table())
    rules[Linear] = Rule(Linear, rules[Linear].forward)
    with pytest.raises(SpecError, match=r"NS710.*no backward for `linear`"):
        run(classifier(), classifier_feed("eval"), rules=rules)
