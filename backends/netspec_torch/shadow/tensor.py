"""Tensors of which only the shape is known, and what PyTorch keeps of them until gradients are taken.

A `Shadow` has sizes, strides, a kind of number and a `Storage`, and no numbers. Functions on shadows say of each of
PyTorch's what comes out and what its gradient will read again; that is kept on the `Tape`. A view has the storage of
what it looks at, so that two layers that keep the same numbers are counted once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, SupportsIndex, overload

BYTES = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}
"""How many bytes a number has."""

_ORDER = ("bool", "int64", "float32", "float64")


class Unknown(Exception):
    """A function of PyTorch of which nothing is told here."""


class Storage:
    """A piece of memory; `held` says that it belongs to a parameter or a buffer, which are counted by themselves."""

    __slots__ = ("held", "size")

    def __init__(self, size: int, *, held: bool = False) -> None:
        self.size, self.held = size, held


class Tape:
    """What is kept for the gradients, each piece of memory once, with who kept it first."""

    def __init__(self) -> None:
        self.kept: dict[Storage, str] = {}
        self.owner = ""

    def keep(self, storage: Storage) -> None:
        """Note one piece of memory."""
        if not storage.held:
            self.kept.setdefault(storage, self.owner)

    @property
    def size(self) -> int:
        """All of it in bytes."""
        return sum(one.size for one in self.kept)


_tapes: list[Tape | None] = [None]


@contextmanager
def recording(tape: Tape | None) -> Iterator[None]:
    """Within, what functions keep goes to this tape; None keeps nothing, as where gradients are not taken."""
    _tapes.append(tape)
    try:
        yield
    finally:
        _tapes.pop()


class Size(tuple[int, ...]):
    """Sizes, which can count the numbers that they have room for."""

    __slots__ = ()

    def numel(self) -> int:
        """How many numbers there are."""
        return prod(self)

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Size: ...
    def __getitem__(self, key: SupportsIndex | slice) -> int | Size:
        """One size, or some of them."""
        found = super().__getitem__(key)
        return Size(found) if isinstance(found, tuple) else found


class Shadow:
    """A tensor without numbers; `grad` says that gradients are taken with respect to it.

    `most` is what its numbers sum up to at the most, where it counts the places of a mask.
    """

    __slots__ = ("dtype", "grad", "most", "shape", "storage", "strides")

    device = "any"

    def __init__(
        self,
        shape: Iterable[int],
        dtype: str = "float32",
        *,
        grad: bool = False,
        storage: Storage | None = None,
        strides: Sequence[int] | None = None,
    ) -> None:
        self.shape = Size(shape)
        self.dtype = dtype
        self.grad = grad
        self.most = 0
        self.storage = storage or Storage(self.shape.numel() * BYTES[dtype])
        self.strides = tuple(strides) if strides is not None else packed(self.shape)

    def seen(self, shape: Iterable[int], strides: Sequence[int]) -> Shadow:
        """The same memory, looked at in another way."""
        return Shadow(shape, self.dtype, grad=self.grad, storage=self.storage, strides=strides)

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    @property
    def floating(self) -> bool:
        """Whether its numbers have gradients."""
        return self.dtype in ("float32", "float64")

    @property
    def dense(self) -> bool:
        """Whether its numbers fill their memory without a gap, in whatever order of the axes."""
        pairs = sorted((t, n) for t, n in zip(self.strides, self.shape, strict=True) if n != 1)
        step = 1
        for stride, size in pairs:
            if stride != step:
                return False
            step *= size
        return True

    def dim(self) -> int:
        """How many axes there are, as PyTorch calls it."""
        return len(self.shape)

    def __getattr__(self, name: str) -> Any:
        """PyTorch's functions as methods."""
        if name.startswith("__"):
            raise AttributeError(name)
        return _bound(self, name)

    def __getitem__(self, key: Any) -> Shadow:
        """A part, or the elements at places."""
        return _call("getitem", self, key)

    def __add__(self, other: Any) -> Shadow:
        return _call("add", self, other)

    def __radd__(self, other: Any) -> Shadow:
        return _call("add", self, other)

    def __sub__(self, other: Any) -> Shadow:
        return _call("sub", self, other)

    def __rsub__(self, other: Any) -> Shadow:
        return _call("sub", other, self)

    def __mul__(self, other: Any) -> Shadow:
        return _call("mul", self, other)

    def __rmul__(self, other: Any) -> Shadow:
        return _call("mul", self, other)

    def __truediv__(self, other: Any) -> Shadow:
        return _call("div", self, other)

    def __rtruediv__(self, other: Any) -> Shadow:
        return _call("mul", _call("reciprocal", self), other)

    def __floordiv__(self, other: Any) -> Shadow:
        return Shadow(self.shape, self.dtype)

    def __pow__(self, other: Any) -> Shadow:
        return _call("pow", self, other)

    def __rpow__(self, other: Any) -> Shadow:
        return _call("power_of", self, other)

    def __neg__(self) -> Shadow:
        return _call("neg", self)

    def __matmul__(self, other: Any) -> Shadow:
        return _call("matmul", self, other)

    def __invert__(self) -> Shadow:
        return Shadow(self.shape, self.dtype)

    def _compared(self, other: Any) -> Shadow:
        return _call("compared", self, other)

    __lt__ = __le__ = __gt__ = __ge__ = _compared
    __eq__ = __ne__ = _compared  # type: ignore[assignment]  # elementwise, as PyTorch's are
    __and__ = __or__ = __rand__ = __ror__ = _compared
    __hash__ = object.__hash__


def _call(name: str, *arguments: Any) -> Shadow:
    from netspec_torch.shadow.table import function  # noqa: PLC0415 - functions are made of shadows

    found: Shadow = function(name)(*arguments)
    return found


def _bound(x: Shadow, name: str) -> Any:
    from netspec_torch.shadow.table import function  # noqa: PLC0415 - as above

    found = function(name)
    return lambda *arguments, **named: found(x, *arguments, **named)


def packed(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of numbers that lie one behind another."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def in_order(x: Shadow) -> bool:
    """Whether its numbers lie one behind another, as `is_contiguous()` says."""
    pairs = zip(x.shape, x.strides, packed(x.shape), strict=True)
    return all(size == 1 or stride == wanted for size, stride, wanted in pairs)


def lifted(x: Any) -> Shadow:
    """A plain number as PyTorch takes it between tensors, which keeps no memory for it."""
    if isinstance(x, Shadow):
        return x
    return Shadow((), "float64" if isinstance(x, float) else "int64", storage=Storage(0))


def promoted(operands: Sequence[Any]) -> str:
    """The kind of number that meets from these: tensors with axes decide, then those without, then plain numbers."""
    ranked: dict[int, str] = {}
    for one in operands:
        if isinstance(one, Shadow):
            level, kind = (2 if one.rank else 1), one.dtype
        else:
            level = 0
            kind = "bool" if isinstance(one, bool) else "int64" if isinstance(one, int) else "float32"
        ranked[level] = max(ranked.get(level, "bool"), kind, key=_ORDER.index)
    found = ranked[max(ranked)]
    for kind in ranked.values():
        if (_floats(kind) and not _floats(found)) or (kind == "int64" and found == "bool"):
            found = kind
    return found


def _floats(kind: str) -> bool:
    return kind.startswith("float")


def broadcast(*shapes: Sequence[int]) -> Size:
    """The sizes in which these meet."""
    rank = max(len(one) for one in shapes)
    columns = zip(*((1,) * (rank - len(one)) + tuple(one) for one in shapes), strict=True)
    return Size(next((size for size in column if size != 1), 1) for column in columns)


def made(
    shape: Sequence[int],
    of: Sequence[Any],
    saves: Iterable[Any] = (),
    *,
    dtype: str | None = None,
    like: Shadow | None = None,
    saves_result: bool = False,
) -> Shadow:
    """A new tensor computed of these, and what its gradient will read: nothing where no gradient goes through.

    It lies in the order of `like`, where that has its sizes.
    """
    kind = dtype or promoted(of)
    tensors = [one for one in of if isinstance(one, Shadow)]
    grad = _floats(kind) and any(one.grad for one in tensors)
    strides = like.strides if like is not None and like.shape == tuple(shape) and like.dense else None
    result = Shadow(shape, kind, grad=grad, strides=strides)
    if grad:
        keep(*saves)
        if saves_result:
            keep(result)
    return result


def keep(*tensors: Any) -> None:
    """Keep these for gradients."""
    tape = _tapes[-1]
    if tape is not None:
        for one in tensors:
            if one is not None:
                tape.keep(lifted(one).storage)


def elementwise(
    *of: Any, saves: Iterable[Any] = (), dtype: str | None = None, saves_result: bool = False
) -> Shadow:
    """A new tensor of the sizes in which these meet."""
    tensors = [one for one in of if isinstance(one, Shadow)]
    shape = broadcast(*(one.shape for one in tensors))
    like = next((one for one in tensors if one.shape == shape), None)
    return made(shape, of, saves, dtype=dtype, like=like, saves_result=saves_result)
