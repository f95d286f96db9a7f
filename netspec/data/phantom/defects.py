"""Faults of real collections, put in on request, each recorded in the truth.

The rates are those of the real set where they are known; whatever the size, each fault that is asked for strikes at
least one patient.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

# kind -> the share of studies that have it
DEFECTS = {
    "duplicate_slice": 0.136,  # one location imaged twice, in a folder of its own
    "missing_slice": 0.012,  # a gap inside the stack
    "truncated_file": 0.02,  # a file that ends within its pixels
    "foreign_file": 0.02,  # a file that is no image
}

_FOREIGN = {
    "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "notes.txt": b"breath-hold 3 repeated\n",
    "IM-9999-0001.dcm": b"This file has the name of an image and is none.\n" * 9,
}


def struck(kind: str, index: int, patients: int, rng: np.random.Generator) -> bool:
    """Whether the patient at `index` (0 first) of `patients` has the defect; one of them always has."""
    certain = list(DEFECTS).index(kind) % patients
    return bool(rng.random() < DEFECTS[kind]) or index == certain


def truncate(folder: Path, rng: np.random.Generator) -> Path:
    """Cut one image of `folder` somewhere within its pixels; gives the path."""
    files = sorted(folder.glob("IM-*.dcm"))
    path = files[int(rng.integers(len(files)))]
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * rng.uniform(0.4, 0.9))])
    return path


def leave_foreign(folder: Path, rng: np.random.Generator) -> Path:
    """Put a file among the images of `folder` that is none; gives the path."""
    name = sorted(_FOREIGN)[int(rng.integers(len(_FOREIGN)))]
    path = folder / name
    path.write_bytes(_FOREIGN[name])
    return path
