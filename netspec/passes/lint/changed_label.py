"""Transforms after which a target no longer says what the network sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from netspec.passes.lint.rule import Rule, Subject
from netspec.recipe.augment import Zoom
from netspec.recipe.data import DataRecipe, chain
from netspec.recipe.transform import Resample, Resize, is_plane
from netspec.text import Diagnostic

_LENGTHS = ("mm", "mm2", "mm3", "cm", "cm2", "ml")
"""Units of what is measured with a ruler, so that it needs one to be read off a picture."""


class ChangedLabel(Rule):
    """A target is a length, an area or a volume, and the transforms leave pictures that no longer say how large it is.

    Why: a heart on a picture that was resized to 64x64 looks the same whether it holds 80 ml or 160 ml: the size of a
    pixel in mm, which decides it, was thrown away and differs from patient to patient. The label says what the picture
    cannot.

    Instead: `resample: 2 mm` and `crop` in place of `resize`, or give the network the pixel's size as an input
    (`fields: {spacing: spacing}`). Sources that know no millimetres are not judged. A `zoom` makes the thing itself
    larger: say what that makes of the label, as `targets: {volume: volume * factor ** 2}`.
    """

    name: ClassVar[str] = "changed_label"
    code: ClassVar[str] = "NS415"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The transform that loses the scale, or the section where nothing gives it."""
        graph, data = subject.spec.graph, subject.spec.data
        measured = [name for name, kind in graph.targets.items() if kind.unit in _LENGTHS]
        pictures = [name for name, kind in graph.inputs.items() if is_plane(kind)]
        if data is None or not measured or not pictures:
            return
        yield from self._zoomed(subject, data, measured)
        if not data.source.spaced:
            return
        if any(data.source_field(name) == "spacing" for name in graph.inputs):
            return
        lost = _lost(data, subject)
        if lost is None:
            return
        many = len(measured) > 1
        targets = " and ".join(f"`{name}`" for name in measured)
        unit = graph.targets[measured[0]].unit
        why = f"after `{lost}` the" if lost else "the"
        index = next((i for i, one in enumerate(data.transforms) if one.name == lost), None)
        yield self.doubt(
            f"{targets} {'are' if many else 'is'} in {unit}, and {why} pixels of the pictures have no known size in mm",
            subject.place("data.source" if index is None else f"data.transforms.{index}.{lost}:"),
            help="use `resample: 2 mm` and `crop`, or make the source's `spacing` an input",
        )

    def _zoomed(self, subject: Subject, data: DataRecipe, measured: list[str]) -> Iterator[Diagnostic]:
        """Every `zoom` that leaves what is measured as it was."""
        for i, transform in enumerate(data.transforms):
            if not isinstance(transform, Zoom):
                continue
            left = [name for name in measured if name not in transform.targets]
            if not left:
                continue
            unit = subject.spec.graph.targets[left[0]].unit
            yield self.doubt(
                f"`zoom` magnifies the pictures, and `{left[0]}` in {unit} stays as it was",
                subject.place(f"data.transforms.{i}.zoom:"),
                help=f"write `targets: {{{left[0]}: {left[0]} * factor ** 2}}`, or the power that it grows by",
            )


def _lost(data: DataRecipe, subject: Subject) -> str | None:
    """The transform that loses the size of a pixel; empty where nothing makes it known, None where it is known."""
    graph = subject.spec.graph
    known, lost = False, ""
    for i, transform in enumerate(data.transforms):
        if isinstance(transform, Resample):
            known, lost = True, ""
        elif isinstance(transform, Resize):
            before, _ = chain(
                replace(data, transforms=data.transforms[:i]), {**graph.inputs, **graph.targets}
            )
            sizes = [
                kind.size(axis) for kind in before.values() if is_plane(kind) for axis in ("height", "width")
            ]
            fixed = all(size.value is not None for size in sizes)
            if not (known and fixed):
                known, lost = False, transform.name
    return None if known else lost
