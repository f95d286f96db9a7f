"""Graphs with a `map`, as the reader of the language writes them: an axis folded around layers, masked or not."""

from __future__ import annotations

from typing import Literal

from netspec.ir.facts import Facts
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType, tensor
from netspec.ops.activation import Relu
from netspec.ops.arithmetic import Constant
from netspec.ops.compare import Greater
from netspec.ops.conv import Conv
from netspec.ops.dropout import Dropout
from netspec.ops.fold import Fold, Spread, Unfold
from netspec.ops.join import Concat
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.pool import GlobalAvgPool
from netspec.ops.reduce import Mean
from netspec.ops.regression_loss import Mse
from tests.backends.torch.build import Build

Where = Literal["nowhere", "given", "computed"]
"""Where a mask comes from: there is none, it is an input, or layers before the map make it."""

MASK = Facts(low=0, high=1, mask=True)


def stack_of(slices: int | str) -> TensorType:
    """A stack of small images."""
    return tensor(batch="N", channel=2, slice=slices, height=5, width=4)


def mapped(where: Where, slices: int | str = 3, *, p: float = 0.25) -> Graph:
    """Slices of a stack through one sub-network, a number of the patient beside them, the mean over what comes out."""
    inputs = {"stack": stack_of(slices), "age": tensor(batch="N", feature=1)}
    if where == "given":
        inputs["present"] = tensor("bool", facts=MASK, batch="N", slice=slices)
    at = Build({"volume": tensor(batch="N", feature=3)}, **inputs)
    if where == "computed":
        at.use("inked", Mean(axis=("channel", "height", "width")), "stack")
        at.use("present", Greater(), "inked", at.use("nothing", Constant(value=-0.1)))
    mask = () if where == "nowhere" else ("present",)
    at.use("map1.stack", Fold(axis="slice"), "stack", *mask)
    at.use("map1.conv1", Conv(out_channels=4, kernel_size=3), "map1.stack")
    at.use("map1.batch_norm1", BatchNorm(), "map1.conv1")
    at.use("map1.relu1", Relu(), "map1.batch_norm1")
    at.use("map1.dropout1", Dropout(p=p), "map1.relu1")
    at.use("map1.global_avg_pool1", GlobalAvgPool(), "map1.dropout1")
    at.use("map1.age", Spread(axis="slice"), "age", "stack", *mask)
    at.use("map1.concat1", Concat(axis="channel"), "map1.global_avg_pool1", "map1.age")
    at.use("map1.linear1", Linear(out_features=3), "map1.concat1")
    at.use("areas", Unfold(axis="slice"), "map1.linear1", "stack", *mask)
    at.use("mean1", Mean(axis="slice"), "areas")
    at.use("loss.mse1", Mse(), "mean1", "volume")
    return at.graph({"areas": "areas", "mean": "mean1"}, loss={"loss": "loss.mse1"})


def nested() -> Graph:
    """Frames inside slices: two maps over different axes, the outer one with a mask."""
    at = Build(
        {"volume": tensor(batch="N", channel=3)},
        stack=tensor(batch="N", slice="S", time=3, channel=1, height=4, width=4),
        present=tensor("bool", facts=MASK, batch="N", slice="S"),
    )
    at.use("slices.stack", Fold(axis="slice"), "stack", "present")
    at.use("frames.stack", Fold(axis="time"), "slices.stack")
    at.use("frames.conv1", Conv(out_channels=3, kernel_size=3), "frames.stack")
    at.use("frames.batch_norm1", BatchNorm(), "frames.conv1")
    at.use("frames.pool1", GlobalAvgPool(), "frames.batch_norm1")
    at.use("curve", Unfold(axis="time"), "frames.pool1", "slices.stack")
    at.use("mean1", Mean(axis="time"), "curve")
    at.use("areas", Unfold(axis="slice"), "mean1", "stack", "present")
    at.use("mean2", Mean(axis="slice"), "areas")
    at.use("loss.mse1", Mse(), "mean2", "volume")
    return at.graph({"mean": "mean2"}, loss={"loss": "loss.mse1"})
