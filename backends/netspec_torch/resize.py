"""Resizing by `F.interpolate`, which is always told sizes: its own factors are floating numbers.

`F.interpolate` finds the nearest place with the ratio of the sizes in single precision, which is a place off for some
sizes (41 times as many, and most ratios that are no whole number). It is used where the ratio is whole and small
enough to be right, and `resize_nearest` counts in whole numbers everywhere else. With `antialias` its values are wrong
on a CPU where the new width is 1 (torch 2.13); `resize_smooth` exchanges the axes there.
"""

from __future__ import annotations

from netspec.ops.resize import Resize, ResizeLike, fractions
from netspec.ops.window import spatial
from netspec_torch.extent import scaled, size_of
from netspec_torch.rule import Lowered, Site, Value, call, lowers, scalar_or_list

LARGEST_EXACT = 40
"""Whole factors up to this one give every nearest place exactly in single precision."""

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@lowers(Resize)
def resize(op: Resize, at: Site) -> Lowered:
    """`F.interpolate` to the size, written as `x.shape[2] * 2` where it is free."""
    (x,) = at.types
    if op.size is not None:
        return _resized(op, at, list(spatial(op.size, x, "size", least=1)), whole=False)
    factors = fractions(op, x)
    sizes = [
        scaled(size_of(at.inputs[0], x, place), one.numerator, one.denominator)
        for place, one in enumerate(factors, start=2)
    ]
    return _resized(
        op, at, sizes, whole=all(one.denominator == 1 and one <= LARGEST_EXACT for one in factors)
    )


@lowers(ResizeLike)
def resize_like(op: ResizeLike, at: Site) -> Lowered:
    """`F.interpolate` to the size of `like`."""
    x, like = at.types
    return _resized(op, at, [size_of(at.inputs[1], like, i) for i in range(2, x.rank)], whole=False)


def _resized(op: Resize | ResizeLike, at: Site, sizes: list[Value], *, whole: bool) -> Lowered:
    """The call; `whole` says that all sizes are whole multiples although they may be free."""
    (x, *_) = at.types
    written = tuple(sizes)
    if op.mode.startswith("nearest"):
        middle = op.mode == "nearest_exact"
        if whole or all(_exact(axis.size.value, one) for axis, one in zip(x.axes[2:], written, strict=True)):
            word: dict[str, Value] = {"mode": "nearest-exact"} if middle else {}
            return Lowered(call("F.interpolate", at.inputs[0], size=_sizes(written), **word))
        options: dict[str, Value] = {"middle": True} if middle else {}
        return Lowered(call("resize_nearest", at.inputs[0], written, **options), support=("resize_nearest",))
    options = {"mode": "bicubic" if op.mode == "bicubic" else _LINEAR[len(sizes)]}
    if op.align_corners:
        options["align_corners"] = True
    if op.antialias and (written[1] == 1 or not isinstance(written[1], int)):
        made = call("resize_smooth", at.inputs[0], written, str(options["mode"]))
        return Lowered(made, support=("resize_smooth",))
    if op.antialias:
        options["antialias"] = True
    return Lowered(call("F.interpolate", at.inputs[0], size=_sizes(written), **options))


def _exact(n: int | None, o: object) -> bool:
    """Whether single precision finds every nearest place between these sizes."""
    if n is None or not isinstance(o, int):
        return False
    return n % o == 0 or (o % n == 0 and o // n <= LARGEST_EXACT)


def _sizes(written: tuple[Value, ...]) -> Value:
    """One number where all are the same number."""
    numbers = [one for one in written if isinstance(one, int)]
    return scalar_or_list(tuple(numbers)) if len(numbers) == len(written) else written
