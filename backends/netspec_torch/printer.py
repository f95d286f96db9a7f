"""Python source from a syntax tree: long calls wrapped, comments at line ends, and a proof that both say the same."""

from __future__ import annotations

import ast
import io
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
    if len(lines) == 1:
        lines = textwrap.wrap(lines[0], LIMIT - indent - 6, break_long_words=False, break_on_hyphens=False)
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
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.For)):
            for line in self._header(statement, indent):
                yield margin + line
            yield from self.block(statement.body, indent + 4, airy=isinstance(statement, ast.ClassDef))
        elif isinstance(statement, ast.If):
            yield from self._condition(statement, indent, "if")
        elif first and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            yield margin + _quoted(str(statement.value.value))
        else:
            yield from self._simple(statement, indent)

    def _simple(self, statement: ast.stmt, indent: int) -> Iterator[str]:
        """The lines of a statement that holds no others, its comment above where the line would be too long."""
        margin = " " * indent
        lines = _wrap(statement, indent)
        comment = self._comments.get(id(statement), "")
        if comment and indent + len(lines[-1]) + len(comment) + 4 > LIMIT:
            yield f"{margin}# {comment}"
            comment = ""
        for i, line in enumerate(lines):
            yield f"{margin}{line}  # {comment}" if comment and i == len(lines) - 1 else margin + line

    def _condition(self, statement: ast.If, indent: int, word: str) -> Iterator[str]:
        """The lines of a condition and its branches."""
        margin = " " * indent
        yield f"{margin}{word} {_double(ast.unparse(statement.test))}:"
        yield from self.block(statement.body, indent + 4)
        if len(statement.orelse) == 1 and isinstance(inner := statement.orelse[0], ast.If):
            yield from self._condition(inner, indent, "elif")
        elif statement.orelse:
            yield f"{margin}else:"
            yield from self.block(statement.orelse, indent + 4)

    def _header(self, statement: ast.FunctionDef | ast.ClassDef | ast.For, indent: int) -> list[str]:
        """The line that opens a class, a function (its arguments one a line if they are many) or a loop."""
        if isinstance(statement, ast.ClassDef):
            return [f"class {statement.name}({', '.join(ast.unparse(one) for one in statement.bases)}):"]
        if isinstance(statement, ast.For):
            return [f"for {ast.unparse(statement.target)} in {_double(ast.unparse(statement.iter))}:"]
        parts = _signature(statement.args)
        returns = f" -> {ast.unparse(statement.returns)}" if statement.returns else ""
        line = f"def {statement.name}({', '.join(parts)}){returns}:"
        if len(line) + indent <= LIMIT:
            return [line]
        return [f"def {statement.name}(", *(f"    {part}," for part in parts), f"){returns}:"]


def _signature(arguments: ast.arguments) -> list[str]:
    """The arguments of a function, each with its type and its default as PEP 8 has them."""
    parts: list[str] = []
    bare = len(arguments.args) - len(arguments.defaults)
    for i, one in enumerate(arguments.args):
        default = arguments.defaults[i - bare] if i >= bare else None
        parts.append(_argument(one, default))
    if arguments.kwonlyargs:
        parts.append("*")
    parts.extend(map(_argument, arguments.kwonlyargs, arguments.kw_defaults))
    return parts


def _argument(one: ast.arg, default: ast.expr | None) -> str:
    kind = f": {_double(ast.unparse(one.annotation))}" if one.annotation else ""
    return f"{one.arg}{kind}" + (f" = {_double(ast.unparse(default))}" if default else "")


def _kind(statement: ast.stmt) -> str:
    """What stands together at the top of a file without an empty line between."""
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return "future"
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "torch" if "torch" in ast.unparse(statement) else "import"
    return type(statement).__name__


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
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
        line = f"return {line.removeprefix('return ')[1:-1]}"
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
    if isinstance(value, ast.Starred) and isinstance(value.value, ast.GeneratorExp):
        return [f"{head}*(", *_generated(value.value, indent + 4), f"){tail}"]
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


def _generated(value: ast.GeneratorExp, indent: int) -> list[str]:
    """The two halves of a generator, each on lines of its own."""
    (over,) = value.generators
    entry = _broken(value.elt, "", "", indent)
    target = _double(ast.unparse(over.target)).strip("()")
    return [f"    {line}" for line in (*entry, *_broken(over.iter, f"for {target} in ", "", indent))]


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
