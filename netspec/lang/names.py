"""Names: which a spec may give, and what was probably meant by one that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.text import nearest

NAME = re.compile(r"[a-z][a-z0-9_]*")
LETTER = re.compile(r"[A-Z][0-9]*")

MOST_TITLE = 64
TITLE = re.compile(rf"[^\W_][\w.-]{{0,{MOST_TITLE - 1}}}")
"""The name of a whole spec, which names run folders and the emitted class as well: never a path, never hidden."""

WIRES = ("name", "from", "when", "repeat", "init", "freeze", "as")
"""What stands beside an op. Closed for `netspec: 1`, and never an argument's name."""

STRUCTURE = ("layers", "residual", "branches", "map", "reuse")
"""Layers that hold layers, and what else the language reserves for structure."""

_PYTHON = frozenset(
    """
    and as assert async await break class continue def del elif else except finally for from global if import in is
    lambda nonlocal not or pass raise return try while with yield true false none null self
    """.split()  # noqa: SIM905 - words read best as words
)
_MODULE = frozenset(
    """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr
    float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters parameters register_buffer register_module
    register_parameter requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
    training type xpu zero_grad
    """.split()  # noqa: SIM905 - words read best as words
)

_HABITS = {
    "dense": "linear", "fc": "linear", "fully_connected": "linear", "conv1d_transpose": "conv_transpose",
    "conv2d_transpose": "conv_transpose", "conv3d_transpose": "conv_transpose", "conv1_d_transpose": "conv_transpose",
    "conv2_d_transpose": "conv_transpose", "conv3_d_transpose": "conv_transpose",
    "transposed_conv": "conv_transpose", "deconv": "conv_transpose", "deconvolution": "conv_transpose",
    "adaptive_average_pool": "adaptive_avg_pool", "global_pool": "global_avg_pool", "bn": "batch_norm",
    "batchnorm": "batch_norm", "interpolate": "resize", "upsample": "resize", "up_sampling": "resize",
    "upsampling": "resize", "scale_factor": "factor", "zero_pad": "pad", "zero_padding": "pad", "constant_pad": "pad",
    "reflection_pad": "pad", "replication_pad": "pad", "circular_pad": "pad", "center_crop": "crop", "cropping": "crop",
    "batch_normalization": "batch_norm", "maxpool": "max_pool", "max_pooling": "max_pool", "avgpool": "avg_pool",
    "average_pooling": "avg_pool", "global_average_pooling": "global_avg_pool", "gap": "global_avg_pool",
    "convolution": "conv", "concatenate": "concat", "cat": "concat", "leakyrelu": "leaky_relu",
    "logsoftmax": "log_softmax", "logits_loss": "cross_entropy", "cross_entropy_loss": "cross_entropy",
    "mse_loss": "mse", "l1_loss": "l1", "mae": "l1", "bce_loss": "bce", "nll_loss": "nll", "subtract": "sub",
    "multiply": "mul", "divide": "div", "normalize": "rescale", "max_unpool": "max_pool", "re_lu": "relu",
    "bce_with_logits_loss": "bce_with_logits", "binary_crossentropy": "bce", "max_pooling_2": "max_pool",
    "filters": "out_channels", "channels": "out_channels", "units": "out_features", "out_features": "out_channels",
    "strides": "stride", "kernel": "kernel_size", "pool_size": "kernel_size", "epsilon": "eps", "use_bias": "bias",
    "rate": "p", "dilation_rate": "dilation", "learning_rate": "lr", "wd": "weight_decay", "dim": "axis",
}  # fmt: skip
"""How other libraries call what netspec calls otherwise, in small letters with underscores."""


def plain_name(word: str) -> str:
    """A name as netspec would write it: `nn.Conv2d` becomes `conv`, `MaxPool2d` becomes `max_pool`."""
    last = word.rsplit(".", 1)[-1]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", last[:64]).lower()
    return re.sub(r"_?[123]_?d$", "", spaced)


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` probably stands for: by another library's habit, else by spelling."""
    names = set(known)
    simple = plain_name(word)
    for candidate in (
        simple,
        _HABITS.get(simple, ""),
        simple.replace("_", ""),
        _HABITS.get(word.lower(), ""),
    ):
        if candidate in names and candidate != word:
            return candidate
    return nearest(word, names) or nearest(simple, names)


def why_no_word(name: str) -> str | None:
    """Why `name` can't be a word of expressions, as a parameter of a block is; None where it can."""
    if not NAME.fullmatch(name) or len(name) > 64:
        return "a name has small letters, digits and `_`, begins with a letter and has at most 64 characters"
    if name == "i" or name in _PYTHON:
        return "the word has a meaning in expressions or in Python, where the compiled model lives"
    return None


def why_refused(name: str) -> str | None:
    """Why `name` can't be given to a value or layer; None where it can."""
    why = why_no_word(name)
    if why is not None:
        return why
    if name in _MODULE:
        return "every PyTorch module has something of that name already"
    return None
