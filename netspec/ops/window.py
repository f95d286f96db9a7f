"""What convolutions and pools share: windows that slide over the axes of space."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from netspec.ir.dim import Dim
from netspec.ir.op import Constraint
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, CHANNEL, FEATURE, Axis, TensorType
from netspec.ir.view import Views, alike, window

MOST_AXES = 3


def _as_tuples(value: Any) -> Any:
    """Lists, those in a list too, are how YAML writes tuples."""
    return tuple(map(_as_tuples, value)) if isinstance(value, (list, tuple)) else value


Around = Annotated[int | tuple[int | tuple[int, int], ...], BeforeValidator(_as_tuples)]
"""Places around each axis of space: one number for all, or a list with one for each; a pair says before and after."""

Padding = Around | Literal["same", "valid"]
"""Places around each axis of space, or the word for as many as keep the size, or none."""


def layout(x: TensorType, op: str) -> tuple[Axis, ...]:
    """The axes of space of `[batch, channel, *space]`; Problem where the axes are others."""
    if not x.batched or not 3 <= x.rank <= 2 + MOST_AXES:
        raise Problem(
            "NS210",
            f"`{op}` wants a channel axis and one to three axes of space, the input is {x.named()}",
            at=0,
            help="a plain `flatten` or a global pool before this layer removed them; move this layer before it",
        )
    if x.axes[1].name not in (CHANNEL, FEATURE):
        first = x.axes[1].name
        raise Problem(
            "NS215",
            f"`{op}` works on `channel`, and the first axis of its input is `{first}`: {x.named()}",
            at=0,
            help=f"write `- rename: {{{first}: channel}}` before it, or `- unsqueeze: channel` for a new axis",
        )
    return x.axes[2:]


def channels(x: TensorType, op: str) -> int:
    """The number of channels of `[batch, channel, *space]`; Problem where the axes are others or the number is free."""
    layout(x, op)
    size = x.axes[1].size.value
    if size is None:
        raise Problem(
            "NS216",
            f"`{op}` needs a fixed number of channels for its weights, and here it is the free size {x.axes[1].size}",
            at=0,
            help="write the number of channels in the input's `shape`",
        )
    return size


def spatial(value: int | tuple[int, ...], x: TensorType, at: str, *, least: int) -> tuple[int, ...]:
    """One number for each axis of space; Problem where a list has another length or a number is too small."""
    count = x.rank - 2
    values = (value,) * count if isinstance(value, int) else value
    if len(values) != count:
        raise Problem(
            "NS212",
            f"`{at}` lists {len(values)} numbers, and the input has {count} axes of space: {x.named()}",
            at=at,
            help=f"give one number, or one for each of {', '.join(f'`{axis.name}`' for axis in x.axes[2:])}",
        )
    for one in values:
        if one < least:
            raise Problem(
                "NS217", f"`{at}` is {one}, and must be at least {least}", at=at, help=f"use `{at}: {least}`"
            )
    return values


def explicit_padding(
    padding: int | tuple[int | tuple[int, int], ...] | Literal["same", "valid"],
    x: TensorType,
    kernel: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    """Places before and after on each axis of space. `same` puts an odd rest at the end, as PyTorch does."""
    if padding == "valid":
        return ((0, 0),) * (x.rank - 2)
    if padding == "same":
        totals = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, int):
        return tuple((one, one) for one in spatial(padding, x, "padding", least=0))
    pairs = [(one, one) if isinstance(one, int) else one for one in padding]
    before = spatial(tuple(low for low, _ in pairs), x, "padding", least=0)
    after = spatial(tuple(high for _, high in pairs), x, "padding", least=0)
    return tuple(zip(before, after, strict=True))


def window_axes(
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    at: str = "kernel_size",
    *,
    ceil: bool = False,
) -> tuple[tuple[Axis, ...], tuple[Constraint, ...]]:
    """The axes of space after the windows, and the constraints that every window fits.

    With `ceil` a last window may reach past the end, so the count is rounded up; a window that would begin in the
    padding behind the input, where it sees nothing, is left out.
    """
    axes, constraints = [], []
    for i, axis in enumerate(x.axes[2:]):
        extent = dilation[i] * (kernel[i] - 1) + 1
        padded = axis.size + padding[i][0] + padding[i][1]
        reached = padded + (stride[i] - 1 if ceil else 0)
        constraints.append(
            Constraint(reached, ">=", Dim.of(extent), f"the window fits along `{axis.name}`", at=at)
        )
        places = (reached - extent) // stride[i] + 1
        if ceil:
            places = Dim.minimum(places, (axis.size + padding[i][0]).ceildiv(stride[i]))
        axes.append(Axis(axis.name, places))
    if any(one.left.value is not None and one.left.value < (one.right.value or 0) for one in constraints):
        raise _too_large(x, kernel, padding, dilation, at)
    return tuple(axes), tuple(constraints)


def window_views(
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> Views:
    """What a place sees along the axes of space; along the batch it sees its own sample."""
    space = {
        axis.name: window(axis.name, kernel[i], stride=stride[i], padding=padding[i][0], dilation=dilation[i])
        for i, axis in enumerate(x.axes[2:])
    }
    return {**alike((BATCH,)), **space}


def _too_large(
    x: TensorType,
    kernel: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    at: str,
) -> Problem:
    """The error of a window that does not fit, with both sizes."""
    window = "x".join(str(step * (size - 1) + 1) for size, step in zip(kernel, dilation, strict=True))
    sizes = "x".join(
        str(axis.size + low + high) for axis, (low, high) in zip(x.axes[2:], padding, strict=True)
    )
    padded = " padded" if any(low or high for low, high in padding) else ""
    room = [
        (axis.size.value + low + high - 1) // step + 1
        for axis, (low, high), step in zip(x.axes[2:], padding, dilation, strict=True)
        if axis.size.value is not None
    ]
    help = f"use `{at}: {max(min(room), 1)}` or less, or pool less before this layer" if room else ""
    message = f"{_article(window)} {window} window does not fit in {_article(sizes)} {sizes}{padded} input"
    return Problem("NS211", message, at=at, help=help)


def _article(sizes: str) -> str:
    """`an` before eight, eleven, eighteen, eighty and the like, as they are read aloud."""
    first = sizes.partition("x")[0]
    return "an" if first.startswith("8") or first in ("11", "18") else "a"
