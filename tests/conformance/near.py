"""Uses of an op near its samples, drawn from what its fields say they take: a new op gets them for nothing.

A use begins with a sample, good or bad. Its sizes are drawn anew, equal ones alike, then perhaps one alone; an axis is
perhaps dropped, added or called otherwise; and arguments are drawn by the types of their fields.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from netspec.ir.dim import Dim
from netspec.ir.op import Op, Sample
from netspec.ir.types import Axis, TensorType

Types = tuple[TensorType, ...]
Drawn = tuple[Mapping[str, object], Types]

LARGEST = 5
OTHERS = ("time", "feature", "nowhere")
"""Names of axes that an input may not have."""

FEW = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, -0.5, -1.0, -3.0)
"""Numbers that an argument may be."""

HINTS: Mapping[tuple[str, str], st.SearchStrategy[Any]] = {
    ("convert", "to"): st.sampled_from(["ml", "mm", "mm3", "s", "kg"]),
    ("constant", "value"): st.sampled_from(FEW),
    ("parameter", "shape"): st.just(()),
}
"""Arguments whose types say too little."""


@st.composite
def uses(draw: st.DrawFn, kind: type[Op]) -> Drawn:
    """Arguments and types of inputs; the arguments may still be refused by the schema where they do not go together."""
    samples = kind.samples()
    good = [one for one in samples if one.code is None]
    sample: Sample = draw(st.sampled_from(good) | st.sampled_from(samples))
    inputs = draw(near(sample.inputs))
    names = tuple(dict.fromkeys(name for one in inputs for name in one.names)) + OTHERS
    arguments = dict(sample.attributes)
    for field, about in kind.model_fields.items():
        if draw(st.integers(0, 3)) == 0:
            hint = HINTS.get((kind.name, field))
            arguments[field] = draw(of_field(about, names) if hint is None else hint)
    return arguments, inputs


@st.composite
def near(draw: st.DrawFn, inputs: Types) -> Types:
    """Other types like these."""
    new: dict[Dim, int] = {}
    for size in (size for one in inputs for size in one.sizes):
        if size not in new:
            new[size] = draw(st.integers(1, LARGEST) | st.just(size.value or 1))
    changed = [_resized(one, new) for one in inputs]
    if changed and draw(st.integers(0, 3)) == 0:
        which = draw(st.integers(0, len(changed) - 1))
        changed[which] = draw(_alone(changed[which]))
    return tuple(changed)


def _resized(kind: TensorType, new: Mapping[Dim, int]) -> TensorType:
    """The type with other sizes, numbers for letters, and as many classes as before or as there are places now."""
    axes = tuple(replace(axis, size=Dim.of(new[axis.size])) for axis in kind.axes)
    count, facts = kind.facts.classes, kind.facts
    if count is not None and Dim.of(count) in new:
        facts = replace(facts, classes=new[Dim.of(count)], low=0, high=new[Dim.of(count)] - 1)
    if facts.places is not None:
        places = tuple(Dim.of(new.get(size, int(size))) for size in facts.places)
        facts = replace(facts, places=places, high=prod(map(int, places)) - 1)
    return replace(kind, axes=axes, facts=facts)


def drawable(kind: TensorType) -> bool:
    """Whether there are numbers of this type: places that stand once each are no more than there are."""
    places = kind.facts.places
    return places is None or prod(map(int, kind.sizes[2:])) <= prod(map(int, places))


@st.composite
def _alone(draw: st.DrawFn, kind: TensorType) -> TensorType:
    """The type with one axis of another size, gone, called otherwise, or with one more."""
    last = len(kind.axes) - 1
    place = draw(st.integers(0, last)) if last >= 0 else None
    axes = list(kind.axes)
    match draw(st.integers(0, 4)) if place is not None else 4:
        case 0 | 1 if place is not None:
            axes[place] = replace(axes[place], size=Dim.of(draw(st.integers(1, LARGEST))))
        case 2 if place:
            del axes[place]
        case 3 if place:
            axes[place] = replace(axes[place], name=draw(st.sampled_from(OTHERS)))
        case _:
            axes.append(Axis(draw(st.sampled_from(OTHERS)), Dim.of(draw(st.integers(1, 3)))))
    if len({axis.name for axis in axes}) < len(axes):
        return kind
    stated = {kind.facts.sums_to_one, kind.facts.nondecreasing, kind.facts.log_probabilities} - {None}
    lost = not stated <= {axis.name for axis in axes}
    return replace(kind, axes=tuple(axes), facts=kind.facts.without_axes() if lost else kind.facts)


def of_field(about: FieldInfo, names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """What a field takes, within its bounds: small numbers, names of axes, words from its list."""
    return _of(about.annotation, tuple(about.metadata), names)


def _of(kind: Any, bounds: tuple[Any, ...], names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """What a type takes."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _of(inside[0], (*inside[1:], *bounds), names)
    if origin is Literal:
        return st.sampled_from(inside)
    if origin in (Union, types.UnionType):
        return st.one_of([_of(one, bounds, names) for one in inside])
    if origin is tuple and inside[-1] is Ellipsis:
        least = next((one.min_length for one in bounds if isinstance(one, MinLen)), 0)
        return st.lists(_of(inside[0], (), names), min_size=max(least, 1), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(_of(one, (), names) for one in inside))
    if kind in (type(None), None):
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is str:
        pattern = next((one.pattern for one in bounds if getattr(one, "pattern", None)), None)
        return st.from_regex(pattern, fullmatch=True) if pattern else st.sampled_from(names)
    low, high = _limits(bounds)
    if kind is int:
        often = st.integers(int(max(low, 1)), int(max(low, min(high, 3))))
        return often | st.integers(int(max(low, -2)), int(min(high, LARGEST)))
    assert kind is float, f"nothing is drawn for {kind}: give it a hint"
    return st.sampled_from([one for one in FEW if low <= one <= high and _within(one, bounds)])


def _limits(bounds: tuple[Any, ...]) -> tuple[float, float]:
    """The least and the greatest number that bounds allow."""
    low, high = -100.0, 100.0
    for one in bounds:
        if isinstance(one, Ge):
            low = max(low, float(str(one.ge)))
        if isinstance(one, Le):
            high = min(high, float(str(one.le)))
    return low, high


def _within(x: float, bounds: tuple[Any, ...]) -> bool:
    """Whether a number keeps to the strict bounds."""
    return all(
        not (isinstance(one, Gt) and x <= float(str(one.gt)))
        and not (isinstance(one, Lt) and x >= float(str(one.lt)))
        for one in bounds
    )
