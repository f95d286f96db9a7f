"""Types as they are written: shapes, kinds, units, ranges and classes of inputs and targets."""

from __future__ import annotations

from math import isfinite
from typing import Literal

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.types import BATCH, Axis, DType, TensorType
from netspec.ir.units import WORDS
from netspec.lang.names import LETTER, NAME, meant
from netspec.lang.tree import Mapping, Node, Scalar, Sequence
from netspec.lang.values import Values
from netspec.text import Edit

PLAIN_AXES = {
    0: (),
    1: ("feature",),
    3: ("channel", "height", "width"),
    4: ("channel", "depth", "height", "width"),
}
KINDS = ("image", "class_index", "mask", "unit", "probabilities", "log_probabilities", "cdf", "logits")
UNITS = WORDS
KEYS = ("shape", "kind", "unit", "range", "classes")
LARGEST_SIZE = 2**24


def read_type(node: Node, values: Values) -> TensorType | None:
    """The type of an input or target, batch first; None after an error."""
    report = values.report
    if not isinstance(node, Mapping) or (node.entries and not set(node.keys()) & set(KEYS)):
        axes = read_shape(node, values)
        return None if axes is None else TensorType(_batched(axes))
    for entry in node:
        if entry.name not in KEYS:
            near = meant(entry.name, KEYS)
            report.error(
                "NS102",
                f"a type has no key `{entry.name}`",
                entry.key.span,
                help=f"did you mean `{near}`?" if near else "it has " + ", ".join(f"`{key}`" for key in KEYS),
                edit=Edit(entry.key.span, near) if near else None,
            )
            return None
    shape = node.get("shape")
    axes = read_shape(shape.value, values) if shape else ()
    described = read_meaning(node, values, axes or ())
    if axes is None or described is None:
        return None
    return TensorType(_batched(axes), described.dtype, described.facts, described.unit)


def read_meaning(node: Mapping, values: Values, axes: tuple[Axis, ...]) -> TensorType | None:
    """Kind, unit, range and classes as a type without axes."""
    kind = _word(node, "kind", KINDS, values)
    unit = _word(node, "unit", UNITS, values)
    bounds = _range(node, values)
    classes = _classes(node, values)
    if kind is False or unit is False or bounds is None or classes is False:
        return None
    dtype: DType = "int64" if kind == "class_index" else "bool" if kind == "mask" else "float32"
    facts = Facts(low=bounds[0], high=bounds[1])
    axis = axes[-1].name if axes else None
    if kind == "class_index":
        if classes is None:
            values.report.error(
                "NS104",
                "a class index needs the number or names of its classes",
                node.span,
                help="write `classes: 10` or `classes: [cat, dog]`",
            )
            return None
        facts = Facts(low=0, high=classes - 1, classes=classes)
    elif kind == "mask":
        facts = Facts(low=0, high=1, mask=True)
    elif kind == "unit":
        facts = Facts(low=max(0.0, facts.low), high=min(1.0, facts.high))
    elif kind == "probabilities":
        facts = Facts(low=0, high=1, sums_to_one=axis)
    elif kind == "log_probabilities":
        facts = Facts(high=0, log_probabilities=axis)
    elif kind == "cdf":
        facts = Facts(low=0, high=1, nondecreasing=axis)
    return TensorType((), dtype, facts, unit or None)


def _batched(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    return (Axis(BATCH, Dim.of("N")), *axes)


def read_shape(node: Node, values: Values) -> tuple[Axis, ...] | None:
    """The axes of one sample; None after an error."""
    if isinstance(node, Mapping):
        sizes = [(entry.name, _size(entry.value, values), entry.key) for entry in node]
        for name, _, key in sizes:
            if not NAME.fullmatch(name) or name == BATCH:
                why = (
                    "the batch is implicit"
                    if name == BATCH
                    else "axis names have small letters, digits and `_`"
                )
                values.report.error("NS105", f"`{name}` cannot name an axis: {why}", key.span)
                return None
        return _all([(name, size) for name, size, _ in sizes])
    if not isinstance(node, Sequence):
        values.report.error(
            "NS105",
            "a shape is a list of sizes or a mapping of axis names to sizes",
            node.span,
            help="write `shape: [30, 64, 64]` or `shape: {time: 30, height: 64, width: 64}`",
        )
        return None
    names = PLAIN_AXES.get(len(node))
    if names is None:
        values.report.error(
            "NS106",
            f"a plain list of {len(node)} sizes does not say which axes they are",
            node.span,
            help="name them: `shape: {height: 64, width: 64}`",
        )
        return None
    return _all([(name, _size(item, values)) for name, item in zip(names, node, strict=True)])


def _all(sizes: list[tuple[str, Dim | None]]) -> tuple[Axis, ...] | None:
    """The axes, if every size could be read."""
    axes = [Axis(name, size) for name, size in sizes if size is not None]
    return tuple(axes) if len(axes) == len(sizes) else None


def _size(node: Node, values: Values) -> Dim | None:
    """A number, a letter, or `$expr`."""
    report = values.report
    if not isinstance(node, Scalar):
        report.error("NS105", "a size is a number, a capital letter or `$expression`", node.span)
        return None
    text = node.text
    value: object = node.value
    if isinstance(value, str) and text.startswith("$"):
        good, value = values.computed(node)
        if not good:
            return None
    if isinstance(value, Dim):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if 1 <= value <= LARGEST_SIZE:
            return Dim.of(value)
        report.error("NS107", f"a size of {value}; it must be from 1 to {LARGEST_SIZE:,}", node.span)
        return None
    if isinstance(value, str) and LETTER.fullmatch(text) and len(text) <= 8:
        if text == "N":
            report.error("NS107", "`N` is the size of the batch", node.span, help="use another letter")
            return None
        return Dim.of(text)
    near = (
        f"did you mean `${text}`?"
        if text in values.scope
        else "a free size is one capital letter and digits, as `H`"
    )
    edit = Edit(node.span, f"${text}") if text in values.scope else None
    report.error("NS107", f"`{text}` is no size", node.span, help=near, edit=edit)
    return None


def _word(node: Mapping, key: str, known: tuple[str, ...], values: Values) -> str | Literal[False] | None:
    """The word under `key`, None where it is not written, False after an error."""
    entry = node.get(key)
    if entry is None:
        return None
    good, value = values.read(entry.value)
    if good and isinstance(value, str) and value in known:
        return value
    if good:
        near = meant(str(value), known)
        text = f"did you mean `{near}`?" if near else "there are " + ", ".join(f"`{one}`" for one in known)
        values.report.error(
            "NS108",
            f"`{value}` is no {key}",
            entry.value.span,
            help=text,
            edit=Edit(entry.value.span, near) if near else None,
        )
    return False


def _range(node: Mapping, values: Values) -> tuple[float, float] | None:
    """Both bounds; infinite where no range is written; None after an error."""
    entry = node.get("range")
    if entry is None:
        return -float("inf"), float("inf")
    good, value = values.read(entry.value)
    if (
        good
        and isinstance(value, tuple)
        and len(value) == 2
        and all(map(_is_number, value))
        and value[0] < value[1]
    ):
        return float(value[0]), float(value[1])
    if good:
        values.report.error(
            "NS109",
            "a range is two numbers, the smaller first",
            entry.value.span,
            help="write `range: [0, 255]`",
        )
    return None


def _is_number(value: object) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _classes(node: Mapping, values: Values) -> int | Literal[False] | None:
    """How many classes; None where it is not written, False after an error."""
    entry = node.get("classes")
    if entry is None:
        return None
    good, value = values.read(entry.value)
    if good and isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_SIZE:
        return value
    if good and isinstance(value, tuple) and value and len(set(map(str, value))) == len(value):
        return len(value)
    if good:
        values.report.error(
            "NS109",
            "classes are a number of at least 1, or a list of different words",
            entry.value.span,
            help="write `classes: 10` or `classes: [cat, dog]`",
        )
    return False
