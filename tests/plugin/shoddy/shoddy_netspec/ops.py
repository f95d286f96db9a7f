"""Ops with a fault each."""

from typing import ClassVar

from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import Views

WORD = "a word is no op, no rule and no backend"


class Same(Op):
    """The same type comes out as goes in, and the samples say so; the ops below each break one thing of it."""

    def infer(self, x: TensorType) -> Inferred:
        """The same axes; a mask is refused."""
        if x.dtype != "float32":
            raise Problem("NS310", "no floating numbers", at=0, help="give it some")
        return Inferred((TensorType(x.axes),))

    @staticmethod
    def samples() -> list[Sample]:
        """Numbers and a mask."""
        return [good(tensor(batch=2, feature=3)), bad("NS310", tensor("bool", batch=2, feature=3))]


class Renamed(Same):
    """It calls itself by another name than it stands under."""

    name: ClassVar[str] = "shoddy.other"


class Typed(Same):
    """Its rule ends in an error of Python's."""

    name: ClassVar[str] = "shoddy.typed"

    def infer(self, x: TensorType) -> Inferred:
        """It adds a word to a number."""
        return Inferred((x.axes + 1,))  # type: ignore[operator]


class Answer(Same):
    """Its rule gives a type, and not what is inferred."""

    name: ClassVar[str] = "shoddy.answer"

    def infer(self, x: TensorType) -> Inferred:
        """The type itself."""
        return x  # type: ignore[return-value]


class Lying(Same):
    """Its bad sample is accepted, and its good one is another type than its numbers are."""

    name: ClassVar[str] = "shoddy.lying"

    @staticmethod
    def samples() -> list[Sample]:
        """A lie each."""
        return [
            good(tensor(batch=2, feature=3)),
            bad("NS310", tensor(batch=2, feature=3)),
            good(tensor("bool", batch=2, feature=3)),
        ]


class Ruleless(Same):
    """No backend has a rule for it."""

    name: ClassVar[str] = "shoddy.ruleless"


class Misruled(Same):
    """What stands as its rule is none."""

    name: ClassVar[str] = "shoddy.misruled"


class Falling(Same):
    """Its rule falls over when it is run."""

    name: ClassVar[str] = "shoddy.falling"


class Seen(Same):
    """What it sees of its input ends in an error."""

    name: ClassVar[str] = "shoddy.seen"

    def views(self, x: TensorType) -> tuple[Views]:
        """It divides by zero."""
        return ({"feature": x.axes[1 // 0]},)  # type: ignore[dict-item]


class Unsupported(Same):
    """Its lowering calls a function that needs more than the written file has."""

    name: ClassVar[str] = "shoddy.unsupported"
