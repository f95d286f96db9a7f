"""New tensors of fixed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec_torch.shadow.tensor import Shadow


def arange(*ends: int, dtype: str = "int64", device: object = None) -> Shadow:
    """Whole numbers in a row."""
    del device
    low, high = (0, ends[0]) if len(ends) == 1 else ends[:2]
    return Shadow((high - low,), dtype)


def tensor(numbers: Any, dtype: str | None = None, device: object = None) -> Shadow:
    """A number, or a list of them, or lists of lists."""
    del device
    shape, inside = list[int](), numbers
    while isinstance(inside, (list, tuple, range)):
        shape.append(len(inside))
        inside = inside[0] if len(inside) else 0.0
    kind = "bool" if isinstance(inside, bool) else "int64" if isinstance(inside, int) else "float32"
    return Shadow(shape, dtype or kind)


def full(shape: Sequence[int], value: Any, dtype: str = "float32", device: object = None) -> Shadow:
    """One number everywhere."""
    del value, device
    return Shadow(shape, dtype)


def zeros(*sizes: Any, dtype: str = "float32", device: object = None) -> Shadow:
    """Zeros."""
    del device
    return Shadow(sizes[0] if sizes and isinstance(sizes[0], (tuple, list)) else sizes, dtype)


def ones(*sizes: Any, dtype: str = "float32", device: object = None) -> Shadow:
    """Ones."""
    return zeros(*sizes, dtype=dtype, device=device)


def full_like(x: Shadow, value: Any = 0, dtype: str | None = None) -> Shadow:
    """One number everywhere, in the sizes of another."""
    del value
    return Shadow(x.shape, dtype or x.dtype)


def zeros_like(x: Shadow, dtype: str | None = None) -> Shadow:
    """Zeros in the sizes of another."""
    return full_like(x, dtype=dtype)


def ones_like(x: Shadow, dtype: str | None = None) -> Shadow:
    """Ones in the sizes of another."""
    return full_like(x, dtype=dtype)


def new_tensor(x: Shadow, numbers: Any) -> Shadow:
    """Numbers of the kind of another."""
    return tensor(numbers, x.dtype)


def new_zeros(x: Shadow, *sizes: Any) -> Shadow:
    """Zeros of the kind of another."""
    return zeros(*sizes, dtype=x.dtype)


def new_ones(x: Shadow, *sizes: Any) -> Shadow:
    """Ones of the kind of another."""
    return zeros(*sizes, dtype=x.dtype)


def new_full(x: Shadow, shape: Sequence[int], value: Any) -> Shadow:
    """One number everywhere, of the kind of another."""
    del value
    return Shadow(shape, x.dtype)


def empty(*sizes: Any, dtype: str = "float32", device: object = None) -> Shadow:
    """No numbers at all."""
    return zeros(*sizes, dtype=dtype, device=device)


def one_hot(x: Shadow, count: int) -> Shadow:
    """A 1 at the place of each number."""
    return Shadow((*x.shape, count), "int64")
