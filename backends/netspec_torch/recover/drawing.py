"""Drawing steps for a module's operators: layouts brought about, axes called alike, layers with what they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import torch

from netspec.ir.dim import Dim
from netspec.ir.types import BATCH, CHANNEL, FEATURE, SPATIAL, Axis, DType, TensorType
from netspec.recover.draft import Draft, Unsaid, axes_of
from netspec.recover.sketch import Refusal
from netspec_torch.recover.held import Held, Level, Owned, Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREADING = frozenset({"add", "sub", "mul", "div", "minimum", "maximum"})
"""The ops that have `broadcast`."""


class Drawing(Draft):
    """A draft that knows where it is in the source, and how its values lie there.

    `place` is the path of the module whose operator is read; steps are called after it. `pair`
    has the names of two axes where they are not those of a line with channels.
    """

    def __init__(self, name: str, source: str, sizes: Mapping[str, int]) -> None:
        super().__init__(name, source)
        self.place = ""
        self.pair: tuple[str, ...] = ()
        self.sizes = dict(sizes)
        self._moved: dict[object, str] = {}
        self._layers: dict[object, str] = {}
        self._used: dict[str, list[tuple[object, torch.Tensor | None]]] = {}
        self._numbers: dict[float, str] = {}
        self._strangers = count(1)

    # ------------------------------------------------------------------------------------------------ what is known

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What was refused so far."""
        return tuple(self._refusals)

    def size(self, held: Held, place: int) -> Size:
        """The size of the source's axis `place`."""
        axis = held.dims[place]
        dim = Dim.of(1) if axis is None else self.type(held.value).sizes[axis]
        return Size(dim, self.hint(dim))

    def hint(self, dim: Dim) -> int:
        """What a size is at the example."""
        return dim.evaluate(self.sizes)

    def space(self, held: Held) -> tuple[Dim, ...]:
        """The sizes of the source's axes behind the second."""
        return tuple(self.size(held, i).dim for i in range(2, len(held.dims)))

    def axis(self, held: Held, place: int) -> str:
        """The name of the source's axis `place`; Unsaid where it is the batch, or an axis that has no name."""
        axis = held.dims[place]
        if axis is None:
            raise Unsaid("it works along an axis of size 1 that was added")
        name = self.type(held.value).names[axis]
        if name == BATCH:
            raise Unsaid("it works along the batch, and samples do not see one another")
        return name

    def stranger(self, shape: Sequence[Any], dtype: DType = "float32") -> Held:
        """A stand-in for a value that has no words, so that what comes behind it is looked at too."""
        value = f"?{next(self._strangers)}"
        rest = shape[1:]
        names = (
            self.pair
            if len(rest) == len(self.pair)
            else axes_of(len(rest))
            if len(rest) <= 1 + len(SPATIAL)
            else tuple(f"axis{i}" for i in range(len(rest)))
        )
        sizes = [Dim.of(one) if isinstance(one, int) else Dim.of("Q") for one in rest]
        axes = [Axis(name, size) for name, size in zip(names, sizes, strict=True)]
        batch = [Axis(BATCH, Dim.of("N"))] if shape else []
        self.sizes.setdefault("Q", 1)
        self._types[value] = TensorType((*batch, *axes), dtype)
        return Held(value, tuple(range(len(shape))))

    # -------------------------------------------------------------------------------------------------------- steps

    def one(
        self,
        op: str,
        arguments: Mapping[str, object] | None = None,
        inputs: Sequence[str] = (),
        weights: Mapping[str, Owned] | None = None,
        *,
        reshaped: Mapping[str, NDArray[Any]] | None = None,
    ) -> str:
        """One use of an op with one result.

        `weights` are its parameters and state; where a layer with the same ones was drawn before, its weights are used
        again. `reshaped` has those that netspec keeps in another shape than the source.
        """
        return self.several(op, arguments, inputs, weights, reshaped=reshaped)[0]

    def several(
        self,
        op: str,
        arguments: Mapping[str, object] | None = None,
        inputs: Sequence[str] = (),
        weights: Mapping[str, Owned] | None = None,
        *,
        reshaped: Mapping[str, NDArray[Any]] | None = None,
    ) -> tuple[str, ...]:
        """As `one`, for an op with several results."""
        given = dict(weights or {})
        for local, one in given.items():
            if one.learns and not one.key:
                of = ", ".join(f"`{key}`" for key in one.of)
                raise Unsaid(f"its {local} is computed from {of} while it runs, and that is what learns")
        name = self._name(given)
        if not given:
            return self.step(name, op, arguments, inputs)
        layer = (op, repr(arguments), tuple((local, one.key, _places(one)) for local, one in given.items()))
        if (first := self._layers.get(layer)) is not None:
            return self.step(name, op, arguments, inputs, shares=first)
        self._claim(given)
        arrays = {local: one.tensor.detach().cpu().numpy() for local, one in given.items()} | dict(
            reshaped or {}
        )
        fixed = tuple(local for local, one in given.items() if not _is_state(local) and not one.learns)
        frozen = bool(fixed) if len(fixed) in {0, len(given)} else fixed
        made = self.step(name, op, arguments, inputs, weights=arrays, frozen=frozen)
        self._layers[layer] = made[0]
        return made

    def _name(self, weights: Mapping[str, Owned]) -> str:
        """The name of a step: that of the layer that owns its weights, else of the module that it stands in."""
        key = next((one.key for one in weights.values() if one.key), "")
        owner, _, last = key.rpartition(".")
        if not key or owner == self.place:
            return self.place
        if owner.startswith(f"{self.place}.") or not self.place:
            return owner or last
        return self.place

    def _claim(self, weights: Mapping[str, Owned]) -> None:
        """Note what a layer uses; Unsaid where another one uses the same numbers otherwise."""
        for one in weights.values():
            for key in (one.key,) if one.key else one.of:
                for place, used in self._used.get(key, ()):
                    if used is None or one.places is None or bool(torch.isin(one.places, used).any()):
                        raise Unsaid(
                            f"it uses `{key}` otherwise than `{place}` does, and layers share all or nothing"
                        )
                self._used.setdefault(key, []).append((self.place or "the module", one.places))

    def plain(self, number: float) -> str:
        """A plain number, drawn once for each use of it beside one another."""
        return self.number(number)

    # ------------------------------------------------------------------------------------------------------ layouts

    def laid(self, held: Held) -> str:
        """The value with all axes of the source's tensor, in its order. Unsaid where samples are not the first axis."""
        if held.is_plain:
            return held.value
        known = ("laid", held.value, held.dims)
        if known not in self._moved:
            value = self.ordered(held)
            before = BATCH
            for place, axis in enumerate(held.dims):
                names = self.type(value).names
                if axis is None:
                    word = self.unused(value, _words(len(held.dims))[place])
                    value = self.one("unsqueeze", {"axis": word, "after": before}, (value,))
                    before = word
                else:
                    before = names[place]
            self._moved[known] = value
        return self._moved[known]

    def ordered(self, held: Held) -> str:
        """The value with its own axes in the order of the source's tensor."""
        real = tuple(axis for axis in held.dims if axis is not None)
        if real == tuple(range(len(real))):
            return held.value
        if held.dims[0] != 0:
            raise Unsaid("samples are not along the first axis of the tensor")
        known = ("ordered", held.value, real)
        if known not in self._moved:
            names = self.type(held.value).names
            order = [names[axis] for axis in real[1:]]
            self._moved[known] = self.one("permute", {"axis": order}, (held.value,))
        return self._moved[known]

    def image(self, held: Held) -> str:
        """The value laid out, its first axis called `channel`, as what slides over space wants it."""
        value = self.laid(held)
        names = self.type(value).names
        if names[1] in (CHANNEL, FEATURE):
            return value
        wanted = {1: CHANNEL}
        if CHANNEL in names:
            wanted[names.index(CHANNEL)] = self.unused(value, "place")
        return self.renamed(value, wanted)

    def renamed(self, value: str, wanted: Mapping[int, str]) -> str:
        """The value with other names for some of its axes."""
        names = self.type(value).names
        pairs = {names[i]: word for i, word in wanted.items() if names[i] != word}
        if not pairs:
            return value
        known = ("renamed", value, tuple(pairs.items()))
        if known not in self._moved:
            self._moved[known] = self.one("rename", pairs, (value,))
        return self._moved[known]

    def alike(self, value: str, other: str) -> str:
        """`value` with the names of `other`, axis by axis, where they do not agree."""
        pairs = list(zip(self.type(value).names, self.type(other).names, strict=True))
        wanted = {i: b for i, (a, b) in enumerate(pairs) if a != b and FEATURE not in (a, b)}
        clash = {b for _, b in pairs} & {
            a for i, (a, _) in enumerate(pairs) if i not in wanted and a == FEATURE
        }
        return self.renamed(
            value, wanted | {i: b for i, (a, b) in enumerate(pairs) if wanted and clash and a != b}
        )

    def unused(self, value: str, word: str, beside: Iterable[str] = ()) -> str:
        """A name for an axis that the value has not: the word, or the word with a number."""
        taken = {*self.type(value).names, *beside}
        return next(one for one in chain((word,), (f"{word}{i}" for i in count(2))) if one not in taken)

    def expanded(self, value: str, like: str) -> str:
        """The value spread over the axes of another."""
        return self.one("expand", {}, (value, like))

    def single(self, one: Owned) -> Held:
        """A single number of the module, which goes with anything."""
        array = one.tensor.detach().cpu().reshape(())
        weights = {"value": Owned(array, one.key, one.places, one.learns, one.of)}
        return Held(self.one("parameter", {"shape": {}}, (), weights), ())

    def owned(self, one: Owned, like: Held) -> Held | Level:
        """Numbers of the module as a value that goes with `like` in arithmetic: spread over it, or a plain number."""
        flat = one.tensor.detach()
        if flat.is_complex():
            raise Unsaid("complex numbers")
        if not one.learns and flat.numel() and bool((flat == flat.flatten()[0]).all()):
            return Level(float(flat.flatten()[0]))
        if not flat.is_floating_point():
            raise Unsaid("a table of whole numbers or of yes and no takes part in arithmetic")
        array = one.tensor.detach().cpu()
        if array.numel() == 1:
            return self.single(one)
        sizes = (1,) * (len(like.dims) - array.dim()) + tuple(array.shape)
        if len(sizes) > len(like.dims):
            raise Unsaid("a table of the module has more axes than what it meets")
        kind = self.type(like.value)
        axes: list[int] = []
        for place, size in enumerate(sizes):
            axis = like.dims[place]
            if size == 1:
                continue
            if axis is None or kind.sizes[axis] != size or kind.names[axis] == BATCH:
                raise Unsaid(
                    f"a table of {list(array.shape)} meets a tensor of other sizes, and would spread it"
                )
            axes.append(axis)
        order = sorted(range(len(axes)), key=axes.__getitem__)
        moved = array.reshape([size for size in sizes if size != 1]).permute(order)
        shape = {kind.names[axes[i]]: int(moved.shape[k]) for k, i in enumerate(order)}
        weights = {"value": Owned(moved, one.key, one.places, one.learns, one.of)}
        value = self.one("parameter", {"shape": shape}, (), weights)
        return Held(self.expanded(value, like.value), like.dims)


def _places(one: Owned) -> tuple[int, ...] | None:
    """Which numbers of a parameter, as something that can be compared."""
    return None if one.places is None else tuple(one.places.flatten().tolist())


def _is_state(local: str) -> bool:
    """Whether it is no parameter but state."""
    return local in {"running_mean", "running_var", "num_batches_tracked"}


def _words(rank: int) -> tuple[str, ...]:
    """What new axes are called, by their place."""
    space = rank - 2
    if 1 <= space <= len(SPATIAL):
        return (BATCH, CHANNEL, *SPATIAL[len(SPATIAL) - space :])
    return (BATCH, *(f"axis{i}" if i > 1 else FEATURE for i in range(1, rank)))
