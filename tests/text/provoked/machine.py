"""What is said of backends and of this machine: rules and devices that are not there, and proofs that fail."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import netspec_numpy
import netspec_torch
from netspec import backend, ops
from netspec.backend import Feed, Run, find, needing
from netspec.cli.compile import compile as compile_command
from netspec.front import check_source
from netspec.ir import foreign
from netspec.ir.compound import Compound, Step
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph
from netspec.ir.op import Inferred, Op
from netspec.ir.record import Record
from netspec.ir.types import TensorType, tensor
from netspec.ops.linear import Linear
from netspec.proof.draw import draw
from netspec.proof.sizes import small_sizes
from netspec.proof.verify import verify
from netspec.recipe.descent import Descent
from netspec.recipe.initializer import XavierUniform
from netspec.recipe.optimizer import Optimizer
from netspec.text import Diagnostic, Source
from netspec_numpy.run import run
from netspec_torch import observe, writing
from netspec_torch.device import pick
from netspec_torch.file import File, finish
from netspec_torch.file import Source as Written
from netspec_torch.layers import Layers
from netspec_torch.module import compile as compile_graph
from tests.backends.torch.build import Build
from tests.proof.specs import CLASSIFIER, CURVE, Planted, altered, read


class Odd(Record):
    """A part of a recipe that only another package knows."""

    name = "odd"


class OddRule(Optimizer):
    """An update rule that only another package knows."""

    name = "odd"


def ns701(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    find("jax")
    return ()


def ns702(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setitem(sys.modules, "pydicom", None)
    with needing("dicom"):
        import pydicom  # noqa: F401 - what is tried is whether it is there
    return ()


def ns703(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(torch.backends.mps, "is_available", lambda: False)
    pick("mps")
    return ()


def _brought(folder: Path, patch: pytest.MonkeyPatch, value: str) -> Iterable[Diagnostic]:
    """What is said of a spec with the op `acme.pool`, which another package brings as `value`."""
    entry = EntryPoint("acme.pool", value, foreign.OPS)
    patch.setattr(foreign, "named", lambda group, name: entry if name == entry.name else None)
    text = "netspec: 1\ninputs: {x: [3, 8, 8]}\nlayers:\n  - acme.pool\n"
    ops.foreign_op.cache_clear()
    try:
        return check_source(Source("small.yaml", text), folder)[1]
    finally:
        ops.foreign_op.cache_clear()


def ns704(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return _brought(folder, patch, "acme_that_is_not_there:Pool")


def ns705(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return _brought(folder, patch, "netspec.ops.pool:MaxPool")


class Typed(Op):
    """An op whose rule fails."""

    name = "acme.pool"

    def infer(self, x: TensorType) -> Inferred:
        return Inferred((x + x,))  # type: ignore[operator]


def ns706(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return _brought(folder, patch, f"{Typed.__module__}:Typed")


def ns710(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    graph = read(CURVE).graph
    numbers = draw(graph, seed=0, batch=2, mode="eval")
    rules = {kind: rule for kind, rule in netspec_numpy.table().items() if kind is not Linear}
    run(graph, numbers, rules=rules)
    return ()


def ns711(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    netspec_numpy.update(Descent(OddRule(lr=0.1)), {"w": np.ones(2)}, [], [])
    return ()


def ns712(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    text = "netspec: 1\ninputs: {x: [3]}\nlayers:\n  - linear: 4\n  - batch_norm\n"
    small_sizes(read(text).graph, 1)
    return ()


def ns713(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    conv = "conv: {out_channels: 64, kernel_size: 3}"
    text = f"netspec: 1\ninputs: {{image: [3, 4096, 4096]}}\nlayers:\n  - {conv}\n"
    draw(read(text).graph, seed=0, batch=2, mode="train")
    return ()


def ns714(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    class Silent(Planted):
        """A backend that keeps the values of one layer to itself."""

        def run(self, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
            found = super().run(graph, feed, gradients=gradients)
            values = {key: value for key, value in found.values.items() if key != "conv2"}
            return replace(found, values=values)

    return verify(read(CLASSIFIER).graph, reference=Planted(), candidate=Silent()).diverging[:1]


def ns715(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    def weak(op: Any, at: Any, sent: Any) -> Any:
        return replace(sent, inputs=tuple(None if one is None else 0.9 * one for one in sent.inputs))

    both = Planted(altered(Linear, backward=weak))
    (found, *_) = verify(read(CLASSIFIER).graph, reference=both, candidate=both).diverging
    # How far apart they are is for each machine to say.
    return [replace(found, message=re.sub(r"\d\.?\d*e[-+]\d+|\b0\.\d+", "...", found.message))]


def ns716(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    verify(read(CURVE).graph, reference=netspec_torch, candidate=netspec_torch)  # type: ignore[arg-type]
    return ()


def ns717(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(torch.cuda, "is_available", lambda: False)
    patch.setattr(torch.version, "cuda", None)
    verify(read(CURVE).graph, modes=("cuda",), reference=netspec_numpy, candidate=netspec_torch)
    return ()


def layer(name: str = "layer", **init: object) -> Build:
    """A graph with one linear layer."""
    at = Build(x=tensor(batch="N", feature=4))
    at.use(name, Linear(out_features=3), "x", init=init)
    return at


def ns730(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    known = {kind: rule for kind, rule in netspec_torch.table().items() if kind is not Linear}
    graph = layer().graph({"y": "layer"})
    Layers(graph, graph.nodes, known)
    return ()


def ns731(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    at = layer("left")
    at.use("right", Linear(out_features=3, bias=False), "x", home="left")
    compile_graph(at.graph({"y": "left", "z": "right"}))
    return ()


def ns732(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    compile_graph(layer("forward").graph({"y": "forward"}))
    return ()


def ns733(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    compile_graph(layer(weight=Odd()).graph({"y": "layer"}), seed=0)
    return ()


def ns734(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    compile_graph(layer(bias=XavierUniform()).graph({"y": "layer"}), seed=0)
    return ()


def ns735(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    finish(File(called={"odd_pool": None}), "Model", "A model.")
    return ()


def compiled(folder: Path, *arguments: str) -> Iterable[Diagnostic]:
    """What `netspec compile` refuses."""
    (folder / "example.yaml").write_text(CLASSIFIER, encoding="utf-8")
    CliRunner().invoke(compile_command, ["example.yaml", *arguments], catch_exceptions=False)
    return ()


def ns736(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(backend, "find", lambda name: netspec_numpy)
    return compiled(folder)


def ns737(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(backend, "find", lambda name: netspec_torch.backend)
    return compiled(folder, "-o", "nowhere/net.py")


def ns741(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    def shifted(graph: Graph, *, name: str) -> Written:
        made = writing.write(graph, name=name)
        return replace(made, text=made.text.replace("return cdf", "return cdf + 1"))

    patch.setattr(observe, "write", shifted)
    verify(read(CURVE).graph, reference=netspec_numpy, candidate=netspec_torch)
    return ()


def ns742(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(backend, "find", lambda name: netspec_torch.backend)
    (folder / "net.py").write_text("print('my own')\n", encoding="utf-8")
    return compiled(folder, "-o", "net.py")


def ns738(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    netspec_torch.update(Descent(OddRule(lr=0.1)), {"w": np.ones(2)}, [], [])
    return ()


def ns739(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    class Pair(Compound):
        """Two numbers for each, it says."""

        name = "vendor.pair"

        def expand(self, x: TensorType) -> tuple[Step, ...]:
            return (Step("one", Linear(out_features=int(x.axes[-1].size))),)

        def infer(self, x: TensorType) -> Inferred:
            made = super().infer(x)
            return replace(made, outputs=(tensor(batch="N", feature=2 * int(x.axes[-1].size)),))

    at = Build(x=tensor(batch="N", feature=4))
    at.use("pair", Pair(), "x")
    expanded(at.graph({"y": "pair"}))
    return ()
