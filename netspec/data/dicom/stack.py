"""From the pictures of one patient to a stack of cines: grouped, put in order, and rid of what came twice.

Every picture that is left out is handed to `drop` with its reason, and every decision to `note`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from statistics import median

from netspec.data.dicom.find import File, Natural, frame_name, natural
from netspec.data.dicom.frame import Frame
from netspec.data.dicom.geometry import (
    PARALLEL_DEGREES,
    SAME_PLACE_MM,
    Vector,
    angle,
    dot,
    normal,
    positions,
    stack_normal,
)
from netspec.recipe.source import Order


@dataclass(frozen=True)
class Picture:
    """One frame and the file it is in."""

    file: File
    frame: Frame


@dataclass(frozen=True)
class Slice:
    """One place of the heart: its pictures in the order of time, where it lies along the stack (mm), and 0 to 1."""

    pictures: tuple[Picture, ...]
    coordinate: float
    position: float = 0.5

    @property
    def first(self) -> Frame:
        """The first frame, for what all share."""
        return self.pictures[0].frame


Drop = Callable[[Iterable[Picture], str], None]
Note = Callable[[str, int], None]
Series = tuple[Natural, Natural, int]


def stack(pictures: Sequence[Picture], order: Sequence[Order], drop: Drop, note: Note) -> list[Slice]:
    """The slices of one patient from apex to base, each with its frames in order."""
    if not pictures:
        return []
    through = stack_normal([normal(one.frame) for one in pictures])
    found: list[tuple[Series, Slice]] = []
    for series, members in sorted(_by_series(pictures).items()):
        for place in _by_place(members):
            ordered = _cine(place, order, drop, note)
            found.append((series, Slice(tuple(ordered), dot(ordered[0].frame.position, through))))
    kept = _parallel(found, through, drop, note)
    kept = _long_enough(kept, drop, note)
    slices = _once(kept, drop, note)
    _note_gaps([one.coordinate for one in slices], note)
    where = positions([one.coordinate for one in slices]) if slices else []
    return [Slice(one.pictures, one.coordinate, place) for one, place in zip(slices, where, strict=True)]


def _by_series(pictures: Sequence[Picture]) -> dict[Series, list[Picture]]:
    """By folder, prefix of the file name and series; real files often lack the last."""
    groups = defaultdict(list)
    for one in pictures:
        prefix = frame_name(one.file.name.rpartition("/")[2]).prefix
        groups[natural(one.file.folder), natural(prefix), one.frame.series].append(one)
    return groups


def _by_place(members: list[Picture]) -> list[list[Picture]]:
    """Pictures of one series by the plane they lie in: one folder may hold a whole stack."""
    planes: list[tuple[Vector, list[Picture]]] = []
    for one in members:
        through = normal(one.frame)
        for known, group in planes:
            if angle(known, through) < PARALLEL_DEGREES / 5:
                group.append(one)
                break
        else:
            planes.append((through, [one]))
    places = []
    for through, group in planes:
        along = sorted(group, key=lambda one: dot(one.frame.position, through))
        before = None
        for one in along:
            coordinate = dot(one.frame.position, through)
            if before is None or coordinate - before > SAME_PLACE_MM:
                places.append([one])
            else:
                places[-1].append(one)
            before = coordinate
    return places


def _cine(place: list[Picture], order: Sequence[Order], drop: Drop, note: Note) -> list[Picture]:
    """The pictures of one place in the order of time, of one matrix, each moment once."""
    matrices = Counter(one.frame.matrix for one in place)
    usual = max(matrices, key=lambda matrix: (matrices[matrix], matrix))
    odd = [one for one in place if one.frame.matrix != usual]
    if odd:
        drop(odd, "frame of another matrix")
        note("slice with frames of unequal matrix", 1)
    alike = [one for one in place if one.frame.matrix == usual]
    single = _each_moment_once(_last_repeat(alike, drop, note), drop, note)
    for i, name in enumerate(order):
        keys = [_moment(one, name) for one in single]
        if None not in keys and len(set(keys)) == len(keys):
            if i:
                note(f"slice ordered by {name.replace('_', ' ')}", 1)
            return [one for _, one in sorted(zip(keys, single, strict=True), key=_first)]
    note("slice ordered by file name", 1)
    return sorted(single, key=lambda one: (natural(one.file.name), one.frame.part))


def _first(pair: tuple[object, Picture]) -> Natural:
    key = pair[0]
    assert isinstance(key, tuple)
    return key


def _moment(one: Picture, name: Order) -> tuple[object, ...] | None:
    """What the frame order `name` says of a picture; None where it says nothing."""
    if name == "file_name":
        return (natural(one.file.name.rpartition("/")[2]), one.frame.part)
    value = one.frame.trigger if name == "trigger_time" else one.frame.number
    return None if isnan(value) else (value,)


def _last_repeat(place: list[Picture], drop: Drop, note: Note) -> list[Picture]:
    """Of pictures whose names say that they repeat one frame (`IM-xxxx-yyyy-zzzz`), the last."""
    named: dict[tuple[str, Natural, int], tuple[int, Picture]] = {}
    before: list[Picture] = []
    for one in place:
        name = frame_name(one.file.name.rpartition("/")[2])
        key = (name.prefix, name.frame, one.frame.part)
        earlier = named.get(key)
        if earlier is None or earlier[0] <= name.repeat:
            named[key] = (name.repeat, one)
            before += [earlier[1]] if earlier else []
        else:
            before.append(one)
    if before:
        drop(before, "repeated later")
        note("frame repeated, the last kept", len(before))
    return [one for _, one in named.values()]


def _each_moment_once(place: list[Picture], drop: Drop, note: Note) -> list[Picture]:
    """Where a whole beat was imaged several times at one place, so that each time comes equally often: the last."""
    moments = defaultdict(list)
    for one in place:
        moments[one.frame.trigger].append(one)
    times = {len(group) for group in moments.values()}
    # fewer than four different times are no beat but a field that the scanner does not fill in
    if len(times) != 1 or times == {1} or len(moments) < 4 or any(isnan(moment) for moment in moments):
        return place
    kept = []
    for group in moments.values():
        group.sort(key=lambda one: (one.frame.number, natural(one.file.name)))
        drop(group[:-1], "repeated later")
        kept.append(group[-1])
    note("frame repeated, the last kept", len(place) - len(kept))
    return kept


def _parallel(
    found: list[tuple[Series, Slice]], through: Vector, drop: Drop, note: Note
) -> list[tuple[Series, Slice]]:
    """Without the slices that are not parallel to the stack."""
    kept = []
    for series, one in found:
        if angle(normal(one.first), through) < PARALLEL_DEGREES:
            kept.append((series, one))
        else:
            drop(one.pictures, "not parallel to the stack")
            note("slice not parallel to the stack", 1)
    return kept


def _long_enough(found: list[tuple[Series, Slice]], drop: Drop, note: Note) -> list[tuple[Series, Slice]]:
    """Without cines of a single frame, or of less than half the usual number."""
    counts = Counter(len(one.pictures) for _, one in found)
    usual = max(counts, key=lambda count: (counts[count], count)) if counts else 0
    kept = []
    for series, one in found:
        count = len(one.pictures)
        if count < 2 or count * 2 < usual:
            drop(one.pictures, "too few frames for a cine")
            note("slice with too few frames", 1)
            continue
        if count < usual:
            note("slice with missing frames", 1)
        kept.append((series, one))
    return kept


def _once(found: list[tuple[Series, Slice]], drop: Drop, note: Note) -> list[Slice]:
    """Of slices at one place the one that was imaged last, from apex to base."""
    slices: list[tuple[Series, Slice]] = []
    for series, one in sorted(found, key=lambda item: (item[1].coordinate, item[0])):
        if slices and abs(slices[-1][1].coordinate - one.coordinate) < SAME_PLACE_MM:
            older = min(slices[-1], (series, one), key=lambda item: item[0])
            newer = max(slices[-1], (series, one), key=lambda item: item[0])
            drop(older[1].pictures, "imaged again later")
            note("place imaged twice, the last kept", 1)
            slices[-1] = newer
        else:
            slices.append((series, one))
    return [one for _, one in slices]


def _note_gaps(coordinates: list[float], note: Note) -> None:
    """Note distances that are not the usual one; nothing is changed."""
    distances = [after - before for before, after in pairwise(coordinates)]
    if len(distances) < 2:
        return
    usual = median(distances)
    gaps = sum(one > 1.5 * usual for one in distances)
    odd = sum(abs(one - usual) > 0.2 * usual for one in distances) - gaps
    if gaps:
        note("gap in the stack", gaps)
    if odd > 0:
        note("irregular distance between slices", odd)
