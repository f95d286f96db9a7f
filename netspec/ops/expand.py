"""Spreading a value over the axes of another, asked for by name."""

from typing import ClassVar

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import Views, alike
from netspec.ops.laying import lay


class Expand(Op):
    """Spread `x` over the axes of `like`: `expand(gate, like=image)` repeats it along the axes that it has not.

    Axes are found by their names, in any order; those that both have are of one size. Of `like` only the axes are used.
    """

    name: ClassVar[str] = "expand"
    slots: ClassVar[tuple[str, ...]] = ("x", "like")

    def infer(self, x: TensorType, like: TensorType) -> Inferred:
        """The axes of `like` with the numbers, facts and unit of `x`."""
        _, constraints = lay(x, like, self.name, 0, "x")
        return Inferred((TensorType(like.axes, x.dtype, x.facts, x.unit),), constraints=constraints)

    def views(self, x: TensorType, like: TensorType) -> tuple[Views | None, ...]:
        """The same place along the axes that `x` has; the numbers of `like` do not matter."""
        del like
        return alike(x.names), None

    @staticmethod
    def samples() -> list[Sample]:
        """Along one axis, several, in another order, a plain number, masks and classes, and an axis too many."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        return [
            good(tensor(batch=2, channel=3), image),
            good(tensor(batch=2, unit="ml", facts=Facts(low=0, high=9)), image),
            good(tensor(width=4, batch=2), image),
            good(TensorType(facts=Facts(low=2, high=2)), tensor(batch=2, feature=3)),
            good(tensor("bool", batch=2, height=2, facts=Facts(low=0, high=1, mask=True)), image),
            good(tensor("int64", batch=2, facts=Facts(low=0, high=2, classes=3)), tensor(batch=2, time=3)),
            good(
                tensor(batch=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin")),
                tensor(batch=2, slice=3, bin=4),
            ),
            bad("NS336", tensor(batch=2, time=3), image),
            bad("NS251", tensor(batch=2, channel=4), image),
        ]
