"""What the property tests of ops draw: sizes, types and facts."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING, Facts
from netspec.ir.types import Axis, TensorType

SPACE = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}
LARGEST = {1: 9, 2: 6, 3: 4}

seeds = st.integers(0, 2**32 - 1)


def per_axis(space: int, low: int, high: int) -> st.SearchStrategy[int | tuple[int, ...]]:
    """One number, or one for each axis of space."""
    one = st.integers(low, high)
    return one | st.tuples(*[one] * space)


def typed(sizes: Mapping[str, int], facts: Facts = NOTHING) -> TensorType:
    """A type of these axes, in order."""
    return TensorType(tuple(Axis(name, Dim.of(size)) for name, size in sizes.items()), facts=facts)


@st.composite
def images(
    draw: st.DrawFn,
    space: int,
    *,
    channels: tuple[int, ...] = (1, 2, 3),
    least: int = 1,
    facts: Facts = NOTHING,
) -> TensorType:
    """`[batch, channel, *space]` of small sizes."""
    sizes = {"batch": draw(st.integers(1, 2)), "channel": draw(st.sampled_from(channels))}
    sizes |= {axis: draw(st.integers(least, LARGEST[space])) for axis in SPACE[space]}
    return typed(sizes, facts)


@st.composite
def bounds(draw: st.DrawFn) -> tuple[float, float]:
    """A low and a high bound, either of which may be missing."""
    low = draw(st.sampled_from([float("-inf"), -2.0, -1.0, 0.0, 0.25]))
    high = draw(st.sampled_from([0.5, 1.0, 3.0, float("inf")]))
    return low, high


@st.composite
def tensors(draw: st.DrawFn, *, least: int = 1, most: int = 3) -> TensorType:
    """`[batch, ...]` with some named axes and facts that go together."""
    names = draw(
        st.lists(
            st.sampled_from(["channel", "time", "bin", "width"]), min_size=least, max_size=most, unique=True
        )
    )
    sizes = {"batch": draw(st.integers(1, 3))} | {name: draw(st.integers(1, 4)) for name in names}
    return typed(sizes, draw(facts_of(tuple(name for name in names if sizes[name] > 1))))


@st.composite
def facts_of(draw: st.DrawFn, names: tuple[str, ...]) -> Facts:
    """Bounds alone, or with order, or probabilities, or their logarithms, or a mask, along one of the named axes."""
    low, high = draw(bounds())
    if not names:
        return Facts(low=low, high=high)
    axis = draw(st.sampled_from(names))
    return draw(
        st.sampled_from(
            [
                Facts(low=low, high=high),
                Facts(low=low, high=high, nondecreasing=axis),
                Facts(low=0.0, high=1.0, nondecreasing=axis),
                Facts(low=0.0, high=1.0, sums_to_one=axis),
                Facts(high=0.0, log_probabilities=axis),
                Facts(low=0.0, high=1.0, mask=True),
            ]
        )
    )
