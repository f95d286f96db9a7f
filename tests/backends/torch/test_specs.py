"""The specs that the project comes with, through the whole of the torch backend."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from netspec.front import load
from netspec.ir.types import TensorType
from netspec.recipe.spec import Spec
from netspec_torch.module import Compiled, assemble

SPECS = sorted((Path(__file__).parents[3] / "specs").glob("*.yaml"))
each = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)


@cache
def read(path: Path) -> Spec:
    return load(path)


def build(spec: Spec) -> Compiled:
    group = spec.group.graph if spec.group else None
    return assemble(spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group, seed=0)


def draw(kind: TensorType, count: int, **sizes: int) -> Tensor:
    """Numbers of which the type is true."""
    rng = np.random.default_rng(0)
    shape = [count, *(axis.size.evaluate(sizes) for axis in kind.axes[1:])]
    if kind.facts.classes is not None:
        return torch.tensor(rng.integers(0, kind.facts.classes, shape))
    low, high = max(kind.facts.low, -3.0), min(kind.facts.high, 600.0)
    return torch.tensor(rng.uniform(low, high, shape), dtype=torch.float32)


def inputs(spec: Spec, count: int = 3) -> list[Tensor]:
    return [draw(kind, count) for kind in spec.graph.inputs.values()]


def targets(spec: Spec, count: int = 3) -> dict[str, Tensor]:
    return {key: draw(kind, count) for key, kind in spec.graph.targets.items()}


@each
def test_the_text_is_python_with_lines_of_decent_length(path: Path) -> None:
    spec = read(path)
    written = build(spec).source.text
    tree = ast.parse(written)
    model = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    lines = written.splitlines()[model.lineno - 1 : model.end_lineno]
    assert max(len(line) for line in lines) <= 100
    assert spec.digest in written


@each
def test_shapes_are_those_inferred_and_the_loss_reaches_every_trainable_parameter(path: Path) -> None:
    spec = read(path)
    made = build(spec)
    assert made.loss is not None
    outputs = made.model(*inputs(spec), **made.for_loss)
    for key, ref in spec.graph.entry("predict").items():
        value = outputs[key] if isinstance(outputs, dict) else outputs
        assert tuple(value.shape[1:]) == tuple(int(size) for size in spec.graph.type_of(ref).sizes[1:])
    total = made.loss(outputs, targets(spec))
    assert total.shape == ()
    total.backward()
    trainable = {key for key, row in spec.graph.parameters.items() if row.trainable}
    reached = {key for key, one in made.model.named_parameters() if one.grad is not None}
    assert reached == trainable


@each
def test_no_tensor_is_made_on_another_device(path: Path) -> None:
    spec = read(path)
    made = build(spec)
    assert made.loss is not None
    model, loss = made.model.to("meta"), made.loss.to("meta")  # a tensor elsewhere would not go with these
    outputs = model(*[one.to("meta") for one in inputs(spec)], **made.for_loss)
    wanted = {key: one.to("meta") for key, one in targets(spec).items()}
    assert loss(outputs, wanted).device.type == "meta"
    if made.metrics is not None:
        assert {one.device.type for one in made.metrics.values(outputs, wanted).values()} == {"meta"}


@each
def test_it_exports(path: Path) -> None:
    spec = read(path)
    model = build(spec).model.eval()
    exported = torch.export.export(model, tuple(inputs(spec))).module()
    torch.testing.assert_close(exported(*inputs(spec)), model(*inputs(spec)))


@each
def test_metrics_and_groups_are_computed(path: Path) -> None:
    spec = read(path)
    made = build(spec)
    made.model.eval()
    with torch.no_grad():
        outputs = made.model(*inputs(spec, 4), **made.for_loss)
    if made.metrics is not None:
        made.metrics.update(outputs, targets(spec, 4))
        assert list(made.metrics.compute()) == list(spec.graph.entry("metrics"))
    if spec.group is None:
        assert made.aggregate is None
        return
    assert made.aggregate is not None
    assert made.group_metrics is not None
    named = outputs if isinstance(outputs, dict) else dict.fromkeys(spec.graph.entry("predict"), outputs)
    for rows in (slice(0, 3), slice(3, 4)):
        curves = made.aggregate(*(named[key][None, rows] for key in spec.group.graph.inputs))
        made.group_metrics.update(curves, {key: one[:1] for key, one in targets(spec, 4).items()})
    found = made.group_metrics.compute()
    assert list(found) == list(spec.group.graph.entry("metrics"))
    assert all(np.isfinite(value) for value in found.values())
