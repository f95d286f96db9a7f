"""What is done to samples before the network sees them: each transform with its arguments and its rule for types.

A transform acts on every field that has the axes and the kind of numbers it is about, and leaves the others alone.
Types here are those of one sample: there is no batch axis.
"""

from dataclasses import replace
from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.problem import Problem
from netspec.ir.record import Record
from netspec.ir.types import Axis, TensorType
from netspec.recipe.quantity import Length

Fields = dict[str, TensorType]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Pair = Annotated[tuple[float, float], BeforeValidator(_as_tuple)]
PerChannel = Annotated[float | tuple[float, ...], BeforeValidator(_as_tuple)]
Positive = Annotated[int, Field(ge=1, le=1 << 16)]


def is_plane(kind: TensorType) -> bool:
    """Whether a field has a picture plane: axes `height` and `width`."""
    return kind.find("height") is not None and kind.find("width") is not None


def is_picture(kind: TensorType) -> bool:
    """Whether a field is a picture with brightnesses: a plane that is neither a mask nor classes."""
    return is_plane(kind) and is_bright(kind)


def is_bright(kind: TensorType) -> bool:
    """Whether a field's numbers can be averaged: neither a mask nor classes (those are resampled by nearest)."""
    return not kind.facts.mask and kind.facts.classes is None and kind.dtype == "float32"


def fresh(letter: str, fields: Fields) -> Dim:
    """A size that only the data knows, called `letter` and the first number that no field uses yet."""
    taken = {symbol for kind in fields.values() for size in kind.sizes for symbol in size.symbols}
    number = 1
    while f"{letter}{number}" in taken:
        number += 1
    return Dim.of(f"{letter}{number}")


def resized(kind: TensorType, **sizes: Dim) -> TensorType:
    """The same type with other sizes for the named axes."""
    return kind.with_axes(Axis(axis.name, sizes.get(axis.name, axis.size)) for axis in kind.axes)


class Transform(Record):
    """The base of every transform. `random` says that it draws numbers, so that it acts in training only."""

    random: ClassVar[bool] = False

    def infer(self, fields: Fields) -> Fields:
        """The types of the fields afterwards; Problem where an argument is wrong or nothing is there to act on."""
        raise NotImplementedError

    @property
    def spaced(self) -> bool:
        """Whether it needs to know how a picture lies in the patient: its pixels' size and its directions."""
        return False

    def acts_on(self, kind: TensorType) -> bool:
        """Whether the transform is about fields of this type."""
        return is_plane(kind)

    def touched(self, fields: Fields) -> Fields:
        """The fields acted on; Problem NS506 where there are none."""
        found = {name: kind for name, kind in fields.items() if self.acts_on(kind)}
        if not found:
            named = "; ".join(f"`{name}` {kind.named()}" for name, kind in fields.items()) or "no fields"
            raise Problem("NS506", f"`{self.name}` finds nothing to act on: {named}", help=self.wants)
        return found

    wants: ClassVar[str] = "it acts on fields with the axes `height` and `width`"


class RandomTransform(Transform):
    """The base of transforms that draw random numbers: they act in training only, after everything that is cached."""

    random: ClassVar[bool] = True


class Normalize(Transform):
    """Bring brightnesses to a known scale; one of three forms.

    `percentiles: [low, high]` maps those two percentiles of all pixels of the study (`over: study`, a patient's whole
    stack), or of each part with the axes `over`, to the two ends of `to`, and clips what lies outside.
    `by: max` divides by the greatest value over `over`, scaled to `to`; a part that is all zero gets its low end.
    `mean` and `std` (one number, or one a channel), after a division by `divide`: `(x / divide - mean) / std`.
    """

    name: ClassVar[str] = "normalize"
    wants: ClassVar[str] = "it acts on pictures: floating fields with the axes `height` and `width`"

    percentiles: Pair | None = None
    by: Literal["max"] | None = None
    over: Annotated[Literal["study"] | tuple[str, ...], BeforeValidator(_as_tuple)] = "study"
    """Over what a percentile or maximum is taken: all pixels of the study, or each part with these axes."""
    to: Pair = (0.0, 1.0)
    """The least and the greatest value afterwards."""
    mean: PerChannel | None = None
    """What is taken away, after the division by `divide`: one number, or one a channel."""
    std: PerChannel | None = None
    """What is divided by then: one number, or one a channel."""
    divide: float | None = None
    """What is divided by first, as 255 for bytes."""

    def acts_on(self, kind: TensorType) -> bool:
        """Pictures with brightnesses."""
        return is_picture(kind)

    @property
    def form(self) -> Literal["percentiles", "max", "affine"]:
        """Which of the three forms was written."""
        if self.percentiles is not None:
            return "percentiles"
        return "max" if self.by is not None else "affine"

    def infer(self, fields: Fields) -> Fields:
        """The same axes; a range of `to`, or what the affine form makes of the known one."""
        self._check()
        found = self.touched(fields)
        if self.form == "affine":
            return fields | {name: self._affine(kind) for name, kind in found.items()}
        for name, kind in found.items():
            for axis in () if self.over == "study" else self.over:
                if kind.find(axis) is None:
                    raise Problem(
                        "NS507", f"`{name}` has no axis `{axis}`", at="over", help=f"it is {kind.named()}"
                    )
        facts = Facts(low=self.to[0], high=self.to[1])
        return fields | {name: replace(kind, facts=facts, unit=None) for name, kind in found.items()}

    def _check(self) -> None:
        """Raise Problem for arguments that cannot be together."""
        affine = self.mean is not None or self.std is not None or self.divide is not None
        forms = [self.percentiles is not None, self.by is not None, affine]
        if sum(forms) != 1:
            raise Problem(
                "NS507",
                "`normalize` takes one of `percentiles`, `by: max`, or `mean`, `std` and `divide`",
                help="write for instance `normalize: {percentiles: [1, 99], over: study, to: [0, 1]}`",
            )
        if self.percentiles is not None and not 0 <= self.percentiles[0] < self.percentiles[1] <= 100:
            low, high = self.percentiles
            raise Problem(
                "NS507",
                f"percentiles rise from 0 to 100, not [{low:g}, {high:g}]",
                at="percentiles",
                help="write `percentiles: [1, 99]`",
            )
        if affine and ({"over", "to"} & self.model_fields_set):
            odd = "over" if "over" in self.model_fields_set else "to"
            raise Problem(
                "NS507", f"`{odd}` has no meaning beside `mean` and `std`", at=odd, help=f"remove `{odd}`"
            )
        if not self.to[0] < self.to[1]:
            raise Problem(
                "NS507", "the first end of `to` is not below the second", at="to", help="write `to: [0, 1]`"
            )
        stds = self.std if isinstance(self.std, tuple) else (self.std,)
        if any(one is not None and not one > 0 for one in stds):
            raise Problem("NS507", "`std` must be above 0: it is divided by", at="std", help="write `std: 1`")
        if self.divide is not None and not self.divide > 0:
            raise Problem("NS507", "`divide` must be above 0", at="divide", help="write `divide: 255`")

    def _affine(self, kind: TensorType) -> TensorType:
        """The range after `(x / divide - mean) / std`; one number a channel needs as many channels."""
        per_channel = {"mean": self.mean, "std": self.std}
        for at, values in per_channel.items():
            if not isinstance(values, tuple):
                continue
            place = kind.find("channel")
            size = None if place is None else kind.axes[place].size
            if size is None or (size.value is not None and size != len(values)):
                found = "no" if size is None else str(size)
                raise Problem(
                    "NS507",
                    f"`{at}` has {len(values)} numbers, and the field has {found} channels",
                    at=at,
                    help=f"write one number for `{at}`, or one for each channel",
                )
        means = self.mean if isinstance(self.mean, tuple) else (self.mean or 0.0,)
        stds = self.std if isinstance(self.std, tuple) else (1.0 if self.std is None else self.std,)
        divide = 1.0 if self.divide is None else self.divide
        pairs = [(means[i % len(means)], stds[i % len(stds)]) for i in range(max(len(means), len(stds)))]
        low = min((kind.facts.low / divide - mean) / std for mean, std in pairs)
        high = max((kind.facts.high / divide - mean) / std for mean, std in pairs)
        return replace(kind, facts=Facts(low=low, high=high), unit=None)


class Orient(Transform):
    """Turn pictures by quarter turns, never mirrored, into one of two orientations.

    `portrait`: a picture that is wider than high is turned by a quarter. `row_major`: the turn after which rows point
    most nearly to the patient's left and columns to the feet, by the direction cosines of the image.
    """

    name: ClassVar[str] = "orient"
    main: ClassVar[str | None] = "to"

    to: Literal["portrait", "row_major"]
    """The orientation that pictures have afterwards."""

    @property
    def spaced(self) -> bool:
        """The directions of `row_major` come from the patient's coordinates."""
        return self.to == "row_major"

    def infer(self, fields: Fields) -> Fields:
        """Height and width trade places where `portrait` can tell, and are new unknown sizes where it cannot."""
        found = self.touched(fields)
        out = dict(fields)
        turned: dict[tuple[Dim, Dim], tuple[Dim, Dim]] = {}
        for name, kind in found.items():
            sizes = (kind.size("height"), kind.size("width"))
            if sizes not in turned:
                turned[sizes] = self._turned(*sizes, out)
            height, width = turned[sizes]
            out[name] = resized(kind, height=height, width=width)
        return out

    def _turned(self, height: Dim, width: Dim, fields: Fields) -> tuple[Dim, Dim]:
        if height == width:
            return height, width
        if self.to == "portrait" and height.value is not None and width.value is not None:
            return Dim.of(max(height.value, width.value)), Dim.of(min(height.value, width.value))
        return fresh("H", fields), fresh("W", fields)


class Resample(Transform):
    """Give every pixel the same size in millimetres; the picture's centre stays where it is.

    Brightnesses are averaged over a new pixel that is larger (a triangle filter), masks and classes take the nearest.
    """

    name: ClassVar[str] = "resample"
    main: ClassVar[str | None] = "spacing"
    spacing: Length
    """The size of a pixel afterwards."""

    @property
    def spaced(self) -> bool:
        """It does."""
        return True

    def infer(self, fields: Fields) -> Fields:
        """Height and width become sizes that only the data knows."""
        if self.spacing.value <= 0:
            raise Problem("NS507", "`spacing` must be above 0 mm", at="spacing", help="write `spacing: 2 mm`")
        found = self.touched(fields)
        out = dict(fields)
        known: dict[tuple[Dim, Dim], tuple[Dim, Dim]] = {}
        for name, kind in found.items():
            sizes = (kind.size("height"), kind.size("width"))
            if sizes not in known:
                known[sizes] = (fresh("H", out), fresh("W", out))
            out[name] = resized(kind, height=known[sizes][0], width=known[sizes][1])
        return out


class Crop(Transform):
    """Keep the middle `height` x `width` pixels; where the picture is smaller, zeros are added evenly around it."""

    name: ClassVar[str] = "crop"

    height: Positive
    width: Positive

    def infer(self, fields: Fields) -> Fields:
        """The two sizes, and a range that holds the zeros which may have been added."""
        out = dict(fields)
        for name, kind in self.touched(fields).items():
            facts = kind.facts
            if not self._inside(kind):
                facts = replace(facts, low=min(facts.low, 0.0), high=max(facts.high, 0.0))
            cropped = resized(kind, height=Dim.of(self.height), width=Dim.of(self.width))
            out[name] = cropped.with_facts(facts)
        return out

    def _inside(self, kind: TensorType) -> bool:
        """Whether both sizes are known to be large enough, so that nothing is added."""
        height, width = kind.size("height").value, kind.size("width").value
        return height is not None and width is not None and height >= self.height and width >= self.width


class Square(Transform):
    """Keep the largest square in the middle."""

    name: ClassVar[str] = "square"

    def infer(self, fields: Fields) -> Fields:
        """Both sizes become the smaller of the two."""
        out = dict(fields)
        for name, kind in self.touched(fields).items():
            side = Dim.minimum(kind.size("height"), kind.size("width"))
            out[name] = resized(kind, height=side, width=side)
        return out


class Resize(Transform):
    """Resample to `height` x `width` pixels, whatever their size in millimetres.

    Bilinear with antialiasing (a triangle filter as wide as the new pixel), as
    `torch.nn.functional.interpolate(..., antialias=True)`; masks and classes take the nearest.
    """

    name: ClassVar[str] = "resize"

    height: Positive
    width: Positive

    def infer(self, fields: Fields) -> Fields:
        """The two sizes; averages stay in the range."""
        out = dict(fields)
        for name, kind in self.touched(fields).items():
            out[name] = resized(kind, height=Dim.of(self.height), width=Dim.of(self.width))
        return out


class Frames(Transform):
    """Resample a cine to `count` frames, evenly over its one beat: the last frame is followed by the first.

    Frame k of the result lies at `k * n / count` of the n given ones, interpolated linearly between its neighbours.
    """

    name: ClassVar[str] = "frames"
    main: ClassVar[str | None] = "count"
    wants: ClassVar[str] = "it acts on fields with an axis `time`"

    count: Positive

    def acts_on(self, kind: TensorType) -> bool:
        """Fields with an axis `time`."""
        return kind.find("time") is not None

    def infer(self, fields: Fields) -> Fields:
        """`time` becomes `count`."""
        count = Dim.of(self.count)
        return fields | {name: resized(kind, time=count) for name, kind in self.touched(fields).items()}


class Fill(Transform):
    """Put a value where a field is missing: `fill: {age: 50, sex: O}`. Classes may be written as their words."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | str] = Field(init=False)

    name: ClassVar[str] = "fill"

    @property
    def values(self) -> dict[str, float | str]:
        """The value for each field."""
        return dict(self.__pydantic_extra__ or {})

    def arguments(self) -> dict[str, object]:
        """The fields with their values."""
        return dict(self.values)

    def infer(self, fields: Fields) -> Fields:
        """The same types; Problem NS506 for a name that is no field, NS507 for a value that is none of the classes."""
        for name, value in self.values.items():
            if name not in fields:
                known = ", ".join(f"`{one}`" for one in fields)
                raise Problem(
                    "NS506", f"there is no field `{name}` to fill", at=name, help=f"the fields are {known}"
                )
            classes = fields[name].facts.classes
            if isinstance(value, str) and classes is None:
                raise Problem(
                    "NS507", f"`{name}` holds numbers, `{value}` is a word", at=name, help="write a number"
                )
            if classes is not None and not isinstance(value, str) and value not in range(classes):
                raise Problem(
                    "NS507",
                    f"{value:g} is none of the {classes} classes of `{name}`",
                    at=name,
                    help=f"write a number from 0 to {classes - 1}",
                )
        if not self.values:
            raise Problem("NS507", "`fill` names no field", help="write `fill: {age: 50}`")
        return fields | {name: self._filled(fields[name], value) for name, value in self.values.items()}

    @staticmethod
    def _filled(kind: TensorType, value: float | str) -> TensorType:
        if (
            isinstance(value, str)
            or kind.facts.classes is not None
            or (kind.facts.low, kind.facts.high) == (-inf, inf)
        ):
            return kind
        facts = replace(kind.facts, low=min(kind.facts.low, value), high=max(kind.facts.high, value))
        return kind.with_facts(facts)


TRANSFORMS: dict[str, type[Transform]] = {
    kind.name: kind for kind in (Normalize, Orient, Resample, Crop, Square, Resize, Frames, Fill)
}
"""Every transform by the name it has in a spec."""
