"""Windows: convolution, pooling, padding and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from netspec_torch.shadow import pointwise
from netspec_torch.shadow.moving import reshape, squeeze, unsqueeze
from netspec_torch.shadow.reducing import mean
from netspec_torch.shadow.tensor import Shadow, made

Sizes = int | Sequence[int]


def many(value: Any, count: int) -> tuple[int, ...]:
    """One number for each axis of space."""
    return (value,) * count if isinstance(value, int) else tuple(value)


def _convolved(
    x: Shadow,
    weight: Shadow,
    bias: Shadow | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Shadow:
    """Input and weight are kept, whichever of them has a gradient."""
    space = x.rank - 2
    kernel, steps, gaps = weight.shape[2:], many(stride, space), many(dilation, space)
    if padding == "same":
        around = [gap * (size - 1) for gap, size in zip(gaps, kernel, strict=True)]
        if any(one % 2 for one in around):
            x = pad(x, [one for amount in reversed(around) for one in (0, amount % 2)])
        edges = tuple(one // 2 for one in around)
    else:
        edges = (0,) * space if isinstance(padding, str) else many(padding, space)
    del groups
    sizes = [
        (size + 2 * edge - gap * (k - 1) - 1) // step + 1
        for size, edge, gap, k, step in zip(x.shape[2:], edges, gaps, kernel, steps, strict=True)
    ]
    given = [one for one in (x, weight, bias) if one is not None]
    return made((x.shape[0], weight.shape[0], *sizes), given, [x, weight])


def conv1d(*given: Any, **named: Any) -> Shadow:
    """Over one axis."""
    return _convolved(*given, **named)


def conv2d(*given: Any, **named: Any) -> Shadow:
    """Over two axes."""
    return _convolved(*given, **named)


def conv3d(*given: Any, **named: Any) -> Shadow:
    """Over three axes."""
    return _convolved(*given, **named)


def conv_transposed(
    x: Shadow,
    weight: Shadow,
    bias: Shadow | None,
    stride: Sizes,
    padding: Sizes,
    extra: Sizes,
    groups: int,
    dilation: Sizes,
) -> Shadow:
    """Input and weight are kept."""
    space = x.rank - 2
    sizes = [
        (size - 1) * step - 2 * edge + gap * (k - 1) + more + 1
        for size, step, edge, gap, k, more in zip(
            x.shape[2:],
            many(stride, space),
            many(padding, space),
            many(dilation, space),
            weight.shape[2:],
            many(extra, space),
            strict=True,
        )
    ]
    given = [one for one in (x, weight, bias) if one is not None]
    return made((x.shape[0], weight.shape[1] * groups, *sizes), given, [x, weight])


def pad(x: Shadow, amounts: Sequence[int], mode: str = "constant", value: float = 0.0) -> Shadow:
    """Zeros keep nothing; reflected and repeated borders keep the input."""
    del value
    shape = list(x.shape)
    for i in range(len(amounts) // 2):
        shape[-1 - i] += amounts[2 * i] + amounts[2 * i + 1]
    return made(shape, [x], [x] if mode in ("reflect", "replicate") else [])


def _window(
    x: Shadow, kernel: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes, *, ceil: bool
) -> list[int]:
    space = x.rank - 2
    kernels, edges, gaps = many(kernel, space), many(padding, space), many(dilation, space)
    steps = kernels if stride is None else many(stride, space)
    sizes = []
    for size, k, step, edge, gap in zip(x.shape[2:], kernels, steps, edges, gaps, strict=True):
        room = size + 2 * edge - gap * (k - 1) - 1
        count = (-(-room // step) if ceil else room // step) + 1
        sizes.append(count - (ceil and (count - 1) * step >= size + edge))
    return sizes


def _max_pool(
    x: Shadow,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    *,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The input is kept, and the place of each maximum, 8 bytes a number."""
    shape = (*x.shape[:2], *_window(x, kernel, stride, padding, dilation, ceil=ceil_mode))
    places = Shadow(shape, "int64")
    y = made(shape, [x], [x, places])
    return (y, places) if return_indices else y


def max_pool1d(x: Shadow, *given: Any, **named: Any) -> Any:
    """Over one axis."""
    return _max_pool(x, *given, **named)


def max_pool2d(x: Shadow, *given: Any, **named: Any) -> Any:
    """Over two axes."""
    return _max_pool(x, *given, **named)


def max_pool3d(x: Shadow, *given: Any, **named: Any) -> Any:
    """Over three axes."""
    return _max_pool(x, *given, **named)


def _avg_pool(
    x: Shadow,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Shadow:
    """The input is kept, for its sizes."""
    del count_include_pad, divisor_override
    return made((*x.shape[:2], *_window(x, kernel, stride, padding, 1, ceil=ceil_mode)), [x], [x])


def avg_pool1d(x: Shadow, *given: Any, **named: Any) -> Shadow:
    """Over one axis."""
    return _avg_pool(x, *given, **named)


def avg_pool2d(x: Shadow, *given: Any, **named: Any) -> Shadow:
    """Over two axes."""
    return _avg_pool(x, *given, **named)


def avg_pool3d(x: Shadow, *given: Any, **named: Any) -> Shadow:
    """Over three axes."""
    return _avg_pool(x, *given, **named)


def _adaptive(x: Shadow, sizes: Any) -> tuple[int, ...]:
    wanted = (sizes,) * (x.rank - 2) if sizes is None or isinstance(sizes, int) else sizes
    return tuple(size if one is None else one for size, one in zip(x.shape[2:], wanted, strict=True))


def _adaptive_avg(x: Shadow, sizes: Any) -> Shadow:
    """The input is kept; a mean over all of two or three axes is a plain mean, which keeps nothing."""
    wanted = _adaptive(x, sizes)
    if x.rank > 3 and set(wanted) == {1}:
        return reshape(mean(x, tuple(range(2, x.rank)), keepdim=True), *x.shape[:2], *wanted)
    return made((*x.shape[:2], *wanted), [x], [x])


def adaptive_avg_pool1d(x: Shadow, sizes: Any) -> Shadow:
    """As that of two axes, one of them a single place."""
    return squeeze(_adaptive_avg(unsqueeze(x, 2), (1, *_adaptive(x, sizes))), 2)


def adaptive_avg_pool2d(x: Shadow, sizes: Any) -> Shadow:
    """Over two axes."""
    return _adaptive_avg(x, sizes)


def adaptive_avg_pool3d(x: Shadow, sizes: Any) -> Shadow:
    """Over three axes."""
    return _adaptive_avg(x, sizes)


def _adaptive_max(x: Shadow, sizes: Any) -> Shadow:
    shape = (*x.shape[:2], *_adaptive(x, sizes))
    return made(shape, [x], [x, Shadow(shape, "int64")])


def adaptive_max_pool1d(x: Shadow, sizes: Any) -> Shadow:
    """Over one axis."""
    return _adaptive_max(x, sizes)


def adaptive_max_pool2d(x: Shadow, sizes: Any) -> Shadow:
    """Over two axes."""
    return _adaptive_max(x, sizes)


def adaptive_max_pool3d(x: Shadow, sizes: Any) -> Shadow:
    """Over three axes."""
    return _adaptive_max(x, sizes)


def _lp_pool(
    x: Shadow, power: float, kernel: Sizes, stride: Sizes | None = None, *, ceil_mode: bool = False
) -> Shadow:
    """As PyTorch writes it: the mean of powers, its sign and its size apart, scaled and rooted."""
    means = _avg_pool(pointwise.pow_(x, power), kernel, stride, ceil_mode=ceil_mode)
    parts = pointwise.mul(pointwise.sign(means), pointwise.relu(pointwise.abs_(means)))
    return pointwise.pow_(pointwise.mul(parts, float(prod(many(kernel, x.rank - 2)))), 1 / power)


def lp_pool1d(x: Shadow, *given: Any, **named: Any) -> Shadow:
    """Over one axis."""
    return _lp_pool(x, *given, **named)


def lp_pool2d(x: Shadow, *given: Any, **named: Any) -> Shadow:
    """Over two axes."""
    return _lp_pool(x, *given, **named)


def lp_pool3d(x: Shadow, *given: Any, **named: Any) -> Shadow:
    """Over three axes."""
    return _lp_pool(x, *given, **named)


def interpolate(x: Shadow, size: Sizes, mode: str = "nearest", **_: Any) -> Shadow:
    """Resizing keeps nothing but sizes."""
    del mode
    return made((*x.shape[:2], *many(size, x.rank - 2)), [x])


def local_response_norm(
    x: Shadow, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Shadow:
    """As PyTorch writes it: a mean of squares over neighbours, to a power, divides."""
    squares = pointwise.mul(x, x)
    around = pad(unsqueeze(squares, 1), (*[0] * (2 * (x.rank - 2)), size // 2, (size - 1) // 2))
    means = made(x.shape, [around], [around])
    return pointwise.div(x, pointwise.pow_(pointwise.add(pointwise.mul(means, alpha), k), beta))
