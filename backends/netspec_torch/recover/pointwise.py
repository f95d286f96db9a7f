"""Rules of activations: one op on one value, whose axes stay where they are."""

from __future__ import annotations

from typing import Any

from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Owned
from netspec_torch.recover.reading import Call, reads

_ALONE = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "silu": "silu",
    "mish": "mish",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "selu": "selu",
    "log_sigmoid": "logsigmoid",
    "abs": "abs",
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "neg": "neg",
}

_WITH: dict[str, tuple[str, dict[str, tuple[str, Any]]]] = {
    "leaky_relu": ("leaky_relu", {"negative_slope": ("negative_slope", 0.01)}),
    "elu": ("elu", {"alpha": ("alpha", 1.0), "scale": ("", 1), "input_scale": ("", 1)}),
    "celu": ("celu", {"alpha": ("alpha", 1.0)}),
    "softplus": ("softplus", {"beta": ("beta", 1.0), "threshold": ("", 20)}),
    "gelu": ("gelu", {"approximate": ("approximate", "none")}),
    "threshold": ("threshold", {"threshold": ("threshold", None), "value": ("value", None)}),
    "hardshrink": ("hardshrink", {"lambd": ("lambd", 0.5)}),
    "softshrink": ("softshrink", {"lambd": ("lambd", 0.5)}),
}


def alone(call: Call, op: str, arguments: dict[str, Any] | None = None, word: str = "self") -> Held:
    """One op on one value, whose axes stay where they are."""
    held = call.held(word)
    return Held(call.draw.one(op, arguments, (held.value,)), held.dims)


@reads(*(f"aten.{name}" for name in _ALONE))
def activation(call: Call) -> Held:
    """An op without arguments."""
    return alone(call, _ALONE[call.name])


@reads(*(f"aten.{name}" for name in _WITH))
def activation_with(call: Call) -> Held:
    """An op with arguments of its own; Unsaid where netspec has one of them fixed otherwise."""
    op, words = _WITH[call.name]
    arguments: dict[str, Any] = {}
    for given, (word, usual) in words.items():
        value = call[given]
        if given == "threshold" and call.name == "softplus" and value > usual:
            continue  # beyond 20 the logarithm is lost in rounding
        if value != usual and not word:
            raise Unsaid(f"its `{given}` is {value}, and netspec's is {usual}")
        if value != usual:
            arguments[word] = value if isinstance(value, str) else float(value)
    return alone(call, op, arguments)


@reads("aten.hardtanh")
def hardtanh(call: Call) -> Held:
    """Limits; 0 and 6 are `relu6`."""
    low, high = float(call["min_val"]), float(call["max_val"])
    if (low, high) == (0, 6):
        return alone(call, "relu6")
    return alone(call, "hardtanh", {} if (low, high) == (-1, 1) else {"min_val": low, "max_val": high})


@reads("aten.clamp", "aten.clamp_min", "aten.clamp_max", "aten.clip")
def clamp(call: Call) -> Held:
    """Limits on one side or both."""
    limits = {word: call.get(word) for word in ("min", "max")}
    if any(isinstance(one, (Held, Owned)) for one in limits.values()):
        raise Unsaid("its limits are tensors")
    return alone(call, "clamp", {word: float(one) for word, one in limits.items() if one is not None})


@reads("aten.softmax", "aten.log_softmax", "aten._softmax", "aten._log_softmax")
def softmax(call: Call) -> Held:
    """Probabilities along an axis."""
    return alone(call, call.name.lstrip("_"), along(call, call.held("self"), call["dim"]))


def along(call: Call, held: Held, place: int, word: str = "axis") -> dict[str, Any]:
    """The argument that names an axis; left out where it is the first after the batch, which ops take by themselves."""
    name = call.draw.axis(held, place)
    return {} if held.dims[place] == 1 else {word: name}


@reads("aten.cumsum", "aten.cummax", "aten.glu")
def running(call: Call) -> Any:
    """Running sums and largest numbers, and halves that gate each other."""
    made = alone(call, call.name, along(call, call.held("self"), call["dim"]))
    if call.name == "cummax" and call.reader.reads_second(call.node):
        raise Unsaid("the places that it found are used")
    return (made, None) if call.name == "cummax" else made
