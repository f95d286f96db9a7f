"""One wrong edit, anywhere in a good spec, is reported within one line of the edit: over all specs of the project."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from netspec import ops
from netspec.front import check_source
from netspec.lang.document import SECTIONS
from netspec.lang.layer import split
from netspec.lang.names import WIRES
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.lang.yaml import open_source, read
from netspec.text import Diagnostic, Edit, Severity, Source
from netspec.text.render import render_all

SPECS = Path(__file__).parents[2] / "specs"
WHOLE = [
    path for path in sorted((*SPECS.glob("*.yaml"), *SPECS.glob("zoo/*.yaml"))) if path.stem != "imagenet"
]
EACH = 12
"""Random edits of each kind and file in an ordinary run."""


@cache
def tree(path: Path) -> Mapping:
    root, found, _ = read(open_source(path))
    assert root is not None
    assert not found
    return root


def entries(node: Node) -> Iterator[Entry]:
    """Every entry of every mapping."""
    if isinstance(node, Mapping):
        for entry in node:
            yield entry
            yield from entries(entry.value)
    elif isinstance(node, Sequence):
        for item in node:
            yield from entries(item)


def lists(root: Mapping) -> Iterator[Sequence]:
    """Every list of layers."""
    for entry in entries(root):
        if entry.name in ("layers", "shortcut") and isinstance(entry.value, Sequence):
            yield entry.value


def misspelt(word: str) -> str:
    """The word with a letter that no name of the language has at that place."""
    return word[:-1] + "q" + word[-1]


def wrong_ops(root: Mapping) -> Iterator[Edit]:
    for layers in lists(root):
        for item in layers:
            layer = split(item)
            if layer is not None and ops.find(layer.op):
                yield Edit(layer.span, misspelt(layer.op))


def wrong_arguments(root: Mapping) -> Iterator[Edit]:
    for layers in lists(root):
        for item in layers:
            layer = split(item)
            kind = ops.find(layer.op) if layer is not None else None
            if layer is not None and kind is not None and isinstance(layer.head.value, Mapping):
                for entry in layer.head.value:
                    if entry.name in kind.model_fields and not getattr(kind, "free_arguments", False):
                        yield Edit(entry.key.span, misspelt(entry.name))


def wrong_values(root: Mapping) -> Iterator[Edit]:
    """Values that are asked for by another name."""
    for entry in entries(root):
        if entry.name == "from":
            items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
            yield from (
                Edit(one.span, misspelt(one.text))
                for one in items
                if isinstance(one, Scalar) and one.text != "_"
            )


def wrong_constants(root: Mapping) -> Iterator[Edit]:
    """`$width` of another name, and without its `$`."""
    for entry in entries(root):
        if isinstance(entry.value, Scalar) and re.fullmatch(r"\$[a-z_]+", entry.value.text):
            yield Edit(entry.value.span, misspelt(entry.value.text))
            if entry.name not in ("root", "volume"):  # which may be any word
                yield Edit(entry.value.span, entry.value.text[1:])


def too_large(root: Mapping) -> Iterator[Edit]:
    """A window that no picture has; where pictures have any size and the padding grows with the window, any fits."""
    grows = any(
        entry.name == "padding" and isinstance(entry.value, Scalar) and "kernel_size" in entry.value.text
        for entry in entries(root)
    )
    inputs = root.get("inputs")
    if grows and inputs is not None and re.search(r"\b[A-Z]\b", inputs.value.span.text):
        return
    for entry in entries(root):
        if (
            entry.name == "kernel_size"
            and isinstance(entry.value, Scalar)
            and isinstance(entry.value.value, int)
        ):
            yield Edit(entry.value.span, "99999")


def lost_brackets(root: Mapping) -> Iterator[Edit]:
    """A mapping on one line that is not closed."""
    for entry in entries(root):
        value = entry.value
        if isinstance(value, Mapping) and value.flow and value.span.line == value.span.end_line:
            yield Edit(value.span.source.span(value.span.end - 1, value.span.end), "")


def wrong_keys(root: Mapping) -> Iterator[Edit]:
    """Sections, and keys of training, that are misspelt."""
    for entry in root:
        yield Edit(entry.key.span, misspelt(entry.name))
        if entry.name == "training" and isinstance(entry.value, Mapping):
            yield from (Edit(one.key.span, misspelt(one.name)) for one in entry.value)


def twice(root: Mapping) -> Iterator[Edit]:
    """A key of a section that is written again, on the next line."""
    for entry in root:
        for one in entry.value if isinstance(entry.value, Mapping) and not entry.value.flow else ():
            if one.span.line == one.span.end_line:
                indent = " " * (one.key.span.column - 1)
                yield Edit(one.span.source.span(one.span.end, one.span.end), f"\n{indent}{one.span.text}")


def wrong_wires(root: Mapping) -> Iterator[Edit]:
    for layers in lists(root):
        for item in layers:
            for entry in item if isinstance(item, Mapping) else ():
                if entry.name in WIRES:
                    yield Edit(entry.key.span, misspelt(entry.name))


KINDS: tuple[Callable[[Mapping], Iterator[Edit]], ...] = (
    wrong_ops, wrong_arguments, wrong_values, wrong_constants, too_large, lost_brackets, wrong_keys, twice, wrong_wires,
)  # fmt: skip


def near(diagnostic: Diagnostic, line: int, name: str) -> bool:
    """Whether a diagnostic, or one of its labels, stands within one line of an edit."""
    spans = (diagnostic.span, *(label.span for label in diagnostic.labels))
    return any(span is not None and span.source.name == name and abs(span.line - line) <= 1 for span in spans)


def assert_reported(path: Path, edit: Edit) -> None:
    text = open_source(path).text
    wrong = Source(str(path), text[: edit.span.start] + edit.text + text[edit.span.end :])
    _, found = check_source(wrong, SPECS, beside=path.parent)
    errors = [one for one in found if one.severity is Severity.ERROR]
    shown = f"{path.name}:{edit.span.line}: `{edit.span.text}` -> `{edit.text}`\n" + render_all(
        errors, color=False
    )
    assert errors, shown
    assert near(errors[0], edit.span.line, str(path)), shown


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_wrong_edit_is_reported_within_one_line_of_it(
    path: Path, kind: Callable[[Mapping], Iterator[Edit]]
) -> None:
    edits = list(kind(tree(path)))
    for edit in random.Random(path.stem).sample(edits, min(EACH, len(edits))):
        assert_reported(path, edit)


@pytest.mark.slow
@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_every_wrong_edit_is_reported_within_one_line_of_it(path: Path) -> None:
    for kind in KINDS:
        for edit in kind(tree(path)):
            assert_reported(path, edit)


def test_there_are_edits_of_every_kind_and_words_that_are_none() -> None:
    assert all(any(next(kind(tree(path)), None) for path in WHOLE) for kind in KINDS)
    assert all(ops.find(misspelt(name)) is None for name in ops.names())
    assert all(misspelt(section) not in SECTIONS for section in SECTIONS)
