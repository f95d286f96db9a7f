"""What the YAML parser refuses, told in the words of somebody who writes specs.

The parser names the character at which it gave up, which is seldom the mistake. Each rule here, in `brackets` and in
`reserved` knows one mistake and looks for it around that place; the first that finds its own speaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Sequence as Items

import yaml

from netspec import ops
from netspec.lang import brackets, reserved
from netspec.lang.quote import line_value, quoted, surplus
from netspec.lang.traps import TIGHT, invisible
from netspec.lang.tree import Scalar, Style
from netspec.lang.trouble import KEYED, Trouble
from netspec.text.diagnostic import Diagnostic, Edit, Label, Severity
from netspec.text.source import Source, Span

_DASHES = re.compile(r" *(?:- +)*")


def explain(source: Source, error: yaml.MarkedYAMLError, scalars: Items[Scalar]) -> Diagnostic:
    """The one diagnostic for a syntax error; `scalars` are those read before it."""
    case = Trouble.of(source, error, scalars)
    found = next((told for rule in _RULES if (told := rule(case))), None)
    return found or _anything(case)


def tab(source: Source, places: Items[int]) -> Diagnostic:
    """Tabs outside quotes, blocks of text and comments; `places` are their offsets, at least one."""
    span = source.span(places[0], places[0] + 1)
    more = len({source.position(place)[0] for place in places}) - 1
    notes = (f"{more} more {'line has' if more == 1 else 'lines have'} one",) if more else ()
    message, help = "a tab stands here; YAML wants spaces", "set the editor to write spaces"
    return Diagnostic("NS013", Severity.ERROR, message, span, notes=notes, help=help, edit=Edit(span, "  "))


def _tab(case: Trouble) -> Diagnostic | None:
    if case.here == "\t":
        return tab(case.source, [case.at])
    start = case.line_start(case.at)
    margin = re.compile(r"[ \t]*").match(case.text, start)
    at = case.text.find("\t", start, margin.end() if margin else start)
    return tab(case.source, [at]) if at >= 0 else None


def _unseen(case: Trouble) -> Diagnostic | None:
    """An invisible character in the last word: `a:` with a no-break space behind it is no key."""
    return next(invisible(case.last), None) if case.last else None


def _nested(case: Trouble) -> Diagnostic | None:
    if "depth" not in case.problem + case.context:
        return None
    help = "name the inner layers in `blocks` and use them by name"
    return case.error("NS014", "this is nested too deep", case.span(case.at, case.at + 1), help=help)


def _document(case: Trouble) -> Diagnostic | None:
    """Text after `...`, and lines that begin with `%`."""
    if "<document start>" in case.problem and case.text[: case.at].rstrip().endswith("..."):
        message = "text stands behind the end of the document (`...`)"
        return case.error("NS007", message, case.span(case.at, case.at + 1), help="leave the `...` out")
    start = case.line_start(case.begun)
    if "<document start>" in case.problem:
        start = max(case.text.find("%", 0, case.at), 0)
    if case.text[start : start + 1] != "%" or start != case.line_start(start):
        return None
    message = "a line that begins with `%` is a YAML directive, which a spec does not have"
    span = case.span(start, start + len(line_value(case.source, start)))
    return case.error("NS007", message, span, help="leave it out; a spec is always read as YAML 1.2")


def _tight(case: Trouble) -> Diagnostic | None:
    """`stride:1`, on the line of the trouble or where it began."""
    for start in dict.fromkeys((case.begun, case.last.span.start if case.last else case.at, case.at)):
        dashes = _DASHES.match(case.text, case.line_start(start))
        found = TIGHT.match(case.text, dashes.end()) if dashes else None
        if found:
            end = found.end()
            return case.error(
                "NS017",
                f"a space is missing after `{found[1]}:`",
                case.span(found.start(1), end),
                help=f"write `{found[1]}: {line_value(case.source, end)}`",
                edit=Edit(case.span(end, end), " "),
            )
    return None


def _commented(case: Trouble) -> Diagnostic | None:
    """A value that goes on behind a comment: the comment ended it."""
    last = case.last
    if last is None or last.style is not Style.PLAIN or not last.span.text or case.in_flow:
        return None
    between = re.compile(r"[ \t]*(#[^\n]*)\n\s*").match(case.text, last.span.end)
    if not between or between.end() not in (case.at, case.begun):
        return None
    comment = case.span(between.start(1), between.start(1) + len(between[1].rstrip()))
    going_on = Label(case.span(between.end(), between.end() + 1), "this no longer belongs to it")
    message = "a comment ends the value, and the next line goes on with it"
    return case.error(
        "NS018", message, comment, labels=(going_on,), help="move the comment to a line above the value"
    )


def _colon(case: Trouble) -> Diagnostic | None:
    """`- batch_norm` with `when:` under it, and a value with a deeper key under it: the value was read on."""
    last = case.last
    if "mapping values" not in case.problem or last is None or last.span.end != case.at:
        return None
    if last.style is not Style.PLAIN or "\n" not in last.span.text:
        return None
    top = case.line_above(case.at)
    if top is None:
        return None
    start = max(top.start, last.span.start)
    value = case.span(start, start + len(line_value(case.source, start)))
    margin = case.line_start(case.at)
    key = case.text[margin : case.at].strip()
    under = case.span(case.at - len(key), case.at)
    if not (keyed := KEYED.match(case.text, case.line_start(start))):
        return case.error(
            "NS016",
            f"`{value.text}` has `{key}:` under it and no colon",
            value,
            label="a colon is missing here",
            labels=(Label(under, "this belongs to it"),),
            help=f"write `- {value.text}:` or `{{{value.text}, {key}: ...}}`",
            edit=Edit(case.span(value.end, value.end), ":"),
        )
    column = keyed.start("key") - case.line_start(start)
    kind = ops.find(keyed["key"])
    if (
        kind is not None and kind.main and key in kind.model_fields
    ):  # two arguments: then both have their names
        help = f"write `{kind.name}: {{{kind.main}: {value.text}, {key}: …}}`"
    else:
        kind, help = None, f"begin `{key}` in the same column as `{keyed['key']}`"
    return case.error(
        "NS022",
        f"`{key}:` is indented like a part of `{keyed['key']}`, which already has its value",
        under,
        labels=(Label(value, f"the value of `{keyed['key']}`"),),
        help=help,
        edit=None if kind else Edit(case.span(margin, under.start), " " * column),
    )


def _second_colon(case: Trouble) -> Diagnostic | None:
    """`a: b: c`, and `a[1: 2]`."""
    last = case.last
    if "mapping values" not in case.problem or last is None or last.span.end != case.at:
        return None
    value = line_value(case.source, last.span.start)
    span = case.span(last.span.start, last.span.start + len(value))
    edit = Edit(span, quoted(value))
    if surplus(last.span.text) > 0:
        message = f"the `: ` breaks `{value}` off inside its bracket"
        help = f"write the slice without a space, or quote it: `{quoted(value)}`"
        return case.error("NS019", message, span, edit=edit, help=help)
    help = f"quote the value: `{quoted(value)}`; if `{last.span.text}` is a key, put it on a line of its own"
    here = case.span(case.at, case.at + 1)
    return case.error("NS023", "a second `: ` stands in one value", here, edit=edit, help=help)


def _missing_colon(case: Trouble) -> Diagnostic | None:
    """A line among keys that has no colon."""
    if "expected ':'" not in case.problem:
        return None
    word = line_value(case.source, case.begun)
    return case.error(
        "NS016",
        f"`{word}` stands among keys and has no colon",
        case.span(case.begun, case.begun + len(word)),
        label="a colon is missing here",
        help=f"write `{word}: ...`; an item of a list begins with `- `",
    )


def _indentation(case: Trouble) -> Diagnostic | None:
    """A line that fits under no line above it."""
    start = case.line_start(case.at)
    columns = case.at - start
    if case.text[start : case.at].strip() or case.in_flow or not case.here:
        return None
    line = line_value(case.source, case.at)
    span = case.span(case.at, case.at + len(line))
    above = case.line_above(case.at)
    after = (Label(above, "after this line"),) if above else ()
    if line.startswith(":"):
        return case.error(
            "NS010", "a key is missing before the `:`", span, help="write a name before the `:`"
        )
    if line.startswith("- "):
        help = "put the list under a key that has no value yet"
        items = re.findall(r"^( *)- ", case.text[:start], re.MULTILINE)
        if items and len(items[-1]) != columns:
            help = f"begin it in column {len(items[-1]) + 1}, as the items of the list above"
        return case.error("NS022", "a list item stands among keys", span, labels=after, help=help)
    if "'-'" in case.problem or case.text[case.begun :].startswith("- "):
        message = f"`{line}` stands among list items and begins with no `- `"
        help = "begin it with `- `, or indent it to where it belongs"
        labels = (Label(case.span(case.begun, case.begun + 1), "the list begins here"),)
        return case.error("NS022", message, span, labels=labels, help=help)
    message = f"this line is indented by {columns}, and fits under no line above it"
    help = "begin it in the same column as the lines it belongs with"
    return case.error("NS022", message, span, labels=after, help=help)


def _anything(case: Trouble) -> Diagnostic:
    """What no rule knows: the place, and the parser's own words as a note."""
    words = ", ".join(word for word in (case.context, case.problem) if word)
    at = min(case.at, max(len(case.text) - 1, 0))
    return Diagnostic(
        "NS008",
        Severity.ERROR,
        "YAML cannot be read on from here",
        Span(case.source, at, min(at + 1, len(case.text))),
        notes=(f"the YAML parser says: {words}",) if words else (),
        help="quote a value that holds more than a word or a number",
    )


_RULES: tuple[Callable[[Trouble], Diagnostic | None], ...] = (
    _tab,
    _unseen,
    _nested,
    _document,
    reserved.quote,
    _tight,
    _commented,
    _colon,
    _second_colon,
    brackets.unclosed,
    brackets.bare_bracket,
    reserved.indicator,
    reserved.own_character,
    brackets.comma,
    _missing_colon,
    _indentation,
)
