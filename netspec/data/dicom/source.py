"""The source `dicom_cine`, opened: a collection of patients whose studies can be read one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from threading import Lock

import numpy as np

from netspec.data.dicom.account import Account
from netspec.data.dicom.cine import read_cine
from netspec.data.dicom.find import Collection, File, collect, natural
from netspec.data.dicom.frame import Status
from netspec.data.dicom.headers import read_header
from netspec.data.dicom.index import Index
from netspec.data.dicom.stack import Picture, Slice, stack
from netspec.data.labels import Labels, check_range, read_labels
from netspec.data.opened import Opened
from netspec.data.places import inside
from netspec.data.study import Array, Plane, Study
from netspec.ir.types import TensorType
from netspec.recipe.source import DicomCine
from netspec.text import SpecError

_SHOWN = 5


def open_cine(
    source: DicomCine,
    root: Path,
    limits: Mapping[str, TensorType],
    index_dir: Path | None,
    tell: Callable[[int, int, str], None],
) -> Opened:
    """Find the files and check the labels; nothing else is read yet.

    `limits` are the wanted fields of the source with the types that the spec declares for them, `root` is the project's
    folder, `index_dir` the cache folder (None for no cache).
    """
    tell(0, 1, "finding files")
    home = inside(root, source.root, "root")
    base = _base(home, source)
    columns = [name for name in limits if name not in source.fields()]
    labels = _labels(home, source, columns, limits)
    try:
        found = collect(base, source.view)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise SpecError.of("NS520", f"the data folder `{source.root}` cannot be read: {why}") from error
    reader = _Reader(source, base, found, labels, columns, set(limits), Index(_below(index_dir), base))
    _expect_files(found, source)
    told = [source.model_dump_json(exclude={"root"}), found.fingerprint, labels.fingerprint if labels else ""]
    opened = Opened(
        fingerprint=hashlib.sha256("\n".join(told).encode()).hexdigest(),
        group_ids=tuple(sorted(found.patients, key=natural)),
        read=reader.read,
        finish=reader.finish,
    )
    reader.begin(opened)
    return opened


def _below(index_dir: Path | None) -> Path | None:
    return None if index_dir is None else index_dir / "index"


def _base(home: Path, source: DicomCine) -> Path:
    """The folder of the patients; SpecError NS520 where it is not there."""
    if not home.is_dir():
        raise SpecError.of(
            "NS520",
            f"there is no data folder `{source.root}`",
            help=f"put the patients there, or make some: `netspec phantom {source.root} --size small`",
        )
    if source.folder is not None:
        base = inside(home, source.folder, "folder")
        if not base.is_dir():
            raise SpecError.of(
                "NS520", f"there is no folder `{source.folder}` in `{source.root}`", help="correct `folder`"
            )
        return base
    named = home / Path(source.labels).stem
    return named if named.is_dir() else home


def _labels(
    home: Path, source: DicomCine, columns: list[str], limits: Mapping[str, TensorType]
) -> Labels | None:
    """The table of labels where it is needed, with every wanted number inside its declared range."""
    if not columns:
        return None
    labels = read_labels(inside(home, source.labels, "labels"), source.labels)
    for name in columns:
        facts = limits[name].facts
        check_range(labels.column(name), name, facts.low, facts.high)
    return labels


def _expect_files(found: Collection, source: DicomCine) -> None:
    """SpecError NS521 where the view has no file."""
    if found.patients:
        return
    views = sorted(view for view in found.views if view.isprintable())[:8]
    told = f"; there are folders of {', '.join(f'`{view}`' for view in views)}" if views else ""
    raise SpecError.of(
        "NS521",
        f"`{source.root}` holds no files of the view `{source.view}`{told}",
        help=f"files are looked for as `<patient>/study/{source.view}_<number>/<file>.dcm`",
    )


def _gaps(coordinates: Sequence[float]) -> list[Array]:
    """The distance from each slice to the next along the normal of the stack in mm; 0 after the last."""
    ends = [*coordinates[1:], *coordinates[-1:]]
    return [np.asarray(end - start, np.float32) for start, end in zip(coordinates, ends, strict=True)]


class _Reader:
    """Reads the patients of one collection and accounts for every file."""

    def __init__(
        self,
        source: DicomCine,
        base: Path,
        found: Collection,
        labels: Labels | None,
        columns: list[str],
        wanted: set[str],
        index: Index,
    ) -> None:
        self._source = source
        self._base = base
        self._found = found
        self._labels = labels
        self._columns = columns
        self._wanted = wanted
        self._index = index
        self._bad: list[str] = []
        self._lock = Lock()

    def begin(self, opened: Opened) -> None:
        """Start the account with the files that nobody asked for."""
        self._ids = opened.group_ids
        self._quality = opened.quality
        self._quality.found = self._found.count
        self._quality.skipped.update(self._found.others)
        if self._labels is not None:
            absent = sum(patient not in self._found.patients for patient in self._labels.rows)
            if absent:
                self._quality.decisions["labelled patient without images"] += absent

    def finish(self) -> None:
        """Keep the index; SpecError NS526 where too many files were bad, NS525 where nobody has a label."""
        self._index.save()
        quality = self._quality
        asked = quality.found - sum(self._found.others.values())
        if quality.bad > self._source.at_most_bad.share * asked:
            names = ", ".join(
                f"`{name.encode('unicode_escape').decode()[:120]}`"
                for name in sorted(self._bad, key=natural)[:_SHOWN]
            )
            more = f" and {len(self._bad) - _SHOWN} more" if len(self._bad) > _SHOWN else ""
            raise SpecError.of(
                "NS526",
                f"{quality.bad} of {asked} files cannot be used, more than {self._source.at_most_bad}: {names}{more}",
                help="repair or remove them, or allow more with `at_most_bad`",
            )
        if quality.skipped["of a patient without a label"] and not quality.used:
            raise SpecError.of(
                "NS525",
                f"no patient of `{self._source.root}` has a line in `{self._source.labels}`",
                help="the first column must hold the names of the patients' folders",
            )

    def read(self, i: int) -> Study | None:
        """One patient's study; None where nothing of it can be used."""
        patient = self._ids[i]
        files = self._found.patients[patient]
        account = Account(files)
        numbers = self._numbers(patient)
        if numbers is None:
            account.drop_files(files, "of a patient without a label")
            self._close(patient, account, [])
            return None
        pictures = self._pictures(files, account)
        slices = stack(pictures, self._source.frame_order, account.drop, account.note)
        study, used = self._study(slices, account, numbers)
        if not used:
            account.note("patient without a usable slice", 1)
        self._close(patient, account, used)
        if not used:
            return None
        study.age = next((one.frame.age for one in pictures if not isnan(one.frame.age)), nan)
        study.sex = next((one.frame.sex for one in pictures if one.frame.sex >= 0), -1)
        self._add_person(study)
        return study

    def _close(self, patient: str, account: Account, used: list[Picture]) -> None:
        """Put a patient's account into the record, one thread at a time."""
        with self._lock:
            self._bad += account.close(self._quality, patient, used)

    def _numbers(self, patient: str) -> dict[str, float] | None:
        """The wanted labels of a patient; None where one is missing."""
        if self._labels is None:
            return {}
        row = self._labels.rows.get(patient, {})
        numbers = {name: row.get(name, nan) for name in self._columns}
        return None if any(isnan(number) for number in numbers.values()) else numbers

    def _pictures(self, files: list[File], account: Account) -> list[Picture]:
        """The usable pictures of the files, from the index where it knows them."""
        pictures = []
        for file in files:
            frames = self._index.get(file)
            if frames is None:
                frames = read_header(self._base / file.name)
                self._index.put(file, frames)
            if frames[0].status == Status.OK:
                pictures += [Picture(file, frame) for frame in frames]
            else:
                account.drop_files([file], Status(frames[0].status).reason)
        return pictures

    def _study(
        self, slices: list[Slice], account: Account, numbers: Mapping[str, float]
    ) -> tuple[Study, list[Picture]]:
        """The fields of the slices, and the pictures that went into them."""
        fields: dict[str, list[Array]] = {
            name: [] for name in ("pixels", "slice_position", "spacing", *numbers)
        }
        whole = self._source.stacked is not None
        kept: list[Slice] = []
        planes: list[Plane | None] = []
        used: list[Picture] = []
        for one in slices:
            pictures, cine = list(one.pictures), None
            if "pixels" in self._wanted:
                pictures, cine = read_cine(self._base, one, account.drop, account.note)
                if cine is None:
                    continue
                fields["pixels"].append(cine)
            spacing = (one.first.row_spacing, one.first.column_spacing)
            kept.append(one)
            fields["slice_position"].append(np.asarray(one.position if whole else [one.position], np.float32))
            fields["spacing"].append(np.asarray(spacing, np.float32))
            for name, number in numbers.items():
                fields[name].append(np.asarray(number, np.float32))
            planes.append(Plane(spacing, one.first.along_row, one.first.along_column))
            used += pictures
        if whole:
            fields["slice_gap"] = _gaps([one.coordinate for one in kept])
        return Study(fields, planes), used

    @staticmethod
    def _add_person(study: Study) -> None:
        """The fields that are the patient's, for every sample."""
        study.fields["age"] = [np.asarray([study.age], np.float32)] * study.count
        study.fields["sex"] = [np.asarray(study.sex, np.int64)] * study.count
