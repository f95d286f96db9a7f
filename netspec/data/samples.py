"""The one thing that everything else uses: a recipe's samples, open, checked and divided."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.cache import FORMAT, Cache, Prepared
from netspec.data.declared import Extent, as_stored, check_declared, check_missing
from netspec.data.opened import Opened, studies
from netspec.data.places import inside
from netspec.data.quality import QualityRecord
from netspec.data.ragged import Ragged, in_one, one_slice, places, stack_study
from netspec.data.split import assign, sample_numbers
from netspec.data.study import Array, Study
from netspec.data.transforms import apply
from netspec.ir.types import TensorType
from netspec.recipe.data import DataRecipe, check, one_sample
from netspec.recipe.source import DicomCine, Digits, Npz
from netspec.recipe.transform import Crop
from netspec.text import Diagnostic, Severity, SpecError

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is to do, and a word for what is being done."""


@dataclass(frozen=True)
class Samples:
    """Samples as arrays.

    `fields` holds one array for each input and target, by the spec's names; the first axis counts samples (float32, or
    int64 for classes; large ones are memory-mapped and must not be written to). `groups` is the number of each
    sample's patient (or its own number, where there are no patients), an index into `group_ids`, which are for
    messages on the user's terminal and never for a file. `splits` holds the sample numbers of `train`, `validation`
    and `test`. `covariates` are known of each patient: `age` in years (NaN where missing) and `sex` (0 F, 1 M, 2 other,
    -1 missing). `whole` are the fields before the first random transform, which a training begins with; empty where no
    transform is random. `fingerprint` stands for the numbers themselves and whose they are: it is the same wherever the
    files lie. `ragged` says which fields are padded to the longest sample: `batch` cuts them.
    """

    fields: Mapping[str, Array]
    groups: NDArray[np.int64]
    group_ids: tuple[str, ...]
    splits: Mapping[str, NDArray[np.int64]]
    fingerprint: str
    quality: QualityRecord
    covariates: Mapping[str, Array] = field(default_factory=dict)
    ragged: Ragged = field(default_factory=Ragged)
    whole: Mapping[str, Array] = field(default_factory=dict)

    def batch(self, numbers: NDArray[np.int64], *, training: bool = False) -> dict[str, Array]:
        """The fields of these samples in memory of their own, as long as the longest of them.

        For `training` they are those that the random transforms begin with.
        """
        fields = {**self.fields, **self.whole} if training else self.fields
        return {name: self.ragged.batch(name, array, numbers) for name, array in fields.items()}

    def __len__(self) -> int:
        return len(self.groups)


def open_samples(
    recipe: DataRecipe,
    root: Path,
    *,
    declared: Mapping[str, TensorType],
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Samples:
    """Read, check and prepare the samples of `recipe`.

    `root` is the project's folder: the data must lie inside it. `declared` are the inputs and targets of the spec,
    which the data must fill, values included (a label outside its declared range is an error). Prepared samples are
    kept in `cache_dir` (default: `.netspec/cache` in the project) unless the recipe says `cache: none`.
    Raises SpecError (NS50x to NS55x) with a cure for whatever is missing or wrong.
    """
    kinds = {name: one_sample(kind) for name, kind in declared.items()}
    problems = [found.problem for found in check(recipe, kinds, {})]
    if problems:
        raise SpecError(Diagnostic(one.code, Severity.ERROR, one.message, help=one.help) for one in problems)
    masks = {name: kinds.pop(name) for name in recipe.pad.values()}
    cache_dir = root / ".netspec" / "cache" if cache_dir is None else cache_dir
    tell = progress or (lambda _done, _total, _what: None)
    opened = _open(recipe, root, kinds, None if recipe.cache == "none" else cache_dir, tell)
    key = _key(recipe, kinds, opened.fingerprint)
    prepared = _prepared(recipe, kinds, opened, key, cache_dir, tell)
    return _finished(recipe, kinds, masks, opened, prepared)


def _open(
    recipe: DataRecipe,
    root: Path,
    kinds: Mapping[str, TensorType],
    index_dir: Path | None,
    tell: Progress,
) -> Opened:
    """The source, ready to be read."""
    source = recipe.source
    wanted = {recipe.source_field(name) for name in kinds}
    match source:
        case Digits():
            from netspec.data.digits import open_digits  # noqa: PLC0415 - only this source needs scikit-learn

            return open_digits()
        case Npz():
            from netspec.data.npz import open_npz  # noqa: PLC0415 - a source is loaded when it is used

            return open_npz(inside(root, source.file, "file"), source.file, wanted, source.group)
        case DicomCine():
            try:
                from netspec.data.dicom.source import open_cine  # noqa: PLC0415 - only this source needs pydicom
            except ImportError as error:
                raise SpecError.of(
                    "NS534",
                    "the source `dicom_cine` needs pydicom",
                    help="pip install 'netspec-compiler[dicom]'",
                ) from error
            limits = {recipe.source_field(name): kind for name, kind in kinds.items()}
            return open_cine(source, root, limits, index_dir, tell)
        case _:
            raise SpecError.of(
                "NS509", f"the source `{source.name}` cannot be opened by this version", help="use `npz`"
            )


def _key(recipe: DataRecipe, kinds: Mapping[str, TensorType], fingerprint: str) -> str:
    """The name of the prepared set: a hash of all that it depends on."""
    told = {
        "format": FORMAT,
        "source": fingerprint,
        "fields": {name: [recipe.source_field(name), kind.names, kind.dtype] for name, kind in kinds.items()},
        "transforms": [[one.name, one.model_dump(mode="json")] for one in recipe.prefix],
    }
    if recipe.pad:
        told["pad"] = sorted(recipe.pad)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _prepared(
    recipe: DataRecipe,
    kinds: Mapping[str, TensorType],
    opened: Opened,
    key: str,
    cache_dir: Path,
    tell: Progress,
) -> Prepared:
    """The prepared set, from the cache or made now."""
    keep = recipe.cache == "auto" and isinstance(recipe.source, DicomCine)
    if not keep:
        kept: dict[str, list[Array]] = {}
        notes = _make(
            recipe, kinds, opened, lambda name, arrays: kept.setdefault(name, []).extend(arrays), tell
        )
        return Prepared({name: in_one(arrays) for name, arrays in kept.items()}, notes)
    cache = Cache(cache_dir / "samples")
    found = cache.load(key)
    if found is not None and _usable(found, kinds, opened, recipe.pad):
        return found
    with cache.write(key) as writer:
        return writer.finish(_make(recipe, kinds, opened, writer.add, tell))


def _usable(found: Prepared, kinds: Mapping[str, TensorType], opened: Opened, pad: Iterable[str]) -> bool:
    """Whether the notes of a set hold what is needed, and agree with one another and with the source."""
    notes = found.notes
    try:
        groups = np.asarray(notes["groups"], np.int64)
        Extent.all_from(notes["extents"])
        QualityRecord.from_notes(notes["quality"], opened.group_ids)
        patients = len(notes["members"])
        _fingerprint(notes["content"], groups, ())
        whole = len(notes["age"]) == len(notes["sex"]) == patients
        known = all(0 <= one < len(opened.group_ids) for one in notes["members"])
        fits = all(len(found.fields[name]) == len(groups) for name in kinds)
        fits = fits and all(len(np.asarray(notes["lengths"][axis], np.int64)) == len(groups) for axis in pad)
        return whole and known and fits and bool(((groups >= 0) & (groups < patients)).all())
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def _make(
    recipe: DataRecipe,
    kinds: Mapping[str, TensorType],
    opened: Opened,
    add: Callable[[str, list[Array]], None],
    tell: Progress,
) -> dict[str, Any]:
    """Read every study, transform it and hand its arrays on; gives the notes that go with the set."""
    steps = _steps(recipe, kinds)
    extents = {name: Extent() for name in kinds}
    padded = places(recipe.pad, kinds)
    lengths: dict[str, list[int]] = {axis: [] for axis in recipe.pad}
    members: list[int] = []
    digests = {name: hashlib.sha256(kind.dtype.encode()) for name, kind in kinds.items()}
    groups: list[int] = []
    age: list[float | None] = []
    sex: list[int] = []
    for i, study in enumerate(studies(opened, recipe.workers)):
        tell(i, len(opened.group_ids), "reading")
        if study is None or not study.count:
            continue
        _transformed(recipe, study, kinds, steps)
        for name, kind in kinds.items():
            arrays = [as_stored(name, array, kind) for array in study.fields[name]]
            free = padded.get(name, {})
            for array in arrays:
                extents[name].take(name, array, kind, free.values())
                if free:
                    digests[name].update(repr(array.shape).encode())
                digests[name].update(array.data)
            add(name, arrays)
        for axis, known in lengths.items():
            name = next(name for name, free in padded.items() if axis in free)
            known += [array.shape[padded[name][axis]] for array in study.fields[name]]
        groups += [len(members)] * study.count
        members.append(i)
        age.append(None if study.age != study.age else study.age)
        sex.append(study.sex)
    tell(len(opened.group_ids), len(opened.group_ids), "reading")
    opened.finish()
    if not groups:
        raise SpecError.of("NS521", "no sample can be used", help=opened.quality.summary())
    opened.quality.samples, opened.quality.groups = len(groups), len(members)
    return {
        "groups": groups,
        "lengths": lengths,
        "members": members,
        "age": age,
        "sex": sex,
        "content": {name: digest.hexdigest() for name, digest in digests.items()},
        "extents": {name: extent.as_json() for name, extent in extents.items()},
        "quality": opened.quality.as_notes(opened.group_ids),
    }


def _fingerprint(content: Mapping[str, str], groups: NDArray[np.int64], ids: Sequence[str]) -> str:
    """A hash of the numbers in every field, of whose they are, and of who is who."""
    told = [*(f"{name} {digest}" for name, digest in sorted(content.items())), *ids]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape") + groups.tobytes()).hexdigest()


def _steps(recipe: DataRecipe, kinds: Mapping[str, TensorType]) -> list[dict[str, TensorType]]:
    """The types of the fields before each transform."""
    types = {name: recipe.source.field(recipe.source_field(name), kind) for name, kind in kinds.items()}
    steps = []
    for transform in recipe.prefix:
        steps.append(types)
        types = transform.infer(types)
    return steps


def _transformed(
    recipe: DataRecipe, study: Study, kinds: Mapping[str, TensorType], steps: list[dict[str, TensorType]]
) -> None:
    """Give the study the spec's names and do all transforms."""
    names = {name: recipe.source_field(name) for name in kinds}
    study.fields = {name: list(study.fields[source]) for name, source in names.items()}
    words = recipe.source.words
    study.words = {name: words[source] for name, source in names.items() if source in words}
    axis = recipe.source.stacked
    for transform, types in zip(recipe.prefix, steps, strict=True):
        apply(transform, study, types if axis is None else one_slice(types, axis))
    if axis is not None:
        fields = {name: recipe.source.field(source, kinds[name]) for name, source in names.items()}
        stack_study(study, fields, axis)


def _evaluated(recipe: DataRecipe, kind: TensorType, array: Array) -> Array:
    """A field as evaluation sees it: of what stands from the first random transform on, the crops alone (a view)."""
    for one in recipe.suffix:
        if isinstance(one, Crop) and one.acts_on(kind):
            for axis, wanted in (("height", one.height), ("width", one.width)):
                place = kind.names.index(axis) + 1
                first = max(0, (array.shape[place] - wanted) // 2)
                array = array[(slice(None),) * place + (slice(first, first + wanted),)]
    return array


def _finished(
    recipe: DataRecipe,
    kinds: Mapping[str, TensorType],
    masks: Mapping[str, TensorType],
    opened: Opened,
    prepared: Prepared,
) -> Samples:
    """The samples, checked against what is declared, and divided."""
    notes = prepared.notes
    extents = Extent.all_from(notes["extents"])
    check_missing(extents, kinds)
    fields = {name: _evaluated(recipe, kind, prepared.fields[name]) for name, kind in kinds.items()}
    for name, array in fields.items() if recipe.suffix else ():
        extents[name].shape = array.shape[1:]
    check_declared(extents, kinds)
    groups = np.asarray(notes["groups"], np.int64)
    group_ids = tuple(opened.group_ids[i] for i in notes["members"])
    by_sample = recipe.split.by == "sample"
    ids = [f"{group_ids[group]}\0{i}" for i, group in enumerate(groups)] if by_sample else group_ids
    owners = np.arange(len(groups)) if by_sample else groups
    values = None
    if recipe.split.stratify is not None:
        first = np.searchsorted(owners, np.arange(len(ids)))
        values = np.asarray(prepared.fields[recipe.split.stratify], np.float64)[first]
    lengths = {axis: np.asarray(notes["lengths"][axis], np.int64) for axis in recipe.pad}
    ragged = Ragged(lengths, places(recipe.pad, {**kinds, **masks}))
    return Samples(
        fields=fields | {name: ragged.mask(axis) for axis, name in recipe.pad.items()},
        groups=groups,
        group_ids=group_ids,
        splits=sample_numbers(assign(recipe.split, ids, values), owners),
        fingerprint=_fingerprint(notes["content"], groups, group_ids),
        quality=QualityRecord.from_notes(notes["quality"], opened.group_ids),
        covariates={
            "age": np.asarray([nan if one is None else one for one in notes["age"]], np.float64),
            "sex": np.asarray(notes["sex"], np.int64),
        },
        ragged=ragged,
        whole={name: prepared.fields[name] for name in kinds} if recipe.suffix else {},
    )
