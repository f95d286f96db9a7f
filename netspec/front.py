"""The front of the compiler: from a path to a checked and linted spec, or to everything that is wrong with it.

It stands above the language, which says what a file means, and the passes, which say what is to be thought of that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import replace
from pathlib import Path

from netspec.ir.graph import Graph
from netspec.lang.constants import Constant
from netspec.lang.document import Document, read_document
from netspec.lang.files import Files, is_packed
from netspec.lang.report import Report
from netspec.lang.tree import Mapping
from netspec.lang.values import Values
from netspec.lang.yaml import open_source, read
from netspec.passes.lint import lint, rules
from netspec.passes.lint.rule import Rule
from netspec.recipe.spec import Group, Spec
from netspec.text import Diagnostic, Severity, Source, SpecError
from netspec.text.codes import CODES


def load(path: str | Path, define: Table[str, Constant] | None = None) -> Spec:
    """The checked spec at `path`, its constants set by `define`.

    Raises SpecError holding every diagnostic if one is an error; warnings are in `Spec.diagnostics`.
    """
    spec, diagnostics = check(path, define)
    if spec is not None:
        return spec
    if any(one.severity is Severity.ERROR for one in diagnostics):
        raise SpecError(diagnostics)
    raise SpecError.of(
        "NS142",
        f"`{path}` has blocks and no layers: it is there to be included, and no network of its own",
        help="give it `inputs` and `layers`, or name a spec that includes it",
    )


def check(
    path: str | Path, define: Table[str, Constant] | None = None
) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """The checked spec, or None, and everything there is to say about the file. Never raises for what is in it.

    The file may be one of weights, `.safetensors`, that holds its spec.
    """
    path = Path(path)
    try:
        if is_packed(path):
            return _check_packed(path, define or {})
        source = open_source(path)
    except SpecError as trouble:
        return None, trouble.diagnostics
    return check_source(source, project_folder(path), define, beside=path.parent)


def _check_packed(path: Path, define: Table[str, Constant]) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """As `check`, for the spec inside a file of weights. Raises SpecError NS001 and NS753."""
    from netspec.lang.packed import unpack  # noqa: PLC0415 - most specs are files of their own
    from netspec.text.shown import shown  # noqa: PLC0415 - as above

    packed = unpack(path)
    spec, found = check_kept(
        packed.source, project_folder(path), packed.files, packed.define, define, beside=path.parent
    )
    if spec is None or define or spec.digest == packed.digest:
        return spec, found
    message = (
        f"the spec in `{shown(path.name)}` is not the one that the file was made with: its sha256 is "
        f"{spec.digest[:12]}..., and the file says {shown(packed.digest[:12])}..."
    )
    wrong = Diagnostic(
        "NS755", Severity.ERROR, message, help="the file was changed: take it anew from where it was written"
    )
    return None, (wrong, *found)


def check_kept(
    source: Source,
    folder: Path,
    files: Table[str, str],
    kept: Table[str, Constant],
    define: Table[str, Constant],
    *,
    beside: Path,
) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """As `check_source`, for a spec that was kept with its other files and its constants, `kept`.

    What follows from other constants is left to follow from them, so that `define` reaches it too.
    """
    needed: dict[str, Constant] = {}
    for _ in kept:
        plain, _ = check_source(source, folder, needed, beside=beside, files=files)
        if plain is None:
            needed = dict(kept)
            break
        others = [name for name, value in kept.items() if plain.define.get(name) != value]
        if not others or others[0] in needed:
            break
        needed[others[0]] = kept[others[0]]
    return check_source(source, folder, {**needed, **define}, beside=beside, files=files)


def check_source(
    source: Source,
    folder: Path,
    define: Table[str, Constant] | None = None,
    *,
    beside: Path | None = None,
    files: Table[str, str] | None = None,
) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """As `check`, for a text that was read already; `folder` is where its relative data paths begin.

    Files that it extends or includes are looked for from the folder `beside` on (`folder`, if it is not said); with
    `files` their texts are taken from there, by their path relative to the spec, and no file is opened.
    """
    root, found, _ = read(source)
    report = Report(found)
    if root is None:
        return None, tuple(report.diagnostics)
    opened = Files(source, folder if beside is None else beside, folder, files)
    document = read_document(root, define or {}, opened, report)
    chosen = _rules(document, report)
    if document.graph is not None and not report.failed and _has_letters(document.graph):
        from netspec.passes.refusals import contradictions  # noqa: PLC0415 - most specs have numbers throughout

        report.diagnostics.extend(contradictions(document.graph))
    if document.graph is None or report.failed:
        return None, _told(report, document, opened, linted=False)
    spec = Spec(
        document.name,
        document.doc,
        _digest(opened.sources, document.define),
        tuple(opened.sources),
        document.define,
        document.graph,
        folder,
        Group(*document.group) if document.group else None,
        document.data,
        document.training,
        places=document.places,
        definitions=document.definitions,
        files=opened.others,
    )
    report.diagnostics.extend(lint(spec, chosen))
    spec = replace(spec, diagnostics=_told(report, document, opened, linted=True))
    return spec, spec.diagnostics


def _has_letters(graph: Graph) -> bool:
    """Whether inputs have sizes besides the batch's that are no numbers."""
    return any(size.value is None for kind in graph.inputs.values() for size in kind.sizes[1:])


def _rules(document: Document, report: Report) -> dict[str, Rule]:
    """The rules that the spec sets otherwise than by default, by name."""
    found: dict[str, Rule] = {}
    for entry in document.rules or ():
        single = Mapping((entry,), entry.span)
        rule = Values(document.define, report).call(single, rules(), "rule")
        if rule is not None:
            found[entry.name] = rule
    return found


def _told(report: Report, document: Document, files: Files, *, linted: bool) -> tuple[Diagnostic, ...]:
    """What is said of the spec, in the order of its files, without what it silences."""
    return _sorted(_silenced(report.diagnostics, document, files, linted=linted), files)


def project_folder(path: Path) -> Path:
    """Where relative data paths begin: the nearest folder above the spec that is a project, else the spec's own."""
    folder = path.resolve().parent
    for one in (folder, *folder.parents):
        if (one / "pyproject.toml").exists() or (one / ".git").exists():
            return one
    return folder


def _silenced(
    diagnostics: list[Diagnostic], document: Document, files: Files, *, linted: bool
) -> list[Diagnostic]:
    """Without the warnings that the spec silences; a silencing of its own that silences nothing is told.

    Before a spec with errors was linted, nobody knows what its rules would have said.
    """
    kept = [one for one in diagnostics if one.severity is Severity.ERROR or one.code not in document.ignored]
    silenced = {one.code for one in diagnostics if one.severity is not Severity.ERROR}
    errors = {one.code for one in diagnostics if one.severity is Severity.ERROR}
    for code, (_, span) in document.ignored.items():
        if code in silenced or files.order(span.source):
            continue
        help = "remove the line"
        if code not in CODES:
            wrong, help = "is no code", "write the code as the warning shows it, `NS403`, or remove the line"
        elif code in errors:
            wrong = "is an error, and errors cannot be silenced"
        elif linted:
            wrong = "silences nothing here"
        else:
            continue
        kept.append(Diagnostic("NS402", Severity.WARNING, f"`{code}` {wrong}", span, help=help))
    return kept


def _sorted(diagnostics: list[Diagnostic], files: Files) -> tuple[Diagnostic, ...]:
    """In the order of the files and of their lines, each message once; what has no place comes first."""

    def place(one: Diagnostic) -> tuple[int, int, str]:
        return (files.order(one.span.source), one.span.start, one.code) if one.span else (-1, -1, one.code)

    return tuple(sorted(dict.fromkeys(diagnostics), key=place))


def _digest(sources: Iterable[Source], define: Table[str, Constant]) -> str:
    """SHA-256 over the files' texts and the constants."""
    whole = hashlib.sha256()
    for source in sources:
        whole.update(source.text.encode() + b"\0")
    whole.update(repr(sorted(define.items())).encode())
    return whole.hexdigest()
