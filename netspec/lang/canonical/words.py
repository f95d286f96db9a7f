"""One value without parts, as it is written: on one line, on the lines its writer chose, or as an indented block."""

from __future__ import annotations

import re
from functools import lru_cache

import yaml

from netspec.lang.quote import quoted, surplus
from netspec.lang.scalars import resolve
from netspec.lang.tree import Scalar, Style

LONGEST_KEY = 1000
"""Characters of a key that stands before its colon without a `?`; YAML's own limit is 1024 with the colon."""

# Bare everywhere, without asking a parser. No comma and no bracket but round ones, so that it fits into `{...}` too.
_ORDINARY = re.compile(r"-?[$\w](?:[\w.$*/+=<>()-]|[ ](?=[\w.$*/+=<>()-]))*")
# What may lose its quotes: a word, a formula, a quantity. Other texts were quoted for a reason, maybe the reader's.
_WORDY = re.compile(
    r"\$?[A-Za-z_(][\w .,()\[\]+*/<>=-]*[\w)\].]|\$?[A-Za-z_]|[0-9]+(?:\.[0-9]+)? [A-Za-z%]\w*", re.ASCII
)
_UNFINISHED = re.compile(r"\b(?:and|or|not|if|else|in)\Z")
_RESOLVER = yaml.resolver.Resolver()


def on_one_line(scalar: Scalar, *, flow: bool, key: bool = False) -> str | None:
    """The scalar as written on one line inside brackets (`flow`) or outside; None where it cannot be."""
    if scalar.style is Style.PLAIN:
        text = scalar.text
        if "\n" in text:
            return None
        if not text or bare(text, flow=flow, key=key):
            return text
        return quoted(text)
    if needless(scalar, flow=flow, key=key):
        return scalar.text
    written = scalar.span.text
    if scalar.style is Style.QUOTED and "\n" not in written:
        simple = written.startswith("'") and scalar.text.isprintable()
        return quoted(scalar.text) if simple else written
    if scalar.style is Style.QUOTED and scalar.text.isprintable():
        return quoted(scalar.text)
    if scalar.style is Style.BLOCK and not scalar.text.strip("\n"):
        return '"' + "\\n" * len(scalar.text) + '"'
    return None


def on_lines(scalar: Scalar) -> list[str]:
    """The lines of a scalar that was spread over several, each without its indentation."""
    lines = scalar.span.text.split("\n")
    double = lines[0].startswith('"')
    found = []
    for line in lines:
        kept = line.lstrip(" \t").rstrip(" \t")
        backslashes = len(kept) - len(kept.rstrip("\\"))
        cut = len(line.rstrip(" \t"))
        if double and backslashes % 2 and cut < len(line):
            kept += line[cut]  # an escaped space at the end of a line is one of the text
        found.append(kept)
    return found


def as_block(scalar: Scalar) -> tuple[str, list[str]]:
    """The `|` or `>` of a block scalar with its marks, and its lines without their indentation."""
    sign = scalar.span.text[0]
    text = scalar.text.rstrip("\n")
    ends = len(scalar.text) - len(text)
    lines = text.split("\n") if sign == "|" else _folded(scalar)
    first = next((i for i, line in enumerate(lines) if line.strip(" ")), 0)
    deep = lines[first].startswith((" ", "\t")) or any(lines[:first])
    header = sign + ("2" if deep else "") + ("-" if ends == 0 else "+" if ends > 1 else "")
    return header, lines + [""] * max(ends - 1, 0)


def needless(scalar: Scalar, *, flow: bool, key: bool = False) -> bool:
    """Whether the quotes of a scalar can be left out here without anybody, in any version of YAML, reading a change."""
    text = scalar.text
    if scalar.style is not Style.QUOTED or not _WORDY.fullmatch(text) or _UNFINISHED.search(text):
        return False
    if surplus(text) or not isinstance(resolve(text), str):
        return False
    old = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return old == "tag:yaml.org,2002:str" and bare(text, flow=flow, key=key)


@lru_cache(maxsize=4096)
def bare(text: str, *, flow: bool, key: bool = False) -> bool:
    """Whether the text, written without quotes, is read as itself in this place."""
    if _ORDINARY.fullmatch(text):
        return True
    if key:
        trials = [f"{{{text}: 1}}"] if flow else [f"{text}: 1\n"]
    else:
        trials = [f"[{text}]", f"{{k: {text}}}"] if flow else [f"k: {text}\n", f"- {text}\n"]
    return all(_reads(trial, text) for trial in trials)


def _reads(trial: str, text: str) -> bool:
    """Whether a bare scalar `text` is among the events of a small document, and nothing unexpected is."""
    try:
        events = list(yaml.parse(trial, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    scalars = [one for one in events if isinstance(one, yaml.ScalarEvent)]
    wanted = 1 if trial.startswith(("[", "- ")) else 2
    plain = all(one.style is None and one.tag is None and one.anchor is None for one in scalars)
    return (
        plain
        and len(scalars) == wanted
        and any(one.value == text for one in scalars)
        and len(events) == wanted + 6
    )


def _folded(scalar: Scalar) -> list[str]:
    """The lines of a `>` scalar as written: folding forgets where they ended."""
    source, start = scalar.span.source.text, scalar.span.start
    end = source.find("\n", scalar.span.end)
    header, *lines = source[start : len(source) if end < 0 else end].split("\n")
    digit = re.match(r">[-+]?([1-9])", header)
    full = [line for line in lines if line.strip(" ")]
    depth = min((len(line) - len(line.lstrip(" ")) for line in full), default=0)
    if digit:
        # Counted from the indentation of the parent, which the first line's own spaces would hide.
        depth = _parent(source, start) + int(digit[1])
    elif full:
        depth = len(full[0]) - len(full[0].lstrip(" "))
    return [line[depth:] for line in lines]


def _parent(source: str, start: int) -> int:
    """The column of the key or dash that a block scalar stands behind, as YAML counts its indentation."""
    line = source[source.rfind("\n", 0, start) + 1 : start]
    dashes = re.match(r" *(?:- +)*", line)
    depth = dashes.end() if dashes else 0
    return depth if line[depth:].strip() else line.rfind("-") if "-" in line else depth
