"""A spec inside a file of weights: all its texts in the header of a safetensors file, which is read without any tensor.

The header is not trusted. Its texts are checked as those of any spec; the files that a spec extends or includes are
looked for among them and nowhere else, whatever their paths say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.lang.constants import Constant
from netspec.lang.files import LARGEST_WHOLE, MOST_FILES
from netspec.lang.yaml import decode
from netspec.recipe.packed import FORMAT, KEY
from netspec.text import Source, SpecError
from netspec.text.shown import shown

MOST_HEADER = 4 * LARGEST_WHOLE
"""Bytes of a header that is looked into: the texts, escaped twice, and the names of the tensors."""


@dataclass(frozen=True)
class Packed:
    """A spec as a weights file holds it: its text, those of its other files by path, its constants, and its digest."""

    source: Source
    files: Mapping[str, str]
    define: Mapping[str, Constant]
    digest: str


def unpack(path: Path) -> Packed:
    """The spec in a file of weights; SpecError NS001 where the file cannot be opened, NS753 where it holds none."""
    name = shown(path.name)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= MOST_HEADER:
                raise _none(name, "it has no header of a size that one has")
            head = file.read(length)
    except OSError as trouble:
        why = (trouble.strerror or "it cannot be read").lower()
        raise SpecError.of("NS001", f"`{shown(str(path))}` cannot be opened: {why}") from None
    header = _table(head, name, "its header")
    words = header.get("__metadata__")
    text = words.get(KEY) if isinstance(words, dict) else None
    if not isinstance(text, str):
        raise _none(name, "it has weights alone")
    return _packed(str(path), _table(text, name, "its spec"), name)


def _packed(path: str, told: Mapping[str, Any], name: str) -> Packed:
    """What the table says, each part of its own kind."""
    if told.get("format") != FORMAT:
        raise _none(
            name, f"it is of the form {str(told.get('format'))[:20]!r}, and this netspec reads {FORMAT}"
        )
    spec, files, define, digest = (told.get(key) for key in ("spec", "files", "define", "sha256"))
    if not (
        isinstance(spec, str)
        and isinstance(files, dict)
        and isinstance(define, dict)
        and isinstance(digest, str)
    ):
        raise _none(name, "a part of it is missing")
    if not all(isinstance(one, str) for one in files.values()):
        raise _none(name, "one of its files is no text")
    if len(files) >= MOST_FILES or len(spec) + sum(map(len, files.values())) > LARGEST_WHOLE:
        raise _none(name, f"it has more than {MOST_FILES} files, or than {LARGEST_WHOLE >> 20} MiB")
    constants = {key: constant(value) for key, value in define.items()}
    if not all(_is_constant(one) for one in constants.values()):
        raise _none(name, "one of its constants is none")
    return Packed(decode(path, spec.encode("utf-8", "replace")), files, constants, digest)


def _table(text: str | bytes, name: str, what: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as trouble:
        raise _none(name, f"{what} is no JSON") from trouble
    if not isinstance(told, dict):
        raise _none(name, f"{what} is no table")
    return told


def constant(value: Any) -> Any:
    """A constant as it was before it was JSON."""
    return tuple(constant(one) for one in value) if isinstance(value, list) else value


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_constant(one) for one in value)
    return isinstance(value, bool | int | float | str)


def _none(name: str, why: str) -> SpecError:
    return SpecError.of(
        "NS753",
        f"`{name}` holds no spec of netspec: {why}",
        help="write one that does: `netspec export RUN -o model.safetensors`",
    )
