"""Files of a run that are whole or not there: written beside, flushed to the disk, and moved into place."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from netspec.text import SpecError
from netspec.text.shown import shown

FORMAT = 1


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file at once: a kill at any moment leaves the old one or the new one. SpecError NS641 on failure."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as trouble:
        beside.unlink(missing_ok=True)
        raise SpecError.of(
            "NS641",
            f"`{shown(path.name)}` cannot be written: {trouble.strerror or 'the disk refuses'}",
            help="make room, or choose another folder with `--runs`; the last checkpoint is still whole",
        ) from trouble


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain data as torch does."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_bytes(path, buffer.getvalue())


def save_plain(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Write a state dict alone, as `model.load_state_dict(torch.load(path, weights_only=True))` wants it."""
    save(path, {name: value.detach().cpu() for name, value in weights.items()})


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, onto the CPU. Nothing in the file is ever executed. SpecError NS642 if it is bad."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles, which are refused in any case
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as trouble:
        raise SpecError.of(
            "NS642", f"there is no `{shown(path.name)}` in the run", help="name another run or checkpoint"
        ) from trouble
    except Exception as trouble:  # whatever a bad file makes the reader raise, it is a bad file
        raise SpecError.of(
            "NS642",
            f"`{shown(path.name)}` is no checkpoint that can be read",
            help="name another run, or `--checkpoint last`",
        ) from trouble
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise SpecError.of(
            "NS642", f"`{shown(path.name)}` is no checkpoint of this version", help="train the spec again"
        )
    return state
