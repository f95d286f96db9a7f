"""The data section as a whole: a source, its fields, a split and a chain, and whether they serve the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

from netspec.ir.dim import Dim
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, Axis, TensorType
from netspec.recipe.augment import Flip, Roll, Shift
from netspec.recipe.pad import check_pad, with_zeros
from netspec.recipe.source import Source
from netspec.recipe.split import Split
from netspec.recipe.transform import Crop, Resample, Resize, Transform

Cache = Literal["auto", "none"]


@dataclass(frozen=True)
class DataRecipe:
    """What the data section says. `fields` maps the spec's names to the source's; names that are not in it keep theirs.

    `pad` maps axes along which samples are of unequal length to the masks that say what is there: each batch is padded
    with zeros to its longest sample. `cache` is `auto` (prepared samples are kept beside the run's data) or `none`;
    `workers` how many threads read.
    """

    source: Source
    fields: Mapping[str, str] = field(default_factory=dict)
    split: Split = field(default_factory=lambda: Split(train=0.8, validation=0.2))
    transforms: tuple[Transform, ...] = ()
    cache: Cache = "auto"
    workers: int | Literal["auto"] = "auto"
    pad: Mapping[str, str] = field(default_factory=dict)

    def source_field(self, name: str) -> str:
        """What the source calls the field that the spec calls `name`."""
        return self.fields.get(name, name)

    @property
    def prefix(self) -> tuple[Transform, ...]:
        """The transforms before the first random one: what the cache holds."""
        first = next((i for i, one in enumerate(self.transforms) if one.random), len(self.transforms))
        return self.transforms[:first]

    @property
    def suffix(self) -> tuple[Transform, ...]:
        """The transforms from the first random one on: what is done to each batch."""
        return self.transforms[len(self.prefix) :]

    def spacing(self, count: int) -> float | None:
        """The size of a pixel in mm behind the first `count` transforms; None where it is not known."""
        known = None
        for one in self.transforms[:count]:
            if isinstance(one, Resample):
                known = one.spacing.value
            elif isinstance(one, Resize):
                known = None
        return known


@dataclass(frozen=True)
class Found:
    """A Problem and where in the spec it lies, as a path of keys and indices: `("data", "transforms", 2, "spacing")`.

    The path names the innermost thing that was certainly written, or that the problem is about; readers point at the
    deepest part of it that they can find.
    """

    place: tuple[str | int, ...]
    problem: Problem


def one_sample(declared: TensorType) -> TensorType:
    """A declared type without its batch axis."""
    return declared.with_axes(axis for axis in declared.axes if axis.name != BATCH)


def chain(
    recipe: DataRecipe, declared: Mapping[str, TensorType]
) -> tuple[dict[str, TensorType], list[Found]]:
    """The types of the fields behind all transforms, one sample each, and what is wrong on the way there.

    `declared` holds the inputs and targets of the spec, with or without a batch axis. A transform that fails ends the
    chain: then the types are incomplete and no more is said about them.
    """
    found: list[Found] = []
    types: dict[str, TensorType] = {}
    _try(found, ("data", "source", recipe.source.name), recipe.source.check)
    for name, kind in declared.items():
        if name in recipe.pad.values():
            continue
        try:
            types[name] = recipe.source.field(recipe.source_field(name), one_sample(kind))
        except Problem as problem:
            found.append(Found(("data", "fields", name), problem))
    for i, transform in enumerate(recipe.transforms):
        place = ("data", "transforms", i, transform.name)
        if transform.spaced and not recipe.source.spaced:
            unspaced = Problem(
                "NS508",
                f"`{transform.name}` needs millimetres and directions, and `{recipe.source.name}` knows none",
                help="use `resize: {height: ..., width: ...}`, or `orient: portrait`",
            )
            return {}, [*found, Found(place, unspaced)]
        try:
            _check_place(recipe, i, types)
            types = transform.infer(types)
        except Problem as problem:
            deeper = (problem.at,) if isinstance(problem.at, str) else ()
            return {}, [*found, Found((*place, *deeper), problem)]
    return types, found


def _check_place(recipe: DataRecipe, index: int, types: Mapping[str, TensorType]) -> None:
    """Raise Problem where a transform cannot act at its place in the chain."""
    transform = recipe.transforms[index]
    if isinstance(transform, Shift) and recipe.spacing(index) is None:
        raise Problem(
            "NS508",
            "`shift` is in mm, and the size of a pixel is not known here",
            help="put `resample: 2 mm` before it",
        )
    if isinstance(transform, Flip | Roll) and transform.axis in recipe.pad:
        raise Problem(
            "NS507",
            f"`{transform.axis}` is padded, and its mask would not follow",
            at="axis",
            help=f"`{transform.name}` another axis",
        )
    if transform.random or index < len(recipe.prefix):
        return
    before = recipe.suffix[0].name
    if not isinstance(transform, Crop):
        raise Problem(
            "NS507",
            f"`{transform.name}` stands behind `{before}`, which is random: only `crop` can",
            help=f"put `{transform.name}` before `{before}`",
        )
    for name, kind in transform.touched(dict(types)).items():
        for axis, wanted in (("height", transform.height), ("width", transform.width)):
            given = kind.size(axis).value
            if given is None or given < wanted:
                raise Problem(
                    "NS507",
                    f"`crop` behind `{before}` cuts the middle out, and `{name}` has {axis} {kind.size(axis)}",
                    at=axis,
                    help=f"put a `crop` of at least that size before `{before}`",
                )


def check(
    recipe: DataRecipe, inputs: Mapping[str, TensorType], targets: Mapping[str, TensorType]
) -> list[Found]:
    """Whether the data, as far as it is known before it is opened, is what the spec declares.

    Axes match by position, sizes must be proved equal (a lettered size takes any, the same letter always the same),
    units and kinds must agree, and a range that the chain proves must lie in the declared one. What only the opened
    data can tell is checked there.
    """
    declared = {**inputs, **targets}
    types, found = chain(recipe, declared)
    for name in recipe.fields:
        if name not in declared:
            problem = Problem(
                "NS501",
                f"`{name}` is neither an input nor a target of this spec",
                help=f"it declares {', '.join(f'`{one}`' for one in declared) or 'none'}",
            )
            found.append(Found(("data", "fields", name), problem))
    found += _split(recipe, declared)
    ones = [{name: one_sample(kind) for name, kind in kinds.items()} for kinds in (inputs, targets)]
    unpadded = [Found(place, problem) for place, problem in check_pad(recipe.pad, recipe.fields, *ones)]
    found += unpadded
    told = {one.place[1] for one in unpadded if one.place[0] != "data"}
    letters: dict[str, Dim] = {}
    for name, kind in types.items():
        if name not in declared or name in told:
            continue
        padded = any(one_sample(declared[name]).find(axis) is not None for axis in recipe.pad)
        given = with_zeros(kind) if padded else kind
        try:
            _same(name, one_sample(declared[name]), given, unequal=recipe.source.unequal, letters=letters)
        except Problem as problem:
            found.append(Found(("inputs" if name in inputs else "targets", name), problem))
    return found


def maker(recipe: DataRecipe, declared: Mapping[str, TensorType], name: str, problem: Problem) -> int | None:
    """The index of the transform that gave the field `name` what a disagreement is about, if any did."""
    steps = [
        chain(replace(recipe, transforms=recipe.transforms[:count]), declared)[0].get(name)
        for count in range(len(recipe.transforms) + 1)
    ]
    for i in reversed(range(len(recipe.transforms))):
        before, after = steps[i], steps[i + 1]
        if before is not None and after is not None and _aspect(before, problem) != _aspect(after, problem):
            return i
    return None


def _aspect(kind: TensorType, problem: Problem) -> object:
    """What a disagreement is about: the size of an axis, all axes, unit and classes, or the range."""
    if problem.code == "NS503" and isinstance(problem.at, str):
        found = kind.find(problem.at)
        return None if found is None else kind.axes[found].size
    if problem.code in ("NS502", "NS503"):
        return kind.axes
    return (kind.unit, kind.dtype) if problem.code == "NS504" else (kind.facts.low, kind.facts.high)


def _try(found: list[Found], place: tuple[str | int, ...], rule: object) -> None:
    """Run a rule and keep its Problem with its place."""
    assert callable(rule)
    try:
        rule()
    except Problem as problem:
        deeper = (problem.at,) if isinstance(problem.at, str) else ()
        found.append(Found((*place, *deeper), problem))


def _split(recipe: DataRecipe, declared: Mapping[str, TensorType]) -> list[Found]:
    """What is wrong with the split."""
    found: list[Found] = []
    split = recipe.split
    _try(found, ("data", "split"), split.check)
    knows_patients = recipe.source.grouped or getattr(recipe.source, "group", None) is not None
    if split.by == "patient" and "by" in split.model_fields_set and not knows_patients:
        problem = Problem(
            "NS510", f"`{recipe.source.name}` does not know patients", at="by", help="write `by: sample`"
        )
        found.append(Found(("data", "split", "by"), problem))
    if split.stratify is not None and (
        split.stratify not in declared or one_sample(declared[split.stratify]).rank
    ):
        numbers = [name for name, kind in declared.items() if one_sample(kind).rank == 0]
        problem = Problem(
            "NS510",
            f"`{split.stratify}` is no number of the spec to stratify by",
            at="stratify",
            help=f"the numbers are {', '.join(f'`{one}`' for one in numbers) or 'none'}",
        )
        found.append(Found(("data", "split", "stratify"), problem))
    return found


def _same(
    name: str, declared: TensorType, given: TensorType, *, unequal: bool, letters: dict[str, Dim]
) -> None:
    """Raise Problem where the declared and the given type of one field disagree."""
    if declared.rank != given.rank:
        raise Problem(
            "NS502",
            f"`{name}` is declared {_axes(declared)} and the data gives {_axes(given)}",
            help=f"declare `shape: {{{', '.join(str(axis) for axis in given.axes)}}}`"
            if given.rank
            else "declare `shape: []`",
        )
    for wanted, got in zip(declared.axes, given.axes, strict=True):
        _same_size(name, wanted, got, unequal=unequal, letters=letters)
    if declared.unit != given.unit and declared.unit is not None and given.unit is not None:
        raise Problem(
            "NS504",
            f"`{name}` is declared in {declared.unit} and the data is in {given.unit}",
            help=f"declare `unit: {given.unit}`",
        )
    _same_kind(name, declared, given)


def _same_size(name: str, declared: Axis, given: Axis, *, unequal: bool, letters: dict[str, Dim]) -> None:
    """Raise Problem NS503 where two sizes of one axis differ, or may differ between samples."""
    wanted, got = declared.size, given.size
    if got.value is None and not unequal:
        return
    symbols = wanted.symbols
    if len(symbols) == 1 and wanted == Dim.of(next(iter(symbols))):
        before = letters.setdefault(next(iter(symbols)), got)
        if before != got:
            raise Problem(
                "NS503",
                f"`{name}`: `{wanted}` is {before} elsewhere, and the data gives {got}",
                help="use another letter",
            )
        return
    if wanted == got:
        return
    if got.value is None:
        how = {
            "time": f"add `frames: {wanted}` to the transforms",
            "height": f"add `crop` or `resize` with `height: {wanted}` to the transforms",
            "width": f"add `crop` or `resize` with `width: {wanted}` to the transforms",
            "slice": "declare a letter, as `slice: S`, and add `pad: {slice: present}` to `data`",
        }.get(given.name, "make every sample the same size")
        raise Problem(
            "NS503",
            f"`{name}` is declared with {declared.name} {wanted}, and the data's {given.name} differs from "
            "file to file",
            at=given.name,
            help=how,
        )
    raise Problem(
        "NS503",
        f"`{name}` is declared with {declared.name} {wanted}, and the data gives {got}",
        at=given.name,
        help=f"declare {got}, or change the transforms",
    )


def _same_kind(name: str, declared: TensorType, given: TensorType) -> None:
    """Raise Problem where classes differ (NS504), or a proved range is not the declared one (NS505)."""
    want, have = declared.facts, given.facts
    if (want.classes is None) != (have.classes is None) and given.dtype != declared.dtype:
        kinds = {True: "numbers", False: "classes"}
        raise Problem(
            "NS504",
            f"`{name}` is declared as {kinds[want.classes is None]} and the data gives {kinds[have.classes is None]}",
            help=f"declare `kind: class_index, classes: {have.classes}`"
            if have.classes
            else "choose another field",
        )
    if want.classes is not None and have.classes is not None and want.classes != have.classes:
        raise Problem(
            "NS504",
            f"`{name}` is declared with {want.classes} classes and the data has {have.classes}",
            help=f"declare `classes: {have.classes}`",
        )
    proved = have.low > -inf and have.high < inf
    outside = have.low < want.low - 1e-9 or have.high > want.high + 1e-9
    if proved and outside:
        raise Problem(
            "NS505",
            f"`{name}` is declared in [{want.low:g}, {want.high:g}] and the data gives [{have.low:g}, {have.high:g}]",
            help=f"declare `range: [{have.low:g}, {have.high:g}]`, or normalise `to: [{want.low:g}, {want.high:g}]`",
        )


def _axes(kind: TensorType) -> str:
    return f"[{', '.join(str(axis) for axis in kind.axes)}]" if kind.rank else "one number"
