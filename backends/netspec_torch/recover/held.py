"""What stands for a tensor of the source while it is read: a value of the sketch, numbers of the module, or less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from netspec.ir.dim import Dim


@dataclass(frozen=True)
class Held:
    """A value of the sketch.

    PyTorch counts axes and netspec names them, so that most `permute` and `unsqueeze` of the source need no layer:
    `dims` says for each axis of the source's tensor which axis of the value it is, None for one of size 1 that the
    value does not have.
    """

    value: str
    dims: tuple[int | None, ...]

    @property
    def is_plain(self) -> bool:
        """Whether both have the same axes in the same order."""
        return self.dims == tuple(range(len(self.dims)))


@dataclass(frozen=True)
class Owned:
    """Numbers that belong to the module: a parameter, a buffer, a part of one, or what was computed of such alone.

    `key` is the parameter's name; with `places`, the positions in it that these numbers are. Without a key they were
    computed, from the parameters `of`.
    """

    tensor: torch.Tensor
    key: str = ""
    places: torch.Tensor | None = None
    learns: bool = False
    of: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether these are a parameter or buffer as it is."""
        return bool(self.key) and self.places is None


@dataclass(frozen=True)
class Level:
    """A tensor that holds one number everywhere, as `torch.zeros_like(x)`; it spreads over anything."""

    number: float
    shape: tuple[Size, ...] = ()


@dataclass(frozen=True)
class Noise:
    """Ones and zeros drawn by chance for whole samples: what a residual branch is left out by.

    `p` is the chance of a zero; `scaled` says that ones were made 1 / (1 - p); `alone` that all samples share one draw.
    """

    p: float
    scaled: bool
    alone: bool


@dataclass(frozen=True)
class Size:
    """A size that the source computes with: as netspec writes it, and what it is at the example."""

    dim: Dim
    hint: int


def dropped(dims: Sequence[int | None], places: Sequence[int], *, keep: bool) -> tuple[int | None, ...]:
    """The axes without some, or with ones of size 1 in their place."""
    if keep:
        return tuple(None if i in places else axis for i, axis in enumerate(dims))
    return tuple(axis for i, axis in enumerate(dims) if i not in places)


def gone(dims: Sequence[int | None], places: Sequence[int], *, keep: bool) -> tuple[int | None, ...]:
    """As `dropped`, of a value that has lost these axes too: those behind have moved up."""
    lost = [axis for i in places if (axis := dims[i]) is not None]
    moved = [None if one is None else one - sum(axis < one for axis in lost) for one in dims]
    return dropped(moved, places, keep=keep)
