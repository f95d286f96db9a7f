"""Dropout: numbers left out by chance while training."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Noise, Op, Sample, bad, good
from netspec.ir.types import TensorType, tensor
from netspec.ops.elementwise import floating


class Dropout(Op):
    """Set each number to 0 with probability `p` in training (Srivastava and others, 2014).

    In training `y = x * keep / (1 - p)`, where each `keep` is 1 with probability 1 - p and else 0, so that the mean
    stays; in evaluation `y = x`.
    """

    name: ClassVar[str] = "dropout"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "p"

    p: float = Field(default=0.5, ge=0, lt=1)

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds take in 0 and widen by 1 / (1 - p), as they do in training."""
        floating(x, self.name, 0)
        keep = Noise("keep", x.sizes, 1.0 - self.p)
        if self.p == 0:
            return Inferred((x,), noise=(keep,))
        low, high = min(x.facts.low, 0.0) / keep.keep, max(x.facts.high, 0.0) / keep.keep
        return Inferred((replace(x, facts=Facts(low=low, high=high)),), noise=(keep,))

    @staticmethod
    def samples() -> list[Sample]:
        """Half, little, nothing, and bounded numbers."""
        return [
            good(tensor(batch=2, feature=6)),
            good(tensor(batch=2, channel=3, height=2, width=2), p=0.2),
            good(tensor(batch=2, feature=6, facts=Facts(low=0, high=1, sums_to_one="feature")), p=0.0),
            good(tensor(batch=2, feature=6, facts=Facts(low=0.5, high=1)), p=0.75),
            bad("NS310", tensor("int64", batch=2, feature=6)),
        ]
