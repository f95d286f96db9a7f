"""A training that runs blocks again, and how often a step waits for a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.overrides import TorchFunctionMode

from tests.backends.torch.train import small

SHORT = ("epochs: 2", "steps: 4")


@pytest.mark.parametrize("words", ["[conv1, batch_norm1]", "[dropout1]"])
def test_a_run_with_parts_that_run_again_is_the_same_to_the_bit(tmp_path: Path, words: str) -> None:
    (tmp_path / "again").mkdir()
    plain = small.run(small.spec(tmp_path, SHORT))
    again = small.run(
        small.spec(tmp_path / "again", SHORT, ("  seed: 3\n", f"  seed: 3\n  recompute: {words}\n"))
    )
    for part in ("model", "optimizer", "progress"):
        assert small.same(small.last(plain.folder)[part], small.last(again.folder)[part]), part


class Asked(TorchFunctionMode):
    """Counts how often Python asks a tensor for its numbers; each time a device would be waited for."""

    ASKING = ("tolist", "item", "numpy", "__float__", "__int__", "__bool__", "__index__")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += getattr(func, "__name__", "") in self.ASKING
        return func(*args, **(kwargs or {}))


def asked(folder: Path, steps: int) -> int:
    """How often a run of so many steps asks."""
    folder.mkdir()
    checked = small.spec(folder, ("epochs: 2", f"steps: {steps}"))
    with Asked() as mode:
        small.run(checked)
    count: int = mode.count
    return count


def test_a_step_asks_once_for_its_loss_and_whether_its_gradients_are_numbers(tmp_path: Path) -> None:
    few, more = asked(tmp_path / "few", 3), asked(tmp_path / "more", 4)
    assert more - few == 1  # within one epoch
