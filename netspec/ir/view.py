"""Views: which places of an axis of an input one place of a result sees, and what becomes of that in chains and joins.

A window slides: place p of the axis `along` sees the places from low(p) to high(p). After upsampling that is no longer
one stride for all p, but it repeats: with p = period * t + phase the window moves by `advance` for every t. So windows
of convolutions, of their transposes and of resizing by ratios follow one another exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

MAX_PERIOD = 512
"""Longer repetitions are not followed: the view is then known to be none that is known."""


@dataclass(frozen=True)
class View:
    """What a place of a result sees of one axis of an input, between the first and the last place that it sees.

    `along` is the axis of the result; None where all places see the same. `lows` and `highs` hold, for each phase, the
    first and the last place seen by p = phase; None, both, where nothing is. Places outside of the input are padding.
    Without any, `along` None means everything, and an axis that what is seen along it is no window. Of the places
    between the first and the last an op with a dilation sees every `gap`-th.
    """

    along: str | None
    period: int = 1
    advance: int = 0
    lows: tuple[int | None, ...] = ()
    highs: tuple[int | None, ...] = ()
    gap: int = 1

    @property
    def is_window(self) -> bool:
        """Whether the places are known."""
        return bool(self.lows)

    @property
    def is_everything(self) -> bool:
        """Whether every place sees the whole axis."""
        return self.along is None and not self.lows

    @property
    def jump(self) -> Fraction:
        """How far the window moves from one place to the next, on average."""
        return Fraction(self.advance, self.period)

    @property
    def size(self) -> int:
        """The number of places from the first to the last that is seen, the largest of all phases."""
        return max((high - low + 1 for low, high in self._ends()), default=0)

    @property
    def start(self) -> int | None:
        """The first place that place 0 sees; negative in the padding, None where it sees nothing."""
        return self.lows[0]

    def span(self, place: int) -> tuple[int, int] | None:
        """The first and the last place seen from `place`; None where nothing is."""
        turns, phase = divmod(place, self.period)
        low, high = self.lows[phase], self.highs[phase]
        if low is None or high is None:
            return None
        return low + turns * self.advance, high + turns * self.advance

    def _ends(self) -> list[tuple[int, int]]:
        return [(a, b) for a, b in zip(self.lows, self.highs, strict=True) if a is not None and b is not None]


Views = Mapping[str, View]
"""What a result sees of one input, by the input's axes. Of an axis that is left out nothing is known."""

EVERYTHING = View(None)

FOLDED = "batch."
"""An axis that was laid into the batch goes by this and its name: what keeps samples apart keeps its places apart. An
op that lays out the batch anew and still keeps them apart says so with a view of this name alone."""


def same(axis: str) -> View:
    """Every place sees the one place that it comes from."""
    return shifted(axis, 0)


def alike(axes: Iterable[str]) -> dict[str, View]:
    """Every place of these axes sees the one it comes from."""
    return {axis: same(axis) for axis in axes}


def shifted(axis: str, by: int) -> View:
    """Place p sees place p + by."""
    return View(axis, 1, 1, (by,), (by,))


def fixed(place: int) -> View:
    """All see one place."""
    return View(None, 1, 0, (place,), (place,))


def scattered(axis: str) -> View:
    """Each place of the axis sees something that is no window, as after `flatten`."""
    return View(axis)


def window(axis: str, taps: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> View:
    """Place p sees the places stride * p - padding + dilation * k for all k < taps."""
    return View(axis, 1, stride, (-padding,), (dilation * (taps - 1) - padding,), dilation)


def transposed(axis: str, taps: int, *, stride: int, padding: int, dilation: int) -> View:
    """Place p sees the places i with p = stride * i + dilation * k - padding for some k < taps."""
    seen = [
        [
            (phase + padding - dilation * k) // stride
            for k in range(taps)
            if (phase + padding - dilation * k) % stride == 0
        ]
        for phase in range(stride)
    ]
    found = _reduced(axis, stride, 1, [(min(one), max(one)) if one else None for one in seen])
    return replace(found, gap=dilation // gcd(stride, dilation))


def spaced(axis: str, period: int, advance: int, spans: Sequence[tuple[int, int] | None]) -> View:
    """The window of each of `period` places, after which everything repeats `advance` places on."""
    return _reduced(axis, period, advance, spans)


def compose(outer: View, inner: View) -> View | None:
    """What a result sees of an input through a value: `outer` is of the value, `inner` the value's own view."""
    if inner.along is None:
        return inner
    if outer.is_everything:
        return EVERYTHING
    if not outer.is_window or not inner.is_window:
        return scattered(outer.along) if outer.along is not None else None
    if outer.along is None:
        return _reduced(None, 1, 0, [_through(outer, 0, inner)])
    # the phases of the outer view run through those of the inner one
    times = inner.period // gcd(inner.period, outer.advance) if outer.advance else 1
    period = outer.period * times
    if period > MAX_PERIOD:
        return scattered(outer.along)
    advance = inner.advance * (outer.advance * times // inner.period)
    return _reduced(outer.along, period, advance, [_through(outer, p, inner) for p in range(period)])


def through(views: Views, inner: View | None) -> View | None:
    """What is seen through one input of an op, of which `inner` is what that input itself sees."""
    if inner is None or inner.along is None:
        return inner
    outer = views.get(inner.along)
    keeps_apart = views.get("batch") == same("batch") or FOLDED in views
    if outer is None and inner.along.startswith(FOLDED) and keeps_apart:
        return inner
    return None if outer is None else compose(outer, inner)


def union(views: Iterable[View | None]) -> View | None:
    """What is seen along several ways together, from the first place to the last; None where that is not known."""
    every = list(views)
    if any(view is not None and view.is_everything for view in every):
        return EVERYTHING
    found, *others = every
    for view in others:
        found = _both(found, view) if found is not None and view is not None else None
    return found


def _both(a: View, b: View) -> View | None:
    if a == b:
        return a
    if a.along != b.along:
        return None
    if not a.is_window or not b.is_window or a.jump != b.jump:
        return scattered(a.along) if a.along is not None else None
    period = lcm(a.period, b.period)
    if period > MAX_PERIOD:
        return scattered(a.along) if a.along is not None else None
    advance = a.advance * (period // a.period)
    return _reduced(a.along, period, advance, [_hull([a.span(p), b.span(p)]) for p in range(period)])


def _through(outer: View, place: int, inner: View) -> tuple[int, int] | None:
    """The places that one place sees through others: one turn of phases from each end has the first and the last."""
    span = outer.span(place)
    if span is None:
        return None
    between = range(span[0], span[1] + 1, outer.gap)
    return _hull([inner.span(one) for one in (*between[: inner.period], *between[-inner.period :])])


def _hull(spans: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
    known = [span for span in spans if span is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _reduced(along: str | None, period: int, advance: int, spans: Sequence[tuple[int, int] | None]) -> View:
    """The view with the shortest period that says the same."""
    for short in range(1, period):
        if period % short or advance * short % period:
            continue
        step = advance * short // period
        moved = [None if one is None else (one[0] + step, one[1] + step) for one in spans]
        if all(spans[i + short] == moved[i] for i in range(period - short)):
            period, advance, spans = short, step, spans[:short]
            break
    return View(
        along,
        period,
        advance,
        tuple(None if one is None else one[0] for one in spans),
        tuple(None if one is None else one[1] for one in spans),
    )
