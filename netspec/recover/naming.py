"""Names for values, blocks and inputs: the source's own words where they say something, made into words of the spec."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from netspec import ops
from netspec.lang.names import why_refused
from netspec.recover.item import Item, names_of
from netspec.recover.modules import module_of

PLAIN = frozenset(
    """
    conv bn norm relu act activation pool maxpool avgpool fc linear lin ln gn drop dropout flatten gap downsample layer
    layers features model block blocks stage stages net module modules backbone main seq sequential op ops node getitem
    conv2d conv1d conv3d batchnorm batch gelu silu sigmoid softmax
    """.split()  # noqa: SIM905 - words read best as words
)
"""Words that say no more than the op itself does, so that they need not be written."""

MOST_LETTERS = 40


class Names:
    """The names of one namespace: each is given once."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, wanted: str) -> str:
        """The name, or the next free one like it."""
        stem = word(wanted) or "value"
        if stem not in self._taken and why_refused(stem) is None:
            self._taken.add(stem)
            return stem
        stem = stem.rstrip("0123456789_") or "value"
        found = next(
            name
            for i in range(2, 10_000)
            if (name := f"{stem}_{i}") not in self._taken and not why_refused(name)
        )
        self._taken.add(found)
        return found

    def free(self, name: str) -> bool:
        """Whether a name can still be given."""
        return name not in self._taken and why_refused(name) is None


def word(text: str) -> str:
    """Small letters, digits and `_`, from whatever the source has."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    found = re.sub(r"[^a-z0-9_]+", "_", spaced.lower()).strip("_")[:MOST_LETTERS].strip("_")
    return found if found[:1].isalpha() else f"x{found}" if found else ""


def telling(module: str, *, counted: bool = False) -> str:
    """The last word of a dotted path, if it says something; with `counted` one like `layer3` does."""
    parts = [part for part in module.split(".") if part]
    if not parts:
        return ""
    last = word(parts[-1])
    if not last or parts[-1].isdigit():
        return ""
    stem = last.rstrip("0123456789_")
    if counted and stem != last and stem not in set(ops.names()):
        return last
    return "" if stem in PLAIN or stem in set(ops.names()) else last


def block_name(
    body: Sequence[Item], modules: Sequence[str], inside: dict[str, str], kinds: Mapping[str, str]
) -> str:
    """What a block is called: what the source's modules are or are called, if they agree, else what it is made of."""
    shared = {kinds.get(module, "") for module in modules} - set(inside.values())
    if len(shared) == 1 and (kind := next(iter(shared))) and kind not in set(ops.names()):
        return kind
    stems = Counter(_stem(module) for module in modules)
    stems.pop("", None)
    for taken in inside.values():
        stems.pop(taken, None)
    if stems:
        best, count = stems.most_common(1)[0]
        if count * 2 >= len(modules):
            return best
    return made_of(body, inside)


def _stem(module: str) -> str:
    """The innermost word of a path that is no number and says something."""
    for part in reversed(module.split(".")):
        stem = word(part).rstrip("0123456789_")
        if part.isdigit() or not stem:
            continue
        return "" if stem in PLAIN or stem in set(ops.names()) else stem
    return ""


def made_of(body: Sequence[Item], inside: dict[str, str]) -> str:
    """A word for what a block does."""
    flat = [item for one in body for item in one.walk()]
    convs = [item for item in flat if item.op == "conv"]
    groups = any("groups" in item.arguments for item in convs)
    if any(item.call and item.repeat != 1 for item in body):
        return "stage"
    residuals = [item for item in body if item.op == "residual"]
    called = [one.op for item in residuals for one in item.walk() if one.call]
    if called:
        return f"{inside.get(called[0], 'unit')}_block"
    if residuals:
        return "inverted" if groups and len(convs) < 5 else "bottleneck" if len(convs) >= 3 else "basic"
    if any(item.op == "concat" and item.branches for item in body):
        return "mixed"
    if any(item.op == "concat" and not item.branches for item in body[:4]):
        return "up" if len(flat) > 2 else "joined"
    if body[0].op in {"max_pool", "avg_pool"} and len(body) > 1:
        return "down"
    short = {"batch_norm": "norm", "layer_norm": "norm", "relu": "relu", "conv": "conv", "linear": "linear"}
    parts = [short.get(item.op) or inside.get(item.op, item.op) for item in body]
    kinds = list(dict.fromkeys(parts))
    if len(body) <= 4 and len(kinds) <= 3:
        name = "_".join(kinds)
        return name if len(name) <= MOST_LETTERS and name not in set(ops.names()) else "unit"
    return "unit"


def hint(item: Item) -> str:
    """What the source calls an item."""
    names = names_of([item])
    if not names:
        return ""
    return module_of(names)
