"""Text that is good YAML and says something else than its writer meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as Items

from netspec.lang.quote import line_value, quoted, surplus
from netspec.lang.tree import Comment, Entry, Mapping, Node, Scalar, Sequence, Style
from netspec.text.diagnostic import Diagnostic, Edit, Label, Severity
from netspec.text.source import Span

TIGHT = re.compile(r"([A-Za-z_]\w*):(?=[^\s/\\:])")
"""A key with its value too close to its colon; `C:\\` and `http://` are not meant."""

_UNFINISHED = re.compile(
    r"(?:[-+*/=<>,(\[{]|(?<!\d)(?<!\d )%|\b(?:and|or|not|if|else|in))\Z"
)  # `2 %` is a quantity
_INVISIBLE = re.compile("[\xa0\u1680\u2000-\u200d\u202a-\u202f\u205f-\u2064\u2066-\u2069\u3000]")
_HOLDERS = ("layers", "branches", "shortcut")
_WIRES = ("name", "from", "when", "repeat", "init", "freeze", "as")


def traps(root: Node, comments: Items[Comment]) -> Iterator[Diagnostic]:
    """Everything in the tree, and in its comments, that YAML and its writer read differently."""
    nodes: list[tuple[Node, Node | None]] = [(root, None)]
    last: dict[int, Scalar] = {}  # by line: the bare word that ends on it
    while nodes:
        node, parent = nodes.pop()
        if isinstance(node, Scalar):
            yield from invisible(node)
            if comments and node.style is Style.PLAIN and node.text:
                last[node.span.source.position(node.span.end)[0]] = node
            continue
        if node.flow:
            yield from _brackets(node)
        yield from _tight(node)
        if isinstance(node, Mapping):
            if isinstance(parent, Sequence):
                yield from _two_ops(node)
            nodes.extend(
                (part, node) for entry in reversed(node.entries) for part in (entry.value, entry.key)
            )
        else:
            nodes.extend((item, node) for item in reversed(node.items))
    for comment in comments:
        if (value := last.get(comment.span.line)) and value.span.end < comment.span.start:
            yield from _cut_off(value, comment)


def invisible(scalar: Scalar) -> Iterator[Diagnostic]:
    """Spaces that are none: they come with text pasted from a page, and make a word that no one can tell apart."""
    if scalar.text.isascii() or scalar.style is not Style.PLAIN:
        return
    if found := _INVISIBLE.search(scalar.span.text):
        span = scalar.span.part(found.start(), found.end())
        kind = "a no-break space" if found.group() == "\xa0" else "an invisible character"
        wide = found.group().isspace()
        yield Diagnostic(
            "NS004",
            Severity.ERROR,
            f"{kind} (U+{ord(found.group()):04X}) stands in this word",
            span,
            help="write an ordinary space" if wide else "delete it",
            edit=Edit(span, " " if wide else ""),
        )


def _brackets(node: Mapping | Sequence) -> Iterator[Diagnostic]:
    """`{groups: $max(1, c // 16)}`: the comma inside the round brackets has cut the value in two."""
    if node.span.source.text.find("(", node.span.start, node.span.end) < 0:
        return  # brackets of other kinds end a bare word, so the parser has refused them
    leaves = list(_leaves(node))
    at = 0
    while at < len(leaves):
        first = leaves[at]
        depth = surplus(first.span.text) if first.style is Style.PLAIN else 0
        at += 1
        if depth <= 0:
            continue
        end = at
        while end < len(leaves) and depth > 0:
            depth += surplus(leaves[end].span.text) if leaves[end].style is Style.PLAIN else 0
            end += 1
        outer = "{...}" if isinstance(node, Mapping) else "[...]"
        if depth:
            yield Diagnostic(
                "NS019",
                Severity.ERROR,
                f"a bracket in `{first.text}` is not closed inside `{outer}`",
                first.span,
                help="close it, and quote a value that has a comma in it",
            )
            return
        span = Span(first.span.source, first.span.start, leaves[end - 1].span.end)
        whole = " ".join(span.text.split())
        listed = re.fullmatch(r"\(([\w\s.,$-]*)\)", whole)
        cure = f"[{listed[1]}]" if listed else quoted(whole)
        yield Diagnostic(
            "NS019",
            Severity.ERROR,
            f"inside `{outer}`, a comma ends the value `{first.text}`",
            span,
            help=f"a list stands in square brackets: `{cure}`" if listed else f"quote it: `{cure}`",
            edit=Edit(span, cure),
        )
        at = end


def _leaves(node: Mapping | Sequence) -> Iterator[Scalar]:
    """The scalars that stand directly in a node, keys included, as they were written."""
    parts: Iterator[Node]
    if isinstance(node, Mapping):
        parts = (part for entry in node.entries for part in (entry.key, entry.value))
    else:
        parts = iter(node.items)
    yield from (part for part in parts if isinstance(part, Scalar) and part.span.text)


def _tight(node: Mapping | Sequence) -> Iterator[Diagnostic]:
    """`{b:1}` and `- conv:32`: without a space the colon is a letter like any other."""
    for part in node:
        scalar = part.key if isinstance(part, Entry) else part
        if not isinstance(scalar, Scalar) or ":" not in scalar.text or scalar.style is not Style.PLAIN:
            continue
        found = TIGHT.match(scalar.span.text)
        if not found:
            continue
        source, end = scalar.span.source, scalar.span.start + found.end()
        bracket = source.text.startswith(("{", "["), end)
        if (
            isinstance(part, Entry)
            and not bracket
            and (not isinstance(part.value, Scalar) or part.value.span.text)
        ):
            continue  # `a:b: 1` has its value: the first colon belongs to a name
        rest = line_value(source, end) if not node.flow else scalar.span.text[found.end() :]
        yield Diagnostic(
            "NS017",
            Severity.ERROR,
            f"a space is missing after `{found[1]}:`",
            scalar.span,
            help=f"write `{found[1]}: {rest}`",
            edit=Edit(Span(source, end, end), " "),
        )


def _two_ops(layer: Mapping) -> Iterator[Diagnostic]:
    """`- residual:` with `layers:` in the same column: two keys of one mapping, not one inside the other."""
    if layer.flow or not layer.entries:
        return
    op = layer.entries[0]
    empty = isinstance(op.value, Scalar) and not op.value.span.text and not op.value.refused
    if not empty or op.name in _WIRES:
        return
    for entry in layer.entries[1:]:
        if entry.name not in _HOLDERS:
            continue
        source = entry.span.source
        start = entry.span.start - entry.key.span.column + 1
        lines = source.text[start : entry.span.end].split("\n")
        moved = "\n".join("  " + line if line.strip() else line for line in lines)
        edit = Edit(source.span(start, entry.span.end), moved)
        yield Diagnostic(
            "NS021",
            Severity.ERROR,
            f"`{op.name}` and `{entry.name}` are two operations in one layer",
            entry.key.span,
            labels=(Label(op.key.span, "this one has nothing under it"),),
            help=f"indent `{entry.name}` further than `{op.name}`",
            edit=edit,
        )
        return


def _cut_off(value: Scalar, comment: Comment) -> Iterator[Diagnostic]:
    """`loss: a #b`: what follows ` #` is a comment, which the writer may not have meant."""
    written = value.span.text
    if surplus(written) > 0 or _UNFINISHED.search(written):
        yield Diagnostic(
            "NS018",
            Severity.WARNING,
            f"` #` ends the value `{written.splitlines()[-1].strip()}`, which looks unfinished",
            comment.span,
            label="from here on it is a comment",
            help="finish the value before the comment, or quote it if the `#` belongs to it",
        )
    elif isinstance(value.value, str) and re.match(r"#[\w$(\[{'\"]", comment.span.text):
        space = Span(comment.span.source, comment.span.start + 1, comment.span.start + 1)
        whole = quoted(comment.span.source.text[value.span.start : comment.span.end])
        yield Diagnostic(
            "NS018",
            Severity.WARNING,
            f"` #` ends the value `{written.splitlines()[-1].strip()}`",
            comment.span,
            label="from here on it is a comment",
            help=f"write `# ` with a space if a comment is meant, or quote it: `{whole}`",
            edit=Edit(space, " "),
        )
