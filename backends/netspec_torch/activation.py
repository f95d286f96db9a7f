"""Functions of every number, and softmax along an axis, by PyTorch's own."""

from __future__ import annotations

from netspec.ops.activation import (
    Identity,
    LeakyRelu,
    LogSoftmax,
    Relu,
    Sigmoid,
    Softmax,
    Softmin,
    Softplus,
    Tanh,
)
from netspec.ops.axes import along
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(Identity)
def identity(op: Identity, at: Site) -> Lowered:
    """The input itself."""
    del op
    return Lowered(at.inputs[0])


@lowers(Relu)
def relu(op: Relu, at: Site) -> Lowered:
    """`F.relu`."""
    del op
    return Lowered(call("F.relu", *at.inputs))


@lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, at: Site) -> Lowered:
    """`F.leaky_relu`."""
    return Lowered(call("F.leaky_relu", *at.inputs, op.negative_slope))


@lowers(Tanh)
def tanh(op: Tanh, at: Site) -> Lowered:
    """`torch.tanh`."""
    del op
    return Lowered(call("torch.tanh", *at.inputs))


@lowers(Sigmoid)
def sigmoid(op: Sigmoid, at: Site) -> Lowered:
    """`torch.sigmoid`."""
    del op
    return Lowered(call("torch.sigmoid", *at.inputs))


@lowers(Softplus)
def softplus(op: Softplus, at: Site) -> Lowered:
    """`F.softplus`. Above its threshold it gives x itself: exact in float64 from 40 on, not from 20 on."""
    options: dict[str, Value] = {"beta": op.beta} if op.beta != 1 else {}
    return Lowered(call("F.softplus", *at.inputs, **options, threshold=40))


@lowers(Softmax)
def softmax(op: Softmax, at: Site) -> Lowered:
    """`F.softmax`."""
    return Lowered(call("F.softmax", *at.inputs, dim=along(at.types[0], op.axis, op.name)))


@lowers(Softmin)
def softmin(op: Softmin, at: Site) -> Lowered:
    """`F.softmin`."""
    return Lowered(call("F.softmin", *at.inputs, dim=along(at.types[0], op.axis, op.name)))


@lowers(LogSoftmax)
def log_softmax(op: LogSoftmax, at: Site) -> Lowered:
    """`F.log_softmax`."""
    return Lowered(call("F.log_softmax", *at.inputs, dim=along(at.types[0], op.axis, op.name)))
