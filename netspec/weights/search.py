"""Which tensor of a file is which of a network, from their names, shapes, order and structure, and how sure that is.

1. Names: where most layers of one side are called as on the other (less what stands before all of them), names decide.
   What is left lies between layers that are known, and is aligned there.
2. Order: where both have as many layers and every one is of the kind of the one in its place, order decides.
3. Structure: else the layers are aligned as sequences, by the shapes of their tensors; of alignments that explain as
   much, one is taken by the words in which names end. A pair counts if every best alignment has it.

What only one of several equally good alignments has, and what order and names tell differently, is `ambiguous`: it is
said and not taken. Where structure explains less than two thirds of the
smaller side, nothing is taken on its word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from netspec.weights.align import aligned
from netspec.weights.counting import counted
from netspec.weights.layers import LOOSE, PART, Layer, ending, likeness, own_pairs, prefixes
from netspec.weights.report import Row, placed

LEAST_NAMED, LEAST_ALIGNED = 1 / 2, 2 / 3
"""What names, and what structure, must explain of the layers of the smaller side to be believed. (Of VGG's convolutions
half stand in ResNet too, in the same order.)"""

UNORDERED = "the file lists its tensors by name and not as the network has them (safetensors does): order says nothing"


@dataclass
class Search:
    """The search for layers of a file in a network. `pairs` are those found, by the network's, with the reason."""

    stored: list[Layer]
    wanted: list[Layer]
    ordered: bool = True
    pairs: dict[int, tuple[int, str]] = field(default_factory=dict)
    doubts: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        seen: dict[object, int] = {}
        ours = [seen.setdefault((one.kind, tuple(one.whole.items())), j) for j, one in enumerate(self.wanted)]
        seen = {}
        theirs = [seen.setdefault(one.kind, i) for i, one in enumerate(self.stored)]

        @cache
        def of_kinds(i: int, j: int) -> int:
            return likeness(self.stored[i], self.wanted[j])

        self.like: Callable[[int, int], int] = lambda i, j: of_kinds(theirs[i], ours[j])
        self.places = {one.name: i for i, one in enumerate(self.stored)}
        self.holders = _holders(self.stored)

    # ---------------------------------------------------------------------------------------------------------- search

    def run(self) -> None:
        """Find what can be found."""
        if not self.stored or not self.wanted:
            return
        names, why = self._named()
        if names:
            self.pairs = {j: (i, why) for j, i in names.items() if self.like(i, j) >= PART}
            self._between()
            used = {i for i, _ in self.pairs.values()}
            for (
                j,
                i,
            ) in (
                names.items()
            ):  # of one name and another shape: told beside one another, if nothing else fits
                if j not in self.pairs and j not in self.doubts and i not in used:
                    self.pairs[j] = i, why
            return
        if self.ordered:
            self._in_order()
        elif not self._counted():
            self.notes.append(UNORDERED)
            self._alone(LEAST_ALIGNED)
        self._in_blocks()

    def _named(self) -> tuple[dict[int, int], str]:
        """The layers that are called the same, where most are: less what stands before the names of one side."""
        best: dict[int, int] = {}
        why = ""
        small = min(len(self.stored), len(self.wanted))
        for there in prefixes([one.name for one in self.stored]):
            names = {name.removeprefix(there): i for name, i in self.places.items() if name.startswith(there)}
            if there and len(names) < LEAST_NAMED * len(self.stored):
                continue
            found = {j: names[one.name] for j, one in enumerate(self.wanted) if one.name in names}
            if len(found) > len(best):
                best, why = found, f"the name without `{there}`" if there else ""
        for here in prefixes([one.name for one in self.wanted]):
            if not here:
                continue
            found = {
                j: self.places[one.name.removeprefix(here)]
                for j, one in enumerate(self.wanted)
                if one.name.startswith(here) and one.name.removeprefix(here) in self.places
            }
            if len(found) > len(best):
                best, why = found, f"the name behind `{here}`"
        fitting = sum(self.like(i, j) >= PART for j, i in best.items())
        return (best, why) if fitting >= max(1, LEAST_NAMED * small) else ({}, "")

    def _between(self) -> None:
        """Align what is left between layers that are known; where their order differs, only what is alone counts."""
        known = sorted((j, i) for j, (i, _) in self.pairs.items())
        if not self.ordered or any(a[1] > b[1] for a, b in pairwise(known)):
            self._alone(0)
            return
        edges = [(-1, -1), *known, (len(self.wanted), len(self.stored))]
        for (c, a), (d, b) in pairwise(edges):
            if b - a > 1 and d - c > 1:
                self._align(list(range(a + 1, b)), list(range(c + 1, d)), "the layer between those around it")

    def _in_order(self) -> None:
        """Layer by layer where all are of a kind with the one in their place, else as sequences."""
        many = len(self.stored)
        placed = many == len(self.wanted) and all(self.like(i, i) for i in range(many))
        if placed and sum(self.like(i, i) >= LOOSE for i in range(many)) >= LEAST_ALIGNED * many:
            self.pairs = {
                i: (i, f"the same place among {many} layers of the same kinds") for i in range(many)
            }
            self._contradicted()
            return
        theirs = [i for i, one in enumerate(self.stored) if one.name not in self.holders]
        self._align(theirs, list(range(len(self.wanted))), "the same place among layers of the same shapes")
        agree, small = self._agreeing(theirs)
        if agree >= LEAST_ALIGNED * small:
            self._contradicted()
            return
        for j, (i, _) in self.pairs.items():
            if self.like(i, j) >= PART:
                self.doubts[j] = (
                    f"`{self.stored[i].name}` has these shapes, and only {agree} of {small} layers agree: too few to "
                    "be the same network"
                )
        self.pairs.clear()
        self._same_names()

    def _in_place(self, order: list[int], what: str) -> bool:
        """Whether all layers, taken in this order, are of a kind with those in their places; then they are pairs."""
        many = len(order)
        if many != len(self.wanted) or not all(self.like(i, j) for j, i in enumerate(order)):
            return False
        if sum(self.like(i, j) >= LOOSE for j, i in enumerate(order)) < LEAST_ALIGNED * many:
            return False
        self.pairs = {j: (i, f"{what} among {many} layers of the same kinds") for j, i in enumerate(order)}
        self._contradicted()
        return True

    def _counted(self) -> bool:
        """Without an order, that in which names count, if all layers then stand in the places of their kinds."""
        order = counted(self.stored)
        return order is not None and self._in_place(order, "the same place, counted by its name,")

    def _agreeing(self, theirs: list[int]) -> tuple[int, int]:
        """How many layers are paired for sure, of how many; a head of another size at the end is not counted."""
        there = [i for i in theirs if self.stored[i].telling] or theirs
        here = [j for j, one in enumerate(self.wanted) if one.telling] or list(range(len(self.wanted)))
        agree = sum(j in self.pairs and self.like(self.pairs[j][0], j) >= PART for j in here)
        last = self.pairs.get(here[-1], (-1, ""))[0]
        head = last >= 0 and self.like(last, here[-1]) < PART
        return agree, min(len(there), len(here)) - head

    def _same_names(self) -> None:
        """Layers of one name and kind, where nothing else agrees."""
        for j, one in enumerate(self.wanted):
            i = self.places.get(one.name)
            if i is not None and self.like(i, j) >= PART:
                self.pairs[j] = i, ""
                self.doubts.pop(j, None)

    def _align(self, theirs: list[int], ours: list[int], why: str) -> None:
        """Take what every best alignment has; doubt what only some have."""

        def score(a: int, b: int) -> int:
            like = self.like(theirs[a], ours[b])
            return like + ending(self.stored[theirs[a]].name, self.wanted[ours[b]].name) if like else 0

        sure, unsure = aligned(
            [self.stored[i].kind for i in theirs], [self.wanted[j].kind for j in ours], score
        )
        open_: dict[int, list[int]] = defaultdict(list)
        for a, b in sorted(unsure):
            if self.like(theirs[a], ours[b]) >= PART:
                open_[ours[b]].append(theirs[a])
        for a, b in sorted(sure):
            i, j = theirs[a], ours[b]
            by_name = ending(self.stored[i].name, self.wanted[j].name)
            self.pairs[j] = i, f"{why}, and names end alike" if by_name else why
        for j, several in open_.items():
            told = " or ".join(f"`{self.stored[i].name}`" for i in several[:2])
            self.doubts[j] = f"it may be {told}, if any: neither order nor names say"

    def _alone(self, least: float) -> None:
        """Without an order: what is alone of its kind on both sides, or the only one whose name ends so."""
        used = {i for i, _ in self.pairs.values()}
        free = [i for i in range(len(self.stored)) if i not in used]
        open_ = [j for j in range(len(self.wanted)) if j not in self.pairs]
        fitting = {j: [i for i in free if self.like(i, j) >= LOOSE] for j in open_}
        chosen: dict[int, tuple[int, str]] = {}
        for j, several in fitting.items():
            best = _best(several, lambda i: ending(self.stored[i].name, self.wanted[j].name))  # noqa: B023
            if best is None:
                continue
            rivals = [k for k in open_ if best in fitting[k]]
            back = _best(rivals, lambda k: ending(self.stored[best].name, self.wanted[k].name))  # noqa: B023
            if back == j:
                alone = len(several) == len(rivals) == 1
                chosen[j] = best, "the only layer of these shapes" if alone else "names end alike"
        small = min(len(self.stored), len(self.wanted))
        believed = len(chosen) + len(self.pairs) >= least * small
        for j, several in fitting.items():
            if j in chosen and believed:
                self.pairs[j] = chosen[j]
            elif several:
                told = " or ".join(f"`{self.stored[i].name}`" for i in several[:2])
                more = f" or {len(several) - 2} more" if len(several) > 2 else ""
                self.doubts[j] = f"it may be {told}{more}, if any: names do not say"
        if not believed:
            self._same_names()

    def _in_blocks(self) -> None:
        """What is left, alone of its kind in a block whose other layers are known to be those of one block there."""
        used = {i for i, _ in self.pairs.values()}
        free = [i for i in range(len(self.stored)) if i not in used]
        if not free:
            return
        inside: dict[str, list[str]] = defaultdict(list)
        for j, (i, _) in self.pairs.items():
            words_ = self.wanted[j].name.split(".")
            for end in range(1, len(words_)):
                inside[".".join(words_[:end])].append(self.stored[i].name)
        found: dict[int, list[int]] = defaultdict(list)
        for j, one in enumerate(self.wanted):
            block = one.name if one.name in inside else one.name.rpartition(".")[0]
            if j in self.pairs or j in self.doubts or block not in inside:
                continue
            there = _common(inside[block])
            near = [i for i in free if there and self._in_block(i, there) and self.like(i, j) >= LOOSE]
            deep = max((len(self.stored[i].name) for i in near), default=0)
            for i in near:
                if len(self.stored[i].name) == deep:
                    found[j].append(i)
        wanted = Counter(i for several in found.values() for i in several)
        for j, several in found.items():
            if len(several) == 1 and wanted[several[0]] == 1:
                self.pairs[j] = several[0], "the only layer of these shapes in the same block"

    def _in_block(self, i: int, block: str) -> bool:
        """Whether a stored layer stands in a block, or is what holds it."""
        name = self.stored[i].name
        return f"{name}.".startswith(f"{block}.") or (
            f"{block}.".startswith(f"{name}.") and name in self.holders
        )

    def _contradicted(self) -> None:
        """Doubt what order tells and names tell otherwise: where both sides have the same names beside one another, and
        the layer that is called so fits too.
        """
        for level in range(1, 1 + max(len(one.name.split(".")) for one in self.wanted)):
            beside: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
            for j, (i, _) in self.pairs.items():
                a, b = self.stored[i].name.split("."), self.wanted[j].name.split(".")
                if len(a) >= level and len(b) >= level:
                    beside[".".join(a[:-level]), ".".join(b[:-level])].add((a[-level], b[-level]))
            for j in list(self.pairs):
                i = self.pairs[j][0]
                a, b = self.stored[i].name.split("."), self.wanted[j].name.split(".")
                if len(a) < level or len(b) < level or a[-level] == b[-level]:
                    continue
                both = beside[".".join(a[:-level]), ".".join(b[:-level])]
                if {one for one, _ in both} != {one for _, one in both}:
                    continue
                a[-level] = b[-level]
                other = self.places.get(".".join(a))
                if other is not None and self.like(other, j) >= PART:
                    self.doubts[j] = (
                        f"by its place it is `{self.stored[i].name}`, by its name `{self.stored[other].name}`"
                    )
        for j in self.doubts:
            self.pairs.pop(j, None)

    # ---------------------------------------------------------------------------------------------------------- result

    def rows(self) -> dict[str, Row]:
        """What becomes of each tensor of the network."""
        found: dict[str, Row] = {}
        for j, one in enumerate(self.wanted):
            if j not in self.pairs:
                doubt = self.doubts.get(j)
                why = doubt or "the file has no such layer"
                found |= {
                    one.key(own): Row(one.key(own), shape, "ambiguous" if doubt else "new", why)
                    for own, shape in one.tensors.items()
                }
                continue
            i, why = self.pairs[j]
            there = self.stored[i]
            pairs = own_pairs(there, one)
            for own, shape in one.tensors.items():
                key = one.key(own)
                if own not in pairs:
                    found[key] = Row(key, shape, "new", f"`{there.name}` has no such tensor")
                    continue
                other = pairs[own]
                whole = {key: one.whole[own]} if own in one.whole else None
                found[key] = placed(key, shape, there.key(other), there.tensors[other], why, whole)
        return found

    def left(self) -> dict[str, str]:
        """Why a tensor of the file is not taken, by its name."""
        used = {i: j for j, (i, _) in self.pairs.items()}
        doubted = bool(self.doubts)
        found: dict[str, str] = {}
        for i, one in enumerate(self.stored):
            if i in used:
                why = f"`{self.wanted[used[i]].name}` has no such tensor"
            elif doubted and any(self.like(i, j) >= PART for j in self.doubts):
                why = "it may be one of several here"
            else:
                why = "the network has no such layer"
            found |= {one.key(own): why for own in one.tensors}
        return found


def _holders(all_: list[Layer]) -> set[str]:
    """The names inside which layers stand: where a layer of such a name is listed says nothing of its place."""
    words_ = [one.name.split(".") for one in all_]
    return {".".join(one[:end]) for one in words_ for end in range(1, len(one))}


def _common(names: list[str]) -> str:
    """The block in which all these layers stand; empty where there is none."""
    parents = [name.split(".")[:-1] for name in names]
    end = 0
    while all(len(one) > end and one[end] == parents[0][end] for one in parents):
        end += 1
    return ".".join(parents[0][:end])


def _best(several: list[int], worth: Callable[[int], int]) -> int | None:
    """The one that is worth most; None where several are."""
    if not several:
        return None
    worths = {one: worth(one) for one in several}
    most = max(worths.values())
    best = [one for one in several if worths[one] == most]
    return best[0] if len(best) == 1 else None
