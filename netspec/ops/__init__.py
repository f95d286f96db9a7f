"""Floor 2: the catalogue. Every op is told once, in the file of its family."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from netspec.ir.op import Op
from netspec.text import Diagnostic, SpecError

FAMILIES: dict[str, str] = {
    "activation": "identity relu leaky_relu tanh sigmoid softplus softmax softmin log_softmax",
    "adaptive": "adaptive_avg_pool adaptive_max_pool",
    "arithmetic": "constant add sub mul div pow neg",
    "attention": "scaled_dot_product_attention multi_head_attention",
    "axis_norm": "layer_norm rms_norm",
    "binary_loss": "bce bce_with_logits sigmoid_focal",
    "blur": "blur_pool",
    "class_index": "one_hot argmax class_weight",
    "class_loss": "cross_entropy nll focal",
    "compare": "less less_equal greater greater_equal equal minimum maximum where",
    "conv": "conv conv_transpose",
    "crop": "crop crop_like",
    "cumulative": "cumsum cummax",
    "density": "mixture_cdf lognormal_cdf ordinal_cdf",
    "distribution": "step normal_cdf quantile",
    "distribution_loss": "crps crps_normal kl_div",
    "dropout": "dropout alpha_dropout stochastic_depth",
    "elementary": "abs exp log sqrt clamp",
    "expand": "expand",
    "fold": "fold unfold spread",
    "gate": "squeeze_excite cbam",
    "join": "concat stack",
    "linear": "linear",
    "local": "locally_connected",
    "lp": "lp_pool global_lp_pool",
    "matmul": "matmul",
    "merging": "glu maxout",
    "metric": "accuracy",
    "norm": "batch_norm instance_norm group_norm",
    "order": "permute flip roll",
    "overlap": "dice dice_loss jaccard_loss tversky_loss",
    "pad": "pad pad_to_multiple pad_like",
    "pair": "cosine_similarity cosine_embedding triplet_margin margin_ranking",
    "parameter": "parameter",
    "parts": "split chunk",
    "pool": "max_pool avg_pool global_avg_pool global_max_pool",
    "rectifier": "relu6 hardtanh hardsigmoid hardswish elu celu selu prelu rrelu",
    "reduce": "mean sum amax amin",
    "regression_loss": "mse l1 smooth_l1 huber pinball gaussian_nll poisson_nll",
    "reshape": "reshape",
    "resize": "resize resize_like",
    "response": "local_response_norm",
    "scale": "rescale convert layer_scale",
    "separable": "depthwise_conv separable_conv",
    "shape": "flatten rename unsqueeze squeeze",
    "shrink": "threshold hardshrink softshrink tanhshrink",
    "shuffle": "channel_shuffle pixel_shuffle pixel_unshuffle",
    "slicing": "narrow select unbind frame_difference",
    "smooth": "silu gelu mish softsign logsigmoid",
    "unpool": "max_unpool",
}
"""Which ops each file tells. Written out so that a spec imports the families it uses and no others; a test reads the
files and holds the two equal."""

UNWRITTEN = frozenset({"fold", "unfold", "spread"})
"""The ops that the reader of the language puts in place of a `map`, and that no spec can call. A test holds it equal
to what the ops say of themselves (`written`)."""

_FAMILY_OF = {
    name: family for family, names in FAMILIES.items() for name in names.split() if name not in UNWRITTEN
}


def names() -> Iterable[str]:
    """The names of all ops that a spec may call; nothing is imported for them."""
    return _FAMILY_OF.keys()


@cache
def _family(family: str) -> dict[str, type[Op]]:
    """The ops of one file by name."""
    module = importlib.import_module(f"{__name__}.{family}")
    found = (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Op))
    return {kind.name: kind for kind in found if kind.name and kind.__module__ == module.__name__}


@cache
def catalogue() -> dict[str, type[Op]]:
    """Every op of netspec by its name, those that no spec calls included."""
    return {name: kind for family in FAMILIES for name, kind in _family(family).items()}


def written() -> dict[str, type[Op]]:
    """Every op of netspec that a spec may call, by the name it is called by."""
    return {name: kind for name, kind in catalogue().items() if kind.written}


def foreign_names() -> tuple[str, ...]:
    """The names of all ops that the packages beside netspec bring; none of them is loaded."""
    from netspec.ir.foreign import OPS, group  # noqa: PLC0415 - as in `find`

    return tuple(sorted({entry.name for entry in group(OPS)}))


def find(name: str) -> type[Op] | None:
    """The op called `name`; one of a third party is called `vendor.op` and comes by the entry point of that name.

    None where there is none, and for one that cannot be used: `trouble` says why.
    """
    if "." not in name:
        return _family(_FAMILY_OF[name]).get(name) if name in _FAMILY_OF else None
    from netspec.ir.foreign import OPS, named  # noqa: PLC0415 - what finds packages takes time to import

    if named(OPS, name) is None:
        return None
    try:
        return foreign_op(name)
    except SpecError:
        return None


def trouble(name: str) -> Diagnostic | None:
    """Why an op of another package cannot be used; None where there is no such op, or nothing is wrong with it."""
    from netspec.ir.foreign import OPS, named  # noqa: PLC0415 - as in `find`

    if "." not in name or named(OPS, name) is None:
        return None
    try:
        foreign_op(name)
    except SpecError as refused:
        return refused.diagnostics[0]
    return None


@cache
def foreign_op(name: str) -> type[Op]:
    """The op of another package that stands under this name; SpecError NS704 or NS705 where it cannot be used."""
    from netspec.ir.foreign import OPS, load, named, unfit  # noqa: PLC0415 - as in `find`

    entry = named(OPS, name)
    assert entry is not None, name
    kind = load(entry, "the op")
    if not (isinstance(kind, type) and issubclass(kind, Op)):
        raise unfit(entry, "the op", "is no subclass of `netspec.ir.op.Op`")
    if kind.name != name or "." not in name:
        raise unfit(
            entry, "the op", f"calls itself `{kind.name}`, and an op of another package is `vendor.op`"
        )
    return kind
