"""A run in which every elementary operation is off by a random share: what rounding does, made large enough to see.

Monte Carlo arithmetic (Parker 1997): arrays of the class here multiply the result of every NumPy operation by
1 + h * d, d random, of either sign and between a half and one and a half. What a node reads and gets sent back is
changed alike, so that every term of a matrix product is. Operations that never round (the larger of two, a sign), and
targets, which every program is given exactly, are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.backend import Feed, Run
from netspec.ir.facts import Facts
from netspec.ir.graph import Graph, Node
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, Rule
from netspec_numpy.run import Table, run

EXACT = frozenset(
    {
        np.maximum,
        np.minimum,
        np.fmax,
        np.fmin,
        np.absolute,
        np.negative,
        np.positive,
        np.sign,
        np.floor,
        np.ceil,
    }
)
"""Operations on floating numbers that never round."""

POOL = 2**18
"""How many random numbers are drawn: arrays take stretches of them, which begin at random."""

LEVELS = np.concatenate([-1.5 + (np.arange(128) + 0.5) / 128, 0.5 + (np.arange(128) + 0.5) / 128])
"""256 numbers of either sign between a half and one and a half, their mean 0."""


class Chance:
    """A source of factors 1 + h * d for arrays of any shape; h is the share of the node that asks."""

    def __init__(self, seed: Sequence[int]) -> None:
        self._rng = np.random.default_rng(list(seed))
        x = self._rng.uniform(-1, 1, 2 * POOL)
        self._pool = x + np.copysign(0.5, x)

    def disturb(self, x: Array, share: float) -> Array:
        """A changed copy of a floating array."""
        if x.size > POOL:
            return self._long(x, share)
        begin = int(self._rng.integers(POOL))
        d = self._pool[begin : begin + x.size]
        return np.asarray(x * (1 + share * d).reshape(x.shape))

    def _long(self, x: Array, share: float) -> Array:
        """The same for more numbers than the pool holds: d is one of 256 that lie as evenly as those of the pool."""
        factors = 1 + share * LEVELS
        flat = x.reshape(-1)
        made = np.empty(flat.shape, np.result_type(flat.dtype, np.float64))
        for begin in range(0, flat.size, POOL):  # a stretch at a time stays in the cache
            part = flat[begin : begin + POOL]
            chosen = np.frombuffer(self._rng.bytes(part.size), np.uint8)
            np.multiply(part, factors.take(chosen), out=made[begin : begin + POOL])
        return made.reshape(x.shape)


class Disturbed(np.ndarray[Any, Any]):
    """An array whose operations are disturbed; so are those of every array that comes of it."""

    chance: Chance | None
    share: float

    def __array_finalize__(self, made_of: Array | None, /) -> None:
        """What comes of a disturbed array is disturbed alike."""
        self.chance = getattr(made_of, "chance", None)
        self.share = getattr(made_of, "share", 0.0)

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **options: Any) -> Any:
        """The operation on plain arrays, its floating results disturbed."""
        ours = next((x for x in inputs if isinstance(x, Disturbed) and x.chance is not None), self)
        given = options.pop("out", None)
        if given is not None:
            options["out"] = tuple(_plain(x) for x in given)
        made = getattr(ufunc, method)(
            *(_plain(x) for x in inputs), **{k: _plain(v) for k, v in options.items()}
        )
        if given is not None:
            return given[0] if len(given) == 1 else given
        if made is None or ufunc in EXACT:
            return made if made is None else _as(made, ours)
        return tuple(_changed(x, ours) for x in made) if isinstance(made, tuple) else _changed(made, ours)


def disturb(
    graph: Graph, feed: Feed, shares: Mapping[str, float], *, seed: Sequence[int], rules: Table | None = None
) -> Run:
    """As `run`, each node's operations off by the share that stands at its path; nothing is off where none does."""
    chance = Chance(seed)

    def around(node: Node, rule: Rule[Any]) -> Rule[Any]:
        exact = tuple(ref.path in graph.targets for ref in node.inputs)
        return _disturbed_rule(rule, exact, chance, shares.get(node.path, 0.0))

    return run(graph, feed, rules=rules, around=around)


def _disturbed_rule(rule: Rule[Any], exact: tuple[bool, ...], chance: Chance, share: float) -> Rule[Any]:
    """The same rule on disturbed arrays; inputs that are `exact` are read as they are."""

    def entering(x: Array | None) -> Any:
        return x if x is None else _entering(x, chance, share)

    def context(at: Context) -> Context:
        state = {key: _view(value, chance, share) for key, value in at.state.items()}
        return replace(at, parameters={key: entering(x) for key, x in at.parameters.items()}, state=state)

    def forward(op: Any, inputs: Arrays, at: Context) -> Forward:
        read = tuple(
            x if kept else _kept_within(entering(x), kind.facts)
            for x, kept, kind in zip(inputs, exact, at.types, strict=True)
        )
        made = rule.forward(op, read, context(at))
        state = {key: np.asarray(value) for key, value in made.state.items()}
        return Forward(tuple(np.asarray(y) for y in made.outputs), made.saved, state)

    other: Rule[Any] = Rule(rule.lowers, forward)
    if rule.pull is None:
        return other
    pull = rule.pull

    def backward(op: Any, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
        sent = pull(op, saved, tuple(entering(g) for g in grads), context(at))
        inputs = tuple(None if g is None else np.asarray(g) for g in sent.inputs)
        return Backward(inputs, {key: np.asarray(g) for key, g in sent.parameters.items()})

    other.backward(backward)
    return other


def _entering(x: Array, chance: Chance, share: float) -> Array:
    """An array as a disturbed node reads it: its numbers changed, if they are floating."""
    if not np.issubdtype(x.dtype, np.floating):
        return x
    return _view(chance.disturb(x, share), chance, share)


def _kept_within(x: Array, facts: Facts) -> Array:
    """The numbers inside the bounds that are proved of them: no program's rounding leads out of these."""
    if not facts.bounded or not np.issubdtype(x.dtype, np.floating):
        return x
    return np.asanyarray(np.minimum(np.maximum(x, facts.low), facts.high))


def _view(x: Array, chance: Chance, share: float) -> Array:
    """A disturbed array of the same numbers."""
    if not np.issubdtype(x.dtype, np.floating):
        return x
    seen = x.view(Disturbed)
    seen.chance, seen.share = chance, share
    return seen


def _plain(x: Any) -> Any:
    """The array without its class; anything else as it is."""
    return x.view(np.ndarray) if isinstance(x, Disturbed) else x


def _as(made: Any, ours: Disturbed) -> Any:
    """A result with the class of what it came of."""
    array = np.asarray(made)
    return array if ours.chance is None else _view(array, ours.chance, ours.share)


def _changed(made: Any, ours: Disturbed) -> Any:
    """A floating result changed by its node's share."""
    array = np.asarray(made)
    if ours.chance is None or not np.issubdtype(array.dtype, np.floating):
        return array
    return _view(ours.chance.disturb(array, ours.share), ours.chance, ours.share)
