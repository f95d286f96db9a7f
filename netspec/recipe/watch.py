"""A metric that decides something while training goes on."""

from typing import Self

from pydantic import model_validator

from netspec.ir.record import Record


class Watch(Record):
    """A metric to watch, and which way is better."""

    minimize: str | None = None
    """The metric that should fall, or `loss`."""
    maximize: str | None = None
    """The metric that should rise."""

    @model_validator(mode="after")
    def _one_metric(self) -> Self:
        if (self.minimize is None) == (self.maximize is None):
            raise ValueError("write `minimize` or `maximize`, one of them, with a metric's name")
        return self

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.minimize or self.maximize or ""
