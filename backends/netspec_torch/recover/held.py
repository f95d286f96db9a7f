"""What stands for a tensor of the source while it is read: a value of the sketch, numbers of the module, or less."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from netspec.ir.dim import Dim


@dataclass(frozen=True)
class Held:
    """A value of the sketch.

    PyTorch counts axes and netspec names them, so that most `permute` and `unsqueeze` of the source need no layer:
    `dims` says for each axis of the source's tensor which axis of the value it is, None for one of size 1 that the value
    does not have.
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

    `p` is the chance of a zero; `scaled` says that ones were made 1 / (1 - p); `alone` that one draw is for all samples.
    """

    p: float
    scaled: bool
    alone: bool


@dataclass(frozen=True)
class Size:
    """A size that the source computes with: as netspec writes it, and what it is at the example."""

    dim: Dim
    hint: int
