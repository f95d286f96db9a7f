"""What an op or a recipe says when its arguments and inputs do not fit, before anybody knows where that was written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cure:
    """What one change would cure, for the reader of the language to make an exact edit of; at most one is given.

    `append` is a layer to put behind the one that made the input `at`; `without` names the op of that layer, which is
    one too many; `instead` is the op to use in place of this one.
    """

    append: str = ""
    without: str = ""
    instead: str = ""


NO_CURE = Cure()


@dataclass(frozen=True)
class Warned:
    """A weaker Problem: legal, and worth telling. `at` as in Problem; `append` is a layer that cures it if added."""

    code: str
    message: str
    at: str | int | None = None
    help: str = ""
    append: str = ""
    without: str = ""
    instead: str = ""

    @property
    def cure(self) -> Cure:
        """The one change that cures it."""
        return Cure(self.append, self.without, self.instead)


class Problem(Exception):
    """A rule of an op was broken.

    `at` says by what: the name of an argument, the index of an input, or None for the layer as a whole. The reader of
    the language turns it into a located diagnostic and adds the notes that trace a size to its cause.
    """

    def __init__(
        self, code: str, message: str, *, at: str | int | None = None, help: str = "", cure: Cure = NO_CURE
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.help = help
        self.cure = cure
