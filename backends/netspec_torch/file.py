"""A generated file: classes, the support code they call or inherit from, imports, and the text of it all."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from netspec.text import SpecError
from netspec_torch import printer
from netspec_torch.body import Body
from netspec_torch.copied import laid
from netspec_torch.foreign import foreign_support
from netspec_torch.naming import IMPORTED, STANDARD


@dataclass(frozen=True)
class Source:
    """The generated code: its text, its tree, and the name of the model's class in it."""

    text: str
    tree: ast.Module
    model: str


@dataclass
class File:
    """The classes of a file under construction, with what they call and what stands at line ends."""

    classes: list[ast.stmt] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    called: dict[str, None] = field(default_factory=dict)
    verbatim: dict[int, str] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)

    def need(self, called: str) -> None:
        """Put a support class before what inherits from it, once."""
        if called in self.needed:
            return
        self.needed.add(called)
        node, written = laid(*support()[called])
        self.verbatim[id(node)] = written
        self.classes.append(node)

    def take(self, body: Body) -> None:
        """Keep the comments and the support functions of a finished body."""
        self.comments.update(body.comments)
        self.called.update(body.support)


def finish(file: File, model: str, doc: str) -> Source:
    """Put imports and support functions before the classes, and print it all."""
    known = support()
    verbatim = dict(file.verbatim)
    functions: list[ast.stmt] = []
    names: dict[str, str] = {}
    for key in sorted(file.called, key=lambda one: one.rpartition(":")[2]):
        bare = key.rpartition(":")[2]
        if bare in names:
            message = f"two functions called `{bare}` would stand in one file: `{names[bare]}` and `{key}`"
            raise SpecError.of(
                "NS735", message, help="one of the packages has to call its own something else"
            )
        names[bare] = key
        if ":" not in key and key not in known:
            raise SpecError.of(
                "NS735", f"the torch backend has no support function `{key}`", help="update netspec"
            )
        node, written = foreign_support(key) if ":" in key else known[key]
        node, written = laid(node, written)
        functions.append(node)
        verbatim[id(node)] = written
    used = _names([*functions, *file.classes])
    lines = [line for key, line in {**IMPORTED, **STANDARD}.items() if key in used]
    imports = [ast.parse(line).body[0] for line in sorted({*lines} - {*_TORCH}, key=_import_order)]
    together = [key for key in ("Tensor", "nn") if key in used]
    if together:
        imports.append(ast.ImportFrom("torch", [ast.alias(key) for key in together], 0))
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    body = [printer.docstring(doc, 0), future, *imports, *functions, *file.classes]
    tree = ast.Module(body, [])
    return Source(printer.show(tree, file.comments, verbatim), tree, model)


_TORCH = ("from torch import Tensor", "from torch import nn")


def _import_order(line: str) -> tuple[bool, bool, str]:
    """Python's own modules before torch, whole modules before names of them."""
    return "torch" in line, line.startswith("from"), line


def _names(statements: Sequence[ast.stmt]) -> set[str]:
    """Every bare name that the statements mention."""
    return {one.id for top in statements for one in ast.walk(top) if isinstance(one, ast.Name)}


@cache
def support() -> dict[str, tuple[ast.stmt, str]]:
    """The definitions of the files that are copied from, by name, each as its tree and its text."""
    found: dict[str, tuple[ast.stmt, str]] = {}
    for file in ("support.py", "attending.py", "running.py"):
        written = Path(__file__).with_name(file).read_text(encoding="utf-8")
        lines = written.splitlines()
        for node in ast.parse(written).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                found[node.name] = node, "\n".join(lines[first - 1 : node.end_lineno])
    return found
