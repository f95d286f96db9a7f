from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec_numpy
import netspec_torch
from netspec.backend import Arrays, Feed, Run
from netspec.ir.graph import Graph
from netspec.ops.activation import LeakyRelu, Relu, Softmax
from netspec.ops.arithmetic import Pow
from netspec.ops.class_loss import CrossEntropy
from netspec.ops.conv import Conv
from netspec.ops.cumulative import Cummax
from netspec.ops.distribution_loss import Crps
from netspec.ops.dropout import Dropout
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.pool import MaxPool
from netspec.proof import Proof, verify
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import Sgd
from netspec.recipe.pace import STEADY, Pace
from netspec.text import SpecError
from netspec_numpy.rule import Array, Context
from tests.proof.specs import CLASSIFIER, CURVE, Planted, altered, read

SGD = Sgd(lr=0.1, momentum=0.9, weight_decay=1e-3)


def prove(candidate: Any, text: str = CLASSIFIER, **options: Any) -> Proof:
    return verify(read(text).graph, Descent(SGD), reference=netspec_numpy, candidate=candidate, **options)


def wrong(proof: Proof) -> set[tuple[str, str, str]]:
    return {(row.what, row.mode, row.where) for row in proof.rows if not row.ok}


def line(text: str, needle: str) -> int:
    """The line on which the last layer that holds `needle` is written."""
    return max(i for i, one in enumerate(text.splitlines(), 1) if needle in one)


# ------------------------------------------------------------------------------------------------------- right ones


@pytest.mark.parametrize("text", [CLASSIFIER, CURVE])
def test_torch_and_the_reference_agree(text: str) -> None:
    proof = prove(netspec_torch, text)
    assert proof.ok
    assert proof.diverging == ()
    assert proof.notes == ()


def test_everything_is_compared() -> None:
    graph = read(CLASSIFIER).graph
    proof = prove(netspec_torch)
    seen = {(row.what, row.mode, row.where) for row in proof.rows}
    for mode in ("eval", "train"):
        assert {(("value", mode, node.path)) for node in graph.nodes} <= seen
        assert {("gradient", mode, key) for key in graph.parameters} <= seen
        assert {
            ("input gradient", mode, "image"),
            ("loss", mode, "loss"),
            ("slope", mode, "direction 3"),
        } <= seen
    assert {("state", "train", key) for key in graph.state} <= seen
    assert {("update", f"step {i}", key) for i in (1, 2, 3) for key in graph.parameters} <= seen


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from([CLASSIFIER, CURVE]))
def test_no_numbers_raise_a_false_alarm(seed: int, batch: int, text: str) -> None:
    assert prove(netspec_torch, text, seed=seed, batch=batch).ok


HARD = {
    "two samples leave batch norm nothing but rounding": """
layers:
  - linear: 8
  - batch_norm
  - relu
  - linear: 8
  - batch_norm
  - {linear: 3, name: out}
loss: mse(out, y)
""",
    "saturated sigmoids": """
layers:
  - {linear: 3, name: z}
  - {formula: z * 30, name: large}
  - {sigmoid, name: out}
loss: mse(out, y)
""",
    "all but certain classes": """
layers:
  - {linear: 5, name: z}
  - {formula: z * 40, name: large}
  - {log_softmax, name: out}
loss: nll(out, label)
""",
}


@pytest.mark.parametrize("why", HARD)
def test_what_cancels_inside_an_op_raises_no_false_alarm(why: str) -> None:
    targets = "targets: {y: {shape: [3]}, label: {kind: class_index, classes: 5}}"
    text = f"netspec: 1\nname: hard\ninputs: {{x: {{shape: [6]}}}}\n{targets}{HARD[why]}"
    for seed in range(12):
        proof = prove(netspec_torch, text, seed=seed)
        assert proof.ok, [row for row in proof.rows if not row.ok]


def test_sums_in_another_order_are_no_difference() -> None:
    def backwards(op: Conv, inputs: Any, at: Context, made: Any) -> Any:
        flipped = {**at.parameters, "weight": at.parameters["weight"][:, ::-1]}
        x = np.ascontiguousarray(inputs[0][:, ::-1])
        again = netspec_numpy.table()[Conv].forward(op, (x,), replace(at, parameters=flipped))
        return replace(made, outputs=again.outputs)

    proof = prove(Planted(altered(Conv, forward=backwards)))
    assert proof.ok
    assert any(row.difference > 0 for row in proof.rows if row.what == "value")


def test_the_same_program_differs_nowhere() -> None:
    proof = prove(Planted())
    assert {row.difference for row in proof.rows if row.what != "slope"} == {0.0}


def test_the_same_seed_gives_the_same_proof_and_another_gives_other_numbers() -> None:
    assert prove(netspec_torch, CURVE, seed=4).rows == prove(netspec_torch, CURVE, seed=4).rows
    assert prove(netspec_torch, CURVE, seed=4).rows != prove(netspec_torch, CURVE, seed=5).rows


def test_a_proof_is_plain_data() -> None:
    proof = prove(netspec_torch, CURVE)
    told = json.loads(json.dumps(proof.as_json(), allow_nan=False))
    assert told["ok"] is True
    assert told["sizes"] == {"N": 2}
    assert len(told["rows"]) == len(proof.rows)
    assert set(told["rows"][0]) == {
        "way", "what", "mode", "where", "difference", "relative", "tolerance", "place", "ok", "note",
    }  # fmt: skip


def test_tolerances_are_close_to_rounding() -> None:
    shares = [
        row.tolerance * row.relative / row.difference
        for row in prove(netspec_torch).rows
        if row.relative and row.what in ("value", "gradient", "state", "update")
    ]
    assert len(shares) > 20
    assert max(shares) < 1e-9  # of the tensor's largest number


# --------------------------------------------------------------------------------------------------- planted faults


def shifted(op: Conv, inputs: Any, at: Context, made: Any) -> Any:
    """Padding put on one side only: every window looks one place further."""
    del op, inputs, at
    return replace(made, outputs=(np.roll(made.outputs[0], 1, axis=-1),))


def is_second(op: Conv) -> bool:
    return op.out_channels == 5


def test_a_wrong_padding_is_found_at_its_layer() -> None:
    proof = prove(Planted(altered(Conv, forward=shifted, when=is_second)))
    assert not proof.ok
    found = proof.diverging[0]
    assert found.code == "NS714"
    assert "`conv2`" in found.message
    assert found.span is not None
    assert found.span.line == line(CLASSIFIER, "- conv:")
    assert not [one for one in wrong(proof) if one[2] in ("rescale1", "conv1", "relu1", "batch_norm1")]


def test_a_missing_bias_gradient_is_found_and_nothing_else() -> None:
    def forgetful(op: Any, at: Context, sent: Any) -> Any:
        del op, at
        kept = {**sent.parameters, "bias": np.zeros_like(sent.parameters["bias"])}
        return replace(sent, parameters=kept)

    proof = prove(Planted(altered(Conv, backward=forgetful, when=is_second)))
    assert {one for one in wrong(proof) if one[0] != "update"} == {
        ("gradient", mode, "conv2.bias") for mode in ("eval", "train")
    }
    assert "`conv2.bias`" in proof.diverging[0].message
    assert proof.diverging[0].span is not None
    assert proof.diverging[0].span.line == line(CLASSIFIER, "- conv:")


def test_a_bias_that_batch_norm_cancels_is_no_false_alarm() -> None:
    (row,) = (
        row
        for row in prove(netspec_torch).rows
        if (row.what, row.mode, row.where) == ("gradient", "train", "conv1.bias")
    )
    assert row.ok
    assert row.relative is None
    assert 0 < row.tolerance < 1e-9


def test_a_stale_running_mean_is_found() -> None:
    def stale(op: Any, inputs: Any, at: Context, made: Any) -> Any:
        del op, inputs
        if "running_mean" not in made.state:
            return made
        return replace(made, state={**made.state, "running_mean": at.state["running_mean"]})

    proof = prove(Planted(altered(BatchNorm, forward=stale)))
    assert wrong(proof) == {("state", "train", "batch_norm1.running_mean")}
    assert "`batch_norm1.running_mean`" in proof.diverging[0].message


def test_a_running_variance_without_the_correction_is_found() -> None:
    def biased(op: BatchNorm, inputs: Any, at: Context, made: Any) -> Any:
        if "running_var" not in made.state:
            return made
        var = inputs[0].var(axis=(0, 2, 3))
        moved = (1 - (op.momentum or 0)) * at.state["running_var"] + (op.momentum or 0) * var
        return replace(made, state={**made.state, "running_var": moved})

    assert wrong(prove(Planted(altered(BatchNorm, forward=biased)))) == {
        ("state", "train", "batch_norm1.running_var")
    }


def test_a_normalisation_with_another_epsilon_is_found() -> None:
    def other(op: BatchNorm, inputs: Any, at: Context, made: Any) -> Any:
        del made
        return netspec_numpy.table()[BatchNorm].forward(op.model_copy(update={"eps": 1.1e-5}), inputs, at)

    proof = prove(Planted(altered(BatchNorm, forward=other)))
    assert "`batch_norm1`" in proof.diverging[0].message


def test_single_precision_on_the_way_is_found() -> None:
    def rounded(op: Any, inputs: Any, at: Context, made: Any) -> Any:
        del op, inputs, at
        return replace(made, outputs=(made.outputs[0].astype(np.float32).astype(np.float64),))

    proof = prove(Planted(altered(Softmax, forward=rounded)), CURVE)
    assert "`softmax1`" in proof.diverging[0].message


@pytest.mark.parametrize(
    "kind,after",
    [(LeakyRelu, "conv2"), (Relu, "batch_norm1"), (MaxPool, "conv2"), (Dropout, "conv2")],
)
def test_a_gradient_lost_on_the_way_back_is_found_right_before_its_layer(kind: Any, after: str) -> None:
    def weak(op: Any, at: Context, sent: Any) -> Any:
        del op, at
        return replace(sent, inputs=tuple(0.999 * one for one in sent.inputs))

    proof = prove(Planted(altered(kind, backward=weak)))
    assert not [one for one in wrong(proof) if one[0] in ("value", "loss", "state")]
    assert not [one for one in wrong(proof) if one[2].startswith("logits")]
    assert f"the gradient of `{after}" in proof.diverging[0].message


def test_a_loss_of_the_wrong_size_is_found() -> None:
    def summed(op: Any, inputs: Any, at: Context, made: Any) -> Any:
        del op, at
        return replace(made, outputs=(made.outputs[0] * len(inputs[0]),))

    proof = prove(Planted(altered(CrossEntropy, forward=summed)))
    assert "cross_entropy1" in proof.diverging[0].message


def momentum_times_rate(
    descent: Descent, parameters: Arrays, gradients: Sequence[Arrays], paces: Sequence[Pace]
) -> list[dict[str, Array]]:
    """The buffer holds rates times gradients, as other frameworks have it: the same while the rate stays."""
    optimizer = descent.optimizer
    assert isinstance(optimizer, Sgd)
    held = {key: np.array(value) for key, value in parameters.items()}
    buffers = {key: np.zeros_like(value) for key, value in held.items()}
    after = []
    for given_, pace in zip(gradients, paces, strict=True):
        for key, w in held.items():
            g = given_[key] + optimizer.weight_decay * w
            buffers[key] = optimizer.momentum * buffers[key] + optimizer.lr * pace.factor * g
            held[key] = w - buffers[key]
        after.append(dict(held))
    return after


def test_a_momentum_that_carries_old_rates_is_found_once_the_rate_moves() -> None:
    planted = Planted(step=momentum_times_rate)
    assert prove(planted).ok
    proof = prove(planted, paces=(Pace(0.5), STEADY, STEADY))
    assert {mode for what, mode, _ in wrong(proof) if what == "update"} == {"step 2", "step 3"}
    assert {what for what, _, _ in wrong(proof)} == {"update"}


def test_swapped_momentum_is_found_at_the_second_step() -> None:
    def swapped(descent: Descent, *rest: Any) -> Any:
        other = descent.optimizer.model_copy(update={"momentum": 1 - SGD.momentum})
        return netspec_numpy.update(replace(descent, optimizer=other), *rest)

    proof = prove(Planted(step=swapped))
    assert {mode for _, mode, _ in wrong(proof)} == {"step 2", "step 3"}
    assert "after step 2" in proof.diverging[0].message


def test_forgotten_weight_decay_is_found_at_once() -> None:
    def bare(descent: Descent, *rest: Any) -> Any:
        other = descent.optimizer.model_copy(update={"weight_decay": 0.0})
        return netspec_numpy.update(replace(descent, optimizer=other), *rest)

    proof = prove(Planted(step=bare))
    assert ("update", "step 1", "logits.weight") in wrong(proof)


@pytest.mark.parametrize(
    "kind,text,needle",
    [
        (Linear, CLASSIFIER, "linear: 3"),
        (BatchNorm, CLASSIFIER, "- batch_norm"),
        (MaxPool, CLASSIFIER, "- max_pool"),
        (Pow, CURVE, "square: mean"),
        (Crps, CURVE, "score: crps"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_reference_is_found_by_the_slope_of_its_own_loss_and_located(
    kind: Any, text: str, needle: str, seed: int
) -> None:
    def weak(op: Any, at: Context, sent: Any) -> Any:
        del op, at
        return replace(sent, inputs=tuple(None if one is None else 0.9999 * one for one in sent.inputs))

    both = Planted(altered(kind, backward=weak))
    proof = verify(read(text).graph, None, reference=both, candidate=both, seed=seed)
    assert {what for what, _, _ in wrong(proof)} == {"slope"}
    assert proof.diverging[0].code == "NS715"
    assert proof.diverging[0].span is not None
    assert proof.diverging[0].span.line == line(text, needle)


@pytest.mark.parametrize("seed", range(3))
def test_a_bias_that_the_reference_forgets_on_the_way_back_is_located(seed: int) -> None:
    def forgetful(op: Any, at: Context, sent: Any) -> Any:
        del op, at
        return replace(sent, parameters={key: g * (key != "bias") for key, g in sent.parameters.items()})

    both = Planted(altered(Conv, backward=forgetful, when=is_second))
    (found, *_) = verify(read(CLASSIFIER).graph, None, reference=both, candidate=both, seed=seed).diverging
    assert "`conv2`" in found.message


def test_a_backend_that_cannot_show_rounding_is_no_reference() -> None:
    with pytest.raises(SpecError, match=r"NS716.*`torch`"):
        verify(read(CURVE).graph, reference=netspec_torch, candidate=netspec_torch)  # type: ignore[arg-type]


def test_what_one_side_lacks_is_a_difference() -> None:
    class Silent(Planted):
        def run(self, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
            found = super().run(graph, feed, gradients=gradients)
            return replace(found, parameters={}, values={**found.values, "relu1": np.zeros(3)})

    proof = prove(Silent())
    rows = {row.where: row for row in proof.rows if row.mode == "train"}
    assert rows["logits.bias"].note == "the candidate gives nothing here"
    assert rows["relu1"].note == "the reference gives [2, 4, 8, 8], the candidate [3]"
    json.dumps(proof.as_json(), allow_nan=False)


# --------------------------------------------------------------------------------------------------------- the rest


def test_numbers_that_are_not_finite_prove_nothing_and_that_is_told() -> None:
    text = CURVE.replace("  - linear: 8\n", "  - {formula: log(x - 2), name: low}\n  - linear: 8\n")
    text = text.replace("range: [-1, 1]", "range: [1, 3]")
    proof = prove(netspec_torch, text)
    assert proof.ok
    assert "not finite" in proof.notes[0]
    assert "`low" in proof.notes[0]
    json.dumps(proof.as_json(), allow_nan=False)


def test_without_loss_or_optimizer_the_rest_is_proved_and_that_is_told() -> None:
    text = CLASSIFIER.split("loss:", maxsplit=1)[0]
    proof = verify(read(text).graph, reference=netspec_numpy, candidate=netspec_torch)
    assert proof.ok
    assert {row.what for row in proof.rows} == {"value", "state"}
    assert len(proof.notes) == 2


GROUPED = (
    CURVE
    + """
aggregate:
  by: patient
  outputs: {patient_cdf: "cummax(mean(cdf, axis=sample))"}
metrics: {patient_crps: "crps(patient_cdf, volume)"}
"""
)


def test_what_a_group_gives_is_compared_as_well() -> None:
    spec = read(GROUPED)
    assert spec.group is not None
    right = verify(spec.graph, group=spec.group.graph, reference=netspec_numpy, candidate=netspec_torch)
    assert right.ok
    rows = [row.where for row in right.rows if row.what == "group value"]
    assert len(rows) == 3
    assert set(right.sizes) == {"N", "K"}

    def late(op: Any, inputs: Any, at: Context, made: Any) -> Any:
        del op, inputs, at
        return replace(made, outputs=(np.roll(made.outputs[0], 1),))

    planted = Planted(altered(Cummax, forward=late))
    proof = verify(spec.graph, group=spec.group.graph, reference=netspec_numpy, candidate=planted)
    assert {what for what, _, _ in wrong(proof)} == {"group value"}
    assert proof.diverging[0].span is not None
    assert proof.diverging[0].span.line == line(GROUPED, "cummax")


def test_free_sizes_get_numbers() -> None:
    text = CLASSIFIER.replace("[2, 8, 8]", "[2, H, W]").replace("- flatten", "- global_avg_pool")
    proof = prove(netspec_torch, text)
    assert proof.ok
    assert set(proof.sizes) == {"N", "H", "W"}
