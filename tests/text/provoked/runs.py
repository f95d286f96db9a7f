"""What is said of training: recipes that cannot run here, folders that hold no run, and runs that go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import netspec
from netspec import backend
from netspec.cli.evaluate import evaluate
from netspec.data.samples import open_samples
from netspec.front import load
from netspec.text import Diagnostic, SpecError
from netspec_torch import backend as torch_backend
from netspec_torch.plan import Settled, ground
from netspec_torch.train import checkpoint
from netspec_torch.train.measure import check_targets_of_groups
from netspec_torch.train.run import train
from tests.backends.torch.train import small
from tests.backends.torch.train.test_measure import written

SHORT = (("epochs: 2", "steps: 2"), ("warmup: 3 steps", "warmup: 1 steps"))
"""What makes the small run two steps long."""


def measured(patch: pytest.MonkeyPatch, *arguments: str) -> Iterable[Diagnostic]:
    """What `netspec evaluate` refuses."""
    patch.setattr(backend, "find", lambda name: torch_backend)
    done = CliRunner().invoke(evaluate, arguments)
    assert isinstance(done.exception, SpecError), (done.output, done.exception)
    return done.exception.diagnostics


def trained(*changes: tuple[str, str]) -> Path:
    """The folder of a short run, under a name that does not depend on the time."""
    made = small.run(small.spec(Path(), *SHORT, *changes)).folder
    return made.rename(Path("runs", "small"))


def attempted(*changes: tuple[str, str]) -> Iterable[Diagnostic]:
    """Train the small spec with pieces of its text replaced."""
    small.run(small.spec(Path(), *changes))
    return ()


def ns640(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return attempted(("seed: 3", "seed: 3\n  accumulate: 151"))


def ns641(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Path("runs").write_text("a file in the way", encoding="utf-8")
    train(small.spec(Path()), runs=Path("runs"), device="cpu")
    return ()


def ns642(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    run = trained()
    (run / "checkpoints" / "last.ckpt").write_bytes(b"torn off")
    return measured(patch, str(run), "--checkpoint", "last")


def ns643(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    twice = np.repeat(np.arange(10), 2)
    spec = written(Path(), twice, np.linspace(0, 19, 20, dtype=np.float32), np.zeros((20, 3), np.float32))
    assert spec.data is not None
    samples = open_samples(spec.data, spec.folder, declared={**spec.graph.inputs, **spec.graph.targets})
    check_targets_of_groups(spec, samples)
    return ()


def ns644(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Path("runs").mkdir()
    return measured(patch, "runs")


def ns645(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    text = small.SPEC[: small.SPEC.index("training:")]
    small.run(load(small.write(Path(), text=text)))
    return ()


def ns646(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return attempted(("seed: 3", "seed: 3\n  precision: fp16"))


def ns647(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return attempted(("clip: {norm: 1}", "checkpoint: {maximize: accuracy}"), (", validation: 50", ""))


def ns648(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    run = trained()
    small.run(small.spec(Path(), *SHORT, ("lr: 0.05", "lr: 0.06")), resume=run)
    return ()


def ns649(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(backend, "find", lambda name: object())  # such as an older release, which only compiles
    netspec.train(small.write(Path()))
    return ()


def ns650(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return attempted(
        *SHORT,
        ("  - flatten\n", "  - {formula: log(positive - 1000)}\n  - flatten\n"),
        ("  - relu\n", "  - {relu, name: positive}\n"),
    )


def ns651(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return measured(patch, str(trained()), "--split", "test")


def ns652(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    run = trained()
    state = small.last(run)
    state["model"].popitem()
    checkpoint.save(run / "checkpoints" / "last.ckpt", state)
    return measured(patch, str(run), "--checkpoint", "last")


def ns275(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return attempted(
        *SHORT, ("batch_size: 32", "batch_size: 1"), ("  - flatten\n", "  - flatten\n  - batch_norm\n")
    )


def ns661(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Settled.from_json({"device": "cpu", "memory_format": "channels_first"})
    return ()


def ns660(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setattr(
        ground, "no_compiler", lambda: "`torch.compile` needs a C++ compiler, and none is on the path"
    )
    return attempted(("seed: 3", "seed: 3\n  plan: {compile: true}"))


def ns662(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    run = trained()
    train(small.spec(Path(), *SHORT), runs=Path("runs"), resume=run, device="cpu", pins={"threads": "auto"})
    return ()
