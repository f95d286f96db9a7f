"""A training that runs blocks again, and how often a step waits for a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

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


class Asked(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch has no types for it
    """Counts how often Python asks a tensor for a number."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.overloadpacket.__name__ == "_local_scalar_dense"
        return func(*args, **(kwargs or {}))


def asked(folder: Path, steps: int) -> int:
    """How often a run of so many steps asks."""
    folder.mkdir()
    checked = small.spec(folder, ("epochs: 2", f"steps: {steps}"))
    with Asked() as mode:
        small.run(checked)
    count: int = mode.count
    return count


def test_a_step_asks_for_its_loss_and_whether_its_gradients_are_numbers_and_for_nothing_else(
    tmp_path: Path,
) -> None:
    few, more = asked(tmp_path / "few", 3), asked(tmp_path / "more", 4)
    assert more - few == 2  # within one epoch
