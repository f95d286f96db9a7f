"""YAML events to the located tree, refusing on the way what the language leaves out of YAML.

YAML calls this step composing. PyYAML's own composer is not used: its C form overflows the stack on deep nesting, it
drops the places of keys, lets the last of two equal keys win, and reads numbers by the rules of YAML 1.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import yaml

from netspec.lang.scalars import complaint, resolve
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence, Style
from netspec.text.diagnostic import Diagnostic, Edit, Label, Severity
from netspec.text.source import Source, Span

DEEPEST = 64
"""Levels of nesting that are read. A spec has about ten; the cap lets whoever walks the tree recurse without fear."""

MOST = 100
"""Errors that are kept of one file; nobody reads more, and a hostile file could make millions."""

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*(?:[&!]\S*)?")


class Stop(Exception):
    """The text cannot be read on from here; the reason has been reported."""


@dataclass
class _Open:
    """A mapping or sequence whose end has not come yet."""

    start: int
    flow: bool
    entries: list[Entry] | None  # None in a sequence
    items: list[Node] = field(default_factory=list)
    keys: dict[str, Scalar] = field(default_factory=dict)
    key: Scalar | None = None  # read, and waiting for its value
    repeated: bool = False  # the key stood before: its value is dropped


class Composer:
    """Takes the events of one document, one at a time; `root` is the tree once all have come."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Node | None = None
        self.found: list[Diagnostic] = []
        self.scalars: list[
            Scalar
        ] = []  # in the order of the text: everything between them is structure or comment
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """One event of the stream."""
        start = event.start_mark.index if event.start_mark else 0
        end = event.end_mark.index if event.end_mark else start
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, start, end))
        elif isinstance(event, yaml.AliasEvent):
            self._alias(start, end)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event, start)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end(end)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event, start)

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: str = "",
        label: str = "",
        labels: tuple[Label, ...] = (),
        edit: Edit | None = None,
    ) -> None:
        """Keep one error, unless there are too many already."""
        if len(self.found) < MOST:
            self.found.append(
                Diagnostic(code, Severity.ERROR, message, span, label, labels, help=help, edit=edit)
            )

    def _document(self, event: yaml.DocumentStartEvent, start: int) -> None:
        self._documents += 1
        if self._documents > 1:
            span = self.source.span(start, start + 3)
            self.report(
                "NS007",
                "a second document begins here; a spec is one document",
                span,
                help="put the second one in a file of its own",
            )
            raise Stop
        if event.version or event.tags:
            end = self.source.text.find("\n", start)
            span = self.source.span(start, len(self.source.text) if end < 0 else end)
            self.report(
                "NS007",
                "YAML directives are not part of a spec, which is always read as YAML 1.2",
                span,
                help="leave this line and the `---` out",
            )

    def _properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, start: int) -> int:
        """Report an anchor or a tag in front of a node; where the node itself begins."""
        if event.anchor is None and event.tag is None:
            return start
        properties = _PROPERTIES.match(self.source.text, start)
        end = properties.end() if properties else start
        for word in re.finditer(r"\S+", self.source.text[start:end]):
            span = self.source.span(start + word.start(), start + word.end())
            if word.group().startswith("&"):
                self.report(
                    "NS012",
                    f"`{word.group()}` is a YAML anchor, which a spec does not have",
                    span,
                    help="a constant that is used twice goes in `define`, layers that are used twice in "
                    "`blocks`; quote a formula that begins with `&`",
                )
            else:
                self.report(
                    "NS011",
                    f"`{word.group()}` is a YAML tag, which a spec does not have",
                    span,
                    help="leave it out; quote a formula that begins with `!`, and write `not f` for its "
                    "opposite",
                )
        return end

    def _scalar(self, event: yaml.ScalarEvent, start: int, end: int) -> Scalar:
        refused = event.anchor is not None or event.tag is not None
        start = min(self._properties(event, start), end)
        text = event.value
        if event.style in ("|", ">"):
            end = start + len(self.source.text[start:end].rstrip())
            scalar = Scalar(text, self.source.span(start, end), Style.BLOCK, text, refused)
        elif event.style in ("'", '"'):
            scalar = Scalar(text, self.source.span(start, end), Style.QUOTED, text, refused)
        else:
            scalar = self._bare(text, self.source.span(start, end), refused=refused)
        self.scalars.append(scalar)
        return scalar

    def _bare(self, text: str, span: Span, *, refused: bool) -> Scalar:
        if trouble := complaint(text):
            edit = Edit(span, trouble.cure) if trouble.cure else None
            self.report("NS015", trouble.message, span, help=trouble.help, edit=edit)
            value = resolve(trouble.cure) if trouble.cure else 0
            return Scalar(value, span, Style.PLAIN, trouble.cure or text, refused=True)
        return Scalar(resolve(text), span, Style.PLAIN, text, refused)

    def _alias(self, start: int, end: int) -> None:
        span = self.source.span(start, end)
        self.report(
            "NS012",
            f"`{span.text}` is a YAML alias, which a spec does not have",
            span,
            help="a constant that is used twice goes in `define`, layers that are used twice in `blocks`; "
            "quote a formula that begins with `*`",
        )
        scalar = Scalar(None, span, refused=True)
        self.scalars.append(scalar)
        self._add(scalar)

    def _begin(self, event: yaml.CollectionStartEvent, start: int) -> None:
        start = self._properties(event, start)
        if len(self._open) >= DEEPEST:
            span = self.source.span(start, start + 1)
            self.report(
                "NS014",
                f"this is nested more than {DEEPEST} levels deep",
                span,
                help="name the inner layers in `blocks` and use them by name",
            )
            raise Stop
        mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(start, bool(event.flow_style), [] if mapping else None))

    def _end(self, end: int) -> None:
        done = self._open.pop()
        parts: list[Node] = done.items
        node: Node
        if done.entries is not None:
            parts = [part for entry in done.entries for part in (entry.key, entry.value)]
        bracketed = done.flow and self.source.text[done.start : done.start + 1] in ("{", "[")
        if not bracketed:
            # The event ends where the next token begins, white space and comments later: end at the last part.
            end = max((part.span.end for part in parts), default=done.start)
        span = self.source.span(done.start, max(end, done.start))
        if done.entries is None:
            node = Sequence(tuple(done.items), span, done.flow)
        else:
            node = Mapping(tuple(done.entries), span, done.flow)
        self._add(node)

    def _add(self, node: Node) -> None:
        """Put a finished node where it belongs in the innermost open one."""
        if not self._open:
            self.root = node
            return
        place = self._open[-1]
        if place.entries is None:
            place.items.append(node)
        elif place.key is None:
            place.key = self._key(place, node)
        else:
            if not place.repeated:
                place.entries.append(Entry(place.key, node))
            place.key = None

    def _key(self, place: _Open, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            kind = "mapping" if isinstance(node, Mapping) else "list"
            self.report(
                "NS010",
                f"a {kind} cannot be a key",
                node.span,
                help="a key is one word; put a formula that begins with a bracket in quotes",
            )
            node = Scalar(node.span.text, node.span, Style.PLAIN, node.span.text, refused=True)
        elif node.style is Style.PLAIN and not node.refused:
            node = self._decimal_comma(place, node) or self._bare_key(node)
        place.repeated = node.text in place.keys
        if place.repeated:
            first = place.keys[node.text]
            self.report(
                "NS009",
                f"`{node.text}` is written twice",
                node.span,
                label="again here",
                labels=(Label(first.span, "first here"),),
                help="keep one of the two",
            )
        else:
            place.keys[node.text] = node
        return node

    def _decimal_comma(self, place: _Open, key: Scalar) -> Scalar | None:
        """`{lr: 0,3}`: the digits behind a comma are the next key. None where that is not so."""
        last = place.entries[-1] if place.entries else None
        if last is None or not place.flow or not isinstance(last.value, Scalar) or not key.text.isdecimal():
            return None
        whole = self.source.span(last.value.span.start, key.span.end)
        if whole.text != f"{last.value.span.text},{key.text}" or not last.value.span.text.isdecimal():
            return None
        point = whole.text.replace(",", ".")
        self.report(
            "NS024",
            f"inside `{{...}}` a comma ends the value `{last.value.text}`",
            whole,
            help=f"write `{point}`",
            edit=Edit(whole, point),
        )
        assert place.entries is not None
        place.entries[-1] = Entry(last.key, replace(last.value, refused=True))
        return replace(key, refused=True)

    def _bare_key(self, key: Scalar) -> Scalar:
        if key.text == "<<":
            self.report(
                "NS012",
                "`<<` merges mappings in YAML 1.1, which a spec does not have",
                key.span,
                help="use `blocks` for layers and `extends` for whole files",
            )
            return Scalar(key.text, key.span, key.style, key.text, refused=True)
        if isinstance(key.value, str):
            return key
        kinds = {type(None): "empty", bool: "a truth value", int: "a number", float: "a number"}
        written = f"`{key.text}`" if key.text else "this key"
        edit = Edit(key.span, f'"{key.text}"') if key.text else None
        self.report(
            "NS010",
            f"{written} is {kinds[type(key.value)]}, and a key is a word",
            key.span,
            help=f'write `"{key.text}"` if this word is meant' if key.text else "write a name before the `:`",
            edit=edit,
        )
        return Scalar(key.text, key.span, key.style, key.text, refused=True)
