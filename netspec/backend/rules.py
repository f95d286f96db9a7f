"""The rules of a backend, one for each op: found by looking, never by import side effects."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Protocol, TypeVar

from netspec import ops
from netspec.ir import foreign
from netspec.ir.op import Op


class Rule(Protocol):
    """What a backend knows of one op. The mark `lowers` is all that the search asks for."""

    @property
    def lowers(self) -> type[Op]:
        """The op that this rule is for."""
        ...


R = TypeVar("R", bound=Rule)


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """The modules right inside the package that are named like a family of ops, as every file of rules is.

    The rest of a backend (what runs, trains, exports) may load heavy libraries, and no table needs it. A module that is
    no package stands for itself: a backend of few rules keeps them in one file.
    """
    if not hasattr(package, "__path__"):
        yield package
        return
    for info in pkgutil.iter_modules(package.__path__):
        if info.name in ops.FAMILIES:
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def collect(package: ModuleType, kind: type[R]) -> dict[type[Op], R]:
    """The rules of class `kind` that stand as globals in the modules of `package`, by the op they lower."""
    found: dict[type[Op], R] = {}
    for module in modules(package):
        for value in vars(module).values():
            if isinstance(value, kind):
                found[value.lowers] = value
    return found


class Rules(Mapping[type[Op], R]):
    """The rules of a backend: its own, and those that other packages bring for their own ops.

    A rule for `vendor.op` stands under that name in the group of entry points `netspec.rules.<backend>`, and is loaded
    when it is asked for. SpecError NS704 where it cannot be, NS705 where it is no rule for that op. To go through all
    rules is to go through the backend's own.
    """

    def __init__(self, backend: str, own: Mapping[type[Op], R], kind: type[R]) -> None:
        self._backend = backend
        self._own = own
        self._kind = kind
        self._found: dict[type[Op], R | None] = {}

    def __getitem__(self, op: type[Op]) -> R:
        if op in self._own:
            return self._own[op]
        if op not in self._found:
            self._found[op] = self._foreign(op)
        rule = self._found[op]
        if rule is None:
            raise KeyError(op)
        return rule

    def __iter__(self) -> Iterator[type[Op]]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def _foreign(self, op: type[Op]) -> R | None:
        """The rule that another package brings for an op; None where it brings none."""
        entry = foreign.named(f"{foreign.RULES}.{self._backend}", op.name)
        if entry is None or "." not in op.name:
            return None
        what = f"the rule of the backend `{self._backend}` for"
        rule = foreign.load(entry, what)
        if not isinstance(rule, self._kind) or rule.lowers is not op:
            wanted = f"{self._kind.__module__}.{self._kind.__name__}"
            raise foreign.unfit(entry, what, f"is no `{wanted}` that lowers it")
        return rule
