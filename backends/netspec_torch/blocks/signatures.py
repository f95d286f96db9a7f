"""What the arguments of PyTorch's layers and functions are called, and what they are where nothing is written."""

from __future__ import annotations

from collections.abc import Mapping

_CONV = ("in_channels", "out_channels", "kernel_size")
_WINDOW = ("", "kernel_size")

POSITIONAL: Mapping[str, tuple[str, ...]] = {
    **{f"nn.Conv{rank}d": _CONV for rank in (1, 2, 3)},
    **{f"nn.ConvTranspose{rank}d": _CONV for rank in (1, 2, 3)},
    **{f"nn.BatchNorm{rank}d": ("num_features",) for rank in (1, 2, 3)},
    **{f"nn.InstanceNorm{rank}d": ("num_features",) for rank in (1, 2, 3)},
    **{f"nn.Dropout{rank}": ("p",) for rank in ("", "1d", "2d", "3d")},
    **{f"F.{kind}_pool{rank}d": _WINDOW for rank in (1, 2, 3) for kind in ("max", "avg")},
    **{
        f"F.adaptive_{kind}_pool{rank}d": ("", "output_size") for rank in (1, 2, 3) for kind in ("max", "avg")
    },
    "nn.AlphaDropout": ("p",),
    "nn.FeatureAlphaDropout": ("p",),
    "nn.GroupNorm": ("num_groups", "num_channels"),
    "nn.LayerNorm": ("normalized_shape",),
    "nn.Linear": ("in_features", "out_features"),
    "nn.PReLU": ("num_parameters",),
    "nn.RMSNorm": ("normalized_shape",),
    "MultiHeadAttention": ("embed_dim", "num_heads"),
}
"""The names of arguments that are written without one, by the function that takes them."""

_SLIDING = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    **{f"nn.Conv{rank}d": _SLIDING for rank in (1, 2, 3)},
    **{f"nn.ConvTranspose{rank}d": {**_SLIDING, "output_padding": 0} for rank in (1, 2, 3)},
    **{
        f"nn.BatchNorm{rank}d": {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
        for rank in (1, 2, 3)
    },
    "nn.GroupNorm": {"eps": 1e-5, "affine": True},
    "nn.LayerNorm": {"eps": 1e-5, "elementwise_affine": True, "bias": True},
    "nn.Linear": {"bias": True},
    **{f"F.max_pool{rank}d": {"padding": 0, "dilation": 1, "ceil_mode": False} for rank in (1, 2, 3)},
    **{
        f"F.avg_pool{rank}d": {"padding": 0, "ceil_mode": False, "count_include_pad": True}
        for rank in (1, 2, 3)
    },
}
"""What PyTorch takes an argument to be that is left out, as far as it is left out in what is written."""
