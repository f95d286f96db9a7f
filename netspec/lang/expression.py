"""The one expression language: Python's grammar cut down to arithmetic, comparisons, lists and calls.

A text is parsed and never evaluated by Python: what comes out is a tree of the few node kinds listed here, checked
before anybody looks at it, and walked by `constants` (sizes and settings) and by `formula` (losses, metrics, layers).
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from netspec.lang.report import Report
from netspec.lang.tree import Scalar
from netspec.text import Edit, Span

LONGEST = 4_000
DEEPEST = 60

_ALLOWED = (
    ast.Constant,
    ast.Name,
    ast.List,
    ast.Tuple,
    ast.Subscript,
    ast.Slice,
    ast.Attribute,
    ast.Call,
    ast.keyword,
    ast.UnaryOp,
    ast.USub,
    ast.UAdd,
    ast.Not,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.IfExp,
    ast.Load,
)

_REFUSED = {
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.Dict: "a mapping",
    ast.Set: "a set",
    ast.NamedExpr: "an assignment `:=`",
    ast.JoinedStr: "an f-string",
    ast.Starred: "a starred argument",
    ast.MatMult: "`@`",
    ast.Is: "`is`",
    ast.IsNot: "`is not`",
    ast.BitAnd: "`&`",
    ast.BitOr: "`|`",
    ast.BitXor: "`^`",
    ast.Invert: "`~`",
    ast.LShift: "`<<`",
    ast.RShift: "`>>`",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
}

_MEANT = {ast.BitXor: "**", ast.BitAnd: "and", ast.BitOr: "or"}
"""What people who write these operators mean."""

_SIDE_BY_SIDE = re.compile(
    r"(?P<left>\b(?:\d+(?:\.\d*)?|(?!(?:and|or|not|in|if|else|is)\b)[A-Za-z_]\w*)|\))\s+"
    r"(?P<right>(?!(?:and|or|not|in|if|else|is|for)\b)\w+)"
)
"""Two values with nothing between them."""


@dataclass(frozen=True)
class Expression:
    """A checked expression tree, the text it was read from, and where that text stands."""

    tree: ast.expr
    text: str
    scalar: Scalar
    offset: int

    def span(self, node: ast.AST) -> Span:
        """Where a part of the expression stands in the file."""
        if not isinstance(node, (ast.expr, ast.keyword)):
            return self.scalar.span
        start = self.place(node.lineno, node.col_offset)
        end = self.place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return self.scalar.part(start + self.offset, end + self.offset)

    def place(self, line: int, column: int) -> int:
        """The character offset in `text` of Python's line and byte column (one bracket was put before the text)."""
        lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", "(" + self.text)
        before = sum(map(len, lines[: line - 1]))
        here = lines[line - 1] if line <= len(lines) else ""
        return before + len(here.encode()[:column].decode(errors="ignore")) - 1

    def words(self, node: ast.AST) -> str:
        """The part as it was written."""
        if not isinstance(node, (ast.expr, ast.keyword)):
            return self.text
        start = self.place(node.lineno, node.col_offset)
        end = self.place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return " ".join(self.text[start:end].split())


def parse(scalar: Scalar, report: Report, *, dollar: bool = False) -> Expression | None:
    """Read the scalar as an expression, without the `$` in front where it is a computed value; None after an error."""
    offset = 1 if dollar else 0
    text = scalar.text[offset:]
    if len(text) > LONGEST:
        report.error(
            "NS131",
            f"an expression of {len(text):,} characters; {LONGEST:,} are allowed",
            scalar.span,
            help="name its parts with `formula` layers",
        )
        return None
    if not text.strip():
        report.error(
            "NS130", "an expression is missing here", scalar.span, help="write a number, a name or a formula"
        )
        return None
    if not dollar and text.startswith("$"):
        report.error(
            "NS132",
            "this place always holds an expression, so it takes no `$`",
            scalar.span,
            help=f"write `{text[1:].strip()}`",
        )
        return None
    if not _closed(scalar, text, offset, report):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError as trouble:
        _syntax(scalar, text, offset, trouble, report)
        return None
    except (ValueError, MemoryError, RecursionError):
        report.error(
            "NS130", "this is no expression", scalar.span, help="see the expressions in specs/README.md"
        )
        return None
    found = Expression(tree, text, scalar, offset)
    return found if _allowed(found, report) else None


def _closed(scalar: Scalar, text: str, offset: int, report: Report) -> bool:
    """Whether the text stays in the bracket that it is parsed in, and no `#` makes a comment of a part of it."""
    depth = 0
    for found in _TOKENS.finditer(text):
        sign = found.group()
        depth += (sign in "([{") - (sign in ")]}") if len(sign) == 1 else 0
        if sign != "#" and depth >= 0:
            continue
        span = scalar.part(found.start() + offset, found.end() + offset)
        if sign == "#":
            report.error("NS133", "`#` has no place in an expression", span, help="write comments in YAML")
        else:
            report.error("NS130", f"this `{sign}` closes nothing", span, help="remove it, or open a bracket")
        return False
    return True


def _unclosed(text: str) -> int:
    """Where the innermost bracket stands that is never closed; -1 if there is none."""
    opened: list[int] = []
    for found in _TOKENS.finditer(text):
        if found.group() in "([{":
            opened.append(found.start())
        elif found.group() in ")]}" and opened:
            opened.pop()
    return opened[-1] if opened else -1


_TOKENS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[()\[\]{}#]""")
"""Quoted words, brackets, and the sign that begins a comment of Python's."""


def _syntax(scalar: Scalar, text: str, offset: int, trouble: SyntaxError, report: Report) -> None:
    """Report text that is no expression, with the cure of the commonest habits."""
    lines = ("(" + text).split("\n")
    row = min(max((trouble.lineno or 1) - 1, 0), len(lines) - 1)
    at = sum(len(one) + 1 for one in lines[:row]) + max((trouble.offset or 1) - 1, 0) - 1
    at = min(max(at, 0), max(len(text) - 1, 0))
    length = 1
    help = "an expression has numbers, names, + - * / // % **, comparisons, `a if c else b`, and calls f(x, axis=bin)"
    if found := re.search(r"&&|\|\|", text):
        at, length = found.start(), 2
        help = "write `and`" if found.group() == "&&" else "write `or`"
    elif "^" in text:
        help = "a power is written `**`"
    elif (opened := _unclosed(text)) >= 0:
        at = opened
        help = "the brackets do not close; quote the expression if it stands inside `{…}` or `[…]`"
    elif found := _SIDE_BY_SIDE.search(text):
        at, length = found.start("right"), len(found["right"])
        help = f"an operator is missing between `{found['left']}` and `{found['right']}`"
    span = scalar.part(at + offset, at + offset + length)
    report.error("NS130", f"`{_short(text)}` is no expression", span, help=help)


def _allowed(found: Expression, report: Report) -> bool:
    """Whether the tree holds nothing but what the language has; the first other thing is reported."""
    level: list[tuple[ast.AST, int]] = [(found.tree, 0)]
    while level:
        node, depth = level.pop()
        if depth > DEEPEST:
            report.error(
                "NS131",
                f"an expression nested more than {DEEPEST} deep",
                found.scalar.span,
                help="name its parts with `formula` layers",
            )
            return False
        if not isinstance(node, _ALLOWED):
            what = next((words for kind, words in _REFUSED.items() if isinstance(node, kind)), "this")
            place = node if isinstance(node, (ast.expr, ast.keyword)) else found.tree
            if isinstance(node, ast.operator):
                _operator(found, node, what, report)
                return False
            report.error(
                "NS133",
                f"{what} has no place in an expression",
                found.span(place),
                help="an expression has numbers, words, names, lists, arithmetic, comparisons and calls",
            )
            return False
        if isinstance(node, ast.Constant) and not isinstance(node.value, (int, float, str, bool)):
            report.error(
                "NS133",
                f"`{found.words(node)}` has no place in an expression",
                found.span(node),
                help="values are numbers, `true`, `false` and words in quotes",
            )
            return False
        level.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return True


def _operator(found: Expression, sign: ast.operator, what: str, report: Report) -> None:
    """Report an operator of other languages between its two sides, with the one that is meant."""
    holder = next(node for node in ast.walk(found.tree) if isinstance(node, ast.BinOp) and node.op is sign)
    after = found.place(holder.left.end_lineno or 1, holder.left.end_col_offset or 0)
    before = found.place(holder.right.lineno, holder.right.col_offset)
    at = found.text.find(what.strip("`"), after, before)
    meant = _MEANT.get(type(sign))
    help = f"write `{meant}`" if meant else "there are + - * / // % ** and comparisons"
    if at < 0:
        report.error("NS133", f"{what} has no place in an expression", found.span(holder), help=help)
        return
    start = at + found.offset
    span = found.scalar.part(start, start + len(what) - 2)
    edit = Edit(span, meant) if meant and span.text == what.strip("`") else None
    report.error("NS133", f"{what} has no place in an expression", span, help=help, edit=edit)


def _short(text: str) -> str:
    """The text on one line, cut where it is long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."
