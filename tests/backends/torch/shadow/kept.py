"""What torch keeps for gradients, by its hooks: of one use of an op, and of a whole step of a spec."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from netspec.ir.graph import Node
from netspec.recipe.spec import Spec
from netspec_torch.module import assemble
from netspec_torch.rule import Lowered
from netspec_torch.weighing import keeping, numbers, size
from tests.conformance.case import Case, Numbers, _called, _run_written, lowered


def of_use(use: Case, drawn: Numbers, *, grad: bool) -> int:
    """Bytes that one use of an op keeps in training, its inputs with gradients or without."""
    inputs = [_given(x, grad=grad) for x in drawn.inputs]
    known: dict[str, Any] = {f"x{i}": x for i, x in enumerate(inputs)}
    layers = nn.ModuleList()
    made: list[tuple[Node, Lowered, nn.Module | None]] = []
    for node, written in lowered(use):
        if written.construct is not None:
            layers.append(_run_written(written.construct, written, {}).train())
            made.append((node, written, layers[-1]))
        else:
            made.append((node, written, None))
    with warnings.catch_warnings(), keeping(layers) as kept:
        warnings.filterwarnings("ignore", message="Using padding='same'")
        for node, written, layer in made:
            known["layer"] = layer
            outputs = _run_written(written.call, written, known)
            outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
            known.update(zip(map(_called, node.refs), outputs, strict=True))
    return size(kept)


def _given(x: Any, *, grad: bool) -> Tensor:
    value = torch.tensor(x)
    return value.float().requires_grad_(grad) if value.is_floating_point() else value


def of_spec(spec: Spec, sizes: Mapping[str, int], *, fake: bool = False) -> int:
    """Bytes that a step of a spec keeps; `fake` takes the step without numbers, which is quick and takes no room."""
    made = assemble(spec.graph, name=spec.name)
    assert made.loss is not None
    mode = FakeTensorMode()
    if fake:
        empty(made.model, mode)
    with mode if fake else nullcontext():
        inputs = [numbers(kind, sizes) for kind in spec.graph.inputs.values()]
        targets = {key: numbers(kind, sizes) for key, kind in spec.graph.targets.items()}
        with keeping(made.model) as kept:
            made.loss(made.model(*inputs, **made.for_loss), targets)
        return size(kept)


def empty(model: nn.Module, mode: FakeTensorMode, device: str = "cpu") -> None:
    """Take the numbers out of a model, as if it stood on a device."""
    with mode:
        for layer in model.modules():
            for key, one in layer._parameters.items():
                if one is not None:
                    bare = torch.empty(one.shape, dtype=one.dtype, device=device)
                    layer._parameters[key] = nn.Parameter(bare, requires_grad=one.requires_grad)
            for key, held in layer._buffers.items():
                if held is not None:
                    layer._buffers[key] = torch.empty(held.shape, dtype=held.dtype, device=device)
