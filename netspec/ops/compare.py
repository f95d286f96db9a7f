"""Comparisons, which give masks, and choices: the smaller, the larger, and one or the other by a mask."""

from typing import ClassVar

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops import interval
from netspec.ops.elementwise import agree, common_unit, floating, never_falls, number


class Comparison(Op):
    """What all comparisons share: two inputs of the same axes or a plain number, a mask out, no gradient."""

    slots: ClassVar[tuple[str, ...]] = ("x", "y")
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType, y: TensorType) -> Inferred:
        """A mask on the common axes; units must agree."""
        if "bool" in (x.dtype, y.dtype):
            at = 0 if x.dtype == "bool" else 1
            raise Problem(
                "NS310",
                f"`{self.name}` of a mask",
                at=at,
                help="a mask is a condition already: use it as it is",
            )
        if number(x) is not None and number(y) is not None:
            raise Problem(
                "NS325",
                f"`{self.name}` of two plain numbers",
                help="write the mask's value, or compare a tensor",
            )
        common_unit((x, y), self.name)
        axes, constraints = agree((x, y), self.name)
        return Inferred((TensorType(axes, "bool", Facts(low=0, high=1, mask=True)),), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors, a number on either side, classes, and what cannot be compared."""
        row = tensor(batch=2, channel=3)
        label = tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3))
        zero = TensorType(facts=Facts(low=0, high=0))
        return [
            good(row, row),
            good(row, zero),
            good(zero, row),
            good(label, label),
            good(label, TensorType(facts=Facts(low=1, high=1))),
            bad("NS250", row, tensor(batch=2)),
            bad("NS310", tensor("bool", batch=2, facts=Facts(low=0, high=1, mask=True)), tensor(batch=2)),
            bad("NS311", tensor(batch=2, unit="ml"), tensor(batch=2, unit="mm")),
            bad("NS325", zero, zero),
        ]


class Less(Comparison):
    """Where the first input is smaller: `x < y`, element by element, as a mask. It has no gradient."""

    name: ClassVar[str] = "less"


class LessEqual(Comparison):
    """Where the first input is not larger: `x <= y`, element by element, as a mask. It has no gradient."""

    name: ClassVar[str] = "less_equal"


class Greater(Comparison):
    """Where the first input is larger: `x > y`, element by element, as a mask. It has no gradient."""

    name: ClassVar[str] = "greater"


class GreaterEqual(Comparison):
    """Where the first input is not smaller: `x >= y`, element by element, as a mask. It has no gradient."""

    name: ClassVar[str] = "greater_equal"


class Equal(Comparison):
    """Where both inputs are equal: `x == y`, element by element, as a mask. It has no gradient."""

    name: ClassVar[str] = "equal"


class Extreme(Op):
    """What `minimum` and `maximum` share: two inputs of the same axes or a plain number, and equal units."""

    slots: ClassVar[tuple[str, ...]] = ("x", "y")
    pointwise: ClassVar[bool] = True

    broadcast: bool = False

    def choose(self, x: float, y: float) -> float:
        """The one of two numbers that the op takes."""
        raise NotImplementedError

    def infer(self, x: TensorType, y: TensorType) -> Inferred:
        """The common axes; the op of the bounds bounds the result, and the result of curves that never fall is one."""
        floating(x, self.name, 0)
        floating(y, self.name, 1)
        axes, constraints = agree((x, y), self.name, broadcast=self.broadcast)
        (a, b), (c, d) = interval.of(x), interval.of(y)
        facts = Facts(low=self.choose(a, c), high=self.choose(b, d), nondecreasing=never_falls((x, y), axes))
        return Inferred(
            (TensorType(axes, "float32", facts, common_unit((x, y), self.name)),), constraints=constraints
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors, a number on either side, curves, and disagreements."""
        row = tensor(batch=2, channel=3)
        half = TensorType(facts=Facts(low=0.5, high=0.5))
        curve = tensor(batch=2, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
        return [
            good(row, row),
            good(row, half),
            good(half, row),
            good(half, half),
            good(curve, curve),
            good(row, tensor(batch=2, channel=1), broadcast=True),
            bad("NS250", row, tensor(batch=2)),
            bad("NS251", row, tensor(batch=2, channel=1)),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5)), half),
            bad("NS311", tensor(batch=2, unit="ml"), tensor(batch=2, unit="mm")),
        ]


class Minimum(Extreme):
    """The smaller of two inputs, element by element; with `broadcast` an axis of size 1 spreads.

    The smaller one takes the gradient. Where both are equal each takes half, and a tensor that equals a plain number
    takes all, as in PyTorch.
    """

    name: ClassVar[str] = "minimum"

    def choose(self, x: float, y: float) -> float:
        """The smaller."""
        return min(x, y)


class Maximum(Extreme):
    """The larger of two inputs, element by element; with `broadcast` an axis of size 1 spreads.

    The larger one takes the gradient. Where both are equal each takes half, and a tensor that equals a plain number
    takes all, as in PyTorch.
    """

    name: ClassVar[str] = "maximum"

    def choose(self, x: float, y: float) -> float:
        """The larger."""
        return max(x, y)


class Where(Op):
    """Choose by a mask: `z = x` where the condition holds and `y` elsewhere, element by element.

    All three have the same axes, and x and y may be plain numbers. The gradient goes to the chosen one alone, so what
    was not chosen must still be a number: NaN times nothing is NaN.
    """

    name: ClassVar[str] = "where"
    pointwise: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("condition", "x", "y")

    def infer(self, condition: TensorType, x: TensorType, y: TensorType) -> Inferred:
        """The common axes; whatever bounds both choices bounds the result."""
        if condition.dtype != "bool" and not condition.facts.mask:
            raise Problem(
                "NS325",
                f"`where` chooses by a mask, and its condition is `{condition.named()}`",
                at=0,
                help="compare something: `where(x > 0, x, 0)`",
            )
        floating(x, self.name, 1)
        floating(y, self.name, 2)
        axes, constraints = agree((condition, x, y), self.name)
        low, high = interval.hull((interval.of(x), interval.of(y)))
        mask = all(one.facts.mask or number(one) in (0, 1) for one in (x, y))
        unit = common_unit((x, y), self.name)
        out = TensorType(axes, "float32", Facts(low=low, high=high, mask=mask), unit)
        return Inferred((out,), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors and numbers in every place, masks of both kinds, and what is no mask."""
        row = tensor(batch=2, channel=3)
        mask = tensor("bool", batch=2, channel=3, facts=Facts(low=0, high=1, mask=True))
        present = tensor(batch=2, channel=3, facts=Facts(low=0, high=1, mask=True))
        one, zero = (TensorType(facts=Facts(low=value, high=value)) for value in (1.0, 0.0))
        return [
            good(mask, row, row),
            good(mask, row, zero),
            good(present, one, row),
            good(mask, one, zero),
            bad("NS325", row, row, row),
            bad("NS250", mask, row, tensor(batch=2)),
            bad(
                "NS310", mask, tensor("int64", batch=2, channel=3, facts=Facts(low=0, high=4, classes=5)), row
            ),
            bad("NS311", mask, tensor(batch=2, channel=3, unit="ml"), tensor(batch=2, channel=3, unit="mm")),
        ]
