"""Habits of people who come from PyTorch, Keras and Ultralytics: other words for what is here, and what to do instead.

`WORDS` are other names of things that netspec has: they are offered in place of the written word. `SAYINGS`
are for words that stand for nothing here, or for something that is written another way; they are told as they stand.
"""

from __future__ import annotations

import re
from typing import Literal

from netspec.lang.tree import Mapping, Node, Scalar, Sequence

Place = Literal["op", "argument", "beside", "section", "training", "data", "call"]
"""Where a word stands: as an op, under it, beside it, as a section, in a section, as an optimizer or the like."""

WORDS: dict[str, str] = {
    # ops
    "dense": "linear", "fc": "linear", "fully_connected": "linear", "convolution": "conv",
    "transposed_conv": "conv_transpose", "deconv": "conv_transpose", "deconvolution": "conv_transpose",
    "bn": "batch_norm", "batchnorm": "batch_norm", "batch_normalization": "batch_norm",
    "ln": "layer_norm", "layernorm": "layer_norm", "layer_normalization": "layer_norm",
    "gn": "group_norm", "groupnorm": "group_norm", "group_normalization": "group_norm",
    "instancenorm": "instance_norm", "instance_normalization": "instance_norm",
    "rmsnorm": "rms_norm", "rms_normalization": "rms_norm", "root_mean_square_norm": "rms_norm",
    "lrn": "local_response_norm", "local_response_normalization": "local_response_norm",
    "r_re_lu": "rrelu", "thresholded_re_lu": "threshold", "log_sigmoid": "logsigmoid", "hard_shrink": "hardshrink",
    "soft_shrink": "softshrink", "tanh_shrink": "tanhshrink", "hard_swish": "hardswish", "h_swish": "hardswish",
    "hard_sigmoid": "hardsigmoid", "hard_tanh": "hardtanh", "gated_linear_unit": "glu", "max_feature_map": "maxout",
    "maxpool": "max_pool", "max_pooling": "max_pool", "avgpool": "avg_pool", "average_pool": "avg_pool",
    "average_pooling": "avg_pool", "mean_pool": "avg_pool", "global_average_pooling": "global_avg_pool",
    "global_pool": "global_avg_pool", "global_average_pool": "global_avg_pool", "gap": "global_avg_pool",
    "global_max_pooling": "global_max_pool", "adaptive_average_pool": "adaptive_avg_pool",
    "sep_conv": "separable_conv", "depthwise_separable_conv": "separable_conv", "depth_multiplier": "multiplier",
    "channel_multiplier": "multiplier",
    "local_conv": "locally_connected", "unshared_conv": "locally_connected", "unpool": "max_unpool",
    "max_unpooling": "max_unpool", "lp_pooling": "lp_pool", "power_average_pool": "lp_pool", "blurpool": "blur_pool",
    "interpolate": "resize", "upsample": "resize", "up_sampling": "resize", "upsampling": "resize",
    "zero_pad": "pad", "zero_padding": "pad", "constant_pad": "pad", "reflection_pad": "pad",
    "replication_pad": "pad", "circular_pad": "pad", "center_crop": "crop", "cropping": "crop",
    "concatenate": "concat", "cat": "concat", "leakyrelu": "leaky_relu", "leaky_re_lu": "leaky_relu",
    "re_lu": "relu", "p_re_lu": "prelu", "swish": "silu",
    "num_parameters": "per", "drop_path": "stochastic_depth", "depth_to_space": "pixel_shuffle",
    "space_to_depth": "pixel_unshuffle", "bmm": "matmul", "view": "reshape", "transpose": "permute", "slice": "narrow",
    "multihead_attention": "multi_head_attention", "mha": "multi_head_attention", "attention": "multi_head_attention",
    "self_attention": "multi_head_attention", "sdpa": "scaled_dot_product_attention",
    "expand_dims": "unsqueeze", "se": "squeeze_excite", "se_layer": "squeeze_excite", "se_block": "squeeze_excite",
    "se_module": "squeeze_excite", "squeeze_excitation": "squeeze_excite", "squeeze_and_excite": "squeeze_excite",
    "logsoftmax": "log_softmax", "subtract": "sub", "multiply": "mul", "divide": "div",
    "noop": "identity", "max": "amax", "min": "amin", "average": "mean", "reduce_mean": "mean", "reduce_sum": "sum",
    # losses and metrics
    "cross_entropy_loss": "cross_entropy", "categorical_crossentropy": "cross_entropy", "ce": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy", "ce_loss": "cross_entropy", "crossentropy": "cross_entropy",
    "mse_loss": "mse", "mean_squared_error": "mse", "l2": "mse", "l2_loss": "mse", "l1_loss": "l1", "mae": "l1",
    "mean_absolute_error": "l1", "bce_loss": "bce", "binary_crossentropy": "bce", "binary_cross_entropy": "bce",
    "bce_with_logits_loss": "bce_with_logits", "binary_cross_entropy_with_logits": "bce_with_logits",
    "nll_loss": "nll", "focal_loss": "focal", "sigmoid_focal_loss": "sigmoid_focal",
    "binary_focal_loss": "sigmoid_focal", "smooth_l1_loss": "smooth_l1", "huber_loss": "huber",
    "poisson_nll_loss": "poisson_nll", "gaussian_nll_loss": "gaussian_nll", "kldiv_loss": "kl_div",
    "kl_div_loss": "kl_div", "kl_divergence": "kl_div", "quantile_loss": "pinball", "crps_gaussian": "crps_normal",
    "gaussian_crps": "crps_normal", "soft_dice_loss": "dice_loss", "iou_loss": "jaccard_loss",
    "focal_tversky_loss": "tversky_loss", "cosine_embedding_loss": "cosine_embedding",
    "cosine_loss": "cosine_embedding", "triplet_loss": "triplet_margin", "triplet_margin_loss": "triplet_margin",
    "margin_ranking_loss": "margin_ranking", "cos_sim": "cosine_similarity",
    "acc": "accuracy", "top_k_accuracy": "accuracy",
    # arguments
    "filters": "out_channels", "num_filters": "out_channels", "channels": "out_channels", "n_filters": "out_channels",
    "units": "out_features", "num_classes": "out_features classes", "out_features": "out_channels",
    "num_outputs": "out_features", "strides": "stride", "kernel": "kernel_size", "ksize": "kernel_size",
    "filter_size": "kernel_size", "filt_size": "kernel_size", "pad_mode": "padding_mode", "indices": "where",
    "pool_size": "kernel_size", "epsilon": "eps", "use_bias": "bias",
    "rate": "p", "drop_rate": "p", "prob": "p", "dilation_rate": "dilation", "alpha": "negative_slope",
    "scale_factor": "factor", "dim": "axis", "dims": "axis", "n_groups": "groups num_groups",
    "groups": "num_groups", "num_groups": "groups", "affine": "elementwise_affine", "elementwise_affine": "affine",
    "num_pieces": "pieces", "num_units": "pieces", "lambda": "lambd", "drop_prob": "p", "pad": "padding",
    "learning_rate": "lr", "wd": "weight_decay", "no_weight_decay": "no_decay",
    "exclude_from_weight_decay": "no_decay", "skip_weight_decay": "no_decay", "l2_penalty": "weight_decay",
    "heads": "num_heads", "n_heads": "num_heads", "split_size": "sizes", "num_or_size_splits": "sizes",
    # sections
    "constants": "define", "variables": "define", "vars": "define", "params": "define", "parameters": "define",
    "input": "inputs", "target": "targets", "labels": "targets", "model": "layers", "network": "layers",
    "net": "layers", "architecture": "layers", "criterion": "loss", "losses": "loss", "objective": "loss",
    "dataset": "data", "datasets": "data", "train": "training", "trainer": "training", "version": "netspec",
    "description": "doc", "title": "name", "initializers": "init", "initialization": "init",
    # training and data
    "max_epochs": "epochs", "num_epochs": "epochs", "n_epochs": "epochs", "max_steps": "steps", "iterations": "steps",
    "num_steps": "steps", "batch": "batch_size", "batchsize": "batch_size", "bs": "batch_size",
    "lr_scheduler": "schedule", "scheduler": "schedule", "lr_schedule": "schedule", "random_seed": "seed",
    "accumulate_grad_batches": "accumulate", "gradient_accumulation": "accumulate",
    "gradient_accumulation_steps": "accumulate", "num_workers": "workers", "augmentation": "transforms",
    "augmentations": "transforms", "augment": "transforms", "preprocessing": "transforms", "val": "validation",
    "valid": "validation", "dev": "validation",
    # calls: schedules, initialisers, sources
    "cosine_annealing": "cosine", "cosine_annealing_lr": "cosine", "cosine_decay": "cosine", "step_lr": "step",
    "multi_step": "multistep", "multi_step_lr": "multistep", "exponential_lr": "exponential",
    "exponential_decay": "exponential", "polynomial_lr": "polynomial", "poly": "polynomial",
    "linear_warmup": "warmup", "linear_lr": "warmup", "constant_lr": "constant", "one_cycle_lr": "one_cycle",
    "onecycle": "one_cycle", "linear": "polynomial", "linear_decay": "polynomial", "sgdr": "cosine_restarts",
    "cosine_annealing_warm_restarts": "cosine_restarts",
    "cosine_warm_restarts": "cosine_restarts", "warm_restarts": "cosine_restarts", "reduce_lr_on_plateau": "plateau",
    "reduce_on_plateau": "plateau", "sgd_momentum": "sgd", "adam_w": "adamw", "rms_prop": "rmsprop", "n_adam": "nadam",
    "r_adam": "radam", "ada_grad": "adagrad", "ada_delta": "adadelta", "glorot": "xavier_uniform",
    "glorot_uniform": "xavier_uniform", "glorot_normal": "xavier_normal", "xavier": "xavier_uniform",
    "he": "kaiming_normal", "he_normal": "kaiming_normal", "he_uniform": "kaiming_uniform",
    "kaiming": "kaiming_normal", "truncated_normal": "trunc_normal", "eye": "dirac",
    "random_normal": "normal", "random_uniform": "uniform", "dicom": "dicom_cine",
    # types
    "type": "kind", "size": "shape", "nc": "classes", "n_classes": "classes", "limits": "range", "bounds": "range",
    "class": "class_index", "label": "class_index name", "category": "class_index", "classification": "class_index",
    "binary": "mask", "segmentation": "mask", "bool": "mask", "picture": "image", "probs": "probabilities",
    "log_probs": "log_probabilities", "millilitre": "ml", "milliliter": "ml", "millimetre": "mm", "millimeter": "mm",
    "centimetre": "cm", "centimeter": "cm", "second": "s", "seconds": "s", "milliseconds": "ms", "years": "year",
    "mm^2": "mm2", "mm^3": "mm3", "cm^2": "cm2", "mm²": "mm2", "mm³": "mm3", "cm²": "cm2", "deg": "degree",
    # beside an op, and parameters
    "inputs": "from", "bottom": "from", "id": "name", "top": "name", "if": "when", "condition": "when",
    "times": "repeat", "copies": "repeat", "frozen": "freeze", "gamma": "weight", "beta": "bias",
    "weights": "weight", "kernels": "weight", "running_mean": "statistics", "running_var": "statistics",
}  # fmt: skip
"""Other libraries' words in small letters with underscores, and the word here; several where places differ."""

INFERRED = frozenset(
    """
    in_channels in_features num_features input_shape input_dim input_size input_channels in_planes in_dim ndim
    """.split()  # noqa: SIM905 - words read best as words
)
"""Sizes that other libraries want written, and that follow from what comes in."""

NEEDLESS = frozenset(
    """
    inplace data_format dtype device name_scope foreach fused capturable differentiable verbose
    """.split()  # noqa: SIM905 - words read best as words
)
"""Arguments that say how something is computed, which is not a spec's affair."""

ULTRALYTICS = frozenset(
    """
    c1 c2 c2f c3 c3k2 c3tr c2psa spp sppf bottleneck bottleneck_csp focus ghost_conv ghost_bottleneck dw_conv
    detect segment pose obb classify rtdetr_decoder
    """.split()  # noqa: SIM905
)
"""Modules of Ultralytics, each of which is several layers."""

_FORMULAS = {
    "square": "_ ** 2",
}
"""Functions that are no op, and the formula that says them."""

_OPTIMIZER = "it belongs to the optimizer: `optimizer: {{sgd: {{{word}: …}}}}`"
_TRAINING = "it stands under `training`"

SAYINGS: dict[Place, dict[str, str]] = {
    "op": {
        "sequential": "write the layers one below the other in `layers`",
        "module_list": "write the layers one below the other in `layers`, or `repeat` one of them",
        "activation": "write the function itself as a layer: `- relu`",
        "input_layer": "what comes in stands in the section `inputs`",
        "input": "what comes in stands in the section `inputs`",
        "lambda": "write a formula: `- formula: 2 * x`",
        "unflatten": "say all axes after it: `- reshape: {group: 4, channel: -1, width: width}`",
        "swapaxes": "say the order of all axes: `- permute: [height, width, channel]`",
        "spatial_dropout": "write `- dropout: {p: 0.5, whole: channel}`",
        "feature_alpha_dropout": "write `- alpha_dropout: {p: 0.5, whole: channel}`",
        "gaussian_dropout": "`dropout` leaves numbers out by chance; nothing multiplies them by other noise",
        "dropout1d": "write `- dropout: {p: 0.5, whole: channel}`",
        "dropout2d": "write `- dropout: {p: 0.5, whole: channel}`",
        "dropout3d": "write `- dropout: {p: 0.5, whole: channel}`",
    },
    "argument": {
        "normalized_shape": "axes are called by their names: `- layer_norm: channel`, `- layer_norm: [height, width]`",
        "keep_prob": "`p` is the share that is dropped, 1 less the share that is kept",
        "init_value": "how parameters start stands beside the op: `init: {weight: {constant: 1e-6}}`",
        "init_values": "how parameters start stands beside the op: `init: {weight: {constant: 1e-6}}`",
        "num_channels": "it follows from what comes in: leave it out; what a convolution makes is `out_channels`",
        "trainable": "what stays as it is stands beside the op: `freeze: true`",
        "kernel_initializer": "how parameters start stands beside the op: `init: {weight: kaiming_normal}`",
        "bias_initializer": "how parameters start stands beside the op: `init: {bias: zeros}`",
        "kernel_regularizer": "weights are held small by the optimizer: `sgd: {lr: 0.1, weight_decay: 1e-4}`",
        "padding_mode": "pad before it, with `- pad: {padding: 1, mode: reflect}`",
        "keepdim": "an axis that is reduced is gone; `unsqueeze` makes one of size 1",
        "keepdims": "an axis that is reduced is gone; `unsqueeze` makes one of size 1",
        "num_layers": "write `repeat` beside the op",
        "max_lr": "the highest rate is the `lr` of the optimizer",
        "decoupled_weight_decay": "`adamw` is `adam` with decoupled weight decay",
        "param_groups": "write what weight decay spares: `no_decay: [norm, bias]`",
        "maximize": "a loss is made smaller; to make something larger write its opposite as the loss",
        "last_epoch": "a run that goes on knows where it was: leave it out",
    }
    | dict.fromkeys(
        ("eta_min", "min_lr", "lr_min", "end_lr", "final_lr"),
        "rates are factors of `lr`: `end: 0.01` ends at a hundredth of it",
    )
    | dict.fromkeys(
        ("t_max", "total_steps", "total_iters", "steps_per_epoch", "max_iters"),
        "the last phase takes what is left of the training: leave it out",
    )
    | {
        "start_dim": "name the axes that become one: `flatten: [height, width]`",
        "embed_dim": "it follows from what comes in: leave it out",
        "batch_first": "samples are the first axis always: leave it out",
        "key_padding_mask": "`where` takes a mask that holds where a key takes part, the opposite of it",
        "attn_mask": "`where` takes a mask over the places of the keys, and `is_causal: true` hides those to come",
        "need_weights": "the values alone are given: leave it out",
        "end_dim": "name the axes that become one: `flatten: [height, width]`",
        "shifts": "write them by axis: `roll: {height: 2, width: -1}`",
    },
    "beside": {
        "activation": "write the function as a layer of its own below this one: `- relu`",
    },
    "section": {
        "backbone": "a spec has one list of layers: write all of them in `layers`, and name those that are used again",
        "head": "a spec has one list of layers: write all of them in `layers`, and name those that are used again",
        "neck": "a spec has one list of layers: write all of them in `layers`, and name those that are used again",
        "weights": "weights are no part of a spec; how they start is said by `init`",
        "pretrained": "weights are no part of a spec; how they start is said by `init`",
        "nc": "the number of classes stands at the target: `{kind: class_index, classes: 10}`",
        "depth_multiple": "write it as a constant: `define: {depth: 0.33}`, and `repeat: $…` beside a layer",
        "width_multiple": "write it as a constant: `define: {width: 0.5}`, and `$` where it counts",
        "scales": "write them as constants in `define`; `--set` gives one another value",
        "anchors": "write them as a constant in `define`",
        "hyperparameters": "constants stand in `define`, how weights are found in `training`",
        "config": "the sections stand at the top of the file",
        "split": "it stands under `data`",
        "transforms": "they stand under `data`",
        "source": "it stands under `data`",
    }
    | dict.fromkeys(
        (
            "optimizer",
            "epochs",
            "steps",
            "batch_size",
            "schedule",
            "seed",
            "device",
            "precision",
            "scheduler",
        ),
        _TRAINING,
    ),
    "training": {
        "loss": "`loss` is a section of its own, at the top",
        "criterion": "`loss` is a section of its own, at the top",
        "metrics": "`metrics` is a section of its own, at the top",
        "ema": "write `average: {ema: 0.999}`",
        "ema_decay": "write `average: {ema: 0.999}`",
        "model_ema": "write `average: {ema: 0.999}`",
        "swa": "write `average: {ema: 0.999}`",
        "patience": "write `early_stopping: {minimize: loss, patience: 5 epochs}`",
        "amp": "write `precision: auto`, or one that you want: `precision: bf16`",
        "mixed_precision": "write `precision: auto`, or one that you want: `precision: bf16`",
        "channels_last": "write `plan: {memory_format: channels_last}`, or `plan: auto`",
        "memory_format": "write `plan: {memory_format: channels_last}`, or `plan: auto`",
        "compile": "write `plan: {compile: true}`, or `plan: auto`",
        "threads": "write `plan: {threads: 4}`, or `plan: auto`",
        "gpu": "write `device: cuda`",
        "gpus": "write `device: cuda`",
        "accelerator": "write `device: cuda`, or leave it out: `auto` takes what is there",
        "workers": "`plan: {workers: 2}` gathers the next batches; under `data`, `workers` read the source",
        "num_workers": "`plan: {workers: 2}` gathers the next batches; under `data`, `workers` read the source",
        "shuffle": "training samples are shuffled, each epoch another way, by `seed`",
        "warmup": "it is a phase of the schedule: `schedule: [warmup: 1 epochs, cosine]`",
        "warmup_epochs": "it is a phase of the schedule: `schedule: [warmup: 1 epochs, cosine]`",
    }
    | dict.fromkeys(
        ("grad_clip", "gradient_clip", "gradient_clip_val", "clip_grad_norm", "max_grad_norm"),
        "write `clip: {norm: 1}`",
    )
    | {word: _OPTIMIZER.format(word=word) for word in ("lr", "momentum", "weight_decay", "nesterov")}
    | {"learning_rate": _OPTIMIZER.format(word="lr")},
    "data": dict.fromkeys(("batch_size", "seed", "epochs"), _TRAINING)
    | {"root": "it belongs to the source: `source: {dicom_cine: {root: data/heart}}`"}
    | {"path": "it belongs to the source: `source: {npz: data/hearts.npz}`"}
    | {"shuffle": "training samples are shuffled, each epoch another way, by the `seed` of `training`"},
    "call": {
        "to_tensor": "what is read becomes a tensor by itself: leave it out",
        "adamax": "use `adam`, whose running mean square takes the place of the greatest gradient",
        "lamb": "for large batches use `adamw` or `sgd` with a `warmup`",
        "lars": "for large batches use `sgd` with a `warmup`",
        "lambda_lr": "write the phases: `schedule: [warmup: 5 epochs, cosine]`; a spec holds no functions",
        "cyclic_lr": "`one_cycle` is one cycle; `cosine_restarts` begins again and again",
        "sequential_lr": "phases that stand in a list follow one another: `schedule: [warmup: 5 epochs, cosine]`",
        "chained_scheduler": "phases follow one another: `schedule: [warmup: 5 epochs, cosine]`",
    },
}
"""What is said of words that are not replaced by another one."""


ABSENT = frozenset(
    """
    embedding lstm gru rnn transformer
    """.split()  # noqa: SIM905
)
"""Ops of other libraries that this version has not, and for which nothing that is spelt alike is meant."""

_CHANNELS = re.compile(r"(?:dropout_?[123]d|spatial_?dropout(?:_?[123]d)?)$", re.IGNORECASE)
"""Dropout of whole channels, which is another op than `dropout`."""


def plain(word: str) -> str:
    """A name as netspec would write it: `nn.Conv2d` becomes `conv`, `MaxPool2d` becomes `max_pool`."""
    last = word.rsplit(".", 1)[-1]
    spaced = (
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", last[:64]).lower().replace("-", "_")
    )
    return re.sub(r"_?[123]_?d(?=_|$)", "", spaced)


def said(word: str, place: Place) -> str:
    """What to do instead of a word in this place; empty where nothing is known of it."""
    simple, low = plain(word), word.lower()
    known = SAYINGS[place]
    if place == "op":
        if _CHANNELS.search(low):
            return known["spatial_dropout"]
        if formula := _FORMULAS.get(simple) or _FORMULAS.get(low.rsplit(".", 1)[-1]):
            return f"a formula says it: `- formula: {formula}`"
        if simple in ULTRALYTICS or low in ULTRALYTICS:
            return f"`{word[:40]}` of Ultralytics is several layers: write them in a block of your own, under `blocks`"
    if place == "argument":
        if simple in INFERRED:
            return "it follows from what comes in: leave it out"
        if simple in NEEDLESS:
            return "a spec says what is computed, not how: leave it out"
    return known.get(simple) or known.get(low, "")


def is_needless(word: str) -> bool:
    """Whether an argument of other libraries can be left out without anything in its place."""
    return plain(word) in INFERRED or plain(word) in NEEDLESS


_TRUTHS = {
    "yes": "true",
    "on": "true",
    "y": "true",
    "no": "false",
    "off": "false",
    "n": "false",
    "none": "null",
}


def written_otherwise(value: object, wanted: str) -> str:
    """A value of another language or library as YAML and this place have it; empty where none is known.

    `wanted` is what the place takes, in words: `(3, 3)` becomes a list where lists are taken, `yes` becomes `true`.
    """
    if isinstance(value, tuple) and len(value) == 1 and "a list" not in wanted:
        return str(value[0]) if isinstance(value[0], int) else ""
    if not isinstance(value, str):
        return ""
    text = value.strip().lower()
    truth = _TRUTHS.get(text, "")
    if truth and (("true" in wanted and truth != "null") or ("nothing" in wanted and truth == "null")):
        return truth
    if "number" in wanted and re.fullmatch(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", text):
        return text
    if "a list" not in wanted or not re.fullmatch(r"\(?\s*\d+(?:\s*[,x]\s*\d+)+\s*,?\s*\)?", text):
        return ""
    return f"[{', '.join(re.findall(chr(92) + 'd+', text))}]"


def foreign(word: str) -> bool:
    """Whether a word stands for something of its own, so that nothing that is merely spelt alike is meant."""
    simple, low = plain(word), word.lower().rsplit(".", 1)[-1]
    if _CHANNELS.search(low):
        return True
    tables = (_FORMULAS, ULTRALYTICS, INFERRED, NEEDLESS, ABSENT)
    return any(one in table for table in tables for one in (simple, low)) or any(
        one in words for words in SAYINGS.values() for one in (simple, low)
    )


def as_key(node: Node) -> str:
    """How a call that says its name under `name` or `type` is written here; empty for any other."""
    for entry in node if isinstance(node, Mapping) else ():
        if entry.name in ("name", "type", "kind", "class", "class_name", "_target_") and isinstance(
            entry.value, Scalar
        ):
            return f"the name is the key, with its arguments under it: `{plain(entry.value.text)}: {{…}}`"
    return ""


def listed(layer: Sequence) -> str:
    """How a layer that is a list, as Ultralytics writes one, is written here; empty where it is none."""
    words = [item for item in layer.items if isinstance(item, Scalar)]
    if len(layer) != 4 or len(words) < 3 or not isinstance(words[2].value, str):
        return ""
    module, count = words[2].text[:40], words[1].value
    repeat = f", `repeat: {count}` beside it" if isinstance(count, int) and count > 1 else ""
    where = "" if words[0].value == -1 else ", `from` and the name of a layer beside it"
    if plain(module) != "conv":
        return (
            f"a list of from, repeats, module and arguments is how Ultralytics writes a layer; here it is "
            f"`- op: {{argument: value}}`{repeat}{where}"
        )
    return (
        f"write `- conv: {{{_conv(layer.items[3])}}}`{repeat}{where}; `{module}` of Ultralytics is "
        "followed by `- batch_norm` and an activation"
    )


def _conv(arguments: Node) -> str:
    """The arguments of a convolution that stand in a list in their order."""
    names = ("out_channels", "kernel_size", "stride")
    items = arguments.items if isinstance(arguments, Sequence) else ()
    written = [
        f"{name}: {item.text}" for name, item in zip(names, items, strict=False) if isinstance(item, Scalar)
    ]
    return ", ".join(written) or "out_channels: …, kernel_size: …"
