"""What `train` and `evaluate` share: the spec that a run folder holds, and the backend that trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netspec.lang.constants import Constant
from netspec.text import SpecError

if TYPE_CHECKING:
    from netspec.backend import Trainer
    from netspec.recipe.spec import Spec


def trainer() -> Trainer:
    """The backend that trains; SpecError where its packages are missing."""
    from netspec.backend import Trainer, find

    backend = find("torch")
    if not isinstance(backend, Trainer):
        raise SpecError.of("NS649", "the torch backend found here cannot train", help="update netspec")
    return backend


def run_spec(run: Path, define: dict[str, Constant]) -> Spec:
    """The spec of a run, with its own constants and then `define`'s. SpecError NS644 for a folder that holds no run."""
    from netspec.weights.origin import spec_of_run

    return spec_of_run(run, define)


def is_run(path: Path) -> bool:
    """Whether a path is the folder of a run."""
    return (path / "run.json").is_file()


def run_weights(run: Path, checkpoint: str) -> Path:
    """Where a run has the weights of a checkpoint, `best` or `last`: the best ones also in a file of their own."""
    plain = run / "weights.pt"
    return plain if checkpoint == "best" and plain.is_file() else run / "checkpoints" / f"{checkpoint}.ckpt"
