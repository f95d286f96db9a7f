"""Functions of every number made of pieces, by PyTorch's own."""

from __future__ import annotations

from netspec.ops.norm import normalised_channels
from netspec.ops.rectifier import Celu, Elu, Hardsigmoid, Hardswish, Hardtanh, Prelu, Relu6, Rrelu, Selu
from netspec_torch.rule import Lowered, Site, Value, binary, call, lowers


@lowers(Relu6)
def relu6(op: Relu6, at: Site) -> Lowered:
    """`F.relu6`."""
    del op
    return Lowered(call("F.relu6", *at.inputs))


@lowers(Hardtanh)
def hardtanh(op: Hardtanh, at: Site) -> Lowered:
    """`F.hardtanh`."""
    return Lowered(call("F.hardtanh", *at.inputs, op.min_val, op.max_val))


@lowers(Hardsigmoid)
def hardsigmoid(op: Hardsigmoid, at: Site) -> Lowered:
    """`F.relu6(x + 3) / 6`: the slope of `F.hardsigmoid` is a sixth in single precision, whatever the model's is."""
    del op
    return Lowered(binary(call("F.relu6", binary(at.inputs[0], "+", 3)), "/", 6))


@lowers(Hardswish)
def hardswish(op: Hardswish, at: Site) -> Lowered:
    """`F.hardswish`."""
    del op
    return Lowered(call("F.hardswish", *at.inputs))


@lowers(Elu)
def elu(op: Elu, at: Site) -> Lowered:
    """`F.elu`."""
    return Lowered(call("F.elu", *at.inputs, *([op.alpha] if op.alpha != 1 else [])))


@lowers(Celu)
def celu(op: Celu, at: Site) -> Lowered:
    """`F.celu`; of another alpha than 1 the same by `F.elu`, because `F.celu` divides by alpha in single precision."""
    if op.alpha == 1:
        return Lowered(call("F.celu", *at.inputs))
    return Lowered(binary(op.alpha, "*", call("F.elu", binary(at.inputs[0], "/", op.alpha))))


@lowers(Selu)
def selu(op: Selu, at: Site) -> Lowered:
    """`F.selu`."""
    del op
    return Lowered(call("F.selu", *at.inputs))


@lowers(Prelu)
def prelu(op: Prelu, at: Site) -> Lowered:
    """`nn.PReLU`, which holds the weight."""
    count = [] if op.per == "layer" else [normalised_channels(at.types[0], op.name)]
    return Lowered(call(at.module, *at.inputs), call("nn.PReLU", *count))


@lowers(Rrelu)
def rrelu(op: Rrelu, at: Site) -> Lowered:
    """`nn.RReLU`, which knows the module's mode."""
    options: dict[str, Value] = {}
    if op.lower != 1 / 8:
        options["lower"] = op.lower
    if op.upper != 1 / 3:
        options["upper"] = op.upper
    return Lowered(call(at.module, *at.inputs), call("nn.RReLU", **options))
