"""Names: which a spec may give, and what was probably meant by one that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.lang.habits import WORDS, foreign, plain
from netspec.text import nearest

NAME = re.compile(r"[a-z][a-z0-9_]*")
LETTER = re.compile(r"[A-Z][0-9]*")

MOST_TITLE = 64
TITLE = re.compile(rf"[^\W_][\w.-]{{0,{MOST_TITLE - 1}}}")
"""The name of a whole spec, which names run folders and the emitted class as well: never a path, never hidden."""

WIRES = ("name", "from", "when", "repeat", "init", "freeze", "as")
"""What stands beside an op. Closed for `netspec: 1`, and never an argument's name."""

STRUCTURE = ("layers", "residual", "branches", "map", "reuse")
"""Layers that hold layers, and what else the language reserves for structure."""

_PYTHON = frozenset(
    """
    and as assert async await break class continue def del elif else except finally for from global if import in is
    lambda nonlocal not or pass raise return try while with yield true false none null self
    """.split()  # noqa: SIM905 - words read best as words
)
_MODULE = frozenset(
    """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr
    float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters parameters register_buffer register_module
    register_parameter requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
    training type xpu zero_grad
    """.split()  # noqa: SIM905 - words read best as words
)


def habit(word: str, known: Iterable[str]) -> str | None:
    """The known name that another library calls `word`: `nn.Conv2d` is `conv`, `filters` is `out_channels`."""
    names, simple = set(known), plain(word)
    if foreign(word):
        return simple if simple in names and simple == word.lower().rsplit(".", 1)[-1] != word else None
    candidates = (
        simple,
        *WORDS.get(simple, "").split(),
        simple.replace("_", ""),
        *WORDS.get(word.lower(), "").split(),
    )
    return next((one for one in candidates if one in names and one != word), None)


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` probably stands for: by another library's habit, else by spelling."""
    names = set(known)
    if (found := habit(word, names)) or foreign(word):
        return found
    return nearest(word, names) or nearest(plain(word), names)


def why_no_word(name: str) -> str | None:
    """Why `name` can't be a word of expressions, as a parameter of a block is; None where it can."""
    if not NAME.fullmatch(name) or len(name) > 64:
        return "a name has small letters, digits and `_`, begins with a letter and has at most 64 characters"
    if name == "i" or name in _PYTHON:
        return "the word has a meaning in expressions or in Python, where the compiled model lives"
    return None


def why_refused(name: str) -> str | None:
    """Why `name` can't be given to a value or layer; None where it can."""
    why = why_no_word(name)
    if why is not None:
        return why
    if name in _MODULE:
        return "every PyTorch module has something of that name already"
    return None
