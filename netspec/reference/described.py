"""A record told in words: what it is, and every argument with what it takes, its default, and what it says."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from pydantic.fields import FieldInfo

from netspec.ir.record import Record
from netspec.recipe.quantity import Quantity
from netspec.reference.takes import takes
from netspec.reference.vocabulary import ARGUMENTS
from netspec.text.flow import flow

_SENTENCE = re.compile(r"(?<=[.]) (?=[A-Z`])")


@dataclass(frozen=True)
class Told:
    """One argument. `default` is as YAML writes it; None where the argument must be given."""

    name: str
    takes: str
    default: str | None
    says: str
    main: bool
    field: FieldInfo


def paragraphs(kind: type) -> list[str]:
    """The docstring's paragraphs, each on one line; a list keeps its lines."""
    text = inspect.cleandoc(kind.__doc__ or "")
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def first_sentence(kind: type) -> str:
    """What the docstring says first, on one line."""
    first = (paragraphs(kind) or [""])[0]
    found = re.match(r".*?[.](?= [A-Z]|$)", first)
    return (found[0] if found else first).rstrip(":;")


def arguments(kind: type[Record]) -> list[Told]:
    """Every argument, the main one first."""
    found = [_told(kind, key, field) for key, field in kind.model_fields.items()]
    return sorted(found, key=lambda one: not one.main)


def default(value: object) -> str:
    """A default as YAML has it."""
    return str(value) if isinstance(value, Quantity) else flow(value)


def _told(kind: type[Record], key: str, field: FieldInfo) -> Told:
    name = field.alias or key
    written = None if field.is_required() else default(field.get_default(call_default_factory=True))
    return Told(name, takes(field), written, _says(kind, key, field), kind.main in (key, name), field)


def _says(kind: type[Record], key: str, field: FieldInfo) -> str:
    """What an argument says: told under its field, or by the record's docstring, or the same wherever it stands."""
    name = field.alias or key
    own = field.description or _under_fields(kind).get(key, "")
    mentioned = " ".join(_mentions(kind, name))
    return own or mentioned or ARGUMENTS.get(name, "")


def _mentions(kind: type[Record], name: str) -> Iterator[str]:
    """The sentences of the docstring that speak of an argument."""
    speaks = re.compile(rf"`{re.escape(name)}(?:`|[:= ])")
    for paragraph in paragraphs(kind):
        for sentence in _SENTENCE.split(paragraph):
            if speaks.search(sentence):
                yield sentence[:1].upper() + sentence[1:].rstrip(":;")


@cache
def _under_fields(kind: type[Record]) -> dict[str, str]:
    """The strings that stand under the fields of a record and of what it is made of, by field."""
    found: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        if not issubclass(part, Record) or part is Record or part.__module__ not in sys.modules:
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
        except (OSError, TypeError, SyntaxError):  # a record made by hand, or one without its source
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, under in pairwise(body):
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            if isinstance(under, ast.Expr) and isinstance(under.value, ast.Constant):
                found[field.target.id] = " ".join(str(under.value.value).split())
    return found
