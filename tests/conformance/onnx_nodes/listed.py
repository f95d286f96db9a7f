"""The cases that netspec does not run, each with its reason: by name, or by what their names have in common.

ONNX and PyTorch mean different things by some words; netspec means what PyTorch does. Other cases are about numbers
that netspec has no type for, about what the language forbids, or about ops that netspec has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

LISTED: Mapping[str, str] = {
    # ------------------------------------------------------------------------------- ONNX and PyTorch differ
    "ONNX moves the running variance by the batch's divided by n, PyTorch by that divided by n - 1": """
        batchnorm_*training_mode""",
    "a pool of PyTorch pads both sides alike; `auto_pad` here pads one more than the other": """
        averagepool_2d_same_lower averagepool_2d_same_upper maxpool_2d_same_lower maxpool_2d_same_upper""",
    "PyTorch refuses a padding of more than half the window": """
        averagepool_2d_pads averagepool_2d_pads_count_include_pad maxpool_2d_pads""",
    "PyTorch rounds a place down; here another rounding gives other places": """
        resize_downsample_sizes_nearest resize_downsample_sizes_nearest_not_smaller
        resize_upsample_sizes_nearest_ceil_half_pixel resize_upsample_sizes_nearest_floor_align_corners
        resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric""",
    "the ratio of netspec is that of the sizes, as they are after rounding; here it is the scale": """
        resize_downsample_scales_cubic resize_downsample_scales_cubic_align_corners resize_downsample_scales_linear
        resize_downsample_scales_linear_align_corners""",
    "coordinates that PyTorch's `interpolate` does not have": """
        resize_*half_pixel_symmetric resize_tf_crop_and_resize* resize_upsample_scales_cubic_asymmetric
        resize_downsample_sizes_linear_pytorch_half_pixel""",
    "ONNX takes other neighbours against aliasing, and leaves out those that are not there": """
        resize_*antialias resize_*exclude_outside""",
    "PyTorch's hardsigmoid has the slope 1/6": "hardsigmoid hardsigmoid_default hardsigmoid_example",
    "PyTorch's selu has the constants of the paper, and no others": "selu selu_example",
    # ------------------------------------------------------------------------------- what the language forbids
    "nothing spreads without a word, and comparisons and powers have no word for it": """
        equal_bcast greater_bcast greater_equal_bcast less_bcast less_equal_bcast pow_bcast_array""",
    "an axis without a place": """
        reduce_*_empty_set reduce_sum_empty_set_non_reduced_axis_zero split_zero_size_* slice_start_out_of_bounds
        reshape_allowzero_reordered""",
    "limits the wrong way round are a slip of the pen": "clip_min_greater_than_max",
    "of equal numbers the first is the class": "argmax_*_select_last_index argmin_*_select_last_index",
    "a parameter is one for all samples": "gemm_default_matrix_bias",
    # ------------------------------------------------------------------------------- numbers
    "netspec has no such numbers: it computes with floating ones, and int64 names classes": """
        *_int8 *_int16 *_int32 *_int64 *_uint8 *_uint16 *_uint32 *_uint64 *_float16 cumsum_1d_int32_exclusive
        attention_*fp16 clip_default_int8_* div_int32_trunc equal_string* pow_types_*float32 where_long_example""",
    "what is dropped is drawn by chance": "training_dropout training_dropout_default* training_dropout_mask",
    "the expected numbers are rounded to four digits, one of them the wrong way": """
        averagepool_2d_ceil_last_window_starts_on_pad""",
    "a sequence or an optional value is no tensor": "identity_opt identity_sequence",
    # ------------------------------------------------------------------------------- ops that are not there
    "no network of the catalogue has asked for it": """
        gridsample* *deform_conv_* erf reduce_prod_* tile* not_* or2d or3d or4d or_* xor*""",
    "pools of means and norms have no dilation, in PyTorch either": "averagepool_*dilations* lppool_2d_dilations",
    "no number is added to matches, nor are they held within limits; a mask chooses keys, and none are kept": """
        attention_*mask* attention_*softcap* attention_*past_and_present* attention_*matmul_bias
        attention_4d_with_qk_matmul_softmax""",
    "what divides is another norm": "l1normalization_* l2normalization_* lpnormalization_default",
    "still to be said: its first step goes on from steps before": "adagrad* adam* momentum* nesterov_momentum",
}
"""Names of cases, by the reason why they are not run. A `*` stands for any letters."""


def reason(name: str) -> str | None:
    """Why a case is not run; None for one that is. The first reason that fits is the reason."""
    for why, names in LISTED.items():
        if any(fnmatchcase(name, pattern) for pattern in names.split()):
            return why
    return None
