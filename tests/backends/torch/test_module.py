from __future__ import annotations

import copy
import inspect
import io
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn

from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.activation import Softmax
from netspec.ops.conv import Conv
from netspec.ops.distribution import Step
from netspec.ops.linear import Linear
from netspec.text import SpecError
from netspec_torch.module import assemble, compile, loss
from tests.backends.torch.build import Build
from tests.backends.torch.graphs import classifier, regression

MOST = 2e-6


def images(count: int = 4) -> Tensor:
    return torch.rand(count, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_state_dict_has_the_keys_and_shapes_of_the_tables() -> None:
    for graph in (classifier(), regression()):
        held = {key: tuple(value.shape) for key, value in compile(graph).state_dict().items()}
        told = {key: row.shape for key, row in graph.parameters.items()}
        assert held == told | {key: row.shape for key, row in graph.state.items()}


def test_layers_have_the_names_of_the_spec() -> None:
    model = compile(regression())
    assert isinstance(model.get_submodule("trunk.0.linear"), nn.Linear)
    assert [name for name, _ in model.named_children()] == ["trunk"]


def test_a_layer_used_twice_has_one_set_of_weights() -> None:
    model = compile(regression(), seed=0)
    x = torch.rand(2, 4)
    both = model(x, x)
    assert torch.equal(both["first"], both["second"])
    assert len(list(model.parameters())) == 3


def test_frozen_parameters_stay_in_the_state_dict_and_get_no_gradient() -> None:
    model = compile(classifier())
    weight = model.get_parameter("batch_norm1.weight")
    assert not weight.requires_grad
    assert model.get_parameter("batch_norm1.bias").requires_grad
    assert "batch_norm1.weight" in model.state_dict()


def test_first_values_are_drawn_as_declared_from_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (compile(classifier(), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    weight = one.get_parameter("conv1.weight")
    assert weight.abs().max() <= 0.1
    assert float(weight.detach().std()) == pytest.approx(0.2 / 12**0.5, rel=0.2)
    assert torch.count_nonzero(one.get_parameter("conv1.bias")) == 0
    assert torch.equal(weight, same.get_parameter("conv1.weight"))
    assert not torch.equal(weight, other.get_parameter("conv1.weight"))


def test_it_begins_in_training_mode_and_obeys_like_any_module() -> None:
    model = compile(classifier(), seed=0)
    assert model.training
    torch.manual_seed(0)
    first, second = model(images()), model(images())
    assert not torch.equal(first["shares"], second["shares"])  # dropout
    model.eval()
    assert torch.equal(model(images()), model(images()))


def test_what_only_the_loss_reads_is_returned_in_training_or_when_asked() -> None:
    made = assemble(classifier(), seed=0)
    assert list(made.model(images())) == ["shares", "logits"]
    made.model.eval()
    assert isinstance(made.model(images()), Tensor)
    asked = made.model(images(), **made.for_loss)
    assert list(asked) == ["shares", "logits"]
    assert torch.equal(asked["shares"], made.model(images()))
    assert made.metrics is not None
    made.metrics.update(made.model(images()), torch.zeros(4))  # they read no more than the output
    assert made.metrics.compute()["worst"] == pytest.approx(float(asked["shares"].max().detach()))
    assert assemble(regression(), doc="for_loss: bool").for_loss == {}


def test_several_outputs_come_as_a_dict_in_declared_order() -> None:
    assert list(compile(regression())(torch.rand(2, 4), torch.rand(2, 4))) == ["first", "second"]


def test_the_loss_is_the_sum_of_its_terms() -> None:
    objective: Any = loss(regression())
    outputs = {"first": torch.rand(2, 3), "second": torch.rand(2, 3)}
    targets = {"near": torch.rand(2, 3), "far": torch.rand(2, 3)}
    terms = objective.terms(outputs, targets)
    near = ((outputs["first"] - targets["near"]) ** 2).mean()
    far = ((outputs["second"] - targets["far"]) ** 2).mean() * 0.5
    assert list(terms) == ["near_loss", "far_loss"]
    torch.testing.assert_close(terms["far_loss"], far)
    torch.testing.assert_close(objective(outputs, targets), near + far)


def test_a_single_target_may_come_without_its_dict() -> None:
    made = assemble(classifier(), seed=0)
    assert made.loss is not None
    outputs, label = made.model(images()), torch.tensor([0, 1, 2, 0])
    expected = nn.functional.cross_entropy(outputs["logits"], label)
    torch.testing.assert_close(made.loss(outputs, label), expected)
    torch.testing.assert_close(made.loss(outputs, {"label": label}), expected)


def test_a_copy_is_a_model_of_its_own() -> None:
    model = compile(classifier(), seed=0).eval()
    twin = copy.deepcopy(model)
    before = model(images())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(twin(images()), before)
    assert pickle.loads(pickle.dumps(twin)).state_dict().keys() == model.state_dict().keys()


def test_weights_are_saved_and_loaded_without_trust() -> None:
    model, other = compile(classifier(), seed=0).eval(), compile(classifier(), seed=1).eval()
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(model(images()), other(images()))


def test_it_exports_with_a_free_batch() -> None:
    model = compile(classifier(), seed=0).eval()
    free = {"image": {0: torch.export.Dim("batch", min=1, max=64)}}
    exported = torch.export.export(model, (images(),), dynamic_shapes=free)
    torch.testing.assert_close(exported.module()(images(7)), model(images(7)))


@pytest.mark.slow
def test_torch_compile_gives_the_same_outputs_and_gradients() -> None:
    for mode in (True, False):
        made = assemble(classifier(), seed=0)
        assert made.loss is not None
        plain, label = made.model.train(mode), torch.tensor([0, 1, 2, 0])
        fast = copy.deepcopy(plain)
        for model, call in ((plain, plain), (fast, torch.compile(fast, fullgraph=True, backend="aot_eager"))):
            model.get_submodule("dropout1").p = 0.0  # type: ignore[assignment]
            made.loss(call(images(), **made.for_loss), label).backward()
        for (key, one), (_, two) in zip(plain.named_parameters(), fast.named_parameters(), strict=True):
            assert (one.grad is None) == (two.grad is None), key
            if one.grad is not None and two.grad is not None:
                torch.testing.assert_close(one.grad, two.grad, rtol=1e-4, atol=MOST)


def test_nothing_stays_on_the_cpu() -> None:
    at = Build(
        {"volume": tensor(batch="N", facts=Facts(low=0, high=9))},
        image=tensor(batch="N", feature=4),
        size=tensor(batch="N", facts=Facts(low=0, high=9)),
    )
    at.use("linear1", Linear(out_features=10), "image")
    at.use("shares", Softmax(), "linear1")
    at.use("steps", Step(bins=10), "size")
    graph = at.graph({"shares": "shares", "steps": "steps"})
    model = compile(graph).to("meta")
    found = model(torch.empty(3, 4, device="meta"), torch.empty(3, device="meta"))
    assert {value.device.type for value in found.values()} == {"meta"}
    assert found["steps"].shape == (3, 10)


def test_its_source_can_be_read_and_stands_in_tracebacks() -> None:
    model = compile(classifier(), name="small net")
    assert type(model).__name__ == "SmallNet"
    assert "def forward(self, image: Tensor" in inspect.getsource(type(model))
    with pytest.raises(RuntimeError) as caught:
        model(torch.rand(1, 5, 8, 8))
    assert "self.conv1(image)" in "".join(traceback.format_exception(caught.value))


def test_the_same_graph_gives_the_same_class() -> None:
    assert type(compile(classifier())) is type(compile(classifier()))
    assert Path(inspect.getfile(type(compile(classifier())))).name.startswith("<netspec")


@pytest.mark.parametrize("name", ["train", "forward", "type", "state_dict", "training", "half"])
def test_a_layer_cannot_hide_what_every_module_has(name: str) -> None:
    at = Build(image=tensor(batch="N", feature=4))
    at.use(name, Linear(out_features=3), "image")
    with pytest.raises(SpecError, match="NS732"):
        compile(at.graph({"y": name}))


def test_every_attribute_of_a_module_is_reserved() -> None:
    from netspec_torch.naming import RESERVED

    public = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert public <= RESERVED


@pytest.mark.parametrize(
    "name", ["lambda", "conv", "forward_", "nn", "torch", "self", "x", "F", "block.lambda.3", "block.2"]
)
def test_other_names_are_taken_as_they_are(name: str) -> None:
    at = Build(x=tensor(batch="N", channel=2, height=4, width=4))
    at.use(name, Conv(out_channels=2, kernel_size=1), "x")
    at.use("last", Conv(out_channels=3, kernel_size=1), name)
    model = compile(at.graph({"y": "last"}))
    assert f"{name}.weight" in model.state_dict()
    assert model(torch.rand(1, 2, 4, 4)).shape == (1, 3, 4, 4)


PARTS = st.sampled_from(["a", "b1", "0", "1", "2", "10", "lambda", "_c", "linear1", "W"])


@example(["a", "a.0"])  # a layer with another one below it is no list
@given(st.lists(st.lists(PARTS, min_size=1, max_size=3).map(".".join), min_size=1, max_size=6, unique=True))
def test_layers_hang_where_their_paths_say(paths: list[str]) -> None:
    at = Build(x=tensor(batch="N", feature=2))
    last = "x"
    for path in paths:
        at.use(path, Linear(out_features=2), last)
        last = path
    graph = at.graph({"y": last})
    model = compile(graph)
    assert sorted(model.state_dict()) == sorted(graph.parameters)
    assert model(torch.rand(3, 2)).shape == (3, 2)
