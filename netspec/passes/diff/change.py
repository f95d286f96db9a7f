"""A difference as data: single changes, each with its group, what it is about, and both sides in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from netspec.ir.record import Record
from netspec.ir.saying import call
from netspec.recipe.distribution import Distribution
from netspec.recipe.quantity import Quantity
from netspec.text.flow import flow

Group = Literal[
    "spec", "constants", "types", "graph", "parameters", "cost", "loss", "metrics", "aggregate", "data", "training"
]  # fmt: skip
How = Literal["added", "removed", "changed", "renamed"]

GROUPS: tuple[Group, ...] = (
    "spec", "constants", "types", "graph", "parameters", "cost", "loss", "metrics", "aggregate", "data", "training",
)  # fmt: skip
"""The groups in the order in which they are told."""


@dataclass(frozen=True)
class Change:
    """One change. `old` is empty where something was added, `new` where it was removed; `note` says where, or how much.

    `moved` marks what follows from another change and is told in one line with its like: automatic names that count on,
    and the types of layers behind the one that changed.
    """

    group: Group
    subject: str
    how: How
    old: str = ""
    new: str = ""
    note: str = ""
    moved: bool = False

    def as_json(self) -> dict[str, Any]:
        """The change as plain data."""
        found: dict[str, Any] = {"group": self.group, "subject": self.subject, "how": self.how}
        found |= {key: text for key in ("old", "new", "note") if (text := getattr(self, key))}
        return found


@dataclass(frozen=True)
class Difference:
    """All changes from one spec to another, in order; empty where both mean the same."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def of(self, group: Group) -> tuple[Change, ...]:
        """The changes of one group."""
        return tuple(one for one in self.changes if one.group == group)

    def as_json(self) -> dict[str, Any]:
        """The difference as plain data."""
        return {"same": not self.changes, "changes": [one.as_json() for one in self.changes]}


def words(value: object) -> str:
    """A value as a spec writes it: a record as a call, a quantity with its unit."""
    found = plain(value)
    return found if isinstance(value, Quantity | Distribution) and isinstance(found, str) else flow(found)


def plain(value: object) -> object:
    """A value as plain data."""
    if isinstance(value, Record):
        return plain(call(value))
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return str(value) if isinstance(value, Quantity | Distribution) else value


def compared(group: Group, subject: str, old: object, new: object) -> Iterator[Change]:
    """The change of one value, if it is one; None stands for what is not there."""
    if old == new:
        return
    if old is None or new is None:
        how: How = "added" if old is None else "removed"
        yield Change(
            group, subject, how, "" if old is None else words(old), "" if new is None else words(new)
        )
        return
    yield Change(group, subject, "changed", words(old), words(new))
