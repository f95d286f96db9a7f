"""What is known exactly about a phantom, as written beside it in `truth.json`."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from netspec.text import SpecError

VERSION = 1  # raise it whenever the same settings give other bytes

_LARGEST_TRUTH = 256 * 1024 * 1024


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SliceTruth(_Record):
    """One slice: its folder, its place on the long axis (mm, from the apex), the cavity's area in each frame (mm2).

    The area is the exact mean over the slab. A slice that was left out has no folder; `repeats` names the folder of
    the slice whose location this one shows again.
    """

    folder: str | None
    position: float
    areas: tuple[float, ...]
    repeats: str | None = None


class DefectTruth(_Record):
    """One injected fault: its kind, and the file or folder (relative to the split's folder) where it sits."""

    kind: str
    where: str


class PatientTruth(_Record):
    """One patient: volumes in ml, spacing (row, column distance), thickness and distance of slices in mm."""

    id: int
    age: int
    sex: Literal["M", "F"]
    systole: float
    diastole: float
    volumes: tuple[float, ...]
    rows: int
    columns: int
    spacing: tuple[float, float]
    thickness: float
    distance: float
    slices: tuple[SliceTruth, ...]
    defects: tuple[DefectTruth, ...] = ()


class Settings(_Record):
    """Everything the bytes of a phantom depend on."""

    version: int
    size: str
    seed: int
    split: str
    first: int
    patients: int
    defects: tuple[str, ...]


class Truth(_Record):
    """A whole phantom: how it was made, what was written, and what is true of every patient."""

    settings: Settings
    files: int
    bytes: int
    patients: tuple[PatientTruth, ...]

    @staticmethod
    def path(root: Path, split: str = "train") -> Path:
        """Where the truth of a split lies: `truth.json` for `train`, `truth-<split>.json` for another."""
        return root / ("truth.json" if split == "train" else f"truth-{split}.json")

    @staticmethod
    def load(root: Path, split: str = "train") -> "Truth":
        """Read the truth of a phantom; SpecError NS562 if there is none or it can't be read."""
        path = Truth.path(root, split)
        try:
            if path.stat().st_size > _LARGEST_TRUTH:
                raise SpecError.of("NS562", f"`{path.name}` is larger than any phantom's truth")
            return Truth.model_validate_json(path.read_bytes())
        except OSError as error:
            why = error.strerror or type(error).__name__
            cure = "make a phantom there first: `netspec phantom DIR`"
            raise SpecError.of(
                "NS562", f"can't read `{path.name}` of the phantom: {why}", help=cure
            ) from None
        except ValidationError as error:
            message = (
                f"`{path.name}` is not the truth of a phantom: {error.error_count()} of its fields are wrong"
            )
            raise SpecError.of(
                "NS562", message, help="choose another folder, or move this one away"
            ) from None
