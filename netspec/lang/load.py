"""From a path to a checked spec, or to everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as Table
from dataclasses import replace
from pathlib import Path

from netspec.lang.constants import Constant
from netspec.lang.document import Document, read_document
from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Node, Scalar, Sequence, Style
from netspec.lang.values import Values
from netspec.lang.yaml import open_source, read
from netspec.recipe.spec import Group, Spec
from netspec.text import Diagnostic, Severity, Source, SpecError


def load(path: str | Path, define: Table[str, Constant] | None = None) -> Spec:
    """The checked spec at `path`, its constants set by `define`.

    Raises SpecError holding every diagnostic if one is an error; warnings are in `Spec.diagnostics`.
    """
    spec, diagnostics = check(path, define)
    if spec is None:
        raise SpecError(diagnostics)
    return spec


def check(
    path: str | Path, define: Table[str, Constant] | None = None
) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """The checked spec, or None, and everything there is to say about the file. Never raises for what is in it."""
    try:
        source = open_source(Path(path))
    except SpecError as trouble:
        return None, trouble.diagnostics
    return check_source(source, project_folder(Path(path)), define)


def check_source(
    source: Source, folder: Path, define: Table[str, Constant] | None = None
) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """As `check`, for a text that was read already; `folder` is where its relative data paths begin."""
    root, found, _ = read(source)
    report = Report(found)
    if root is None:
        return None, tuple(report.diagnostics)
    document = read_document(root, define or {}, report)
    diagnostics = _sorted(_silenced(report.diagnostics, document))
    if document.graph is None or any(one.severity is Severity.ERROR for one in diagnostics):
        return None, diagnostics
    spec = Spec(
        document.name,
        document.doc,
        _digest((source,), document.define),
        (source,),
        document.define,
        document.graph,
        folder,
        Group(*document.group) if document.group else None,
        document.data,
        document.training,
        diagnostics,
    )
    return spec, diagnostics


def project_folder(path: Path) -> Path:
    """Where relative data paths begin: the nearest folder above the spec that is a project, else the spec's own."""
    folder = path.resolve().parent
    for one in (folder, *folder.parents):
        if (one / "pyproject.toml").exists() or (one / ".git").exists():
            return one
    return folder


def parse_setting(text: str) -> tuple[str, Constant]:
    """`NAME=VALUE` of the command line, the value read as YAML would; ValueError where it is no such thing."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"`{text}` is not NAME=VALUE")
    return name.strip(), _setting(value.strip())


def _setting(text: str) -> Constant:
    """A value of the command line: a scalar or a list as YAML reads it, and any other text as a word."""
    root, found, comments = read(Source("--set", f"value: {text}\n"))
    entry = root.get("value") if root is not None and len(root) == 1 else None
    if entry is None or found or comments or isinstance(entry.value, Mapping):
        return text
    good, value = Values({}, Report()).read(_literal(entry.value))
    return value if good and _is_constant(value) else text  # type: ignore[return-value]  # so the check has shown


def _is_constant(value: object) -> bool:
    """Whether a value can be a constant: a number, a word, a truth, or a list of such."""
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _literal(node: Node) -> Node:
    """The node with `$` taken as it stands: what is set is never computed."""
    if isinstance(node, Scalar):
        return replace(node, style=Style.QUOTED)
    if isinstance(node, Sequence):
        return Sequence(tuple(map(_literal, node)), node.span, node.flow)
    return node


def _silenced(diagnostics: list[Diagnostic], document: Document) -> list[Diagnostic]:
    """Without the warnings that the spec silences; a silencing that silences nothing is told."""
    kept = [one for one in diagnostics if one.severity is Severity.ERROR or one.code not in document.ignored]
    silenced = {one.code for one in diagnostics if one.severity is not Severity.ERROR}
    errors = {one.code for one in diagnostics if one.severity is Severity.ERROR}
    for code, (_, span) in document.ignored.items():
        if code not in silenced:
            wrong = (
                "is an error, and errors cannot be silenced" if code in errors else "silences nothing here"
            )
            kept.append(
                Diagnostic("NS402", Severity.WARNING, f"`{code}` {wrong}", span, help="remove the line")
            )
    return kept


def _sorted(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In the order of the file, each message once; what has no place comes first."""
    once = dict.fromkeys(diagnostics)
    return tuple(sorted(once, key=lambda one: (one.span.start if one.span else -1, one.code)))


def _digest(sources: tuple[Source, ...], define: Table[str, Constant]) -> str:
    """SHA-256 over the files' texts and the constants."""
    whole = hashlib.sha256()
    for source in sources:
        whole.update(source.text.encode() + b"\0")
    whole.update(repr(sorted(define.items())).encode())
    return whole.hexdigest()
