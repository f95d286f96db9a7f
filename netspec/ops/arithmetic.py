"""Arithmetic: what + - * / and ** mean in formulas, and `add` and `mul` as layers that join."""

import math
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ir.units import power, product, quotient
from netspec.ops import interval
from netspec.ops.elementwise import agree, floating, never_falls, number, sum_unit


class Constant(Op):
    """A plain number. It has no axes, agrees with everything, and no gradient."""

    name: ClassVar[str] = "constant"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "value"
    slots: ClassVar[tuple[str, ...]] = ()

    value: float = Field(allow_inf_nan=False)
    """The number."""

    def infer(self) -> Inferred:
        """No axes; both bounds are the value."""
        return Inferred((TensorType(facts=Facts(low=self.value, high=self.value)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Whole, broken and negative."""
        return [good(value=2.0), good(value=-0.5)]


class Add(Op):
    """Sum two or more inputs element by element: `y = x1 + x2 + ...`.

    All have the same axes, and plain numbers go with anything; with `broadcast` an axis of size 1 spreads. Known units
    must be equal; only single numbers, the terms of a loss, are added whatever their units, and the sum has none. The
    sum of inputs that never fall along an axis never falls there.
    """

    name: ClassVar[str] = "add"
    pointwise: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("x", "*y")

    broadcast: bool = False

    def infer(self, *inputs: TensorType) -> Inferred:
        """The common axes; bounds add up."""
        for i, x in enumerate(inputs):
            floating(x, self.name, i)
        axes, constraints = agree(inputs, self.name, broadcast=self.broadcast)
        bounds = interval.of(inputs[0])
        for x in inputs[1:]:
            bounds = interval.add(bounds, interval.of(x))
        facts = Facts(low=bounds[0], high=bounds[1], nondecreasing=never_falls(inputs, axes))
        unit = sum_unit(inputs, axes, self.name)
        return Inferred((TensorType(axes, "float32", facts, unit),), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Two, three, a number, a spread axis, and every disagreement."""
        image = tensor(batch=2, channel=3, height=4, width=2)
        row = tensor(batch=2, channel=3)
        curve = tensor(batch=2, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
        return [
            good(image, image),
            good(row, row, row),
            good(row, _plain(2.5)),
            good(_plain(2.5), row),
            good(curve, tensor(batch=2, feature=5, facts=Facts(low=-1, high=2, nondecreasing="feature"))),
            good(image, tensor(batch=2, channel=3, height=1, width=1), broadcast=True),
            good(tensor(batch=2, volume=1, unit="ml"), tensor(batch=2, volume=1)),
            good(TensorType(unit="ml"), TensorType(unit="ml2")),
            bad("NS250", image, row),
            bad("NS251", row, tensor(batch=2, channel=4)),
            bad("NS251", image, tensor(batch=2, channel=3, height=1, width=1)),
            bad("NS252", row, tensor(batch=2, time=3)),
            bad("NS310", row, tensor("bool", batch=2, channel=3)),
            bad("NS311", tensor(batch=2, unit="ml"), tensor(batch=2, unit="mm")),
        ]


class Sub(Op):
    """Take the second input from the first, element by element: `z = x - y`. Axes and units as for `add`."""

    name: ClassVar[str] = "sub"
    pointwise: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("x", "y")

    broadcast: bool = False

    def infer(self, x: TensorType, y: TensorType) -> Inferred:
        """The common axes; bounds are those of all differences."""
        floating(x, self.name, 0)
        floating(y, self.name, 1)
        axes, constraints = agree((x, y), self.name, broadcast=self.broadcast)
        low, high = interval.add(interval.of(x), interval.negative(interval.of(y)))
        mask = number(x) == 1 and y.facts.mask
        facts = Facts(
            low=low, high=high, mask=mask, nondecreasing=never_falls((x,), axes) if not y.rank else None
        )
        unit = sum_unit((x, y), axes, self.name)
        return Inferred((TensorType(axes, "float32", facts, unit),), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors, numbers on either side, a spread axis, and disagreements."""
        row = tensor(batch=2, channel=3)
        mask = tensor(batch=2, channel=3, facts=Facts(low=0, high=1, mask=True))
        return [
            good(row, row),
            good(row, _plain(2.5)),
            good(_plain(1.0), mask),
            good(tensor(batch=2, channel=1), row, broadcast=True),
            bad("NS250", row, tensor(batch=2)),
            bad("NS251", row, tensor(batch=2, channel=1)),
            bad("NS311", tensor(batch=2, unit="ml"), tensor(batch=2, unit="mm")),
        ]


class Mul(Op):
    """Multiply two or more inputs element by element: `y = x1 * x2 * ...`.

    Axes as for `add`. A mask among floating inputs counts as 0 and 1; the product of masks is a mask: all of them hold.
    Units are multiplied, `mm` times `mm2` is `mm3`; what has no unit counts as a pure number.
    """

    name: ClassVar[str] = "mul"
    pointwise: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("x", "*y")

    broadcast: bool = False

    def infer(self, *inputs: TensorType) -> Inferred:
        """The common axes; the extreme products bound the result."""
        masks = all(x.dtype == "bool" for x in inputs)
        shaped = any(x.dtype == "float32" and number(x) is None for x in inputs)
        for i, x in enumerate(inputs):
            if x.dtype == "int64" or (x.dtype == "bool" and not masks and not shaped):
                floating(x, self.name, i)
        axes, constraints = agree(inputs, self.name, broadcast=self.broadcast)
        bounds = interval.of(inputs[0])
        for x in inputs[1:]:
            bounds = interval.multiply(bounds, interval.of(x))
        rising = never_falls(inputs, axes) if all(x.facts.low >= 0 for x in inputs) else None
        facts = Facts(
            low=bounds[0], high=bounds[1], nondecreasing=rising, mask=all(x.facts.mask for x in inputs)
        )
        out = TensorType(axes, "bool" if masks else "float32", facts, product(x.unit for x in inputs))
        return Inferred((out,), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors, numbers, masks, a gate that spreads, and disagreements."""
        image = tensor(batch=2, channel=3, height=4, width=2)
        row = tensor(batch=2, channel=3)
        unit = tensor(batch=2, channel=3, facts=Facts(low=0, high=1))
        mask = tensor("bool", batch=2, channel=3, facts=Facts(low=0, high=1, mask=True))
        return [
            good(image, image),
            good(row, unit, row),
            good(row, _plain(-2.5)),
            good(_plain(0.5), tensor(batch=2, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))),
            good(row, mask),
            good(mask, mask),
            good(image, tensor(batch=2, channel=3, height=1, width=1), broadcast=True),
            bad("NS250", image, row),
            bad("NS251", image, tensor(batch=2, channel=3, height=1, width=1)),
            bad("NS252", row, tensor(batch=2, time=3)),
            bad("NS310", mask, _plain(0.1)),
            bad("NS310", row, tensor("int64", batch=2, channel=3, facts=Facts(low=0, high=4, classes=5))),
        ]


class Div(Op):
    """Divide the first input by the second, element by element: `z = x / y`. Axes as for `add`.

    A divisor that is zero everywhere is refused. Units are divided: `ml` over `ml` has none, `ml` over `s` is `ml/s`.
    """

    name: ClassVar[str] = "div"
    pointwise: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("x", "y")

    broadcast: bool = False

    def infer(self, x: TensorType, y: TensorType) -> Inferred:
        """The common axes; the extreme quotients bound the result; nothing does once the divisor may change sign."""
        floating(x, self.name, 0)
        floating(y, self.name, 1)
        axes, constraints = agree((x, y), self.name, broadcast=self.broadcast)
        divisor = interval.of(y)
        if divisor == (0, 0):
            raise Problem("NS323", "`div` by `0`", at=1, help="divide by a number that is not zero")
        low, high = interval.multiply(interval.of(x), interval.reciprocal(divisor))
        level = not y.rank and divisor[0] > 0
        facts = Facts(low=low, high=high, nondecreasing=never_falls((x,), axes) if level else None)
        unit = quotient(x.unit, y.unit)
        return Inferred((TensorType(axes, "float32", facts, unit),), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors, numbers on either side, and a division by nothing."""
        row = tensor(batch=2, channel=3)
        positive = tensor(batch=2, channel=3, facts=Facts(low=0.5, high=4))
        return [
            good(row, positive),
            good(row, _plain(-4.0)),
            good(_plain(2.0), positive),
            good(row, tensor(batch=2, channel=1, facts=Facts(low=-4, high=-0.5)), broadcast=True),
            bad("NS250", row, tensor(batch=2)),
            bad("NS323", row, _plain(0.0)),
        ]


class Pow(Op):
    """Raise the first input to the power of the second, element by element: `z = x ** y`.

    Axes as for `add`, without spreading. Where y is no whole number x must not be negative. The gradient to x is
    `y * x ** (y - 1)`, and 0 where y is 0; the gradient to y is `z * log(x)`, and 0 where x is 0 and y is not negative.
    The unit is raised as well where y is a plain number, and gone where it is not.
    """

    name: ClassVar[str] = "pow"
    pointwise: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("x", "y")

    def infer(self, x: TensorType, y: TensorType) -> Inferred:
        """The common axes; bounds where one of the two is a plain number."""
        floating(x, self.name, 0)
        floating(y, self.name, 1)
        axes, constraints = agree((x, y), self.name)
        warnings = _defined(x, y)
        low, high = interval.power(interval.of(x), interval.of(y))
        exponent = number(y)
        rising = x.facts.low >= 0 and exponent is not None and exponent > 0
        facts = Facts(low=low, high=high, nondecreasing=never_falls((x,), axes) if rising else None)
        unit = power(x.unit, exponent) if exponent is not None else None
        out = TensorType(axes, "float32", facts, unit)
        return Inferred((out,), constraints=constraints, warnings=warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Squares, roots, reciprocals, a number to a tensor, and what is no real number."""
        row = tensor(batch=2, channel=3)
        positive = tensor(batch=2, channel=3, facts=Facts(low=0.5, high=4))
        return [
            good(row, _plain(2.0)),
            good(row, _plain(3.0)),
            good(row, _plain(0.0)),
            good(positive, _plain(0.5)),
            good(positive, _plain(-2.0)),
            good(_plain(2.0), row),
            good(positive, row),
            bad("NS250", row, tensor(batch=2)),
            bad("NS323", tensor(batch=2, facts=Facts(low=-3, high=-1)), _plain(0.5)),
            bad("NS323", _plain(0.0), _plain(-1.0)),
            bad("NS323", _plain(10.0), _plain(400.0)),
        ]


class Neg(Op):
    """Change the sign: `y = -x`, on any axes. The bounds change places, and the unit stays."""

    name: ClassVar[str] = "neg"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The same axes; the bounds change places."""
        floating(x, self.name, 0)
        low, high = interval.negative(interval.of(x))
        return Inferred((TensorType(x.axes, "float32", Facts(low=low, high=high), x.unit),))

    @staticmethod
    def samples() -> list[Sample]:
        """A tensor, a bounded one, a number."""
        return [
            good(tensor(batch=2, channel=3)),
            good(tensor(batch=2, facts=Facts(low=-1, high=4))),
            good(_plain(3.0)),
            bad("NS310", tensor("bool", batch=2, facts=Facts(low=0, high=1, mask=True))),
        ]


def _plain(value: float) -> TensorType:
    """The type of a plain number."""
    return TensorType(facts=Facts(low=value, high=value))


def _defined(x: TensorType, y: TensorType) -> tuple[Warned, ...]:
    """Whether `x ** y` is a real number: Problem NS323 where it never is, a warning NS324 where that is not proved."""
    base, exponent = number(x), number(y)
    if base is not None and exponent is not None:
        try:
            math.pow(base, exponent)
        except (ValueError, OverflowError):
            raise Problem(
                "NS323",
                f"`{base:g} ** {exponent:g}` is no real number that fits",
                at=1,
                help="use other numbers",
            ) from None
        return ()
    if x.facts.low >= 0 or (exponent is not None and exponent % 1 == 0):
        return ()
    power = f"`{exponent:g}`" if exponent is not None else "a power that is no fixed whole number"
    if x.facts.high < 0:
        raise Problem(
            "NS323",
            f"`pow` raises numbers in [{x.facts.low:g}, {x.facts.high:g}] to {power}: that is no real number",
            at=0,
            help="take `abs` first, or use a whole power",
        )
    message = f"`pow` raises what may be negative to {power}, which gives NaN there"
    return (Warned("NS324", message, at=0, help="take `abs` or `relu` first, or use a whole power"),)
