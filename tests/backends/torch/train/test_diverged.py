from __future__ import annotations

from pathlib import Path

import pytest

from netspec.text import SpecError
from tests.backends.torch.train import small

NO_CLIP = ("  clip: {norm: 1}\n", "")


def trouble(folder: Path, *changes: tuple[str, str]) -> SpecError:
    """What a run that diverges says."""
    with pytest.raises(SpecError, match="NS650") as caught:
        small.run(small.spec(folder, *changes))
    return caught.value


def line(error: SpecError) -> str:
    """The line of the spec that an error points at."""
    span = error.diagnostics[0].span
    assert span is not None
    return span.source.text.splitlines()[span.line - 1].strip()


def test_a_layer_whose_values_are_no_numbers_is_named_with_its_place_and_the_step(tmp_path: Path) -> None:
    error = trouble(
        tmp_path,
        ("  - flatten\n", "  - {formula: log(positive - 1000)}\n  - flatten\n"),
        ("  - relu\n", "  - {relu, name: positive}\n"),
    )
    message = error.diagnostics[0].message
    assert "at step 1 (epoch 1)" in message
    assert "(log)" in message
    assert "formula" in line(error)


def test_weights_that_leave_the_range_are_told_with_the_update_that_did_it(tmp_path: Path) -> None:
    error = trouble(
        tmp_path,
        NO_CLIP,
        ("lr: 0.05", "lr: 1e6"),
        ("  - batch_norm\n", ""),
        ("momentum: 0.9", "momentum: 1e6"),
        ("warmup: 3 steps, ", ""),
    )
    message = error.diagnostics[0].message
    assert "step" in message
    assert "`" in message
    assert error.diagnostics[0].help.startswith("lower the learning rate")


def test_the_last_good_checkpoint_stands(tmp_path: Path) -> None:
    trouble(
        tmp_path,
        NO_CLIP,
        ("lr: 0.05", "lr: 1e6"),
        ("momentum: 0.9", "momentum: 1e6"),
        ("  - batch_norm\n", ""),
    )
    folder = small.only_run(small.load(tmp_path / "small.yaml"))
    assert all(value.isfinite().all() for value in small.last(folder)["model"].values())
