"""What is said of networks that are to be imported: files that are none or lie, and what no spec says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from netspec.recover import written as writing
from netspec.recover.found import reader
from netspec.recover.imported import recovered
from netspec.text import Diagnostic
from netspec_onnx.running import Running


def saved(name: str, *nodes: object, shape: tuple[int | str | None, ...] | None = ("N", 3, 8, 8)) -> str:
    """A file with these nodes between `image` and `y`, and a filter of one place called `weight`."""
    kinds = [helper.make_tensor_value_info(one, TensorProto.FLOAT, shape) for one in ("image", "y")]
    weight = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "weight")
    graph = helper.make_graph(list(nodes), "net", kinds[:1], kinds[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    Path(name).write_bytes(model.SerializeToString())
    return name


def conv() -> object:
    """The one layer of most of these."""
    return helper.make_node("Conv", ["image", "weight"], ["y"], name="conv")


def ns770(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Path("model.onnx").write_bytes(b"PK and other bytes")
    recovered("model.onnx")
    return ()


def ns771(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    import onnx

    model = onnx.load(saved("model.onnx", conv()))
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../secret.bin")
    Path("model.onnx").write_bytes(model.SerializeToString())
    recovered("model.onnx")
    return ()


def ns772(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    recovered(saved("model.onnx", conv(), shape=None))
    return ()


def ns773(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    nodes = (
        helper.make_node("Conv", ["image", "weight"], ["a"], name="conv"),
        helper.make_node("NonZero", ["a"], ["b"], name="where"),
        helper.make_node("Det", ["b"], ["y"], name="volume"),
    )
    recovered(saved("model.onnx", *nodes))
    return ()


def ns774(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(writing, "_numbers", _other_order)
    recovered(saved("model.onnx", conv()))
    return ()


def _other_order(*_: object) -> None:
    raise writing.Unfit("its layers come in another order than those of the source")


def ns775(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    run = Running.run

    def moved(self: Running, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {name: one + 0.25 for name, one in run(self, inputs).items()}

    patch.setattr(Running, "run", moved)
    recovered(saved("model.onnx", conv()))
    return ()


def ns776(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    reader("model.h5")
    return ()


def ns777(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    def failing(*_: object) -> None:
        raise RuntimeError("Input channels C is not equal to kernel channels * group.")

    patch.setattr(Running, "run", failing)
    recovered(saved("model.onnx", conv()))
    return ()
