"""A metric that is watched the wrong way round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from netspec.ir.record import Record
from netspec.passes.lint.rule import Rule, Subject
from netspec.recipe.spec import Spec
from netspec.recipe.watch import Watch
from netspec.text import Diagnostic, Edit

_UP = (
    *("acc", "accuracy", "dice", "iou", "jaccard", "auc", "auroc", "f1", "precision", "recall", "psnr"),
    *("sensitivity", "specificity", "r2", "ssim", "kappa", "correlation", "top1", "top5"),
)
_DOWN = (
    *("loss", "error", "err", "crps", "mse", "mae", "rmse", "nll", "bce", "perplexity", "hausdorff"),
    "distance",
)
_OPS_UP = ("accuracy", "dice", "iou")
_OPS_DOWN = ("l1", "mse", "crps", "bce", "bce_with_logits", "nll", "cross_entropy", "dice_loss")


class MetricDirection(Rule):
    """`minimize` of a metric that is better when it is larger, as its name or its op says, or the other way round.

    Why: `checkpoint` keeps the worst weights of the run then, `early_stopping` stops as soon as training works, and
    `plateau` lowers the rate while it does.

    Instead: `maximize` accuracy, dice, precision and their like; `minimize` losses and errors. A metric that is
    turned round on purpose is best called so: `dice_loss`, `one_minus_dice`.
    """

    name: ClassVar[str] = "metric_direction"
    code: ClassVar[str] = "NS419"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every watch that goes the wrong way."""
        training = subject.spec.training
        if training is None:
            return
        watches: list[tuple[str, Record | None]] = [
            ("early_stopping", training.early_stopping),
            ("checkpoint", training.checkpoint),
        ]
        watches += [(f"schedule.{i}.{phase.name}", phase) for i, phase in enumerate(training.schedule)]
        for key, watch in watches:
            if not isinstance(watch, Watch):
                continue
            better = direction(subject.spec, watch.metric)
            said = "minimize" if watch.minimize is not None else "maximize"
            if better is None or better == said:
                continue
            yield self._told(subject, key, watch, said, better)

    def _told(self, subject: Subject, key: str, watch: Watch, said: str, better: str) -> Diagnostic:
        span = subject.place(f"training.{key}.{said}:")
        larger = "larger" if better == "maximize" else "smaller"
        return self.doubt(
            f"`{said}: {watch.metric}`, and `{watch.metric}` is better when it is {larger}",
            span,
            help=f"write `{better}: {watch.metric}`",
            edit=Edit(span, better) if span is not None and span.text == said else None,
        )


def direction(spec: Spec, metric: str) -> str | None:
    """`maximize` or `minimize`, as the name of a metric says, or its op; None where neither does or they disagree."""
    op = _op(spec, metric)
    if op in ("neg", "sub"):
        return None  # it may have been turned round
    by_op = "maximize" if op in _OPS_UP else "minimize" if op in _OPS_DOWN else None
    words = set(re.findall("[a-z0-9]+", metric))
    up, down = not words.isdisjoint(_UP), not words.isdisjoint(_DOWN)
    if up == down:
        return by_op
    by_name = "maximize" if up else "minimize"
    return by_name if by_op in (by_name, None) else None


def _op(spec: Spec, metric: str) -> str | None:
    """The op that gives a metric; None for `loss`, which is the sum of its terms."""
    for graph in (spec.graph, *((spec.group.graph,) if spec.group else ())):
        ref = graph.entry("metrics").get(metric)
        node = graph.node(ref.path) if ref is not None else None
        if node is not None:
            return str(node.op.name)
    return None
