"""The tensors of a state by layers: what stands under one name belongs together, whatever the names are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

Shape = tuple[int, ...]

ALSO = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
"""Other people's names of what a norm has."""

OTHERWISE = frozenset({"kernel", "depthwise_kernel", "pointwise_kernel"})
"""Names that Keras has for weights whose axes stand in another order: equal shapes would mean nothing."""


@dataclass(frozen=True)
class Layer:
    """The tensors under one name by their own names. `whole` has the other form of a weight that sees a map whole.

    A tensor that stands under no name is a layer of its own, whose own name is empty.
    """

    name: str
    tensors: Mapping[str, Shape]
    whole: Mapping[str, Shape] = field(default_factory=dict)

    def key(self, own: str) -> str:
        """The whole name of one of its tensors."""
        return f"{self.name}{own}" if own[:1] in {".", "/"} else self.name

    @cached_property
    def kind(self) -> tuple[tuple[str, Shape], ...]:
        """What the layer is, without its name and the order of its tensors."""
        return tuple(sorted((plain(own), shape) for own, shape in self.tensors.items()))

    @property
    def telling(self) -> bool:
        """Whether its shapes say what it is: every norm of one width is like every other."""
        return any(len(trimmed(shape)) > 1 for shape in self.tensors.values())


def plain(own: str) -> str:
    """A tensor's own name as PyTorch has it."""
    word = own.lstrip("./")
    return ALSO.get(word, word)


def layers(tensors: Mapping[str, Shape], whole: Mapping[str, Shape] | None = None) -> list[Layer]:
    """The layers in the order in which their first tensors stand."""
    found: dict[str, dict[str, Shape]] = {}
    for key, shape in tensors.items():
        at = max(key.rfind("."), key.rfind("/"))
        name, own = (key[:at], key[at:]) if at > 0 else (key, "")
        found.setdefault(name, {})[own] = shape
    made = []
    for name, owned in found.items():
        one = Layer(name, owned)
        other = {own: whole[one.key(own)] for own in owned if whole and one.key(own) in whole}
        made.append(Layer(name, owned, other))
    return made


def trimmed(shape: Shape) -> Shape:
    """A shape without the axes of size 1 at its end, beyond the first: a 1x1 window is no window."""
    end = len(shape)
    while end > 1 and shape[end - 1] == 1:
        end -= 1
    return shape[:end]


def fits(stored: Shape, wanted: Shape, whole: Shape | None = None) -> bool:
    """Whether the numbers of one shape are those of the other in the same order, for certain.

    So it is for axes of size 1 at the end (`linear` and a 1x1 `conv`), and for a weight that sees a whole map, once
    flattened and once not (`whole` is what the wanted one would be the other way).
    """
    return trimmed(stored) == trimmed(wanted) or stored == whole


def own_pairs(stored: Layer, wanted: Layer) -> dict[str, str]:
    """Which tensor of one layer is which of the other, by their own names: stored by wanted.

    The only tensors of two layers are paired whatever they are called.
    """
    if len(wanted.tensors) == len(stored.tensors) == 1:
        ((own,), (other,)) = (wanted.tensors, stored.tensors)
        return {} if plain(other) in OTHERWISE else {own: other}
    names = {plain(own): own for own in stored.tensors}
    return {own: names[plain(own)] for own in wanted.tensors if plain(own) in names}


EXACT, LOOSE, PART, LIKE = 1_000_000, 900_000, 500_000, 1_000
"""How much two layers that are put together explain: all the same; all of it after a reshape; a part of it, the largest
tensor among that; nothing that can be kept, and yet it may be the same layer of another size."""


def likeness(stored: Layer, wanted: Layer) -> int:
    """How much of the wanted layer the stored one explains; 0 where they have nothing in common."""
    if stored.kind == wanted.kind:
        return EXACT
    pairs = own_pairs(stored, wanted)
    kept = {
        own: other
        for own, other in pairs.items()
        if fits(stored.tensors[other], wanted.tensors[own], wanted.whole.get(own))
    }
    if len(kept) == len(wanted.tensors) == len(stored.tensors):
        return LOOSE
    if kept and _largest(wanted.tensors) in kept and _largest(stored.tensors) in kept.values():
        return PART
    alike = len(pairs) == len(wanted.tensors) == len(stored.tensors)
    same = all(len(stored.tensors[other]) == len(wanted.tensors[own]) for own, other in pairs.items())
    return LIKE if alike and same else 0


def _largest(tensors: Mapping[str, Shape]) -> str:
    """The tensor with the most axes, the first of them: the one that says what a layer is."""
    return max(tensors, key=lambda own: len(trimmed(tensors[own])))


def ending(one: str, other: str) -> int:
    """How many words two names end in together; numbers count only before a word that counts."""
    count = 0
    for a, b in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if a != b or (not count and a.isdigit()):
            break
        count += 1
    return count


def prefixes(names: Sequence[str]) -> Iterator[str]:
    """What may stand before the names of a network that was a part of another: nothing, then each common beginning."""
    yield ""
    seen: dict[str, int] = {}
    for name in names:
        words = name.split(".")
        for end in range(1, min(len(words), 4)):
            start = ".".join(words[:end]) + "."
            seen[start] = seen.get(start, 0) + 1
    yield from sorted(seen, key=lambda start: (-seen[start], len(start), start))[:MOST_PREFIXES]


MOST_PREFIXES = 32
