"""Functions that stand in for others while a model is exported: the same numbers, in words that the exporter knows.

The model itself is untouched: the stand-ins are put in the way of its calls, in evaluation, while it is traced. Those
of `PLAIN` give the very same bits. Those of `ONNX` do so where they only choose among numbers; where they add, the sums
are taken in another order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from torch import Tensor
from torch.overrides import TorchFunctionMode

StandIns = Mapping[Any, Callable[..., Any]]


class Standing(TorchFunctionMode):
    """While it is entered, calls of the functions of a table go to their stand-ins, which may decline."""

    def __init__(self, table: StandIns) -> None:
        super().__init__()
        self.table = table

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        stand_in = self.table.get(func)
        if stand_in is not None:
            answer = stand_in(*args, **(kwargs or {}))
            if answer is not NotImplemented:
                return answer
        return func(*args, **(kwargs or {}))


class Running(NamedTuple):
    """What `cummax` returns, as far as models read it."""

    values: Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,  # noqa: FBT001, FBT002 - PyTorch's own signature
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """`F.batch_norm` in evaluation, without its question whether the batch is empty: how many rows a mask keeps, no
    exporter knows.
    """
    if training or running_mean is None:
        return NotImplemented
    norm = torch.ops.aten._native_batch_norm_legit_no_training  # noqa: SLF001 - there is no public word for it
    return norm(input, weight, bias, running_mean, running_var, momentum, eps)[0]


def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Any:
    """`input.repeat_interleave(n, 0)` as a view and a copy: the exporter takes n to be that of the example."""
    if isinstance(repeats, Tensor) or dim != 0:
        return NotImplemented
    rows = input.unsqueeze(1).expand(-1, repeats, *input.shape[1:])
    return rows.clone(memory_format=torch.contiguous_format).flatten(0, 1)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Any:
    """`input.flatten(0, 1)` of a copy where sizes are free: whether a view would do is one more question about them."""
    joined: list[Any] = list(input.shape)[start_dim + 1 : end_dim % input.dim() + 1]
    if all(isinstance(size, int) for size in joined):
        return NotImplemented
    return input.clone(memory_format=torch.contiguous_format).flatten(start_dim, end_dim)


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """`F.pad` that closes a ring, by slices that are laid side by side."""
    del value
    if mode != "circular":
        return NotImplemented
    x = input
    for place in range(0, len(pad), 2):
        axis, (low, high) = x.dim() - 1 - place // 2, pad[place : place + 2]
        size = x.shape[axis]
        if low or high:
            x = torch.cat([x.narrow(axis, size - low, low), x, x.narrow(axis, 0, high)], axis)
    return x


def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyTorch's own
    """`input.amax()` with its axes named."""
    return NotImplemented if dim is not None else input.amax(tuple(range(input.dim())), keepdim)


def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyTorch's own
    """`input.amin()` with its axes named."""
    return NotImplemented if dim is not None else input.amin(tuple(range(input.dim())), keepdim)


def cummax(input: Tensor, dim: int) -> Any:
    """The largest so far, by doubling: after k rounds each place has seen the 2^k places up to it."""
    size: Any = input.shape[dim]
    if not isinstance(size, int) or not input.is_floating_point():
        return NotImplemented
    x, reach = input, 1
    while reach < size:
        before = torch.full_like(x.narrow(dim, 0, reach), -math.inf)
        x = torch.maximum(x, torch.cat([before, x.narrow(dim, 0, size - reach)], dim))
        reach *= 2
    return Running(x)


def adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyTorch's own
    """The largest of every part, one axis of space after the other."""
    if return_indices:
        return NotImplemented
    return _by_parts(input, output_size, lambda part, axis: part.amax(axis, keepdim=True))


def adaptive_avg_pool(input: Tensor, output_size: Any) -> Any:
    """The mean of every part, one axis of space after the other."""
    return _by_parts(input, output_size, lambda part, axis: part.mean(axis, keepdim=True))


def _by_parts(input: Tensor, output_size: Any, reduce: Callable[[Tensor, int], Tensor]) -> Any:
    """Part i of o along an axis of n places is `i * n // o` up to, without it, `ceil((i + 1) * n / o)`."""
    sizes = input.shape[2:]
    wanted = output_size if isinstance(output_size, (tuple, list)) else [output_size] * len(sizes)
    counts = [n if o is None else o for n, o in zip(sizes, wanted, strict=True)]
    if not all(isinstance(one, int) for one in (*sizes, *counts)):
        return NotImplemented
    x = input
    for axis, (n, o) in enumerate(zip(sizes, counts, strict=True), start=2):
        if n == o:
            continue
        edges = [(i * n // o, -(-(i + 1) * n // o)) for i in range(o)]
        x = torch.cat([reduce(x.narrow(axis, low, high - low), axis) for low, high in edges], axis)
    return x


def avg_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,  # noqa: FBT001, FBT002 - PyTorch's own signature
    count_include_pad: bool = True,  # noqa: FBT001, FBT002 - as above
    divisor_override: int | None = None,
) -> Any:
    """The mean of windows times their size over the divisor: ONNX has no divisor, and the exporter drops it."""
    del count_include_pad
    if divisor_override is None:
        return NotImplemented
    rank = input.dim() - 2
    kernel = _each(kernel_size, rank)
    steps, pads = _each(stride, rank) if stride is not None else kernel, _each(padding, rank)
    if not all(isinstance(size, int) for size in input.shape[2:]):
        return NotImplemented
    around: list[int] = []
    for size, window, step, pad in reversed(list(zip(input.shape[2:], kernel, steps, pads, strict=True))):
        around += [pad, pad + (_missing(size, window, step, pad) if ceil_mode else 0)]
    padded = F.pad(input, around) if any(around) else input
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[rank - 1]
    return pool(padded, kernel, steps) * (math.prod(kernel) / divisor_override)


def _each(value: Any, rank: int) -> list[int]:
    """One number for each axis of space."""
    return [value] * rank if isinstance(value, int) else list(value) * (rank if len(value) == 1 else 1)


def _missing(size: int, window: int, step: int, pad: int) -> int:
    """Places that the last window reaches beyond the padding, where sizes are rounded up."""
    count = -(-(size + 2 * pad - window) // step) + 1
    if (count - 1) * step >= size + pad:  # the last window must begin inside
        count -= 1
    return max((count - 1) * step + window - size - 2 * pad, 0)


def conv_transpose(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """A transposed convolution whose extra places are as many as its stride, which onnxruntime refuses: all places are
    made, and those that nobody wants cut off.
    """
    rank = input.dim() - 2
    steps, pads, extra = _each(stride, rank), _each(padding, rank), _each(output_padding, rank)
    if all(more < step for more, step in zip(extra, steps, strict=True)):
        return NotImplemented
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
    y = function(input, weight, None, stride, 0, 0, groups, dilation)
    for axis, (low, more) in enumerate(zip(pads, extra, strict=True), start=2):
        if more > low:
            y = F.pad(y, [0, 0] * (y.dim() - 1 - axis) + [0, more - low])
        high = y.shape[axis] - max(low - more, 0)
        y = y.narrow(axis, low, high - low)
    return y if bias is None else y + bias.view(-1, *[1] * rank)


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,  # noqa: FBT001, FBT002 - PyTorch's own signature
    inplace: bool = False,  # noqa: FBT001, FBT002 - as above
) -> Any:
    """`F.rrelu` in evaluation, where its slope is the mean of both."""
    return NotImplemented if training or inplace else F.leaky_relu(input, (lower + upper) / 2)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,  # noqa: FBT001, FBT002 - PyTorch's own signature
    scale: float | None = None,
) -> Any:
    """Attention as two products and a softmax, for any number of axes before the last two."""
    if dropout_p or (attn_mask is not None and attn_mask.dtype != torch.bool):
        return NotImplemented
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf)
    return scores.softmax(dim=-1) @ value


PLAIN: StandIns = {
    F.batch_norm: batch_norm,
    F.pad: pad,
    Tensor.flatten: flatten,
    Tensor.repeat_interleave: repeat_interleave,
}

ONNX: StandIns = {
    **PLAIN,
    Tensor.amax: amax,
    Tensor.amin: amin,
    Tensor.cummax: cummax,
    F.adaptive_max_pool1d: adaptive_max_pool,
    F.adaptive_max_pool2d: adaptive_max_pool,
    F.adaptive_max_pool3d: adaptive_max_pool,
    F.adaptive_avg_pool3d: adaptive_avg_pool,
    F.avg_pool2d: avg_pool,
    F.avg_pool3d: avg_pool,
    F.conv_transpose1d: conv_transpose,
    F.conv_transpose2d: conv_transpose,
    F.conv_transpose3d: conv_transpose,
    F.rrelu: rrelu,
    F.scaled_dot_product_attention: scaled_dot_product_attention,
}
