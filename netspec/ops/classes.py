"""What losses and metrics of classes share: scores for every class, and a whole number that names the right one."""

from __future__ import annotations

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ops.elementwise import Agreed, agree, floating


def per_class(scores: TensorType, target: TensorType, op: str, *, ignore_index: int | None = None) -> Agreed:
    """The axes `[batch, *space]` of scores `[batch, class, *space]` and a class index for each place.

    The last class needs no score where it is `ignore_index`.
    """
    _are_scores(scores, op)
    if target.dtype != "int64":
        what = "a mask" if target.dtype == "bool" else "floating numbers"
        raise Problem(
            "NS318",
            f"`{op}` wants the number of a class, and the target is {what}: `{target.named()}`",
            at=1,
            help="declare the target `{kind: class_index, classes: 10}`; for yes and no use `bce_with_logits`, "
            "for measured values `mse` or `l1`",
        )
    _several(scores, op)
    axes, constraints = agree(
        (scores.with_axes((scores.axes[0], *scores.axes[2:])), target), op, numbers=False
    )
    return axes, constraints + _as_many(scores, target, op, ignore_index)


def are_shares(target: TensorType) -> bool:
    """Whether a target has floating numbers, which may be shares of all classes."""
    return target.dtype == "float32"


def per_share(scores: TensorType, target: TensorType, op: str) -> Agreed:
    """The axes `[batch, *space]` of scores and of shares of the same axes `[batch, class, *space]`."""
    _are_scores(scores, op)
    _several(scores, op)
    axes, constraints = agree((scores, target), op, numbers=False)
    name = axes[1].name
    if not target.facts.is_probabilities(target.names[1]):
        raise Problem(
            "NS341",
            f"`{op}` wants classes, or shares that sum to one over `{name}`, and that these do is not proved",
            at=1,
            help="declare the target `kind: class_index` or `kind: probabilities`, or make the shares with `softmax`; "
            "for measured values use `mse` or `l1`",
        )
    return (axes[0], *axes[2:]), constraints


def _are_scores(scores: TensorType, op: str) -> None:
    """Problem NS254 where there is no axis of classes, NS310 where the numbers are not floating."""
    floating(scores, op, 0)
    if scores.rank < 2:
        raise Problem(
            "NS254",
            f"`{op}` wants scores for every class on the axis after the batch, and this is {scores.named()}",
            at=0,
            help="give it one number for every class, such as the output of `linear`",
        )


def _several(scores: TensorType, op: str) -> None:
    """Problem NS322 for a single class."""
    if scores.axes[1].size == 1:
        raise Problem(
            "NS322",
            f"`{op}` over `{scores.axes[1].size}` class: it is always right",
            at=0,
            help="give one number for each class; for yes and no use `bce_with_logits`",
        )


def never_comes(target: TensorType, ignore_index: int | None) -> tuple[Warned, ...]:
    """The warning NS340 of an ignored class that the target does not have."""
    declared = target.facts.classes
    if ignore_index is None or declared is None or 0 <= ignore_index < declared:
        return ()
    message = f"`ignore_index` is `{ignore_index}`, and the target has the classes 0 .. {declared - 1}"
    help = f"a class that is to be ignored is declared with the others: `classes: {declared + 1}`"
    return (Warned("NS340", message, at="ignore_index", help=help),)


def _as_many(
    scores: TensorType, target: TensorType, op: str, ignore_index: int | None
) -> tuple[Constraint, ...]:
    """Both sides speak of as many classes, or there is a constraint that they do."""
    count, declared = scores.axes[1], target.facts.classes
    if declared is None or count.size == declared:
        return ()
    if ignore_index == declared - 1 and (count.size.value is None or count.size == declared - 1):
        return ()
    if count.size.value is None:
        why = f"`{op}` has a score for each of the target's classes"
        return (Constraint(count.size, "==", Dim.of(declared), why, at=0),)
    raise Problem(
        "NS317",
        f"there are scores for `{count.size}` classes along `{count.name}`, and the target has `{declared}`",
        at=0,
        help=f"let the last layer give {declared}: `- linear: {declared}` or `out_channels: {declared}`",
    )


def class_losses(facts: Facts) -> list[Sample]:
    """The samples that all losses of classes share; `facts` of the scores, over `channel`."""
    label = tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3))
    scores = tensor(batch=4, channel=3, facts=facts)
    return [
        good(scores, label),
        good(scores, label, reduction="sum"),
        good(scores, label, reduction="none"),
        good(scores, label, weight=(0.5, 1.0, 2.0)),
        good(scores, label, weight=(0.5, 1.0, 2.0), ignore_index=0, reduction="none"),
        good(
            scores,
            tensor("int64", batch=4, facts=Facts(low=0, high=3, classes=4)),
            ignore_index=3,
            reduction="sum",
        ),
        good(scores, label, tensor(batch=4, facts=Facts(low=0.25, high=2)), weight=(0.5, 1.0, 2.0)),
        good(
            tensor(batch=2, channel=3, height=2, width=3, facts=facts),
            tensor("int64", batch=2, height=2, width=3, facts=Facts(low=0, high=2, classes=3)),
            tensor(batch=2, facts=Facts(low=0.25, high=2)),
        ),
        good(
            tensor(batch=2, channel=3, height=2, width=3, facts=facts),
            tensor("int64", batch=2, height=2, width=3, facts=Facts(low=0, high=2, classes=3)),
        ),
        bad("NS317", scores, tensor("int64", batch=4, facts=Facts(low=0, high=4, classes=5))),
        bad("NS318", scores, tensor(batch=4)),
        bad("NS318", scores, tensor("bool", batch=4, facts=Facts(low=0, high=1, mask=True))),
        bad("NS322", tensor(batch=4, channel=1, facts=facts), tensor("int64", batch=4)),
        bad("NS337", scores, label, weight=(0.5, 1.0)),
        bad("NS338", scores, label, weight=(0.5, 1.0, -1.0)),
        bad("NS250", tensor(batch=2, channel=3, width=4, facts=facts), label),
        bad("NS251", scores, tensor("int64", batch=5, facts=Facts(low=0, high=2, classes=3))),
        bad("NS254", tensor(batch=4), label),
        bad("NS310", label, label),
    ]
