"""Read a file of weights, whatever wrote it, and trust nothing in it: no code is run, no size believed.

What a file is, its first bytes say, not its name. `torch.load` is called with `weights_only=True` alone, behind checks
of its own (`archive`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.text import SpecError
from netspec.text.shown import shown
from netspec.weights.header import begins
from netspec_torch.weights.stored import Stored

if TYPE_CHECKING:
    from typing import BinaryIO

MOST_BYTES = 32 << 30
"""A file of weights that is larger than this is not read."""

OF_RUN = ("weights.pt", "checkpoints/best.ckpt", "checkpoints/last.ckpt")
"""Where a run has its weights: the best when it has ended, else the best so far, else the last."""

SAVED = "torch.save(model.state_dict(), 'weights.pt')"


def read(path: Path | str) -> Stored:
    """The tensors of a safetensors file, a state dict of PyTorch, a Lightning checkpoint, `.npz` arrays, or a run.

    Raises SpecError: NS760 for a file that is not there, NS761 for one that holds no weights or is torn, NS762 where it
    would have to run code, NS763 where it claims impossible sizes, NS764 for tensors of a kind that no network has.
    """
    path = Path(path)
    file = weights_file(path)
    name = shown(file.name)
    try:
        with file.open("rb") as opened:
            size = file.stat().st_size
            if size > MOST_BYTES:
                raise SpecError.of(
                    "NS763",
                    f"`{name}` has {size >> 20:,} MiB, more than {MOST_BYTES >> 20:,}",
                    help="store the weights without the optimizer's memory",
                )
            stored = _read(opened, file, size, name)
    except OSError as trouble:
        raise _unreadable(name, trouble) from trouble
    return stored if path == file else replace(stored, kind="run", metadata=_told(path))


def weights_file(path: Path) -> Path:
    """The file itself, or the one in which a run's folder has its weights; SpecError NS760 where there is none."""
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise SpecError.of(
                "NS760", f"`{shown(path.name)}` is neither a file nor a folder", help="name a file of weights"
            )
        return path
    for inside in OF_RUN if (path / "run.json").is_file() else ():
        if (path / inside).is_file():
            return path / inside
    raise SpecError.of(
        "NS760",
        f"the folder `{shown(path.name or str(path))}` is no run with weights in it",
        help="name a file of weights, or a folder that `netspec train` made and has begun to fill",
    )


def digest(path: Path | str) -> str:
    """The SHA-256 of the file that `read` reads."""
    file = weights_file(Path(path))
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as trouble:
        raise _unreadable(shown(file.name), trouble) from trouble


def _read(opened: BinaryIO, file: Path, size: int, name: str) -> Stored:
    """Read what the first bytes say that it is."""
    start = opened.read(9)
    opened.seek(0)
    if begins(start):
        from netspec_torch.weights.plain import read_safetensors  # noqa: PLC0415 - one reader of several is needed

        return read_safetensors(opened, file, size, name)
    if start.startswith(b"PK\x03\x04"):
        from netspec_torch.weights.archive import read_archive  # noqa: PLC0415 - as above

        return read_archive(opened, file, size, name)
    if start.startswith(b"\x80"):
        raise SpecError.of(
            "NS762",
            f"`{name}` is a bare pickle (as `torch.save` wrote before 1.6), and a pickle is a program",
            help="write it anew: `torch.save(torch.load(file, weights_only=True), 'weights.pt')`, "
            f"or where the model is at hand: `{SAVED}`",
        )
    raise SpecError.of(
        "NS761",
        f"`{name}` holds no weights in a form known here",
        help=f"write it with `{SAVED}`, safetensors or `numpy.savez`",
    )


def _told(run: Path) -> dict[str, str]:
    """The words that a run tells of itself."""
    try:
        told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    words = told.items() if isinstance(told, dict) else ()
    return {key: value for key, value in words if isinstance(value, str)}


def _unreadable(name: str, trouble: OSError) -> SpecError:
    why = (trouble.strerror or "the disk refuses").lower()
    return SpecError.of(
        "NS760", f"`{name}` cannot be read: {why}", help="name a file of weights, or the folder of a run"
    )
