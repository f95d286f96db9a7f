"""What ops share that may end in a reduction over the batch, so that a metric over a whole split stays exact."""

from typing import Literal

from netspec.ir.op import Op

Over = Literal["mean", "sum", "max", "min"]
"""How the batch is reduced. A mean is accumulated as (sum, weight): the sum of all elements, and how many they are."""


class Reduction(Op):
    """An op that may end in a reduction over the batch.

    `reduces` says how, and is None where each sample keeps its own value. Then `per_sample` is the op without this last
    reduction, whose output, reduced as `reduces` says over the same axes, is the value of this op; None means that the
    input itself is what is reduced. Over a split, sums are added, weights are added, and divided once at the end.
    """

    @property
    def reduces(self) -> Over | None:
        """How the batch is reduced; None where it is not."""
        raise NotImplementedError

    def per_sample(self) -> Op | None:
        """The op without its reduction over the batch; None where that leaves the input as it is."""
        raise NotImplementedError
