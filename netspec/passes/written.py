"""Exact edits of what is written at a node of the graph; none where the text does not allow one that is certain."""

from __future__ import annotations

import re

from netspec.ir.graph import Node
from netspec.text import Edit, Span

_FLOW = re.compile(r":[ \t]*\{[^{}]*", re.DOTALL)
_BLOCK = re.compile(r":[ \t]*(#[^\n]*)?\r?\n.*", re.DOTALL)
_MAIN = re.compile(r":[ \t]+")
_AFTER = re.compile(r"(\s|(?<=\s)#[^\n]*)*[,}]")
_KEY = re.compile(r"\w+[ \t]*:")
_SINGLE = re.compile(r"[^,{}\[\]#\n]+")


def with_argument(node: Node, name: str, value: str) -> Edit | None:
    """The edit after which the layer says `name: value`: a written value is replaced, else the argument is added."""
    if not node.origin:
        return None
    head, arguments = node.origin[0].span, node.origin[0].arguments
    if not arguments or any(span.source is not head.source for span in arguments.values()):
        return None
    if name in arguments:
        return Edit(arguments[name], value)
    source, text = head.source, head.source.text
    first = min(arguments.values(), key=lambda one: one.start)
    last = max(arguments.values(), key=lambda one: one.end)
    if first.start <= head.end:
        return None
    between = text[head.end : first.start]
    if _FLOW.fullmatch(between) and _AFTER.match(text, last.end):
        return Edit(source.span(last.end, last.end), f", {name}: {value}")
    if _MAIN.fullmatch(between) and set(arguments) == {node.op.main} and _SINGLE.fullmatch(first.text):
        return Edit(first, f"{{{node.op.main}: {first.text}, {name}: {value}}}")
    if _BLOCK.fullmatch(between):
        line = source.line(first.line)
        indent = line[: len(line) - len(line.lstrip(" "))]
        if not _KEY.match(line, len(indent)) or "\n" in last.text:
            return None
        end = text.find("\n", last.end)
        place = len(text) if end < 0 else end - (text[end - 1] == "\r")
        line_break = "\r\n" if end >= 0 and text[end - 1] == "\r" else "\n"
        return Edit(source.span(place, place), f"{line_break}{indent}{name}: {value}")
    return None


def with_layer_before(node: Node, layer: str) -> Edit | None:
    """The edit that puts one more layer before a written one, which must begin its line and take what flows."""
    if not node.origin:
        return None
    head = node.origin[0].span
    line = head.source.line(head.line)
    before = line[: head.column - 1]
    indent = line[: len(line) - len(line.lstrip(" "))]
    if before.strip() not in ("-", "- {") or _says_from(head, len(indent)):
        return None
    start = head.start - len(before) + len(indent)
    return Edit(head.source.span(start, start), f"- {layer}\n{indent}")


def _says_from(head: Span, indent: int) -> bool:
    """Whether `from` is written anywhere in the layer that begins its line with a dash behind `indent` spaces."""
    rest = head.source.text[head.end :]
    end = re.search(rf"\n {{0,{indent}}}\S", rest)
    return re.search(r"\bfrom\s*:", rest[: end.start() if end else len(rest)]) is not None
