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
        return Row(
            what, mode, where, float("inf"), float("inf"), 0.0, (), ok=False, note=_shapes(ours, theirs)
        )
    if ours.size == 0:
        return Row(what, mode, where, 0.0, 0.0, 0.0, (), ok=True)
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(
            finite, abs(a - b), np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.inf)
        )
        used = np.where(difference <= 0, 0.0, difference / tolerance)
    worst = int(np.argmax(used)) if used.any() else int(np.argmax(difference))
    place = tuple(int(i) for i in np.unravel_index(worst, difference.shape))
    largest = float(np.max(abs(a), where=finite, initial=0.0))
    far = float(difference[place])
    return Row(
        what,
        mode,
        where,
        difference=far,
        relative=far / largest if largest else (0.0 if far == 0 else float("inf")),
        tolerance=float(np.broadcast_to(tolerance, difference.shape)[place]),
        place=place,
        ok=bool((difference <= tolerance).all()),
        note="" if np.isfinite(a).all() else "the reference itself is not finite here",
    )


def _shapes(ours: Array | None, theirs: Array | None) -> str:
    """What a tensor is on either side."""
    if ours is None or theirs is None:
        return f"the {'reference' if ours is None else 'candidate'} gives nothing here"
    return f"the reference gives {list(ours.shape)}, the candidate {list(theirs.shape)}"
