"""YAML text to the located tree: one document, YAML 1.2 core scalars, string keys, no anchors and no tags.

PyYAML's C parser gives the events (5,000 lines in under a tenth of a second); everything after that is ours.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from collections.abc import Sequence as Items
from itertools import islice
from pathlib import Path

import yaml

from netspec.lang.compose import MOST, Composer, Stop
from netspec.lang.traps import traps
from netspec.lang.tree import Comment, Mapping, Scalar, Style
from netspec.text.diagnostic import Diagnostic, Edit, Severity, SpecError
from netspec.text.source import Source
from netspec.text.suggest import nearest

LARGEST = 1 << 20
"""Bytes a spec may have."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# As text, not as a tree: a spec with a mistake in its YAML is a spec all the same.
_VERSION = re.compile(rb"""^(?:\xef\xbb\xbf)?(?:\{\s*)?["']?netspec["']?\s*:""", re.MULTILINE)

_COMMENT_OR_TAB = re.compile(r"#[^\n]*|\t")

# What YAML calls not printable, and the line ends that editors do not show as such.
_STRANGE = (
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)"
)


def says_netspec(content: bytes) -> bool:
    """Whether a YAML file says `netspec:` at its top, and so means to be a spec."""
    return _VERSION.search(content) is not None


def open_source(path: Path) -> Source:
    """The text of the file at `path`. Raises SpecError where there is none: missing, a folder, too large, no UTF-8."""
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise SpecError.of("NS001", f"there is no file `{name}`", help=_neighbours(path), file=name) from None
    except IsADirectoryError:
        raise SpecError.of(
            "NS001", f"`{name}` is a folder", help="name the spec file inside it", file=name
        ) from None
    except (OSError, ValueError) as trouble:
        reason = (trouble.strerror or "") if isinstance(trouble, OSError) else "no such name can exist"
        raise SpecError.of("NS001", f"`{name}` cannot be read: {reason.lower()}", file=name) from None
    if len(content) > LARGEST:
        raise SpecError.of(
            "NS003", f"`{name}` has more than {LARGEST >> 20} MiB", help="is this a spec, or data?", file=name
        )
    return decode(name, content)


def decode(name: str, content: bytes) -> Source:
    """UTF-8 bytes as a source, without a byte order mark. Raises SpecError where the bytes are something else."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return Source(name, content.decode("utf-8"))
    except UnicodeDecodeError as trouble:
        line = content.count(b"\n", 0, trouble.start) + 1
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise SpecError.of("NS002", f"`{name}` is UTF-16", help="save it as UTF-8", file=name) from None
        message = f"line {line} of `{name}` is not UTF-8: byte 0x{content[trouble.start]:02x}"
        raise SpecError.of("NS002", message, help=_cure(name), file=name) from None


def _cure(name: str) -> str:
    """What to do about a file that is no text: networks and weights have commands of their own."""
    if name.endswith(".onnx"):
        return "a spec is a YAML file: `netspec import FILE.onnx -o net.yaml` makes one of an ONNX file"
    if name.endswith((".pt", ".pth", ".pt2", ".ckpt", ".npz")):
        return "a spec is a YAML file: `netspec weights SPEC FILE` tells what of a file of weights fits one"
    return "save the file as UTF-8"


def read(source: Source) -> tuple[Mapping | None, list[Diagnostic], list[Comment]]:
    """The tree of a text, everything wrong with it as YAML, and its comments in order.

    The tree is None where there is none to speak of: after a syntax error, which is then the only error told, and
    where the top level is no mapping. Other errors leave a tree in which scalars marked `refused` are guesses and the
    second of two equal keys is missing. Never raises.
    """
    if strange := _unreadable(source):
        return None, [strange], []
    composer = Composer(source)
    try:
        for event in yaml.parse(source.text, Loader=_LOADER):
            composer.take(event)
    except Stop:
        return None, composer.found, []
    except yaml.MarkedYAMLError as trouble:
        from netspec.lang import mistakes  # noqa: PLC0415 - a good file needs no explanation

        return None, [mistakes.explain(source, trouble, composer.scalars)], []
    except yaml.YAMLError:
        span = source.span(0, min(1, len(source.text)))
        return None, [Diagnostic("NS008", Severity.ERROR, "this text is not YAML", span)], []
    comments, tabs = _outside(source, composer.scalars)
    found = list(composer.found)
    if tabs:
        from netspec.lang import mistakes  # noqa: PLC0415 - as above

        found.append(mistakes.tab(source, tabs))
    root = composer.root
    if root is not None and len(found) < MOST:
        found.extend(islice(traps(root, comments), MOST))
    if root is None or (isinstance(root, Scalar) and root.value is None and not root.refused):
        span = source.span(0, 0)
        found.append(
            Diagnostic(
                "NS005",
                Severity.ERROR,
                "this file says nothing",
                span,
                help="a spec begins with `netspec: 1`, then `inputs` and `layers`",
            )
        )
        return None, found, comments
    if not isinstance(root, Mapping):
        kind = "one value" if isinstance(root, Scalar) else "a list"
        message = f"a spec is a mapping of sections, and this is {kind}"
        found.append(
            Diagnostic(
                "NS006",
                Severity.ERROR,
                message,
                root.span.part(0, 1),
                help="begin with `netspec: 1`, then `inputs:` and `layers:`",
            )
        )
        return None, found, comments
    return root, found, comments


def _neighbours(path: Path) -> str:
    """A word on the file that may have been meant: where a folder on the way is misspelt, the one beside it."""
    missing = path
    while not missing.parent.is_dir() and missing.parent != missing.parent.parent:
        missing = missing.parent
    folders = missing != path
    try:
        with os.scandir(missing.parent) as folder:
            names = [one.name for one in islice(folder, 1000) if (one.is_dir() if folders else one.is_file())]
    except (OSError, ValueError):
        return ""
    close = nearest(missing.name, names)
    if not close:
        return ""
    whole = missing.with_name(close) / path.relative_to(missing)
    return (
        f"did you mean `{whole}`?"
        if whole.is_file()
        else f"did you mean the folder `{missing.with_name(close)}`?"
    )


def _unreadable(source: Source) -> Diagnostic | None:
    """The first character that no YAML text has, or that would end a line unseen."""
    if len(source.text) > LARGEST:
        message = f"this text has more than {LARGEST >> 20} Mi characters"
        return Diagnostic("NS003", Severity.ERROR, message, help="is this a spec, or data?")
    plain = source.text.replace("\n", "").replace("\t", "")
    if plain.isascii() and plain.isprintable():
        return None  # the usual text, answered without making a pattern of all of Unicode
    strange = re.search(_STRANGE, source.text)
    if not strange:
        return None
    span = source.span(strange.start(), strange.end())
    number = ord(strange.group())
    kind = {0: "a NUL", 0xFEFF: "a byte order mark", 13: "a carriage return without a line feed"}.get(number)
    kind = kind or ("half a character" if 0xD800 <= number < 0xE000 else "a control character")
    return Diagnostic(
        "NS004",
        Severity.ERROR,
        f"{kind} (U+{number:04X}) stands in the text",
        span,
        help="delete it; it is invisible in most editors",
        edit=Edit(span, "\n" if number == 13 else ""),
    )


def _outside(source: Source, scalars: Items[Scalar]) -> tuple[list[Comment], list[int]]:
    """The comments, and the tabs, that stand between the values."""
    comments, tabs = [], []
    for start, end in _gaps(source, scalars):
        for found in _COMMENT_OR_TAB.finditer(source.text, start, end):
            if found.group() == "\t":
                tabs.append(found.start())
            else:
                comments.append(
                    Comment(source.span(found.start(), found.start() + len(found.group().rstrip())))
                )
    return comments, tabs


def _gaps(source: Source, scalars: Items[Scalar]) -> Iterator[tuple[int, int]]:
    """The stretches of text outside scalars, in order: indentation, dashes, brackets, comments."""
    at = 0
    for scalar in scalars:
        if scalar.span.start > at:
            yield at, scalar.span.start
        at = max(at, scalar.span.end)
        if scalar.style is Style.BLOCK:
            # The `|` may have a comment behind it, before the lines begin.
            header = source.text.find("\n", scalar.span.start, scalar.span.end)
            yield scalar.span.start, header if header >= 0 else scalar.span.end
    yield at, len(source.text)
