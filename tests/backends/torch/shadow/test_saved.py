"""What is told of memory is what torch holds, to the byte: every op by its samples, every spec, every optimizer."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import netspec_torch
from netspec.front import load
from netspec.ir.graph import Ref
from netspec.ir.op import Op, Sample
from netspec.ir.types import tensor
from netspec.ops import catalogue
from netspec.ops.activation import Relu, Tanh
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.passes.rows import most_rows
from netspec.recipe.optimizer import OPTIMIZERS, Optimizer
from netspec.recipe.spec import Spec
from netspec_torch.module import assemble
from netspec_torch.optimizer import build
from netspec_torch.rule import Lowered, method
from netspec_torch.shadow import predict
from netspec_torch.shadow.predict import Walk, kept
from netspec_torch.shadow.remembered import remembered
from netspec_torch.weighing import _tensors, keeping, numbers, size
from tests.backends.torch.build import Build
from tests.backends.torch.shadow.kept import of_spec, of_use
from tests.conformance.case import graph_of, rows_kept
from tests.conformance.case import numbers as drawn_of
from tests.conformance.harness import use_of
from tests.specs.whole import WHOLE

ROOT = Path(__file__).parents[4]
GOOD = [
    pytest.param(kind, sample, id=f"{name}-{i}")
    for name, kind in sorted(catalogue().items())
    for i, sample in enumerate(kind.samples())
    if sample.code is None
]
SMALL = {"unet3d": {"D": 16, "H": 16, "W": 16}, "heart_segmentation": {"D": 16, "H": 16, "W": 16}}
"""Sizes of the letters of networks over volumes; others are taken at 64, counts of slices at 3."""


@pytest.mark.parametrize("kind,sample", GOOD)
def test_what_an_op_keeps_is_what_torch_keeps(kind: type[Op], sample: Sample) -> None:
    use = use_of(kind, sample)
    drawn = drawn_of(use, 0)
    graph = graph_of(use)
    free = {letter for one in graph.inputs.values() for size in one.sizes for letter in size.symbols}
    rows = rows_kept(use, drawn) if free else 0
    for grad in (True, False):
        walk = Walk(graph, dict.fromkeys(free, rows or 0), grad=grad)
        for node in walk.graph.nodes:
            walk.run(node)
        assert walk.unknown == {}
        told, held = walk.tape.size, of_use(use, drawn, grad=grad)
        if kind.name == "spread" and len(use.types) == 3:
            assert told >= held, (
                "how often a mask repeats rows is known only when it is there: this is the most"
            )
        else:
            assert told == held, f"gradients of inputs: {grad}"


@cache
def read(path: Path) -> Spec:
    return load(path)


def sizes_of(spec: Spec, stem: str, batch: int) -> dict[str, int]:
    letters = {
        letter
        for kind in (*spec.graph.inputs.values(), *spec.graph.targets.values())
        for size in kind.sizes
        for letter in size.symbols
    }
    known = {"S": 3, "T": 4} | SMALL.get(stem, {})
    sizes = {letter: known.get(letter, 64) for letter in letters} | {"N": batch}
    return sizes | {letter: most.evaluate(sizes) for letter, most in most_rows(spec.graph).items()}


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_what_a_step_of_a_spec_keeps_is_what_torch_keeps(path: Path, batch: int) -> None:
    spec = read(path)
    sizes = sizes_of(spec, path.stem, batch)
    found = kept(spec.graph, sizes)
    assert found.unknown == {}
    choosing = bool(most_rows(spec.graph))  # how many rows a mask chooses is not known without numbers
    assert found.total == of_spec(spec, sizes, fake=not choosing)


@pytest.mark.parametrize("name", ["digits", "heart-tutorial-2015", "zoo/squeezenet1_1"])
def test_steps_with_numbers_keep_what_those_without_do(name: str) -> None:
    spec = read(ROOT / "specs" / f"{name}.yaml")
    sizes = sizes_of(spec, name, 2)
    assert of_spec(spec, sizes) == of_spec(spec, sizes, fake=True) == kept(spec.graph, sizes).total


OPTIONS: dict[str, list[dict[str, object]]] = {
    "sgd": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "adam": [{}, {"amsgrad": True}],
    "adamw": [{}, {"amsgrad": True}],
    "rmsprop": [{}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.9, "centered": True}],
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_an_optimizer_remembers_is_what_torch_holds(name: str) -> None:
    for options in OPTIONS.get(name, [{}]):
        rule: Optimizer = OPTIMIZERS[name](lr=0.1, **options)  # type: ignore[arg-type]
        from netspec.recipe.descent import Descent

        weights = [nn.Parameter(torch.ones(3, 4)), nn.Parameter(torch.ones(5))]
        stepper = build(Descent(rule), [(str(i), one) for i, one in enumerate(weights)])
        for one in weights:
            one.grad = torch.ones_like(one)
        stepper.step()
        held = size(_tensors(stepper.state_dict()["state"]))
        assert remembered(rule, 17, 2) == held, options


def test_two_layers_that_keep_the_same_value_keep_it_once() -> None:
    at = Build(image=tensor(batch="N", channel=3, height=8, width=8))
    at.use("first", Conv(out_channels=4, kernel_size=3), "image")
    at.use("relu1", Relu(), "first")  # keeps what it makes
    at.use("second", Conv(out_channels=4, kernel_size=3), "relu1")  # and this keeps what it gets
    graph = at.graph({"y": "second"})
    rows = kept(graph, {"N": 2}, entries=("predict",)).rows
    assert rows == {"first": 2 * 3 * 64 * 4, "relu1": 2 * 4 * 36 * 4}


def test_what_has_no_gradient_keeps_nothing() -> None:
    at = Build(image=tensor(batch="N", channel=3, height=8, width=8))
    at.use("tanh1", Tanh(), "image")
    at.use("conv1", Conv(out_channels=4, kernel_size=3), "tanh1", frozen=["weight", "bias"])
    assert kept(at.graph({"y": "conv1"}), {"N": 2}, entries=("predict",)).total == 0


def test_a_whole_step_is_told_without_torch() -> None:
    program = (
        "import sys; from pathlib import Path; from netspec.front import load; import netspec_torch;"
        "found = netspec_torch.memory(load(Path('specs/lenet.yaml')), {'N': 8});"
        "print(found.total, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    total, loaded = done.stdout.split()
    assert int(total) == netspec_torch.memory(read(ROOT / "specs" / "lenet.yaml"), {"N": 8}).total
    assert loaded == "False"


def test_a_function_that_nobody_told_of_is_named_and_its_layer_still_has_its_sizes() -> None:
    at = Build(image=tensor(batch="N", channel=3, height=8, width=8))
    at.use("conv1", Conv(out_channels=4, kernel_size=3), "image")
    at.use("relu1", Relu(), "conv1")
    at.use("norm", BatchNorm(), "relu1")
    graph = at.graph({"y": "norm"})
    whole = kept(graph, {"N": 2}, entries=("predict",))
    from netspec_torch.shadow import table

    functions = dict(table._functions())
    without = {name: one for name, one in functions.items() if name != "relu"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "_functions", lambda: without)
        found = kept(graph, {"N": 2}, entries=("predict",))
    assert found.unknown == {"relu1": "relu"}
    assert (
        found.rows["norm"] == whole.rows["norm"] + whole.rows["relu1"]
    )  # now the norm is the first to keep it


def test_parts_of_memory_are_those_of_the_model() -> None:
    spec = read(ROOT / "specs" / "heart-tutorial-2015.yaml")
    made = assemble(spec.graph, name=spec.name)
    found = netspec_torch.memory(spec, {"N": 2})
    assert found.parameters == size(made.model.parameters())
    assert found.buffers == size(made.model.buffers())
    assert found.gradients == size(one for one in made.model.parameters() if one.requires_grad)


def test_a_piece_of_memory_is_counted_once_and_parameters_not_at_all() -> None:
    layer = nn.Linear(3, 4)
    x = torch.ones(2, 3, requires_grad=True)
    with keeping(layer) as held:
        y = layer(x)
        (y * y).sum()
    assert size(held) == (2 * 3 + 2 * 4) * 4


def test_numbers_are_of_their_type() -> None:
    spec = read(ROOT / "specs" / "lenet.yaml")
    for kind in (*spec.graph.inputs.values(), *spec.graph.targets.values()):
        value = numbers(kind, {"N": 3})
        assert value.shape[0] == 3
        assert str(value.dtype) == f"torch.{kind.dtype}"


def test_an_op_of_another_package_that_cannot_be_followed_is_named_and_one_of_ours_is_a_fault() -> None:
    class Foreign(Tanh):
        name = "acme.odd"

    at = Build(x=tensor(batch="N", feature=3))
    at.use("first", Linear(out_features=3), "x")
    at.use("odd", Foreign(), "first")
    graph = at.graph({"y": "odd"})
    walk = Walk(graph, {"N": 2})
    walk.run(walk.graph.nodes[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "lower", lambda *given: Lowered(method(given[3][0], "permute", "wrong")))
        walk.run(walk.graph.nodes[1])
        assert walk.unknown == {"odd": "acme.odd"}
        assert walk.values[Ref("odd")].shape == (2, 3)
        with pytest.raises(TypeError):
            walk.run(walk.graph.nodes[0])
