"""What became of one patient's files, each of them: used, or left out for a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netspec.data.dicom.find import File
from netspec.data.dicom.stack import Picture
from netspec.data.quality import QualityRecord

HARMLESS = {
    "repeated later",
    "imaged again later",
    "too few frames for a cine",
    "not parallel to the stack",
    "frame of another matrix",
    "all of one brightness",
    "of a patient without a label",
}
"""Reasons that are decisions and no faults of the files."""


class Account:
    """What became of one patient's files."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files = list(files)
        self._dropped: dict[File, str] = {}
        self.notes: Counter[str] = Counter()

    def drop(self, pictures: Iterable[Picture], reason: str) -> None:
        """Leave pictures out."""
        self.drop_files((one.file for one in pictures), reason)

    def drop_files(self, files: Iterable[File], reason: str) -> None:
        """Leave files out; the first reason counts."""
        for file in files:
            self._dropped.setdefault(file, reason)

    def note(self, what: str, count: int) -> None:
        """Note a decision."""
        self.notes[what] += count

    def reasons(self, used: Iterable[File]) -> dict[File, str]:
        """For every file the reason why it was left out, or nothing where a picture of it was used."""
        taken = set(used)
        missing = [file for file in self._files if file not in taken and file not in self._dropped]
        if missing:
            raise RuntimeError(f"{len(missing)} files are not accounted for")
        return {file: "" if file in taken else self._dropped[file] for file in self._files}

    def close(self, quality: QualityRecord, patient: str, used: Iterable[Picture]) -> list[str]:
        """Put the account into the record, under the patient; gives the names of the bad files."""
        bad = []
        for file, reason in self.reasons(one.file for one in used).items():
            if not reason:
                quality.used += 1
                continue
            quality.skipped[reason] += 1
            if reason not in HARMLESS:
                quality.bad += 1
                bad.append(file.name)
        for what, count in self.notes.items():
            quality.decide(patient, what, count)
        return bad
