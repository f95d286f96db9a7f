"""Where samples come from: each source with its arguments and the typed fields that it offers. Nothing is read here."""

from dataclasses import replace
from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING, Facts
from netspec.ir.problem import Problem
from netspec.ir.record import Record
from netspec.ir.types import Axis, TensorType, tensor
from netspec.recipe.quantity import Quantity, Share
from netspec.text.suggest import nearest

SEXES = ("F", "M", "O")
"""The classes of the field `sex`, in the order of their numbers."""

Order = Literal["trigger_time", "instance_number", "file_name"]


class Source(Record):
    """The base of every source.

    `fields` are the field types of one sample, without a batch axis; sizes that the data decides are capital letters.
    `spaced` says that pixels have a size in millimetres, `grouped` that samples belong to patients, and
    `unequal` that a lettered size may differ from sample to sample (else it is one number, unknown until the data
    is opened). `words` names the classes of fields that have names for them.
    """

    spaced: ClassVar[bool] = False
    grouped: ClassVar[bool] = False
    unequal: ClassVar[bool] = False
    words: ClassVar[dict[str, tuple[str, ...]]] = {}

    def fields(self) -> dict[str, TensorType]:
        """The fields that are known before any file is read."""
        raise NotImplementedError

    def field(self, name: str, like: TensorType) -> TensorType:
        """The type of one field. `like` is what the spec declares for it, for sources that know no axis names.

        Raises Problem NS500 for a field that the source does not have.
        """
        del like
        known = self.fields()
        if name not in known:
            near = nearest(name, known)
            raise Problem(
                "NS500",
                f"the source `{self.name}` has no field `{name}`",
                help=f"did you mean `{near}`?"
                if near
                else f"it has {', '.join(f'`{one}`' for one in known)}",
            )
        return known[name]

    def check(self) -> None:
        """Raise Problem for arguments that cannot be together or are not supported."""

    @property
    def stacked(self) -> str | None:
        """The axis along which all pictures of a study are put together to one sample; None where each is its own."""
        return None


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class DicomCine(Source):
    """Short-axis cine MRI in DICOM files, laid out as `<root>/<folder>/<patient>/study/<view>_<k>/*.dcm`.

    A sample is one slice: its cine loop, where it lies in the stack, who the patient is, and any column of the table of
    `labels` (a CSV file in `root` whose first column is `Id`), whose numbers are taken to be millilitres. With
    `sample: patient` it is the stack of a patient's slices from apex to base: `pixels`, `slice_position` and `spacing`
    have an axis `slice` in front, and `slice_gap` is the distance from each slice to the next in mm, 0 after the last.
    `folder`
    defaults to the name of the table without its ending where there is such a folder, else to `root` itself. Frames
    are put in order by the first entry of `frame_order` that strictly increases. More files that
    cannot be used than `at_most_bad` are an error.
    """

    name: ClassVar[str] = "dicom_cine"
    main: ClassVar[str | None] = "root"
    spaced: ClassVar[bool] = True
    grouped: ClassVar[bool] = True
    unequal: ClassVar[bool] = True
    words: ClassVar[dict[str, tuple[str, ...]]] = {"sex": SEXES}

    root: str = Field(min_length=1)
    """The folder with the patients, relative to the project."""
    sample: Literal["slice", "patient"] = "slice"
    """What one sample is: a slice, or the stack of all slices of a patient."""
    view: str = Field(default="sax", pattern=r"^[A-Za-z0-9]+$")
    """What the folders of the wanted series begin with."""
    labels: str = Field(default="train.csv", min_length=1)
    folder: str | None = None
    frame_order: Annotated[tuple[Order, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = (
        "trigger_time",
        "instance_number",
        "file_name",
    )
    at_most_bad: Share = Quantity(2, "%")

    def fields(self) -> dict[str, TensorType]:
        """`pixels` of a slice; `slice_position` 0 apex .. 1 base; `spacing` [row, column] in mm; `age`; `sex`.

        With `sample: patient`, all but the last two have an axis `slice` in front, and there is `slice_gap` in mm.
        """
        person = {
            "age": tensor(facts=Facts(low=0), unit="year", feature=1),
            "sex": tensor("int64", facts=Facts(low=0, high=len(SEXES) - 1, classes=len(SEXES))),
        }
        if self.sample == "patient":
            return {
                "pixels": tensor(slice="S", time="T", height="H", width="W"),
                "slice_position": tensor(facts=Facts(low=0, high=1), slice="S"),
                "slice_gap": tensor(facts=Facts(low=0), unit="mm", slice="S"),
                "spacing": tensor(facts=Facts(low=0), unit="mm", slice="S", feature=2),
                **person,
            }
        return {
            "pixels": tensor(time="T", height="H", width="W"),
            "slice_position": tensor(facts=Facts(low=0, high=1), feature=1),
            "spacing": tensor(facts=Facts(low=0), unit="mm", feature=2),
            **person,
        }

    def field(self, name: str, like: TensorType) -> TensorType:
        """A field as above; any other name is a column of the table of labels, in ml (reading tells if it is there)."""
        known = self.fields()
        if name in known:
            return known[name]
        if like.rank:
            return super().field(name, like)
        return TensorType(facts=Facts(low=-inf, high=inf), unit="ml")

    @property
    def stacked(self) -> str | None:
        """The slices of a patient, with `sample: patient`."""
        return "slice" if self.sample == "patient" else None


class Npz(Source):
    """The arrays of one `.npz` file; the first axis of each counts the samples.

    `group` names an array with one whole number or word for each sample that says to which patient it belongs, for
    splits `by: patient`. Arrays carry no axis names, so each takes those that the spec declares for it.
    """

    name: ClassVar[str] = "npz"
    main: ClassVar[str | None] = "file"

    file: str = Field(min_length=1)
    """The file, relative to the project."""
    group: str | None = None

    def fields(self) -> dict[str, TensorType]:
        """None: the names are known when the file is opened."""
        return {}

    def field(self, name: str, like: TensorType) -> TensorType:
        """Axes named as declared, each of a size that is known when the file is opened; classes, masks as claimed."""
        del name
        axes = [Axis(axis.name, Dim.of(f"A{i}")) for i, axis in enumerate(like.axes)]
        named = like.facts
        kept = named if named.mask or named.classes is not None else NOTHING
        return replace(like, axes=tuple(axes), facts=kept)


class Digits(Source):
    """The 1,797 handwritten digits that come with scikit-learn: 8x8 pixels from 0 to 16."""

    name: ClassVar[str] = "digits"

    def fields(self) -> dict[str, TensorType]:
        """`pixels` [height, width], the same as `image` with a channel of one in front, and `label` 0 to 9."""
        grey = Facts(low=0, high=16)
        return {
            "pixels": tensor(facts=grey, height=8, width=8),
            "image": tensor(facts=grey, channel=1, height=8, width=8),
            "label": tensor("int64", facts=Facts(low=0, high=9, classes=10)),
        }


SOURCES: dict[str, type[Source]] = {kind.name: kind for kind in (DicomCine, Npz, Digits)}
"""Every source by the name it has in a spec."""
