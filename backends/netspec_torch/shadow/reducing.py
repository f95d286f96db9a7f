"""Sums, means, extremes and products: sums keep nothing, extremes what they compare, products their other factor."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from netspec_torch.shadow.moving import expand, permute, reshape, transpose, unsqueeze
from netspec_torch.shadow.tensor import Shadow, Size, broadcast, made

Dim = int | Sequence[int] | None


def _without(x: Shadow, dim: Dim, *, keepdim: bool = False) -> Size:
    """The sizes without these axes, all of them if none is named."""
    named = range(x.rank) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = {one % x.rank for one in named} if x.rank else set[int]()
    if keepdim:
        return Size(1 if i in gone else size for i, size in enumerate(x.shape))
    return Size(size for i, size in enumerate(x.shape) if i not in gone)


def sum_(x: Shadow, dim: Dim = None, *, keepdim: bool = False) -> Shadow:
    """A sum keeps nothing; that of a mask counts."""
    counted = made(_without(x, dim, keepdim=keepdim), [x], dtype="int64" if x.dtype == "bool" else x.dtype)
    counted.most = prod(x.shape) if x.dtype == "bool" else 0
    return counted


def mean(x: Shadow, dim: Dim = None, *, keepdim: bool = False) -> Shadow:
    """A mean keeps nothing."""
    return made(_without(x, dim, keepdim=keepdim), [x])


def amax(x: Shadow, dim: Dim = None, *, keepdim: bool = False) -> Shadow:
    """The gradient compares input and result."""
    return made(_without(x, dim, keepdim=keepdim), [x], [x], saves_result=True)


def amin(x: Shadow, dim: Dim = None, *, keepdim: bool = False) -> Shadow:
    """The gradient compares input and result."""
    return amax(x, dim, keepdim=keepdim)


def vector_norm(x: Shadow, power: float, dim: Dim = None) -> Shadow:
    """The gradient reads input and result."""
    del power
    return made(_without(x, dim), [x], [x], saves_result=True)


def argmax(x: Shadow, dim: Dim = None, *, keepdim: bool = False) -> Shadow:
    """Places, which have no gradient."""
    return Shadow(_without(x, dim, keepdim=keepdim), "int64")


def any_(x: Shadow, dim: Dim = None, *, keepdim: bool = False) -> Shadow:
    """Whether one is there."""
    return Shadow(_without(x, dim, keepdim=keepdim), "bool")


def cumsum(x: Shadow, dim: int) -> Shadow:
    """A running sum keeps nothing."""
    del dim
    return made(x.shape, [x], like=x)


class Found:
    """Values and their places."""

    def __init__(self, values: Shadow, indices: Shadow) -> None:
        self.values, self.indices = values, indices


def cummax(x: Shadow, dim: int) -> Found:
    """The gradient reads the places of the maxima, and keeps the input beside them."""
    del dim
    indices = Shadow(x.shape, "int64")
    return Found(made(x.shape, [x], [x, indices]), indices)


def glu(x: Shadow, dim: int) -> Shadow:
    """The gradient reads the input."""
    at = dim % x.rank
    return made((*x.shape[:at], x.shape[at] // 2, *x.shape[at + 1 :]), [x], [x])


def mm(x: Shadow, y: Shadow) -> Shadow:
    """A factor is kept where the other has a gradient."""
    return _product(x, y, (x.shape[0], y.shape[1]))


def bmm(x: Shadow, y: Shadow) -> Shadow:
    """A factor is kept where the other has a gradient."""
    return _product(x, y, (x.shape[0], x.shape[1], y.shape[2]))


def _product(x: Shadow, y: Shadow, shape: Sequence[int]) -> Shadow:
    return made(shape, [x, y], [*([x] if y.grad else []), *([y] if x.grad else [])])


def matmul(x: Shadow, y: Shadow) -> Shadow:
    """Products of matrices: rows of many matrices with one are one product, others are laid side by side."""
    if x.rank == 1 and y.rank == 1:
        return _product(x, y, ())
    if x.rank == 2 and y.rank == 1:
        return _product(x, y, (x.shape[0],))
    if x.rank == 1 and y.rank == 2:
        return reshape(mm(unsqueeze(x, 0), y), y.shape[1])
    if x.rank == 2 and y.rank == 2:
        return mm(x, y)
    if x.rank >= 3 and y.rank <= 2 and _folds(x, y):
        rows = reshape(x, -1, x.shape[-1])
        if y.rank == 1:
            return reshape(_product(rows, y, (rows.shape[0],)), *x.shape[:-1])
        return reshape(mm(rows, y), *x.shape[:-1], y.shape[-1])
    if y.rank >= 3 and x.rank <= 2 and _folds(transpose(y, -1, -2), x):
        turned = transpose(y, -1, -2)
        rows = reshape(turned, -1, turned.shape[-1])
        if x.rank == 1:
            return reshape(_product(rows, x, (rows.shape[0],)), *turned.shape[:-1])
        made_ = reshape(mm(rows, transpose(x, 0, 1)), *turned.shape[:-1], x.shape[0])
        return transpose(made_, -1, -2)
    left = unsqueeze(x, 0) if x.rank == 1 else x
    right = unsqueeze(y, 1) if y.rank == 1 else y
    outer = broadcast(left.shape[:-2], right.shape[:-2])
    rows = reshape(expand(left, *outer, *left.shape[-2:]), -1, *left.shape[-2:])
    columns = reshape(expand(right, *outer, *right.shape[-2:]), -1, *right.shape[-2:])
    whole = reshape(bmm(rows, columns), *outer, left.shape[-2], right.shape[-1])
    if x.rank == 1:
        whole = whole.squeeze(-2)
    return whole.squeeze(-1) if y.rank == 1 else whole


def _folds(many: Shadow, one: Shadow) -> bool:
    """Whether PyTorch lays the rows of many matrices into one for a product with a single matrix."""
    if one.grad:
        return True
    if one.rank == 1:
        return True
    if not prod(many.shape):
        return True
    return all(many.strides[i] == many.strides[i + 1] * many.shape[i + 1] for i in range(many.rank - 2))


def linear(x: Shadow, weight: Shadow, bias: Shadow | None = None) -> Shadow:
    """Rows with one matrix: the rows are kept where the matrix has a gradient."""
    if x.rank == 1:
        return _product(x, weight, (weight.shape[0],))
    if x.rank == 2:
        y = mm(x, transpose(weight, 0, 1))
    else:
        rows = reshape(x, -1, x.shape[-1])
        y = reshape(mm(rows, transpose(weight, 0, 1)), *x.shape[:-1], weight.shape[0])
    if bias is not None and bias.grad and not y.grad:
        y.grad = True
    return y


def einsum(rule: str, x: Shadow, y: Shadow) -> Shadow:
    """A sum of products of two, each laid out as matrices."""
    (left, right), result = rule.split("->", maxsplit=1)[0].split(","), rule.split("->")[1]
    sizes = dict(zip(left, x.shape, strict=True)) | dict(zip(right, y.shape, strict=True))
    both = [one for one in result if one in left and one in right]
    summed = [one for one in left if one in right and one not in result]
    own, other = ([one for one in result if one in mine and one not in both] for mine in (left, right))

    def laid(z: Shadow, letters: str, order: list[str]) -> Shadow:
        return permute(z, *(letters.index(one) for one in order))

    def many(letters: list[str]) -> int:
        return prod(sizes[one] for one in letters)

    a = reshape(laid(x, left, both + own + summed), many(both), many(own), many(summed))
    b = reshape(laid(y, right, both + summed + other), many(both), many(summed), many(other))
    order = both + own + other
    whole = reshape(bmm(a, b), *(sizes[one] for one in order))
    return permute(whole, *(order.index(one) for one in result))
