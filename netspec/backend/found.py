"""The backends of this environment, by entry point; what is missing is told with the line that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint

from netspec.backend.contract import Backend
from netspec.ir import foreign
from netspec.text import SpecError


def installed() -> dict[str, Backend]:
    """The backends of this environment by name, ours and third parties', loaded; SpecError for a broken one."""
    return {entry.name: _loaded(entry) for entry in foreign.group(foreign.BACKENDS)}


def find(name: str) -> Backend:
    """The backend called `name`; SpecError NS701 with the install line where it is not there, NS704 or NS705 where it
    is another package's and broken.
    """
    entry = foreign.named(foreign.BACKENDS, name)
    if entry is not None:
        return _loaded(entry)
    raise SpecError.of(
        "NS701", f"there is no backend `{name}` here", help="see `pip list` for what is installed"
    )


def _loaded(entry: EntryPoint) -> Backend:
    """The backend of an entry point."""
    if entry.module.partition(".")[0] in foreign.OURS:
        with needing(entry.name):
            ours: Backend = entry.load()
        return ours
    found = foreign.load(entry, "the backend")
    lacking = [one for one in ("name", "table", "run", "update") if not hasattr(found, one)]
    if lacking:
        raise foreign.unfit(entry, "the backend", f"has no {', '.join(f'`{one}`' for one in lacking)}")
    if found.name != entry.name:
        raise foreign.unfit(entry, "the backend", f"calls itself `{found.name}`")
    theirs: Backend = found
    return theirs


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Turns a package that is missing into SpecError NS702, which says the line that installs it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise missing_extra(str(missing.name), extra) from missing


def missing_extra(module: str, extra: str) -> SpecError:
    """The error for a package that an optional extra would have installed, with the line that installs it."""
    return SpecError.of(
        "NS702",
        f"this needs the package `{module}`, which is not installed",
        help=f"run `pip install 'netspec-compiler[{extra}]'`",
    )
