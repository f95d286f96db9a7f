"""The legal sizes of a spec, for a person and as plain data: what `show` prints of them."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.passes.demands import Demand
from netspec.passes.sizes import BATCH_SIZE, Legal, Solved


def lines(legal: Iterable[Legal]) -> list[str]:
    """One line a letter; the batch is passed over where any number of samples will do."""
    return [
        _line(one)
        for one in legal
        if one.letter != BATCH_SIZE or one.alone.bounds or one.alone.unknown or one.joint or one.training
    ]


def data(legal: Iterable[Legal]) -> dict[str, object]:
    """The same as plain data, by letter."""
    return {
        one.letter: {
            **_solved(one.alone),
            "joint": [_demand(demand) for demand in one.joint],
            "together": _solved(one.together) if one.together else None,
            "training": _solved(one.training) if one.training else None,
        }
        for one in legal
    }


def _line(one: Legal) -> str:
    text = _told(one.alone)
    if one.joint:
        asked = ", ".join(f"`{demand}` for {demand.place}" for demand in one.joint)
        text += f"; and {asked}"
        text += f", so {_told(one.together)}" if one.together else ": not known which sizes that leaves"
    if one.training:
        text += f"; in training {_told(one.training)}"
    return text


def _told(solved: Solved) -> str:
    """`H = 16k, k >= 2 with W = 64 (bound by `up3` at line 41)`."""
    text = str(solved.sizes)
    if solved.held:
        text += " with " + ", ".join(f"{letter} = {size}" for letter, size in solved.held.items())
    if solved.bounds:
        text += f" (bound by {_listed(solved.bounds)})"
    if solved.unknown:
        text += f", as far as is known: not settled for {_listed(solved.unknown)}"
    return text


def _listed(demands: tuple[Demand, ...]) -> str:
    """The layers, each once; of many the first."""
    places = list(dict.fromkeys(demand.place for demand in demands))
    *most, last = places if len(places) <= 3 else [*places[:3], f"{len(places) - 3} more"]
    return f"{', '.join(most)} and {last}" if most else last


def _solved(solved: Solved) -> dict[str, object]:
    return {
        "legal": str(solved.sizes),
        "period": solved.sizes.period,
        "runs": [[run.first, run.last] for run in solved.sizes.runs],
        "with": dict(solved.held),
        "bound_by": [_demand(one) for one in solved.bounds],
        "not_known": [_demand(one) for one in solved.unknown],
    }


def _demand(demand: Demand) -> dict[str, object]:
    return {"layer": demand.node.path, "line": demand.line or None, "asks": str(demand), "why": demand.why}
