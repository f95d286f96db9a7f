"""Two tensors that should be one, compared number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.proof.result import Row, What

Array = NDArray[Any]


def compare(
    what: What, mode: str, where: str, ours: Array | None, theirs: Array | None, tolerance: Array
) -> Row:
    """The row of one tensor: the reference's, the candidate's, and how far each number may differ.

    A tensor that one side lacks, or that has another shape, differs without measure. Numbers that are not finite must
    be the same on both sides.
    """
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return Row(what, mode, where, float("inf"), None, 0.0, (), ok=False, note=_shapes(ours, theirs))
    if ours.size == 0:
        return Row(what, mode, where, 0.0, None, 0.0, (), ok=True)
    a, b = (x.astype(np.float64, copy=False) for x in (ours, theirs))
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.asarray(abs(a - b))
        if not np.isfinite(difference).all():
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            difference = np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))
        used = np.where(difference > 0, difference / tolerance, 0.0)
    place = tuple(int(i) for i in np.unravel_index(int(np.argmax(used)), used.shape))
    finite = bool(np.isfinite(a).all())
    largest = float(np.max(abs(a))) if finite else float("nan")
    far, may = float(difference[place]), float(tolerance[place])
    return Row(
        what,
        mode,
        where,
        difference=far,
        relative=far / largest if largest > may else None,
        tolerance=may,
        place=place,
        ok=far <= may,
        note="" if finite else "the reference itself is not finite here",
    )


def _shapes(ours: Array | None, theirs: Array | None) -> str:
    """What a tensor is on either side."""
    if ours is None or theirs is None:
        return f"the {'reference' if ours is None else 'candidate'} gives nothing here"
    return f"the reference gives {list(ours.shape)}, the candidate {list(theirs.shape)}"
