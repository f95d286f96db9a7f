"""Random transforms: drawn anew for each sample of each epoch in training, and nothing at all in evaluation.

The fields of one sample share what is drawn for it: a mask turns with its picture. Pictures are interpolated linearly,
masks and classes take the nearest; what comes in from outside is 0, as with `crop`.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Annotated, ClassVar

from pydantic import Field

from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.recipe.distribution import Distribution, Lengths, Numbers
from netspec.recipe.transform import Fields, RandomTransform, Transform, is_picture

Probability = Annotated[float, Field(ge=0, le=1)]


def beside_zero(fields: Fields, found: Fields) -> Fields:
    """The fields, with a range that holds the zeros which come in from outside in those that were `found`."""
    out = dict(fields)
    for name, kind in found.items():
        facts = replace(kind.facts, low=min(kind.facts.low, 0.0), high=max(kind.facts.high, 0.0))
        out[name] = kind.with_facts(facts)
    return out


def _refused(name: str, drawn: Distribution, why: str, cure: str) -> Problem:
    return Problem("NS507", f"`{name}` {why}, and `{drawn}` may draw others", at=name, help=cure)


class Flip(RandomTransform):
    """Mirror along `axis`, with probability `p`. In evaluation nothing is mirrored."""

    name: ClassVar[str] = "flip"
    wants: ClassVar[str] = "it acts on fields with the axis `axis`"

    axis: str
    """The axis whose order is turned round."""
    p: Probability = 0.5
    """How often it acts."""

    def acts_on(self, kind: TensorType) -> bool:
        """Fields with the axis."""
        return kind.find(self.axis) is not None

    def infer(self, fields: Fields) -> Fields:
        """The same types."""
        self.touched(fields)
        return fields


class Rotate(RandomTransform):
    """Turn pictures about their middle, counterclockwise. In evaluation nothing is turned."""

    name: ClassVar[str] = "rotate"

    degrees: Numbers
    """The angle."""

    def infer(self, fields: Fields) -> Fields:
        """The same sizes, and a range that holds 0."""
        return beside_zero(fields, self.touched(fields))


class Shift(RandomTransform):
    """Move pictures down and to the right by two draws of `distance`. In evaluation nothing is moved.

    The pixels must have a known size: `resample` stands before it.
    """

    name: ClassVar[str] = "shift"

    distance: Lengths
    """How far, in mm; below 0 it is up, and to the left."""

    def infer(self, fields: Fields) -> Fields:
        """The same sizes, and a range that holds 0."""
        return beside_zero(fields, self.touched(fields))


class Zoom(RandomTransform):
    """Magnify pictures about their middle by `factor`: above 1 things grow. In evaluation nothing is magnified.

    `targets` says what that makes of labels: an expression of the targets and of `factor`, as
    `{systole: systole * factor ** 2}`. It is what `+ - * / // % **`, comparisons and the functions of `$` can compute.
    """

    name: ClassVar[str] = "zoom"

    factor: Numbers
    """By how much, above 0."""
    targets: dict[str, str] = Field(default_factory=dict)
    """What the drawn factor makes of each target."""

    def infer(self, fields: Fields) -> Fields:
        """The same sizes, a range that holds 0, and targets of unknown range where the factor changes them."""
        if self.factor.low <= 0:
            cure = "write `factor: {log_uniform: [0.85, 1.18]}`"
            raise _refused("factor", self.factor, "must be above 0", cure)
        out = beside_zero(fields, self.touched(fields))
        for name in self.targets:
            kind = out.get(name)
            if kind is None or kind.rank or kind.facts.classes is not None or kind.facts.mask:
                numbers = [one for one, kind in fields.items() if not kind.rank and not kind.facts.classes]
                told = ", ".join(f"`{one}`" for one in numbers) or "none"
                words = f"`{name}` is no number that a factor could change"
                raise Problem("NS507", words, at="targets", help=f"the numbers are {told}")
            out[name] = kind.with_facts(replace(kind.facts, low=-inf, high=inf))
        return out


class Roll(RandomTransform):
    """Begin a cycle at another of its moments, with probability `p`: what leaves at the end comes in at the start.

    In evaluation nothing is rolled.
    """

    name: ClassVar[str] = "roll"
    wants: ClassVar[str] = "it acts on fields with the axis `axis`"

    axis: str
    """The axis that is a cycle, as `time` of one beat."""
    frames: Numbers
    """By how many whole places."""
    p: Probability = 1.0
    """How often it acts."""

    def acts_on(self, kind: TensorType) -> bool:
        """Fields with the axis."""
        return kind.find(self.axis) is not None

    def infer(self, fields: Fields) -> Fields:
        """The same types."""
        if not self.frames.whole:
            cure = "write `frames: {integers: [0, 29]}`"
            raise _refused("frames", self.frames, "counts whole places", cure)
        self.touched(fields)
        return fields


class Gamma(RandomTransform):
    """Raise brightnesses to a power, in the range that the picture has: its two ends stay. In evaluation all do."""

    name: ClassVar[str] = "gamma"
    wants: ClassVar[str] = "it acts on pictures: floating fields with the axes `height` and `width`"

    exponent: Numbers
    """The power, above 0: below 1 makes brighter."""

    def acts_on(self, kind: TensorType) -> bool:
        """Pictures with brightnesses."""
        return is_picture(kind)

    def infer(self, fields: Fields) -> Fields:
        """The same types; Problem where a range is not known."""
        if self.exponent.low <= 0:
            cure = "write `exponent: {uniform: [0.8, 1.25]}`"
            raise _refused("exponent", self.exponent, "must be above 0", cure)
        for name, kind in self.touched(fields).items():
            if not -inf < kind.facts.low < kind.facts.high < inf:
                cure = "put `normalize: {percentiles: [1, 99], to: [0, 1]}` before it"
                raise Problem("NS507", f"the range of `{name}` is not known, and `gamma` keeps it", help=cure)
        return fields


class Noise(RandomTransform):
    """Add normal noise to every pixel, clipped to the range that the picture has. In evaluation there is none."""

    name: ClassVar[str] = "noise"
    wants: ClassVar[str] = "it acts on pictures: floating fields with the axes `height` and `width`"

    std: Numbers
    """Its standard deviation, in the picture's own brightness: one draw for each sample."""

    def acts_on(self, kind: TensorType) -> bool:
        """Pictures with brightnesses."""
        return is_picture(kind)

    def infer(self, fields: Fields) -> Fields:
        """The same types."""
        if self.std.low < 0:
            raise _refused("std", self.std, "is never below 0", "write `std: {uniform: [0, 0.02]}`")
        self.touched(fields)
        return fields


AUGMENTS: dict[str, type[Transform]] = {
    kind.name: kind for kind in (Flip, Rotate, Shift, Zoom, Roll, Gamma, Noise)
}
"""Every random transform by the name it has in a spec."""
