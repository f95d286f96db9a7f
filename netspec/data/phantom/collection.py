"""A whole phantom: made once, recognised afterwards, never half there, and never over something else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from netspec.data.phantom.acquisition import SIZES
from netspec.data.phantom.defects import DEFECTS
from netspec.data.phantom.study import write_study
from netspec.data.phantom.truth import VERSION, PatientTruth, Settings, Truth
from netspec.text import SpecError, nearest

MOST_PATIENTS = 100_000

_SPLIT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_FIRST = {"train": 1, "validate": 1001, "test": 2001}

Progress = Callable[[int, int], None]


def generate(
    root: Path,
    size: Literal["tiny", "small"],
    seed: int = 1,
    patients: int | None = None,
    defects: Sequence[str] = (),
    split: str = "train",
    progress: Progress | None = None,
    *,
    first: int | None = None,
    workers: int | None = None,
) -> Truth:
    """Write a phantom of beating hearts as DICOM under `root`, or recognise the one that is there.

    `root` gets the folder `<split>/<id>/study/sax_<k>/`, the table `<split>.csv` with `Id,Systole,Diastole` in ml, and
    the truth (`Truth.path`). The bytes depend on the other arguments but `progress` and `workers`: the number of
    processes (1 by default; more need the usual `if __name__ == "__main__"` guard in a script). `first` is the first
    patient's number: 1 for `train`, 1001 for `validate`, 2001 for `test`, else 3001. `progress` is told studies done
    and studies in all.

    Raises SpecError: NS560 for an argument that can't be, NS561 where something else is in the way, NS563 where files
    are missing from the phantom that is there, NS564 where nothing can be written.
    """
    settings = _settings(size, seed, patients, defects, split, first)
    root = Path(root)
    try:
        there = _present(root, settings)
        if there is not None:
            return there
        return _make(root, settings, progress, workers or 1)
    except BrokenProcessPool:
        cure = 'use one worker; in a script, call this under `if __name__ == "__main__":`'
        raise SpecError.of("NS564", "a process that wrote studies ended early", help=cure) from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        cure = "choose a folder that can be written and has room"
        raise SpecError.of("NS564", f"can't write the phantom: {why}", help=cure) from None


def _settings(
    size: str, seed: int, patients: int | None, defects: Sequence[str], split: str, first: int | None
) -> Settings:
    if size not in SIZES:
        raise _unknown("size", size, SIZES)
    for kind in defects:
        if kind not in DEFECTS:
            raise _unknown("defect", kind, DEFECTS)
    if not _SPLIT.fullmatch(split):
        cure = "use a short word of small letters, such as `train` or `test`"
        raise SpecError.of("NS560", "the split's name can't be a folder's name", help=cure)
    count = SIZES[size].patients if patients is None else patients
    start = _FIRST.get(split, 3001) if first is None else first
    for name, value, low, high in (
        ("seed", seed, 0, 2**63 - 1),
        ("patients", count, 1, MOST_PATIENTS),
        ("first", start, 1, 10**9),
    ):
        if not low <= value <= high:
            cure = f"give a number from {low} to {high}"
            raise SpecError.of("NS560", f"`{name}` is {value}, which a phantom can't have", help=cure)
    chosen = tuple(kind for kind in DEFECTS if kind in defects)
    return Settings(
        version=VERSION, size=size, seed=seed, split=split, first=start, patients=count, defects=chosen
    )


def _unknown(what: str, word: str, known: Iterable[str]) -> SpecError:
    meant = nearest(word, known)
    cure = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(known)}"
    return SpecError.of("NS560", f"`{word!r:.40}` is no {what} of a phantom", help=cure)


def _present(root: Path, settings: Settings) -> Truth | None:
    """The phantom under `root` if it is the one that is asked for, None if there is room for it."""
    folder, table, truth = _targets(root, settings.split)
    if not truth.exists():
        taken = next((path.name for path in (folder, table) if path.exists()), None)
        if taken is None:
            return None
        cure = "choose another folder, or move this one away"
        raise SpecError.of("NS561", f"the folder already holds `{taken}`, which is no phantom's", help=cure)
    there = Truth.load(root, settings.split)
    asked, found = settings.model_dump(), there.settings.model_dump()
    other = [
        f"{name} {found[name]!s:.60} instead of {asked[name]!s:.60}"
        for name in asked
        if asked[name] != found[name]
    ]
    if other:
        cure = "choose another folder, or ask for the same phantom again"
        raise SpecError.of(
            "NS561", f"the folder already holds another phantom: {', '.join(other)}", help=cure
        )
    files = sum(len(names) for _, _, names in os.walk(folder)) if table.is_file() else 0
    if files != there.files:
        cure = f"move `{folder.name}`, `{table.name}` and `{truth.name}` away and make it again"
        message = f"the phantom in the folder has {files} of the {there.files} files it was written with"
        raise SpecError.of("NS563", message, help=cure)
    return there


def _make(root: Path, settings: Settings, progress: Progress | None, workers: int) -> Truth:
    """Build beside the final place, then move: the truth last, for it is what says that all is there."""
    _room(root, settings)
    with _workers(settings, workers) as pool:
        return _build(root, settings, progress, pool)


def _build(
    root: Path, settings: Settings, progress: Progress | None, pool: ProcessPoolExecutor | None
) -> Truth:
    new = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".phantom-", dir=root))
    try:
        folder, table, truth = _targets(stage, settings.split)
        folder.mkdir()
        written = []
        for done, one in enumerate(_studies(folder, settings, pool), start=1):
            written.append(one)
            if progress is not None:
                progress(done, settings.patients)
        written.sort(key=lambda one: one.id)
        sizes = list(_files(folder))
        whole = Truth(settings=settings, files=len(sizes), bytes=sum(sizes), patients=tuple(written))
        rows = [f"{one.id},{one.systole},{one.diastole}" for one in written]
        table.write_text("\n".join(["Id,Systole,Diastole", *rows, ""]), encoding="utf-8")
        truth.write_text(whole.model_dump_json() + "\n", encoding="utf-8")
        for made, place in zip((folder, table, truth), _targets(root, settings.split), strict=True):
            made.rename(place)
        return whole
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if new and not any(root.iterdir()):
            root.rmdir()


@contextmanager
def _workers(settings: Settings, workers: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes that are known to run, None where this one is enough.

    One is asked before anything is written: in a script without a guard it would run the script again, and be ended
    in the midst of a phantom of its own.
    """
    if workers <= 1:
        yield None
        return
    # Spawned, not forked: a fork of a process that has threads may hang.
    with ProcessPoolExecutor(
        min(workers, settings.patients),
        mp_context=get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # an interrupt is for the process that waits for them
    ) as pool:
        pool.submit(os.getpid).result()
        yield pool


def _studies(folder: Path, settings: Settings, pool: ProcessPoolExecutor | None) -> Iterator[PatientTruth]:
    """Every study, in the order in which they are done."""
    numbers = range(settings.first, settings.first + settings.patients)
    if pool is None:
        yield from (write_study(folder, settings, number) for number in numbers)
        return
    jobs = [pool.submit(write_study, folder, settings, number) for number in numbers]
    try:
        for job in as_completed(jobs):
            yield job.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _targets(root: Path, split: str) -> tuple[Path, Path, Path]:
    return root / split, root / f"{split}.csv", Truth.path(root, split)


def _files(folder: Path) -> Iterator[int]:
    """The size of every file under `folder`."""
    return (path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _room(root: Path, settings: Settings) -> None:
    """Refuse before the first file what would not fit the disk: 11 slices, and 2 kB a file beyond its pixels."""
    size = SIZES[settings.size]
    need = settings.patients * (size.slices or 11) * size.frames * (2 * size.rows * size.columns + 2048)
    place = root.absolute()
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if need > free:
        message = f"the phantom needs some {need / 1e6:,.0f} MB and the disk has {free / 1e6:,.0f} MB"
        raise SpecError.of("NS564", message, help="ask for fewer patients, or choose another disk")
