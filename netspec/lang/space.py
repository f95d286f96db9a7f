"""What names stand for: the values in scope of one body of layers, some of them made only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netspec.ir.graph import Ref
from netspec.lang.naming import Naming

if TYPE_CHECKING:
    from netspec.lang.body import Body
    from netspec.lang.layer import Layer

Made = Callable[[], "Ref | None"]
"""Makes a value the first time somebody asks for it."""


class Names(Mapping[str, "Ref | None"]):
    """Values by name; None stands for one whose layer failed: whoever uses it fails silently too.

    `below` holds names of an outer body. Each is taken through `enter` once, when it is first asked for: a map brings
    values in only where its layers use them, and gives out only those that are used behind it.
    """

    def __init__(
        self,
        own: Mapping[str, Ref | None] | None = None,
        below: Mapping[str, Ref | None] | None = None,
        enter: Callable[[str, Ref | None], Ref | None] | None = None,
    ) -> None:
        self._own: dict[str, Ref | Made | None] = dict(own or {})
        self._below: Mapping[str, Ref | None] = below if below is not None else {}
        self._enter = enter

    def __getitem__(self, name: str) -> Ref | None:
        if name not in self._own:
            value = self._below[name]
            if self._enter is None:
                return value
            self._own[name] = self._enter(name, value)
        found = self._own[name]
        if callable(found):
            found = self._own[name] = found()
        return found

    def __setitem__(self, name: str, value: Ref | Made | None) -> None:
        self._own[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._below

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._below if name not in self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def own(self) -> tuple[str, ...]:
        """The names that were given here, without those of the outer body."""
        return tuple(self._own)

    def over(self, more: Mapping[str, Ref | None]) -> Names:
        """These names and `more`, which win."""
        return Names(more, self)


@dataclass
class Space:
    """The namespace of one body: what its names stand for, what they are called, which layers made them.

    `made` remembers the layer behind each written name, for those who use its weights again; `used` the names that
    somebody took a value by.
    """

    names: Names
    naming: Naming
    made: dict[str, tuple[Body, Layer, str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
