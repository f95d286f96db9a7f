"""What an op or a recipe says when its arguments and inputs do not fit, before anybody knows where that was written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Warned:
    """A weaker Problem: legal, and worth telling. `at` as in Problem; `append` is a layer that cures it if added."""

    code: str
    message: str
    at: str | int | None = None
    help: str = ""
    append: str = ""


class Problem(Exception):
    """A rule of an op was broken.

    `at` says by what: the name of an argument, the index of an input, or None for the layer as a whole. The reader of
    the language turns it into a located diagnostic and adds the notes that trace a size to its cause.
    """

    def __init__(self, code: str, message: str, *, at: str | int | None = None, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.help = help
