"""One patient from seed to files: draw the person and the pose, image every slice, write it, and tell the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netspec.data.phantom.acquisition import (
    SIZES,
    Acquisition,
    draw_acquisition,
    draw_frames,
    slice_positions,
)
from netspec.data.phantom.anatomy import Ventricle, beat, ventricle
from netspec.data.phantom.defects import leave_foreign, struck, truncate
from netspec.data.phantom.dicom import SliceHeader, write_slice
from netspec.data.phantom.population import Person, draw_person
from netspec.data.phantom.scene import (
    Heart,
    Image,
    Thorax,
    Tissues,
    add_heart,
    draw_heart,
    draw_thorax,
    draw_tissues,
    reach,
    surroundings,
)
from netspec.data.phantom.seeding import stream
from netspec.data.phantom.signal import Pixels, Receiver, draw_receiver, receive, sensitivity
from netspec.data.phantom.truth import DefectTruth, PatientTruth, Settings, SliceTruth


@dataclass(frozen=True)
class Patient:
    """Everything about one patient that is drawn once: who, how the heart beats, how the scanner was set."""

    id: int
    settings: Settings
    person: Person
    lv: Ventricle
    heart: Heart
    thorax: Thorax
    tissues: Tissues
    acquisition: Acquisition
    receiver: Receiver
    positions: tuple[float, ...]
    shift: tuple[float, float]

    def stream(self, purpose: str, part: int = 0) -> np.random.Generator:
        """The patient's random numbers for one purpose."""
        return stream(self.settings.seed, self.settings.split, self.id, purpose, part)


@dataclass(frozen=True)
class Shot:
    """One slice to be taken: `part` tells repeats of a place apart, `repeats` names the folder it shows again."""

    folder: str
    series: int
    s: float
    part: int
    repeats: str | None = None


def draw_patient(settings: Settings, patient: int) -> Patient:
    """Draw the patient with this number; the same settings and number give the same patient."""

    def draw(purpose: str) -> np.random.Generator:
        return stream(settings.seed, settings.split, patient, purpose)

    size = SIZES[settings.size]
    person = draw_person(draw("person"))
    rng = draw("beat")
    frames = draw_frames(size, rng)
    stroke = beat(frames, float(np.clip(rng.normal(0.37, 0.025), 0.28, 0.46)), rng.uniform(0.12, 0.34))
    cut = float(np.clip(rng.normal(0.35, 0.05), 0.20, 0.50))
    lv = ventricle(person, stroke, cut, mass=0.70 * math.exp(rng.normal(0, 0.12)))
    rng = draw("acquisition")
    acquisition = draw_acquisition(size, person, lv.length, frames, rng)
    positions = slice_positions(acquisition, size, lv.length, rng)
    rng = draw("scene")
    shift = rng.normal(0, 7 * person.body_scale, 2)
    return Patient(
        id=patient,
        settings=settings,
        person=person,
        lv=lv,
        heart=draw_heart(rng),
        thorax=draw_thorax(person.body_scale, rng),
        tissues=draw_tissues(rng),
        acquisition=acquisition,
        receiver=draw_receiver(draw("receiver")),
        positions=tuple(float(s) for s in positions),
        shift=(float(shift[0]), float(shift[1])),
    )


def write_study(split_folder: Path, settings: Settings, patient: int) -> PatientTruth:
    """Write `<split_folder>/<patient>/study/sax_<k>/...` and give what is true of it."""
    one = draw_patient(settings, patient)
    kinds = _kinds(one)
    shots, missing = _plan(one, kinds)
    study = split_folder / str(patient) / "study"
    for shot in shots:
        _take(study / shot.folder, one, shot)
    defects = _repeats_and_gaps(one, shots, missing) + _spoil(study, one, shots, kinds)
    slices = [_truth_of(one, shot.s, shot.folder, shot.repeats) for shot in shots]
    slices += [_truth_of(one, s, None, None) for s in missing]
    return PatientTruth(
        id=patient,
        age=one.person.age,
        sex=one.person.sex,
        systole=one.person.esv,
        diastole=one.person.edv,
        volumes=tuple(round(float(v), 6) for v in one.lv.volume),
        rows=one.acquisition.rows,
        columns=one.acquisition.columns,
        spacing=one.acquisition.spacing,
        thickness=one.acquisition.thickness,
        distance=one.acquisition.distance,
        slices=tuple(slices),
        defects=tuple(defects),
    )


def picture(one: Patient, s: float, part: int = 0) -> Pixels:
    """The cine of the slice at `s`: (frames, rows, columns), 12 bits. `part` chooses breath-hold and noise."""
    x, y = _grid(one)
    rng = one.stream("shot", part)
    shift = rng.normal(0, 2, 2)  # every breath-hold leaves the heart a little elsewhere
    shade = sensitivity(x, y, one.receiver)
    x, y = x - np.float32(one.shift[0] + shift[0]), y - np.float32(one.shift[1] + shift[1])
    pixel = one.acquisition.spacing[0]
    outer = float(one.lv.a[0] + one.lv.wall[0])
    image = surroundings(x, y, s, pixel, one.thorax, one.tissues, outer)
    inside = _box(x, y, reach(one.lv))
    beating = add_heart(
        image[inside],
        x[inside],
        y[inside],
        s,
        one.acquisition.thickness,
        pixel,
        one.lv,
        one.heart,
        one.tissues,
    )
    scene = np.broadcast_to(image, (one.acquisition.frames, *image.shape)).copy()
    scene[:, *inside] = beating
    return receive(scene, shade, one.receiver, rng)


def _grid(one: Patient) -> tuple[Image, Image]:
    """Scene coordinates of the pixels, from the middle of the image: a quarter turn where it lies across."""
    acquisition = one.acquisition
    down = (np.arange(acquisition.rows, dtype=np.float32) - (acquisition.rows - 1) / 2) * acquisition.spacing[
        0
    ]
    right = (
        np.arange(acquisition.columns, dtype=np.float32) - (acquisition.columns - 1) / 2
    ) * acquisition.spacing[1]
    y, x = np.meshgrid(down.astype(np.float32), right.astype(np.float32), indexing="ij")
    return (-y, x) if acquisition.landscape else (x, y)


def _box(x: Image, y: Image, far: float) -> tuple[slice, slice]:
    """Rows and columns with a pixel that may belong to the heart."""
    near = (np.abs(x) < far) & (np.abs(y) < far)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _take(folder: Path, one: Patient, shot: Shot) -> None:
    settings = one.settings
    header = SliceHeader(
        key=(settings.seed, settings.split, one.id),
        patient=one.id,
        person=one.person,
        acquisition=one.acquisition,
        series=shot.series,
        s=shot.s,
        location_offset=float(one.stream("location").normal(0, 40)),
        gain=one.receiver.gain,
    )
    write_slice(folder, header, picture(one, shot.s, shot.part))


def _kinds(one: Patient) -> set[str]:
    settings = one.settings
    index = one.id - settings.first
    return {kind for kind in settings.defects if struck(kind, index, settings.patients, one.stream(kind))}


def _plan(one: Patient, kinds: set[str]) -> tuple[list[Shot], list[float]]:
    """The slices that are taken, in the order of their folders, and the places that are left out."""
    rng = one.stream("order")
    order = np.arange(len(one.positions))
    if rng.random() < 0.5:
        order = order[::-1]
    if rng.random() < 0.15:
        order = rng.permutation(order)
    number, series = int(rng.integers(4, 20)), int(rng.integers(1000, 9000))
    middle = range(2, len(one.positions) - 2)
    gap = int(rng.choice(middle)) if "missing_slice" in kinds else None
    kept = [int(i) for i in order if i != gap]
    shots = [Shot(f"sax_{number + k}", series + k, one.positions[i], i) for k, i in enumerate(kept)]
    if "duplicate_slice" in kinds:
        again = shots[int(rng.integers(len(shots)))]
        k = len(kept) + int(rng.integers(0, 30))
        part = again.part + len(one.positions)
        shots.append(Shot(f"sax_{number + k}", series + k, again.s, part, repeats=again.folder))
    return shots, [] if gap is None else [one.positions[gap]]


def _repeats_and_gaps(one: Patient, shots: list[Shot], missing: list[float]) -> list[DefectTruth]:
    place = f"{one.id}/study"
    found = [
        DefectTruth(kind="duplicate_slice", where=f"{place}/{shot.folder}") for shot in shots if shot.repeats
    ]
    return found + [DefectTruth(kind="missing_slice", where=place) for _ in missing]


def _spoil(study: Path, one: Patient, shots: list[Shot], kinds: set[str]) -> list[DefectTruth]:
    """Damage files that are already there."""
    rng = one.stream("spoil")
    found = []
    for kind, act in (("truncated_file", truncate), ("foreign_file", leave_foreign)):
        folder = study / shots[int(rng.integers(len(shots)))].folder
        if kind in kinds:
            path = act(folder, rng)
            found.append(DefectTruth(kind=kind, where=path.relative_to(study.parent.parent).as_posix()))
    return found


def _truth_of(one: Patient, s: float, folder: str | None, repeats: str | None) -> SliceTruth:
    areas = one.lv.slab_area(s, one.acquisition.thickness)
    return SliceTruth(
        folder=folder, position=round(s, 6), areas=tuple(round(float(a), 4) for a in areas), repeats=repeats
    )
