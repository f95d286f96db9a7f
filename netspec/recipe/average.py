"""Weights averaged over the steps of a training, which are measured and kept in place of the last ones."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from netspec.ir.record import Record


class Average(Record):
    """Average the weights: `a(1) = w(1)`, `a(t) = ema * a(t-1) + (1 - ema) * w(t)`, w(t) being those after step t.

    Training goes on with w as if there were no average. What is measured, watched, ranked and written to `weights.pt`
    is a; a checkpoint holds both (Polyak and Juditsky 1992; as `AveragedModel` with `get_ema_multi_avg_fn`). Running
    statistics are averaged by the same formula, so that they belong to the averaged weights; whole numbers, as a count
    of batches, are those of the last step. About the last `1 / (1 - ema)` steps count.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    name: ClassVar[str] = "average"

    ema: float = Field(gt=0, lt=1)
    """The part that stays of the average in each step, as 0.999."""
