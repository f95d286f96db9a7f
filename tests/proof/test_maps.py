"""The proof of a model with a map: masks that leave enough, noise for the rows they keep, and faults that are found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from netspec.backend import Mode
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.ops.fold import Fold, Spread, Unfold
from netspec.proof import verify
from netspec.proof.draw import draw
from netspec.proof.sizes import small_sizes
from netspec.text import SpecError
from tests.backends.torch.maps import mapped, nested
from tests.proof.specs import Planted, altered, read

MODES: tuple[Mode, ...] = ("train", "eval")

FROM_DROPOUT = """
netspec: 1
inputs: {stack: {shape: {slice: 6, feature: 4}}, age: [2]}
targets: {volume: {shape: [3]}}
layers:
  - {linear: 6, from: age}
  - {dropout: 0.5}
  - {rename: {feature: slice}, name: drawn}
  - {formula: drawn > 0, name: present}
  - from: stack
    map: {axis: slice, where: present, layers: [dropout: 0.5, {linear: 3}, batch_norm]}
  - {mean: slice, name: out}
loss: mean((out - volume) ** 2)
"""

NEVER = """
netspec: 1
inputs: {stack: {shape: {slice: S, feature: 4}, range: [0, 1]}}
layers:
  - {formula: "mean(stack, axis=feature) > 2", name: present}
  - {from: stack, map: {axis: slice, where: present, layers: [linear: 3]}}
"""


@pytest.mark.parametrize("seed", range(8))
def test_a_mask_leaves_what_the_layers_behind_it_need(seed: int) -> None:
    graph = mapped("given", 1)
    mask = draw(graph, seed=seed, batch=2, mode="train").inputs["present"]
    assert mask.sum() >= 1
    one_number = read(FROM_DROPOUT).graph  # a batch norm of rows without space
    kept = draw(one_number, seed=seed, batch=2, mode="train").noise["dropout2.keep"].shape
    assert kept[0] >= 2
    assert kept[1:] == (4,)


def test_a_mask_that_chance_makes_in_training_is_the_one_that_noise_is_drawn_for() -> None:
    for seed in range(3):
        proof = verify(read(FROM_DROPOUT).graph, seed=seed)
        assert proof.ok, [row for row in proof.rows if not row.ok]


def test_a_mask_that_never_holds_is_said_to_leave_nothing() -> None:
    with pytest.raises(SpecError) as caught:
        verify(read(NEVER).graph)
    (one,) = caught.value.diagnostics
    assert one.code == "NS712"
    assert "leave 0 rows" in one.message
    assert "range" in one.help


def test_sizes_are_chosen_as_if_every_place_were_there() -> None:
    sizes = small_sizes(nested(), 2)
    assert sizes["M"] == 2 * sizes["S"]


def test_the_same_seed_draws_the_same_mask_and_noise_in_both_modes() -> None:
    train, evaluation = (draw(mapped("given"), seed=3, batch=2, mode=mode) for mode in MODES)
    np.testing.assert_array_equal(train.inputs["present"], evaluation.inputs["present"])
    for key, value in train.noise.items():
        np.testing.assert_array_equal(evaluation.noise[key], value)


def _wrong(op: Any, at: Any, sent: Any) -> Any:
    """Gradients that are off by a thousandth."""
    return replace(sent, inputs=tuple(None if one is None else one * 1.001 for one in sent.inputs))


@pytest.mark.parametrize("kind", [Fold, Unfold, Spread])
@pytest.mark.parametrize("where", ["nowhere", "given"])
def test_a_wrong_gradient_of_a_map_is_found(kind: type[Op], where: Any) -> None:
    graph: Graph = mapped(where)
    assert verify(graph, candidate=Planted()).ok
    assert not verify(graph, candidate=Planted(altered(kind, backward=_wrong))).ok


def test_rows_in_another_order_are_found() -> None:
    def turned(op: Any, inputs: Any, at: Any, made: Any) -> Any:
        return replace(made, outputs=(made.outputs[0][::-1],))

    assert not verify(mapped("given"), candidate=Planted(altered(Fold, forward=turned))).ok
