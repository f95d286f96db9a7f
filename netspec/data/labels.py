"""The table of labels: a CSV file whose first column is the patient and whose other columns are numbers."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from netspec.text import SpecError, nearest

_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Labels:
    """`rows` maps a patient's identifier to its numbers by column (NaN where the cell is empty)."""

    rows: Mapping[str, Mapping[str, float]]
    columns: tuple[str, ...]
    fingerprint: str

    def column(self, name: str) -> dict[str, float]:
        """One column by patient; SpecError NS523 for a name that is none."""
        if name not in self.columns:
            near = nearest(name, self.columns)
            known = ", ".join(f"`{one}`" for one in self.columns)
            raise SpecError.of(
                "NS523",
                f"`{_shown(name)}` is neither a field of the source nor a column of the table of labels",
                help=f"did you mean `{near}`?" if near else f"the columns are {known or 'none'}",
            )
        return {patient: row[name] for patient, row in self.rows.items()}


def read_labels(path: Path, shown: str) -> Labels:
    """Read the table at `path`, called `shown` in messages. SpecError NS522 if unreadable, NS523 if wrong."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SpecError.of(
                "NS522", f"the table of labels `{shown}` is larger than 64 MiB", help="is it the right file?"
            )
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SpecError.of(
            "NS522", f"there is no table of labels `{shown}`", help="set `labels` to a CSV file inside `root`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError.of(
            "NS522",
            f"the table of labels `{shown}` cannot be read as UTF-8 text",
            help="save it as CSV, UTF-8",
        ) from error
    return Labels(*_parsed(text, shown), fingerprint=hashlib.sha256(content).hexdigest())


def _parsed(text: str, shown: str) -> tuple[dict[str, dict[str, float]], tuple[str, ...]]:
    """The rows and the columns."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: dict[str, dict[str, float]] = {}
    columns: tuple[str, ...] = ()
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _header(cells, shown)
                continue
            _add(rows, [cell.strip() for cell in cells], columns, f"{shown}:{reader.line_num}")
    except csv.Error as error:
        raise SpecError.of(
            "NS523", f"{shown}:{reader.line_num}: not a CSV table", help="check the quotes on that line"
        ) from error
    return rows, columns[1:]


def _header(cells: list[str], shown: str) -> tuple[str, ...]:
    """The column names; the first must be `Id`."""
    names = tuple(cell.strip() for cell in cells)
    if names[0].lower() != "id":
        raise SpecError.of(
            "NS523",
            f"{shown}:1: the first column is `{_shown(names[0])}`, not `Id`",
            help="the first line names the columns, as `Id,Systole,Diastole`",
        )
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise SpecError.of(
            "NS523", f"{shown}:1: two columns are called `{_shown(twice)}`", help="rename one of them"
        )
    return names


def _add(rows: dict[str, dict[str, float]], cells: list[str], columns: tuple[str, ...], place: str) -> None:
    """Take one line into `rows`."""
    if len(cells) != len(columns):
        raise SpecError.of(
            "NS523",
            f"{place}: {len(cells)} cells under {len(columns)} columns",
            help="every line needs one cell a column",
        )
    if cells[0] in rows:
        raise SpecError.of(
            "NS523",
            f"{place}: the patient `{_shown(cells[0])}` stands here for the second time",
            help="keep one line a patient",
        )
    row = {}
    for name, cell in zip(columns[1:], cells[1:], strict=True):
        try:
            row[name] = float(cell) if cell else nan
        except ValueError as error:
            raise SpecError.of(
                "NS523",
                f"{place}: `{_shown(cell)}` under `{_shown(name)}` is no number",
                help="write a number with a decimal point, or leave the cell empty",
            ) from error
        if cell and not isfinite(row[name]):
            raise SpecError.of(
                "NS523",
                f"{place}: `{_shown(cell)}` under `{_shown(name)}` is not finite",
                help="leave the cell empty",
            )
    rows[cells[0]] = row


def check_range(values: Mapping[str, float], name: str, low: float, high: float) -> None:
    """Raise SpecError NS524 for labels outside the declared range: such a label would be a silent row of zeros."""
    outside = {patient: value for patient, value in values.items() if value < low or value > high}
    if outside:
        patient, value = next(iter(outside.items()))
        more = f", and {len(outside) - 1} more" if len(outside) > 1 else ""
        raise SpecError.of(
            "NS524",
            f"the label `{_shown(name)}` of patient `{_shown(patient)}` is {value:g}, "
            f"outside [{low:g}, {high:g}]{more}",
            help="correct the label, or declare a wider `range` (and more bins)",
        )


def _shown(word: str) -> str:
    """A word of a file as it may be shown: control characters escaped, not too long."""
    return word[:64].encode("unicode_escape").decode() if not word.isprintable() else word[:64]
