"""Rules of layers that learn and do not slide: `linear`, norms, dropout, `prelu`."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.modules.batchnorm import _NormBase

from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Level, Noise, Owned
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.windows import plain


@reads("aten.linear")
def linear(call: Call) -> Held:
    """Weights along the last axis."""
    weight, bias, held = call.owned("weight"), call.owned("bias"), call.held("input")
    if weight is None or not weight.key:
        raise Unsaid("its weight is computed from others while it runs: take parametrizations off first")
    arguments: dict[str, Any] = {"out_features": int(weight.tensor.shape[0])}
    weights = {"weight": weight}
    if bias is None:
        arguments["bias"] = False
    else:
        weights["bias"] = bias
    last = call.draw.type(held.value).rank - 1
    if held.dims[-1] != last or last == 0:
        held = plain(call.draw.laid(held), len(held.dims))
    return Held(call.draw.one("linear", arguments, (held.value,), weights), held.dims)


@reads("aten.batch_norm", "aten.instance_norm")
def norm(call: Call) -> Held:
    """`batch_norm` or `instance_norm`; the module says its momentum, which the graph may have computed."""
    arguments: dict[str, Any] = {}
    if call["eps"] != 1e-5:
        arguments["eps"] = call["eps"]
    layer = call.layer
    momentum = layer.momentum if isinstance(layer, _NormBase) else call["momentum"]
    weight, mean = call.owned("weight"), call.owned("running_mean")
    if mean is not None and momentum != 0.1:
        arguments["momentum"] = momentum
    is_batch = call.name == "batch_norm"
    if (weight is not None) is not is_batch:
        arguments["affine"] = weight is not None
    if (mean is not None) is not is_batch:
        arguments["track_running_stats"] = mean is not None
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {one: found for one in names if (found := call.owned(one)) is not None}
    if mean is not None and mean.key.endswith("running_mean"):
        key = mean.key.removesuffix("running_mean") + "num_batches_tracked"
        count = call.reader.exported.program.state_dict.get(key)
        if isinstance(count, torch.Tensor):
            weights["num_batches_tracked"] = Owned(count, key)
    held = call.held("input")
    value = call.draw.image(held) if len(held.dims) > 2 else call.draw.laid(held)
    return plain(call.draw.one(call.name, arguments, (value,), weights), len(held.dims))


@reads("aten.group_norm")
def group_norm(call: Call) -> Held:
    """A norm of groups of channels."""
    arguments: dict[str, Any] = {"num_groups": call["num_groups"]}
    if call["eps"] != 1e-5:
        arguments["eps"] = call["eps"]
    weights = {one: found for one in ("weight", "bias") if (found := call.owned(one)) is not None}
    if not weights:
        arguments["affine"] = False
    held = call.held("input")
    value = call.draw.image(held) if len(held.dims) > 2 else call.draw.laid(held)
    return plain(call.draw.one("group_norm", arguments, (value,), weights), len(held.dims))


@reads("aten.layer_norm", "aten.rms_norm")
def layer_norm(call: Call) -> Held:
    """A norm of the last axes, which stay where netspec has them if it is one alone."""
    held = call.held("input")
    count = len(call["normalized_shape"])
    if count > 1:
        held = plain(call.draw.laid(held), len(held.dims))
    axes = [call.draw.axis(held, place) for place in range(-count, 0)]
    arguments: dict[str, Any] = {}
    if call.draw.type(held.value).rank > 2:
        arguments["axis"] = axes[0] if count == 1 else axes
    usual = 1e-5 if call.name == "layer_norm" else None
    if call["eps"] != usual:
        arguments["eps"] = call["eps"]
    names = ("weight", "bias") if call.name == "layer_norm" else ("weight",)
    weights = {one: found for one in names if (found := call.owned(one)) is not None}
    if not weights:
        arguments["elementwise_affine"] = False
    elif call.name == "layer_norm" and "bias" not in weights:
        arguments["bias"] = False
    return Held(call.draw.one(call.name, arguments, (held.value,), weights), held.dims)


@reads("aten.prelu")
def prelu(call: Call) -> Held:
    """A slope for all channels, or one for each."""
    weight, held = call.owned("weight"), call.held("self")
    if weight is None:
        raise Unsaid("it has no weight of its own")
    arguments = {"per": "channel"} if weight.tensor.numel() > 1 else {}
    value = call.draw.laid(held)
    return plain(call.draw.one("prelu", arguments, (value,), {"weight": weight}), len(held.dims))


_DROPOUT: dict[str, tuple[str, dict[str, Any]]] = {
    "dropout": ("dropout", {}),
    "feature_dropout": ("dropout", {"whole": "channel"}),
    "alpha_dropout": ("alpha_dropout", {}),
    "feature_alpha_dropout": ("alpha_dropout", {"whole": "channel"}),
}


@reads(*(f"aten.{name}" for name in _DROPOUT))
def dropout(call: Call) -> Any:
    """Dropout of numbers or of whole channels; of ones it is what leaves out a branch."""
    op, options = _DROPOUT[call.name]
    source, p = call["input"], float(call["p"])
    if isinstance(source, Level) and source.number == 1 and call.name == "dropout":
        return noise_of(source, p, scaled=True)
    held = call.held("input")
    if p == 0:
        return held
    arguments: dict[str, Any] = {"p": p, **options}
    value = call.draw.image(held) if options else held.value
    dims = tuple(range(len(held.dims))) if options else held.dims
    return Held(call.draw.one(op, arguments, (value,)), dims)


def noise_of(source: Level, p: float, *, scaled: bool) -> Noise:
    """One draw for each sample, or for all; Unsaid for any other shape."""
    first, *rest = source.shape or (None,)
    if first is None or any(one.dim != 1 for one in rest):
        raise Unsaid("it draws by chance in a way that netspec has no word for")
    if first.dim != 1 and first.dim.value is not None:
        raise Unsaid("it draws by chance for a fixed number of samples")
    return Noise(p, scaled, first.dim == 1)


@reads("aten.bernoulli")
def bernoulli(call: Call) -> Noise:
    """Ones with a chance: what `DropPath` and `StochasticDepth` leave a branch out by."""
    source, keep = call["self"], call.get("p")
    if not isinstance(source, Level) or not isinstance(keep, float):
        raise Unsaid("it draws by chance in a way that netspec has no word for")
    return noise_of(source, 1 - keep, scaled=False)


@reads("aten.rrelu")
def rrelu(call: Call) -> Held:
    """Slopes drawn by chance."""
    held = call.held("self")
    arguments = {
        word: float(call[word]) for word, usual in (("lower", 1 / 8), ("upper", 1 / 3)) if call[word] != usual
    }
    return Held(call.draw.one("rrelu", arguments, (held.value,)), held.dims)
