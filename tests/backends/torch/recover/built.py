"""A sketch as a module without a spec between them: every step becomes a node, with its own numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import netspec_torch
from netspec import ops
from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Ref
from netspec.ir.op import infer_node
from netspec.recover.draft import Draft
from netspec.recover.sketch import Sketch, Step


def built(sketch: Sketch) -> nn.Module:
    """The module that the steps of a sketch make, with their weights."""
    draft = Draft(sketch.name)
    for name, given in sketch.inputs.items():
        draft.input(name, given.shape, given.dtype, given.axes)
    inputs = {name: draft.type(name) for name in sketch.inputs}
    refs = {name: Ref(name) for name in inputs}
    types = dict(inputs)
    nodes: list[Node] = []
    parameters: dict[str, GraphParameter] = {}
    states: dict[str, GraphState] = {}
    weights: dict[str, torch.Tensor] = {}
    paths: dict[str, str] = {}
    for i, step in enumerate(sketch.steps):
        kind = ops.find(step.op)
        assert kind is not None, step.op
        op: Any = kind.model_validate(dict(step.arguments))
        inferred = infer_node(op, tuple(types[one] for one in step.inputs))
        path = f"s{i}"
        home = paths[step.shares] if step.shares else path
        for one in inferred.parameters:
            key = f"{home}.{one.name}"
            parameters.setdefault(key, GraphParameter(key, one.shape, trainable=not _fixed(step, one.name)))
        for state in inferred.state:
            key = f"{home}.{state.name}"
            states.setdefault(key, GraphState(key, state.shape, state.fill, state.dtype))
        weights |= {f"{home}.{local}": torch.tensor(array) for local, array in step.weights.items()}
        nodes.append(
            Node(
                path,
                op,
                tuple(refs[one] for one in step.inputs),
                inferred.outputs,
                {one.name: f"{home}.{one.name}" for one in inferred.parameters},
                {one.name: f"{home}.{one.name}" for one in inferred.state},
                inferred.noise,
                inferred.constraints,
            )
        )
        for k, (value, type) in enumerate(zip(step.outputs, inferred.outputs, strict=True)):
            refs[value], types[value], paths[value] = Ref(path, k), type, home
    outputs = {name: refs[value] for name, value in sketch.outputs.items()}
    graph = Graph(inputs, {}, tuple(nodes), parameters, states, {"predict": outputs})
    module: nn.Module = netspec_torch.assemble(graph, name=sketch.name).model
    missing, unexpected = module.load_state_dict(weights, strict=False)
    assert not unexpected, unexpected
    assert all(one.endswith("num_batches_tracked") for one in missing), missing
    return module


def _fixed(step: Step, local: str) -> bool:
    """Whether a parameter learns nothing."""
    return local in step.frozen if isinstance(step.frozen, tuple) else step.frozen
