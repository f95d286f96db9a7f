"""What ops say a place of their results sees is what gradients of the reference reach: no more, and no less."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from netspec.ir.op import Op, Sample
from netspec.ir.view import FOLDED, View
from netspec.ops import catalogue
from netspec.ops.loss import Loss
from tests.conformance.case import Array, Case, backward_of, floating, forward, numbers
from tests.conformance.harness import use_of

MOST_PLACES = 60
"""Places of a result whose gradient is taken; of more, some drawn by chance."""

GOOD = [
    pytest.param(kind, sample, id=f"{name}-{i}")
    for name, kind in sorted(catalogue().items())
    for i, sample in enumerate(kind.samples())
    if sample.code is None and kind.slots
]


def reached(use: Case, draws: int) -> Iterator[tuple[tuple[int, ...], int, list[Array]]]:
    """(place of the first result, index of an input, the places reached of it as indices for each axis)."""
    rng = np.random.default_rng(1)
    for seed in range(draws):
        drawn = numbers(use, seed)
        made = forward(use, drawn, "eval")
        if not floating(made[0]):
            return
        run = backward_of(use, drawn, "eval")
        places = list(np.ndindex(*made[0].shape))
        chosen = (
            places
            if len(places) <= MOST_PLACES
            else [places[i] for i in rng.permutation(len(places))[:MOST_PLACES]]
        )
        for place in chosen:
            gradients = [np.zeros(y.shape) for y in made]
            gradients[0][place] = 1
            for i, gradient in enumerate(run(tuple(gradients)).inputs):
                yield (
                    tuple(int(one) for one in place),
                    i,
                    [np.unique(axis) for axis in np.argwhere(gradient).T],
                )


@pytest.mark.parametrize("kind,sample", GOOD)
def test_a_place_depends_on_what_it_is_said_to_see_and_on_nothing_else(
    kind: type[Op], sample: Sample
) -> None:
    use = use_of(kind, sample)
    views = use.op.views(*use.types)
    assert len(views) == len(use.types)
    out = use.inferred.outputs[0]
    met: dict[tuple[int, int, int], set[int]] = {}
    for place, i, axes in reached(use, 10 if "max" in kind.name else 2):
        view = views[i]
        if view is None:
            assert all(not len(one) for one in axes), f"input {i} matters"
            continue
        assert {axis for axis in view if not axis.startswith(FOLDED)} <= set(use.types[i].names)
        for a, (axis, seen) in enumerate(zip(use.types[i].axes, axes, strict=True)):
            said = view.get(axis.name)
            if said is None or not said.is_window or not len(seen):
                continue
            if said.along is not None and said.along.startswith(FOLDED):
                continue  # which place that is, the order of the samples says
            at = 0 if said.along is None else place[out.names.index(said.along)]
            span = said.span(at)
            assert span is not None, f"place {place} sees {seen} of `{axis.name}`"
            assert span[0] <= seen[0], f"place {place} sees {seen} of `{axis.name}`"
            assert seen[-1] <= span[1], f"place {place} sees {seen} of `{axis.name}`"
            met.setdefault((i, a, at), set()).update(int(one) for one in seen)
    for (i, a, at), places in met.items():
        axis = use.types[i].axes[a]
        view = views[i]
        assert view is not None
        assert axis.size.value is not None
        span = inner_span(view[axis.name], at, axis.size.value)
        assert span is None or (min(places), max(places)) == span, f"place {at} of `{axis.name}`"


def inner_span(said: View, place: int, size: int) -> tuple[int, int] | None:
    """The places that are seen if they are more than one and all in the input, so that each must have a slope."""
    span = said.span(place)
    if span is None or said.size == 1:
        return None
    return span if span[0] >= 0 and span[1] < size else None


UNTOLD: dict[str, str] = {
    "fold": "the batch is laid out anew, and is of no receptive field",
    "spread": "the batch is laid out anew, and is of no receptive field",
    "unfold": "the batch is laid out anew, and is of no receptive field",
    "reshape": "places of axes that are joined or parted are no window",
    "split": "each of its results sees a stretch of its own",
    "chunk": "each of its results sees a stretch of its own",
    "unbind": "each of its results sees a place of its own along the axis that goes",
}
"""Ops that tell nothing of some axis, with the reason."""


@pytest.mark.parametrize("kind,sample", GOOD)
def test_a_layer_tells_what_it_sees_along_every_axis(kind: type[Op], sample: Sample) -> None:
    use = use_of(kind, sample)
    family = kind.__module__.rpartition(".")[2]
    measures = issubclass(kind, Loss) or family in ("metric", "overlap")
    if not use.inferred.outputs[0].batched or measures or kind.name in UNTOLD:
        return  # what losses and metrics see is asked by nobody
    for x, view in zip(use.types, use.op.views(*use.types), strict=True):
        assert view is None or set(x.names) <= set(view), f"{use} tells nothing of {set(x.names) - set(view)}"


SLIDING = {
    "conv",
    "conv_transpose",
    "max_pool",
    "avg_pool",
    "lp_pool",
    "blur_pool",
    "locally_connected",
    "frame_difference",
}


def test_the_ops_that_slide_say_so() -> None:
    """So that a view forgotten is found."""
    for name in SLIDING:
        kind = catalogue()[name]
        use = use_of(kind, next(one for one in kind.samples() if one.code is None))
        (view,) = use.op.views(*use.types)
        assert view
        assert any(one.is_window and one.size > 1 for one in view.values())
