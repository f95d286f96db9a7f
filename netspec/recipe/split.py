"""How samples are divided into training, validation and test: by whole patients, the same way every time."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from netspec.ir.problem import Problem
from netspec.ir.record import Record

PARTS = ("train", "validation", "test")
"""The parts a split has, in order."""

Part = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, le=1)]
"""A whole number counts patients (or samples); a number with a point is a fraction of them."""


class Split(Record):
    """`train`, `validation` and `test` are all fractions or all counts, of patients or (`by: sample`) of samples.

    Fractions that sum to less than one leave some out. `stratify` names a field whose values are spread
    evenly over the parts. The same `seed` and patients always give the same parts, and one patient more moves few.
    """

    name: ClassVar[str] = "split"

    by: Literal["patient", "sample"] = "patient"
    """What is kept whole: a patient with all samples, or a sample."""
    train: Part
    """The part to train on: a fraction (0.8) or a count (500)."""
    validation: Part = 0
    """The part that metrics are measured on while training."""
    test: Part = 0
    """The part that is kept for the end."""
    stratify: str | None = None
    seed: int = 0

    def parts(self) -> dict[str, int | float]:
        """The wanted size of each part, in order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def check(self) -> None:
        """Raise Problem NS510 where the numbers cannot be."""
        written = {name: size for name, size in self.parts().items() if size}
        if "train" not in written:
            raise Problem(
                "NS510", "nothing is left to train on", at="train", help="give `train` a fraction, as 0.8"
            )
        fractions = [name for name, size in written.items() if isinstance(size, float)]
        if fractions and len(fractions) < len(written):
            counted = next(name for name in written if name not in fractions)
            raise Problem(
                "NS510",
                f"`{fractions[0]}: {written[fractions[0]]}` is a fraction and `{counted}: {written[counted]}` a count",
                at=counted,
                help="write fractions (0.8) or counts (500), not both",
            )
        total = sum(written.values())
        if fractions and total > 1 + 1e-9:
            last = list(written)[-1]
            raise Problem(
                "NS510", f"the fractions sum to {total:g}", at=last, help="they may sum to 1 at the most"
            )

    def counts(self, total: int) -> dict[str, int]:
        """How many of `total` each part gets: counts as written, fractions by largest remainder.

        Raises Problem NS511 where there are too few, or a wanted part would be empty.
        """
        wanted = self.parts()
        if all(isinstance(size, int) for size in wanted.values()):
            counts = {name: int(size) for name, size in wanted.items()}
        else:
            counts = _shares({name: float(size) for name, size in wanted.items()}, total)
        short = [name for name in counts if wanted[name] and not counts[name]]
        if sum(counts.values()) > total or short:
            asked = " + ".join(f"{size:g} {name}" for name, size in wanted.items() if size)
            what = "patients" if self.by == "patient" else "samples"
            raise Problem(
                "NS511",
                f"the split asks for {asked}, and there are {total} {what}",
                at=short[0] if short else "train",
                help="use fractions that the data can serve, or bring more data",
            )
        return counts


def _shares(fractions: dict[str, float], total: int) -> dict[str, int]:
    """Whole numbers nearest to `fractions * total` whose sum is the rounded whole (largest remainder first)."""
    exact = {name: fraction * total for name, fraction in fractions.items()}
    counts = {name: int(share + 1e-9) for name, share in exact.items()}
    left = round(sum(exact.values())) - sum(counts.values())
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: max(left, 0)]:
        counts[name] += 1
    return counts
