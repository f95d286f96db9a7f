"""Small graphs that the tests of the torch backend share."""

from __future__ import annotations

from netspec.ir.facts import Facts
from netspec.ir.graph import Graph, Ref
from netspec.ir.types import tensor
from netspec.ops.activation import Relu, Softmax
from netspec.ops.arithmetic import Constant, Mul, Pow, Sub
from netspec.ops.class_loss import CrossEntropy
from netspec.ops.conv import Conv
from netspec.ops.dropout import Dropout
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.pool import MaxPool
from netspec.ops.reduce import Amax, Mean
from netspec.ops.shape import Flatten
from netspec.recipe.initializer import Uniform, Zeros
from tests.backends.torch.build import Build


def classifier() -> Graph:
    """A small network with everything that has parameters, state or noise; its loss reads what is no output."""
    at = Build(
        {"label": tensor("int64", batch="N", facts=Facts(low=0, high=2, classes=3))},
        image=tensor(batch="N", channel=2, height=8, width=8, facts=Facts(low=0, high=1)),
    )
    init = {"weight": Uniform(range=(-0.1, 0.1)), "bias": Zeros()}
    at.use("conv1", Conv(out_channels=4, kernel_size=3), "image", init=init)
    at.use("batch_norm1", BatchNorm(), "conv1", frozen=["weight"])
    at.use("relu1", Relu(), "batch_norm1")
    at.use("max_pool1", MaxPool(kernel_size=2), "relu1")
    at.use("flatten1", Flatten(), "max_pool1")
    at.use("dropout1", Dropout(p=0.25), "flatten1")
    at.use("logits", Linear(out_features=3), "dropout1")
    at.use("shares", Softmax(), "logits")
    at.use("loss.cross_entropy1", CrossEntropy(), "logits", "label")
    at.use("metrics.worst.amax1", Amax(), "shares")
    at.use("metrics.mean.mean1", Mean(axis=("batch",)), "shares")
    at.use("metrics.mean.amax1", Amax(), "metrics.mean.mean1")
    return at.graph(
        {"shares": "shares"},
        train={"logits": "logits"},
        loss={"loss": "loss.cross_entropy1"},
        metrics={"worst": "metrics.worst.amax1", "most": "metrics.mean.amax1"},
    )


def regression() -> Graph:
    """Two inputs, two outputs, two loss terms of arithmetic, one layer used twice."""
    at = Build(
        {"near": tensor(batch="N", feature=3), "far": tensor(batch="N", feature=3)},
        left=tensor(batch="N", feature=4),
        right=tensor(batch="N", feature=4),
    )
    at.use("trunk.0.linear", Linear(out_features=5), "left")
    at.use("trunk.1.linear", Linear(out_features=3, bias=False), "trunk.0.linear")
    at.use("other.0", Linear(out_features=5), "right", home="trunk.0.linear")
    at.use("other.1", Linear(out_features=3, bias=False), "other.0", home="trunk.1.linear")
    two = at.use("loss.constant1", Constant(value=2.0))
    half = at.use("loss.constant2", Constant(value=0.5))
    for i, (ours, theirs) in enumerate((("trunk.1.linear", "near"), ("other.1", "far"))):
        at.use(f"loss.sub{i}", Sub(), ours, theirs)
        at.use(f"loss.pow{i}", Pow(), f"loss.sub{i}", two)
        at.use(f"loss.mean{i}", Mean(), f"loss.pow{i}")
    at.use("loss.mul1", Mul(), "loss.mean1", half)
    at.use("metrics.root.pow1", Pow(), "loss.mean1", half)
    return at.graph(
        {"first": "trunk.1.linear", "second": Ref("other.1")},
        loss={"near_loss": "loss.mean0", "far_loss": "loss.mul1"},
        metrics={"root": "metrics.root.pow1"},
    )
