"""What a file of weights holds once it was read: plain tensors by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["safetensors", "state_dict", "lightning", "run", "npz"]
"""A safetensors file, a plain state dict, a Lightning checkpoint, a run or one of its checkpoints, arrays."""


@dataclass(frozen=True)
class Stored:
    """The tensors of a file by name, in the file's order: dense, on the CPU, each as many numbers as the file holds.

    `metadata` are words that the file carries besides. `file` is what was read, which of a run is one file of its
    folder. `ordered` says whether the order is that in which the network lists its tensors: safetensors sorts them.
    `notes` tell a person what was done to the names.
    """

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    kind: Kind
    file: Path = Path()
    ordered: bool = True
    notes: tuple[str, ...] = field(default=())
