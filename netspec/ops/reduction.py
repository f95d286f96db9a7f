"""What ops share that may end in a reduction over the batch, so that a metric over a whole split stays exact."""

from typing import ClassVar, Literal

from netspec.ir.op import Op
from netspec.ir.types import TensorType

Over = Literal["mean", "sum", "max", "min"]
"""How the batch is reduced. A mean is accumulated as (sum, weight): the sum of all elements, and how many they are."""

Factor = tuple[Op | None, int]
"""What weighs elements: the input of that index, or an op applied to it."""


class Reduction(Op):
    """An op that may end in a reduction over the batch.

    `reduces` says how, and is None where each sample keeps its own value. Then `per_sample` is the op without this last
    reduction, whose output, reduced as `reduces` says over the same axes, is the value of this op; None means that the
    input itself is what is reduced. Over a split, sums are added, weights are added, and divided once at the end.

    A weighted mean is the sum of what `per_sample` gives over the sum of the weights. `weights` says what those are:
    the product of factors, laid over the elements by the names of their axes; none where each element counts one.
    `least_weight` is the smallest divisor: where it is 1, the mean of nothing is 0.
    """

    least_weight: ClassVar[float] = 0.0

    @property
    def reduces(self) -> Over | None:
        """How the batch is reduced; None where it is not."""
        raise NotImplementedError

    def per_sample(self, given: int = 1) -> Op | None:
        """The op of `given` inputs without its reduction over the batch; None where that leaves the input as it is."""
        raise NotImplementedError

    def weights(self, *inputs: TensorType) -> tuple[Factor, ...]:
        """What weighs the elements of a mean, where the op has these inputs."""
        del inputs
        return ()
