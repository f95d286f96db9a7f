"""Whether the spec declares what `pad` makes: one letter for the axis, and a mask that says what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from netspec.ir.dim import Dim
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType

Told = tuple[tuple[str | int, ...], Problem]


def with_zeros(kind: TensorType) -> TensorType:
    """The type of a field to which zeros are added: its range holds them."""
    facts = kind.facts
    return kind.with_facts(replace(facts, low=min(facts.low, 0.0), high=max(facts.high, 0.0)))


def check_pad(
    pad: Mapping[str, str],
    renamed: Mapping[str, str],
    inputs: Mapping[str, TensorType],
    targets: Mapping[str, TensorType],
) -> Iterator[Told]:
    """What is wrong with `pad`, each with its place in the spec; types are those of one sample.

    `renamed` is the mapping `fields` of the data section: a mask that `pad` makes cannot come from the source too.
    """
    declared = {**targets, **inputs}
    masks = list(pad.values())
    for axis, name in pad.items():
        place = ("data", "pad", axis)
        sizes = {
            field: kind.size(axis)
            for field, kind in declared.items()
            if field not in masks and kind.find(axis) is not None
        }
        if not sizes:
            known = sorted(
                {one for field, kind in declared.items() if field not in masks for one in kind.names}
            )
            yield (
                place,
                Problem(
                    "NS536",
                    f"no input or target that comes from the data has an axis `{axis}` to pad",
                    help=f"their axes are {', '.join(f'`{one}`' for one in known) or 'none'}",
                ),
            )
            continue
        if masks.count(name) > 1 or name in renamed:
            other = "`fields` names a source for it" if name in renamed else "it is the mask of another axis"
            cure = f"remove `{name}` from `fields`" if name in renamed else "give each axis a mask of its own"
            yield place, Problem("NS539", f"`pad` makes `{name}`, and {other}", help=cure)
            continue
        wrong = list(_letters(axis, sizes, inputs))
        yield from wrong
        if not wrong:
            yield from _mask(axis, name, next(iter(sizes.values())), inputs)


def _letters(axis: str, sizes: Mapping[str, Dim], inputs: Mapping[str, TensorType]) -> Iterator[Told]:
    """A padded axis has one letter in all fields: its size is the longest of each batch."""
    letter: Dim | None = None
    for field, size in sizes.items():
        lone = len(size.symbols) == 1 and str(size) in size.symbols
        place = ("inputs" if field in inputs else "targets", field, "shape")
        if not lone:
            yield (
                place,
                Problem(
                    "NS538",
                    f"`{field}` is declared with {axis} {size}, and `pad` makes {axis} as long as the longest sample "
                    "of each batch",
                    help=f"declare a letter, as `{axis}: {axis[0].upper()}`",
                ),
            )
        elif letter is not None and size != letter:
            yield (
                place,
                Problem(
                    "NS538",
                    f"`{field}` is declared with {axis} {size}, and {axis} is {letter} elsewhere: `pad` makes them one",
                    help=f"declare `{axis}: {letter}`",
                ),
            )
        letter = size if letter is None else letter


def _mask(axis: str, name: str, size: Dim, inputs: Mapping[str, TensorType]) -> Iterator[Told]:
    """The mask is an input of kind mask with the padded axis alone."""
    form = f"`{name}: {{shape: {{{axis}: {size}}}, kind: mask}}`"
    if name not in inputs:
        yield (
            ("data", "pad", axis),
            Problem(
                "NS537",
                f"`pad` makes the mask `{name}`, and it is no input",
                help=f"declare {form} in `inputs`",
            ),
        )
        return
    kind = inputs[name]
    if not kind.facts.mask:
        words = f"`pad` makes the mask `{name}`, and it is not declared as a mask"
        yield ("inputs", name, "kind"), Problem("NS537", words, help=f"declare {form}")
    elif kind.names != (axis,) or kind.size(axis) != size:
        told = ", ".join(str(one) for one in kind.axes)
        words = f"`{name}` is declared [{told}], and `pad` makes it [{axis}: {size}]"
        yield ("inputs", name, "shape"), Problem("NS537", words, help=f"declare {form}")
