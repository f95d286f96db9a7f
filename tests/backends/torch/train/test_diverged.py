from __future__ import annotations

import re
from pathlib import Path

import pytest

from netspec.front import load
from netspec.text import SpecError
from netspec_torch.train import learner
from netspec_torch.train.batches import Batch
from netspec_torch.train.diverged import Diverged
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


WILD = (NO_CLIP, ("lr: 0.05", "lr: 1e6"), ("momentum: 0.9", "momentum: 1e6"), ("  - batch_norm\n", ""))


def test_a_loss_that_ends_because_values_grew_names_the_layer_where_they_left_the_range(
    tmp_path: Path,
) -> None:
    error = trouble(tmp_path, *WILD)
    assert "it began in `logits` (linear)" in error.diagnostics[0].message
    assert line(error) == "- {linear: 10, name: logits}"
    assert error.diagnostics[0].help.startswith("lower the learning rate")


def test_a_part_of_a_step_is_looked_at_before_the_next_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[int] = []

    class Seen(Diverged):
        def __init__(self, step: int, taken: int, batch: Batch, what: str) -> None:
            parts.append(taken)
            super().__init__(step, taken, batch, what)

    monkeypatch.setattr(learner, "Diverged", Seen)
    error = trouble(
        tmp_path,
        ("seed: 3", "seed: 3\n  accumulate: 3"),
        ("  - flatten\n", "  - {formula: log(positive - 1000)}\n  - flatten\n"),
        ("  - relu\n", "  - {relu, name: positive}\n"),
    )
    assert "the loss became no number at step 1" in error.diagnostics[0].message
    assert parts == [0]


def test_weights_that_leave_the_range_are_told_with_the_update_that_did_it(tmp_path: Path) -> None:
    error = trouble(tmp_path, *WILD, ("  - flatten\n", "  - tanh\n  - flatten\n"))
    found = re.search(r"at step (\d+) .*`conv1.weight` .* since the update of step (\d+)", str(error))
    assert found is not None
    assert int(found[1]) == int(found[2]) + 1


def test_a_gradient_that_is_no_number_stops_the_run_before_it_reaches_the_weights(tmp_path: Path) -> None:
    error = trouble(
        tmp_path,
        ("  - flatten\n", "  - {formula: sqrt(positive * 0)}\n  - flatten\n"),
        ("  - relu\n", "  - {relu, name: positive}\n"),
    )
    assert "a gradient became no number at step 1" in error.diagnostics[0].message
    assert line(error) == "- batch_norm"


def test_the_last_good_checkpoint_stands(tmp_path: Path) -> None:
    trouble(tmp_path, *WILD)
    folder = small.only_run(load(tmp_path / "small.yaml"))
    assert all(value.isfinite().all() for value in small.last(folder)["model"].values())
