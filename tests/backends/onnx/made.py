"""ONNX files for tests: made node by node, or exported from our own specs with numbers in general position."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import netspec
from netspec.front import load
from netspec.proof.sizes import small_sizes

Array = NDArray[Any]
Shape = Sequence[int | str]


def node(op: str, inputs: Sequence[str], outputs: Sequence[str] = ("y",), **attributes: Any) -> Any:
    """A node called as its op and its first output are."""
    return helper.make_node(op, list(inputs), list(outputs), name=f"{op}_{outputs[0]}", **attributes)


def model(
    *nodes: Any,
    shape: Shape | None = ("N", 4, 8, 8),
    tensors: Mapping[str, Array] | None = None,
    outputs: Sequence[str] = ("y",),
    inputs: Mapping[str, Shape] | None = None,
    opset: int = 20,
    kind: int = TensorProto.FLOAT,
) -> Any:
    """A model from `x`, or from several inputs, to `y`."""
    given: Mapping[str, Shape | None] = {"x": shape} if inputs is None else inputs
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, kind, sizes) for name, sizes in given.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (tensors or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def put(folder: Path, made: Any, name: str = "net.onnx") -> str:
    """The path of a file with a model."""
    path = folder / name
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return str(path)


def noise(*shape: int, seed: int = 0) -> Array:
    """Random numbers of a size at which nothing saturates."""
    return np.random.default_rng([seed, *shape]).normal(0, 0.3, shape).astype(np.float32)


SMALL = {"inception_v3": 160, "googlenet": 64}
"""The sides of pictures that are large enough; of the other networks 32 are."""


def exported(spec: Path, path: Path, *, dynamo: bool, folded: bool) -> int:
    """Write a spec's module as ONNX, every number of it drawn anew; gives how many numbers its outputs depend on.

    Pictures of ImageNet are small ones, which changes no number.
    """
    loaded = load(spec)
    if "size" in loaded.define:
        loaded = load(spec, {"size": SMALL.get(loaded.name, 32)})
    module: torch.nn.Module = netspec.compile(spec, define=dict(loaded.define)).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            if not value.is_floating_point():
                continue
            spread = torch.randn_like(value)
            positive = name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight"))
            value.mul_(0.7).add_(0.3 * spread.abs() + 0.2 if positive else 0.05 * spread)
    sizes = small_sizes(loaded.graph, 2)
    inputs, axes = [], []
    for kind in loaded.graph.inputs.values():
        inputs.append(torch.rand([one.evaluate(sizes) for one in kind.sizes]))
        axes.append({i: str(one) for i, one in enumerate(kind.sizes) if one.value is None})
    names: dict[str, Any] = {
        "input_names": list(loaded.graph.inputs),
        "output_names": list(loaded.graph.entry("predict")),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            dims = {letter: torch.export.Dim(letter) for one in axes for letter in one.values()}
            shapes = tuple({i: dims[letter] for i, letter in one.items()} for one in axes)
            torch.onnx.export(
                module, tuple(inputs), str(path), dynamo=True, dynamic_shapes=shapes, external_data=False,
                verbose=False, optimize=folded, **names,
            )  # fmt: skip
        else:
            free = dict(zip(names["input_names"], axes, strict=True))
            mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
            torch.onnx.export(
                module, tuple(inputs), str(path), dynamo=False, dynamic_axes=free, training=mode,
                do_constant_folding=folded, **names,
            )  # fmt: skip
    used = {key for one in loaded.graph.walk("predict") for key in one.parameters.values()}
    return sum(loaded.graph.parameters[key].count for key in used)
