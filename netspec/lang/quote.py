"""Quoting a value, and seeing where it would end had it been quoted."""

from __future__ import annotations

from netspec.text.source import Source

_CLOSING = {"(": ")", "[": "]", "{": "}"}


def quoted(text: str) -> str:
    """The text as a YAML string in quotes: double quotes, unless it has such or a backslash of its own."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def surplus(text: str) -> int:
    """How many round, square and curly brackets are opened in the text and not closed; negative if it closes more."""
    opened = text.count("(") + text.count("[") + text.count("{")
    return opened - text.count(")") - text.count("]") - text.count("}")


def line_value(source: Source, start: int) -> str:
    """What stands from `start` to the end of its line, without a comment and trailing white space."""
    end = source.text.find("\n", start)
    rest = source.text[start : end if end >= 0 else len(source.text)]
    return rest.split(" #")[0].rstrip()


def flow_value(source: Source, start: int) -> str:
    """What stands from `start` to the comma or bracket that ends an item of `{...}` or `[...]`, on one line.

    Commas and brackets inside brackets that the value itself opens belong to it: `max(1, c)` is one value.
    """
    line = line_value(source, start)
    waiting: list[str] = []
    for at, character in enumerate(line):
        if character in _CLOSING:
            waiting.append(_CLOSING[character])
        elif waiting and character == waiting[-1]:
            waiting.pop()
        elif not waiting and character in ",]}":
            return line[:at].rstrip()
    return line
