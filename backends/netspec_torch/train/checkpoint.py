"""Files of a run that are whole or not there: written beside, flushed to the disk, and moved into place."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    if not isinstance(state, dict) or state.get("format") != FORMAT or not _whole(state):
        raise SpecError.of(
            "NS642", f"`{shown(path.name)}` is no checkpoint of this version", help="train the spec again"
        )
    return state


def weights(state: Mapping[str, Any]) -> Mapping[str, torch.Tensor]:
    """The weights that a checkpoint is kept for: the averages where the spec asks for them, else the model's own."""
    found: Mapping[str, torch.Tensor] = state.get("average") or state["model"]
    return found


def _whole(state: Mapping[str, Any]) -> bool:
    """Whether everything that a run reads from a checkpoint is there, and of its kind."""
    model, progress = state.get("model"), state.get("progress")
    if not isinstance(model, dict) or not isinstance(progress, dict):
        return False
    taken = progress.get("taken")
    average = state.get("average", {})
    return (
        all(isinstance(value, torch.Tensor) for value in model.values())
        and isinstance(average, dict)
        and all(isinstance(value, torch.Tensor) for value in average.values())
        and isinstance(taken, int)
        and taken >= 0
        and all(isinstance(progress.get(key), list) for key in ("ranking", "waited"))
        and isinstance(progress.get("seen", []), list)  # a run of before the schedule could watch has none
        and all(isinstance(progress.get(key), int | float) for key in ("loss_sum", "loss_count"))
        and isinstance(progress.get("stopped"), str)
        and all(isinstance(state.get(key), dict) for key in ("optimizer", "precision"))
    )


@contextmanager
def fitting() -> Iterator[None]:
    """Turns what torch raises for weights or an optimizer's memory of another model into SpecError NS652."""
    try:
        yield
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as trouble:
        raise SpecError.of(
            "NS652",
            "the weights of the run do not fit the network with these constants",
            help="`--set` only what does not change the network, as the folder of the data",
        ) from trouble
