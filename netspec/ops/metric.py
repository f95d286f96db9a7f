"""Metrics that are no formula of other ops."""

from typing import ClassVar, Literal

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.classes import per_class
from netspec.ops.reduction import Over, Reduction


class Accuracy(Reduction):
    """How often the right class is among the `k` highest scores.

    Takes scores `[batch, class, *space]`, logits or probabilities, and whole numbers `[batch, *space]`. Equal scores
    stand in the order of their classes, so a network that says the same of all is right by chance alone, and one that
    says NaN never is. It has no gradient.
    """

    name: ClassVar[str] = "accuracy"
    main: ClassVar[str | None] = "k"
    slots: ClassVar[tuple[str, ...]] = ("scores", "target")

    k: int = Field(default=1, ge=1)
    reduction: Literal["mean", "none"] = "mean"

    @property
    def reduces(self) -> Over | None:
        """A mean, unless each place keeps its own 0 or 1."""
        return "mean" if self.reduction == "mean" else None

    def per_sample(self, given: int = 1) -> Op | None:
        """1 where the right class is among the highest, 0 elsewhere."""
        del given
        return self.model_copy(update={"reduction": "none"})

    def infer(self, scores: TensorType, target: TensorType) -> Inferred:
        """One number in [0, 1], or 0 and 1 on the target's axes."""
        axes, constraints = per_class(scores, target, self.name)
        count = scores.axes[1].size.value
        if count is not None and self.k > count:
            raise Problem(
                "NS332",
                f"`k` is `{self.k}`, and there are `{count}` classes",
                at="k",
                help=f"with `k: {count}` or more every answer is right; use fewer",
            )
        each = TensorType(axes, "float32", Facts(low=0, high=1, mask=True))
        mean = TensorType((), "float32", Facts(low=0, high=1))
        return Inferred((mean if self.reduction == "mean" else each,), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """The best, among the best two, each place, images of classes, and every contradiction."""
        scores = tensor(batch=4, channel=3)
        label = tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3))
        return [
            good(scores, label),
            good(scores, label, k=2),
            good(scores, label, reduction="none"),
            good(
                tensor(batch=2, channel=3, height=2, width=2),
                tensor("int64", batch=2, height=2, width=2, facts=Facts(low=0, high=2, classes=3)),
            ),
            bad("NS332", scores, label, k=4),
            bad("NS317", scores, tensor("int64", batch=4, facts=Facts(low=0, high=4, classes=5))),
            bad("NS318", scores, tensor(batch=4)),
            bad("NS251", scores, tensor("int64", batch=5, facts=Facts(low=0, high=2, classes=3))),
        ]
