"""Python source from a syntax tree: long calls wrapped, comments at line ends, and a proof that both say the same."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator, Mapping, Sequence

LIMIT = 100
"""No line of code is longer, unless a single name or number is."""


def show(tree: ast.Module, comments: Mapping[int, str], verbatim: Mapping[int, str]) -> str:
    """The text of `tree`.

    `comments` stand at the end of the first line of the statement with that id, `verbatim` is the text to print for
    a statement as it is. The text is parsed again and compared with the tree, so nothing that a comment, a docstring
    or a string holds can have become code; ValueError where it differs.
    """
    ast.fix_missing_locations(tree)
    text = "\n".join(_Printer(comments, verbatim).block(tree.body, 0, top=True)) + "\n"
    if ast.dump(ast.parse(text)) != ast.dump(tree):
        raise ValueError("the printed source does not say what the tree says")
    return text


def docstring(text: str, indent: int) -> ast.Expr:
    """A docstring of several lines, laid out for a body that is indented by so many spaces."""
    margin = " " * indent
    lines: list[str] = []
    for line in text.splitlines():
        kept = line.rstrip()
        lines.extend(
            textwrap.wrap(kept, LIMIT - indent - 3, break_long_words=False, break_on_hyphens=False) or [""]
        )
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) <= 1:
        return ast.Expr(ast.Constant("".join(lines)))
    laid = "\n".join([lines[0], *(f"{margin}{line}" if line else "" for line in lines[1:])])
    return ast.Expr(ast.Constant(f"{laid}\n{margin}"))


class _Printer:
    """Prints the statements that generated code is made of."""

    def __init__(self, comments: Mapping[int, str], verbatim: Mapping[int, str]) -> None:
        self._comments = comments
        self._verbatim = verbatim

    def block(
        self, body: Sequence[ast.stmt], indent: int, *, top: bool = False, airy: bool = False
    ) -> Iterator[str]:
        """The lines of a body: two empty lines around what stands at the top, one around methods.

        `airy` asks for an empty line behind the docstring, as a class has.
        """
        before: ast.stmt | None = None
        for statement in body:
            definition = isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            if before is not None and (definition or isinstance(before, (ast.FunctionDef, ast.ClassDef))):
                yield from ["", ""] if top else [""]
            elif (
                before is not None
                and (top or (airy and _is_text(before)))
                and _kind(before) != _kind(statement)
            ):
                yield ""
            yield from self.statement(statement, indent, first=before is None)
            before = statement

    def statement(self, statement: ast.stmt, indent: int, *, first: bool) -> Iterator[str]:
        """The lines of one statement."""
        margin = " " * indent
        if id(statement) in self._verbatim:
            yield from self._verbatim[id(statement)].splitlines()
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.If)):
            for line in self._header(statement, indent):
                yield margin + line
            yield from self.block(statement.body, indent + 4, airy=isinstance(statement, ast.ClassDef))
        elif first and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            yield margin + _quoted(str(statement.value.value))
        else:
            lines = _wrap(statement, indent)
            comment = self._comments.get(id(statement), "")
            for i, line in enumerate(lines):
                yield f"{margin}{line}  # {comment}" if comment and i == len(lines) - 1 else margin + line

    def _header(self, statement: ast.FunctionDef | ast.ClassDef | ast.If, indent: int) -> list[str]:
        """The line that opens a class, a function (its arguments one a line if they are many) or a condition."""
        if isinstance(statement, ast.ClassDef):
            return [f"class {statement.name}({', '.join(ast.unparse(one) for one in statement.bases)}):"]
        if isinstance(statement, ast.If):
            return [f"if {_double(ast.unparse(statement.test))}:"]
        arguments = _double(ast.unparse(statement.args)).replace("=None", " = None")  # as PEP 8 has it
        returns = f" -> {ast.unparse(statement.returns)}" if statement.returns else ""
        line = f"def {statement.name}({arguments}){returns}:"
        if len(line) + indent <= LIMIT:
            return [line]
        parts = re.split(r", (?![^\[]*\])", arguments)
        return [f"def {statement.name}(", *(f"    {part}," for part in parts), f"){returns}:"]


def _kind(statement: ast.stmt) -> str:
    """What stands together at the top of a file without an empty line between."""
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return "future"
    return "import" if isinstance(statement, (ast.Import, ast.ImportFrom)) else type(statement).__name__


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _quoted(text: str) -> str:
    """`text` as a docstring: whatever it holds, it ends where it should and shows no hidden characters."""
    escaped = "".join(_plain(letter) for letter in text)
    escaped = escaped.replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    return f'"""{escaped}"""'


def _plain(letter: str) -> str:
    """One character of a docstring: backslashes doubled, and what does not print as its escape."""
    if letter == "\n" or (letter.isprintable() and letter != "\\"):
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def _double(code: str) -> str:
    """Code of one line with double quotes around its strings, where that needs no escape."""
    lines = code.split("\n")
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        if token.type == tokenize.STRING and token.string[0] == "'" and not set('"\\') & set(token.string):
            (row, start), (_, end) = token.start, token.end
            line = lines[row - 1]
            lines[row - 1] = f'{line[:start]}"{token.string[1:-1]}"{line[end:]}'
    return "\n".join(lines)


def _wrap(statement: ast.stmt, indent: int) -> list[str]:
    """A simple statement on one line, or broken at its outermost brackets where that is too long."""
    line = _double(ast.unparse(statement))
    if len(line) + indent <= LIMIT:
        return [line]
    if isinstance(statement, ast.Assign):
        head = _double(ast.unparse(ast.Assign(statement.targets, ast.Name("_", ast.Load()), lineno=1)))[:-1]
        return _broken(statement.value, head, "", indent)
    if isinstance(statement, ast.Return) and statement.value is not None:
        return _broken(statement.value, "return ", "", indent)
    if isinstance(statement, ast.Expr):
        return _broken(statement.value, "", "", indent)
    return [line]


def _broken(value: ast.expr, head: str, tail: str, indent: int) -> list[str]:
    """`head value tail` over several lines: arguments, entries or operands one a line, again broken where too long."""
    line = head + _double(ast.unparse(value)) + tail
    if len(line) + indent <= LIMIT:
        return [line]
    if isinstance(value, ast.Call) and (value.args or value.keywords):
        opened = f"{head}{_double(ast.unparse(value.func))}("
        parts = [("", one) for one in value.args] + [(f"{one.arg}=", one.value) for one in value.keywords]
        return [opened, *_parts(parts, indent), f"){tail}"]
    if isinstance(value, ast.Dict) and value.keys:
        pairs = zip(value.keys, value.values, strict=True)
        parts = [(f"{_double(ast.unparse(key))}: " if key else "**", one) for key, one in pairs]
        return [f"{head}{{", *_parts(parts, indent), f"}}{tail}"]
    if isinstance(value, (ast.Tuple, ast.List)) and value.elts:
        airy, close = "()" if isinstance(value, ast.Tuple) else "[]"
        return [f"{head}{airy}", *_parts([("", one) for one in value.elts], indent), f"{close}{tail}"]
    if isinstance(value, ast.BinOp):
        inside = [f"    {part}" for part in _operands(value)]
        return [f"{head}(", *inside, f"){tail}"]
    return [line]


def _parts(parts: Sequence[tuple[str, ast.expr]], indent: int) -> list[str]:
    """Arguments or entries, one a line with a comma behind."""
    lines: list[str] = []
    for head, one in parts:
        lines.extend(f"    {line}" for line in _broken(one, head, ",", indent + 4))
    return lines


def _operands(value: ast.BinOp) -> list[str]:
    """The outermost operation, one operand a line, the operator in front of the second."""
    whole = _double(ast.unparse(value))
    left = _double(ast.unparse(value.left))
    if not whole.startswith(left):
        return [whole]
    return [left, whole[len(left) :].lstrip()]
