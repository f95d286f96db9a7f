"""How far a proof has come, told stage by stage."""

from __future__ import annotations

from collections.abc import Callable

Watch = Callable[[int, int, str], None]
"""Is told how many stages are done, of how many, and which one begins."""


def unwatched(done: int, total: int, what: str) -> None:
    """Tell nobody."""
    del done, total, what


class Stages:
    """The stages of one proof: how many there will be is known before it begins."""

    def __init__(self, total: int, watch: Watch) -> None:
        self._done, self._total, self._watch = 0, total, watch

    def begin(self, what: str) -> None:
        """A stage begins."""
        self._watch(self._done, self._total, what)
        self._done += 1
