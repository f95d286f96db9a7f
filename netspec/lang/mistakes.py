"""What the YAML parser refuses, told in the words of somebody who writes specs.

The parser names the character at which it gave up, which is seldom the mistake. Each rule below knows one mistake and
looks for it around that place; the first that finds its own speaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Sequence as Items
from dataclasses import dataclass

import yaml

from netspec.lang.quote import flow_value, line_value, quoted, surplus
from netspec.lang.tree import Scalar, Style
from netspec.text.diagnostic import Diagnostic, Edit, Label, Severity
from netspec.text.source import Source, Span

_CLOSING = {"{": "}", "[": "]"}
_TIGHT = re.compile(r"[ ]*(?:- +)*([A-Za-z_]\w*):(?=[^\s/\\:])")
_KEYED = re.compile(r"[ ]*(?:- +)*(?P<key>[^\s#'\"{\[][^#'\"{\[]*?):[ ]+(?=\S)")

_OWN = {
    "|": "`|` begins a block of text in YAML; the absolute value is `abs(a)`",
    ">": "`>` begins a block of text in YAML; the language has no version operators",
    "*": "`*` begins an alias in YAML, which a spec does not have; the language has no globs either",
    "&": "`&` begins an anchor in YAML, which a spec does not have; in a formula write `and`",
    "!": "`!` begins a tag in YAML, which a spec does not have; in a formula write `not`",
    "@": "YAML keeps `@` for itself",
    "`": "YAML keeps the backtick for itself",
    "%": "YAML keeps `%` at the beginning for itself",
    "'": "a value that begins with a quote ends with that quote",
    '"': "a value that begins with a quote ends with that quote",
    "[": "a value that begins with `[` is a list, and ends with its `]`",
    "{": "a value that begins with `{` is a mapping, and ends with its `}`",
    "?": "`? ` begins a long key in YAML",
    ",": "a comma separates the items of `[...]` and `{...}`",
    "]": "a `]` closes a list, and none is open",
    "}": "a `}` closes a mapping, and none is open",
}


@dataclass(frozen=True)
class _Trouble:
    """What the parser knows: where it gave up, where what it was reading began, and the last scalar it had read."""

    source: Source
    at: int
    problem: str
    context: str
    begun: int
    last: Scalar | None

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def here(self) -> str:
        """The character at which the parser gave up; empty at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def line_start(self) -> int:
        return self.text.rfind("\n", 0, self.at) + 1

    @property
    def indentation(self) -> str:
        """What stands before `at` on its line."""
        return self.text[self.line_start : self.at]

    def span(self, start: int, end: int) -> Span:
        return self.source.span(start, min(end, len(self.text)))

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: str,
        label: str = "",
        labels: tuple[Label, ...] = (),
        edit: Edit | None = None,
    ) -> Diagnostic:
        return Diagnostic(code, Severity.ERROR, message, span, label, labels, help=help, edit=edit)


def explain(source: Source, trouble: yaml.MarkedYAMLError, scalars: Items[Scalar]) -> Diagnostic:
    """The one diagnostic for a syntax error; `scalars` are those read before it."""
    mark = trouble.problem_mark or trouble.context_mark
    at = min(mark.index if mark else 0, len(source.text))
    begun = trouble.context_mark.index if trouble.context_mark else at
    last = scalars[-1] if scalars else None
    case = _Trouble(source, at, trouble.problem or "", trouble.context or "", begun, last)
    found = next((told for rule in _RULES if (told := rule(case))), None)
    return found or _anything(case)


def tab(source: Source, places: Items[int]) -> Diagnostic:
    """Tabs outside quotes, blocks of text and comments."""
    span = source.span(places[0], places[0] + 1)
    more = len({source.position(place)[0] for place in places}) - 1
    notes = (f"{more} more {'line has' if more == 1 else 'lines have'} one",) if more else ()
    return Diagnostic(
        "NS013",
        Severity.ERROR,
        "a tab stands here; YAML wants spaces",
        span,
        notes=notes,
        help="set the editor to write spaces",
        edit=Edit(span, "  "),
    )


def _tab(case: _Trouble) -> Diagnostic | None:
    line = case.source.line(case.source.position(case.at)[0])
    margin = line[: len(line) - len(line.lstrip())]
    if case.here == "\t":
        return tab(case.source, [case.at])
    return tab(case.source, [case.line_start + margin.index("\t")]) if "\t" in margin else None


def _nested(case: _Trouble) -> Diagnostic | None:
    if "depth" not in case.problem + case.context:
        return None
    return case.error(
        "NS014",
        "this is nested too deep",
        case.span(case.at, case.at + 1),
        help="name the inner layers in `blocks` and use them by name",
    )


def _document(case: _Trouble) -> Diagnostic | None:
    """Text after `...`, and lines that begin with `%`."""
    if "<document start>" in case.problem and case.text[: case.at].rstrip().endswith("..."):
        return case.error(
            "NS007",
            "text stands behind the end of the document (`...`)",
            case.span(case.at, case.at + 1),
            help="leave the `...` out",
        )
    start = case.text.rfind("\n", 0, case.begun) + 1
    if case.text[start : start + 1] != "%":
        return None
    return case.error(
        "NS007",
        "a line that begins with `%` is a YAML directive, which a spec does not have",
        case.span(start, start + len(line_value(case.source, start))),
        help="leave it out; a spec is always read as YAML 1.2",
    )


def _quote(case: _Trouble) -> Diagnostic | None:
    """A quote that is never closed, and escapes that do not exist."""
    if "quoted scalar" in case.context and ("end of stream" in case.problem or "document" in case.problem):
        quote = case.text[case.begun]
        return case.error(
            "NS019",
            f"this {quote} is not closed",
            case.span(case.begun, case.begun + 1),
            help=f"put a {quote} where the text ends",
        )
    if "double-quoted" not in case.context and "quoted scalar" not in case.context:
        return None
    at = case.text.rfind("\\", case.begun, case.at + 1)
    if at < 0:
        return None
    span = case.span(at, at + 2)
    return case.error(
        "NS025",
        f"`{span.text}` is no escape",
        span,
        edit=Edit(span, "\\" + span.text),
        help=f"write `\\{span.text}` for a backslash, or use single quotes",
    )


def _colon(case: _Trouble) -> Diagnostic | None:
    """`- batch_norm` with `when:` under it: the name was read on into the next line."""
    last = case.last
    if "mapping values" not in case.problem or last is None or last.span.end != case.at:
        return None
    lines = last.span.text.splitlines()
    if last.style is not Style.PLAIN or len(lines) < 2:
        return None
    first, key = lines[-2].strip(), lines[-1].strip()
    above = case.text.rfind("\n", 0, case.line_start - 1) + 1
    start = max(above, last.span.start)
    start += len(case.text[start:]) - len(case.text[start:].lstrip())
    top, under = case.span(start, start + len(first)), case.span(case.at - len(key), case.at)
    before = case.text[above:start].strip()
    if before.endswith("-") or not before:
        return case.error(
            "NS016",
            f"`{first}` has `{key}:` under it and no colon",
            top,
            label="a colon is missing here",
            labels=(Label(under, "this belongs to it"),),
            edit=Edit(Span(case.source, top.end, top.end), ":"),
            help=f"write `- {first}:` or `{{{first}, {key}: ...}}`",
        )
    keyed = _KEYED.match(case.text, above)
    if not keyed:
        return None
    column = keyed.start("key") - above
    margin = case.span(case.line_start, under.start)
    return case.error(
        "NS022",
        f"`{key}:` is indented like a part of `{keyed['key']}`, which already has its value",
        under,
        labels=(Label(top, f"the value of `{keyed['key']}`"),),
        edit=Edit(margin, " " * column),
        help=f"indent `{key}` by {column} spaces, like `{keyed['key']}`",
    )


def _tight(case: _Trouble) -> Diagnostic | None:
    """`stride:1`, on the line of the trouble or where it began."""
    for start in dict.fromkeys((case.begun, case.last.span.start if case.last else case.at, case.at)):
        line = case.text.rfind("\n", 0, start) + 1
        if found := _TIGHT.match(case.text, line):
            end = found.end()
            return case.error(
                "NS017",
                f"a space is missing after `{found[1]}:`",
                case.span(found.start(1), end),
                help=f"write `{found[1]}: {line_value(case.source, end)}`",
                edit=Edit(case.span(end, end), " "),
            )
    return None


def _commented(case: _Trouble) -> Diagnostic | None:
    """A value that goes on behind a comment: the comment ended it."""
    last = case.last
    if last is None or last.style is not Style.PLAIN or not last.span.text or "flow" in case.context:
        return None
    between = re.match(r"[ \t]*(#[^\n]*)\n\s*", case.text[last.span.end :])
    if not between or last.span.end + between.end() not in (case.at, case.begun):
        return None
    start = last.span.end + between.start(1)
    going_on = case.span(last.span.end + between.end(), last.span.end + between.end() + 1)
    return case.error(
        "NS018",
        "a comment ends the value, and the next line goes on with it",
        case.span(start, start + len(between[1].rstrip())),
        labels=(Label(going_on, "this no longer belongs to it"),),
        help="move the comment to a line above the value",
    )


def _second_colon(case: _Trouble) -> Diagnostic | None:
    """`a: b: c`, and `a[1: 2]`."""
    last = case.last
    if "mapping values" not in case.problem or last is None or last.span.end != case.at:
        return None
    value = line_value(case.source, last.span.start)
    span = case.span(last.span.start, last.span.start + len(value))
    edit = Edit(span, quoted(value))
    if surplus(last.span.text) > 0:
        return case.error(
            "NS019",
            f"the `: ` breaks `{value}` off inside its bracket",
            span,
            edit=edit,
            help=f"write the slice without a space, or quote it: `{quoted(value)}`",
        )
    return case.error(
        "NS023",
        "a second `: ` stands in one value",
        case.span(case.at, case.at + 1),
        edit=edit,
        help=f"quote the value: `{quoted(value)}`; if `{last.span.text}` is a key, put it on a line of "
        "its own",
    )


def _own(case: _Trouble) -> Diagnostic | None:
    """A value that begins with a character YAML takes for itself, or goes on where YAML says it has ended."""
    dash = "sequence entries" in case.problem
    if dash or "mapping keys are not allowed" in case.problem:
        value = line_value(case.source, case.at)
        help = f"write `-{value[2:].lstrip()}` for a negative value; begin a list on the next line"
        message = "`- ` begins a list item, and none can stand here"
        if not dash:
            message, help = _OWN["?"], f"quote it: `{quoted(value)}`"
        return case.error("NS020", message, case.span(case.at, case.at + 2), help=help)
    starters = (
        "cannot start any token",
        "block scalar",
        "an alias",
        "an anchor",
        "a tag",
        "handle",
        "node content",
    )
    start = min(case.at, case.begun)
    if not any(word in case.problem + case.context for word in starters) or "flow node" in case.context:
        start = _value_start(case)
        if start < 0:
            return None
    character = case.text[start : start + 1]
    if character not in _OWN:
        return None
    in_flow = surplus(case.text[case.text.rfind("\n", 0, start) + 1 : start]) > 0
    value = (flow_value if in_flow and character not in "{[" else line_value)(case.source, start)
    span = case.span(start, start + max(len(value), 1))
    return case.error(
        "NS020",
        _OWN[character],
        span,
        edit=Edit(span, quoted(value)),
        help=f"quote a formula or text that begins so: `{quoted(value)}`",
    )


def _value_start(case: _Trouble) -> int:
    """Where the value begins that the parser thought finished before `at`, on the same line; -1 if there is none."""
    if "expected key" not in case.problem and "<block end>" not in case.problem and "'-'" not in case.problem:
        return -1
    keyed = _KEYED.match(case.text, case.line_start) or re.compile(r" *(?:- +)+").match(
        case.text, case.line_start
    )
    return keyed.end() if keyed and keyed.end() < case.at else -1


def _missing_key(case: _Trouble) -> Diagnostic | None:
    """A line among keys that has no colon."""
    if "expected ':'" not in case.problem:
        return None
    word = line_value(case.source, case.begun)
    span = case.span(case.begun, case.begun + len(word))
    return case.error(
        "NS016",
        f"`{word}` stands among keys and has no colon",
        span,
        label="a colon is missing here",
        help=f"write `{word}: ...`; an item of a list begins with `- `",
    )


def _unclosed(case: _Trouble) -> Diagnostic | None:
    """`[1, 2` whose next line begins a new key, `{a: 1]`, and brackets open at the end."""
    if "while parsing a flow" not in case.context or case.text[case.begun : case.begun + 1] not in _CLOSING:
        return None
    opening = case.text[case.begun]
    closing, span = _CLOSING[opening], case.span(case.begun, case.begun + 1)
    if case.here and case.here in "]}" and case.here != closing:
        return case.error(
            "NS019",
            f"`{opening}` is closed by `{case.here}`",
            case.span(case.at, case.at + 1),
            labels=(Label(span, "opened here"),),
            help=f"write `{closing}`",
            edit=Edit(case.span(case.at, case.at + 1), closing),
        )
    line = case.text.rfind("\n", 0, case.at) >= case.begun
    if (case.here == ":" and line) or not case.text[case.at :].strip():
        value = line_value(case.source, case.begun)
        end = case.begun + len(value)
        exact = surplus(value) == 1
        return case.error(
            "NS019",
            f"this `{opening}` is not closed",
            span,
            help=f"put a `{closing}` where it ends",
            edit=Edit(case.span(end, end), closing) if exact else None,
        )
    return None


def _flow(case: _Trouble) -> Diagnostic | None:
    """Inside `{...}` and `[...]`: a bracket in a bare word, a comma missing or one too many."""
    if "while parsing a flow" not in case.context:
        return None
    last = case.last
    if case.here and case.here in "{[" and last and last.style is Style.PLAIN and last.span.end == case.at:
        value = flow_value(case.source, last.span.start)
        span = case.span(last.span.start, last.span.start + len(value))
        if value.startswith("${") and value.endswith("}"):
            cure = "$" + value[2:-1].strip()
            cure = quoted(cure) if re.search(r"[][{},]|: | #", cure) else cure
            return case.error(
                "NS019",
                "`${...}` is not how a spec computes",
                span,
                help=f"write `{cure}`",
                edit=Edit(span, cure),
            )
        return case.error(
            "NS019",
            f"inside `{case.text[case.begun]}`, the `{case.here}` ends the word before it",
            span,
            help=f"quote it: `{quoted(value)}`",
            edit=Edit(span, quoted(value)),
        )
    here = case.span(case.at, case.at + 1)
    if case.here == ",":
        return case.error(
            "NS024", "nothing stands before this comma", here, help="delete it", edit=Edit(here, "")
        )
    if "expected ','" in case.problem:
        return case.error(
            "NS024",
            "a comma is missing before this",
            here,
            help="put a comma between two items; quote a value that has brackets or quotes inside",
        )
    return None


def _indentation(case: _Trouble) -> Diagnostic | None:
    """A line that fits under no line above it."""
    if case.indentation.strip() or "flow" in case.context or not case.here:
        return None
    line = line_value(case.source, case.at)
    begun = case.span(case.begun, case.begun + 1)
    outer = (Label(begun, "the lines above belong to what begins here"),) if case.begun < case.at else ()
    if "'-'" in case.problem or ("<block end>" in case.problem and case.text[case.begun :].startswith("- ")):
        return case.error(
            "NS022",
            f"`{line}` stands among list items and begins with no `- `",
            case.span(case.at, case.at + len(line)),
            labels=outer,
            help="begin it with `- `, or indent it to where it belongs",
        )
    if line.startswith("- "):
        return case.error(
            "NS022",
            "a list item stands among keys",
            case.span(case.at, case.at + len(line)),
            labels=outer,
            help="put the list under a key, indented further than that key",
        )
    columns = len(case.indentation)
    return case.error(
        "NS022",
        f"this line is indented by {columns}, which is where no line above it begins",
        case.span(case.at, case.at + len(line)),
        labels=outer,
        help="indent it like the lines it belongs with",
    )


def _anything(case: _Trouble) -> Diagnostic:
    """What no rule knows: the place, and the parser's own words as a note."""
    words = ", ".join(word for word in (case.context, case.problem) if word)
    at = min(case.at, max(len(case.text) - 1, 0))
    return Diagnostic(
        "NS008",
        Severity.ERROR,
        "YAML cannot be read on from here",
        case.span(at, at + 1),
        notes=(f"the YAML parser says: {words}",) if words else (),
        help="quote a value that holds more than a word or a number",
    )


_RULES: tuple[Callable[[_Trouble], Diagnostic | None], ...] = (
    _tab,
    _nested,
    _document,
    _quote,
    _tight,
    _commented,
    _colon,
    _second_colon,
    _unclosed,
    _flow,
    _own,
    _missing_key,
    _indentation,
)
