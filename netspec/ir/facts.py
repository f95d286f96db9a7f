"""What is proved about the numbers of a tensor, apart from its shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netspec.ir.dim import Dim

UNKNOWN_AXIS = "feature"


def same_axis(left: str | None, right: str | None) -> bool:
    """Whether two axis names may mean one axis: equal, or one of them is `feature`, which agrees with any name."""
    if left is None or right is None:
        return False
    return left == right or UNKNOWN_AXIS in (left, right)


@dataclass(frozen=True)
class Facts:
    """A set of proved statements; the default proves nothing.

    `low` and `high` bound every element. `sums_to_one`, `nondecreasing` and `log_probabilities` name the axis over
    which the values sum to one, do not fall, or are logarithms of values that sum to one. `classes` says that the
    values are whole numbers 0 .. classes - 1, `mask` that they are 0 or 1 and mean no or yes. `places` says that they
    count the places of space of these sizes, row by row, and that none stands twice in a channel of a sample.
    """

    low: float = -inf
    high: float = inf
    sums_to_one: str | None = None
    nondecreasing: str | None = None
    log_probabilities: str | None = None
    classes: int | None = None
    mask: bool = False
    places: tuple[Dim, ...] | None = None

    @property
    def within_unit(self) -> bool:
        """Every value lies in [0, 1]."""
        return self.low >= 0 and self.high <= 1

    @property
    def bounded(self) -> bool:
        """At least one finite bound is proved."""
        return self.low > -inf or self.high < inf

    def is_probabilities(self, axis: str) -> bool:
        """Non-negative and summing to one over `axis`."""
        return self.low >= 0 and same_axis(self.sums_to_one, axis)

    def is_cdf(self, axis: str) -> bool:
        """A cumulative distribution function sampled along `axis`: in [0, 1] and never falling."""
        return self.within_unit and same_axis(self.nondecreasing, axis)

    def ranged(self, low: float, high: float) -> Facts:
        """These facts with other bounds and nothing that other bounds could break."""
        return Facts(low=low, high=high)

    def without_axes(self) -> Facts:
        """What stays true when axes are dropped or mixed: bounds, classes and masks."""
        return replace(self, sums_to_one=None, nondecreasing=None, log_probabilities=None, places=None)

    def names(self) -> tuple[str, ...]:
        """The short names of the sets of facts that hold, strongest first; used by messages and `show`."""
        found = []
        if self.mask:
            found.append("mask")
        if self.classes is not None:
            found.append(f"class_index of {self.classes}")
        if self.places is not None:
            found.append(f"places of {'x'.join(map(str, self.places))}")
        if self.log_probabilities:
            found.append(f"log_probabilities over {self.log_probabilities}")
        if self.sums_to_one and self.low >= 0:
            found.append(f"probabilities over {self.sums_to_one}")
        if self.nondecreasing and self.within_unit:
            found.append(f"cdf over {self.nondecreasing}")
        elif self.nondecreasing:
            found.append(f"non-decreasing over {self.nondecreasing}")
        elif self.within_unit and not found:
            found.append("unit")
        elif self.bounded and not found:
            found.append(f"in [{self.low:g}, {self.high:g}]")
        return tuple(found)


NOTHING = Facts()
