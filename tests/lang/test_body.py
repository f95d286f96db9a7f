from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import load
from tests.lang.marked import assert_good, assert_told

LAYERS = "layers:\n"


@pytest.mark.parametrize(
    "layers, code, words",
    [
        ("  - «rely»\n", "NS101", ("`relu`",)),
        ("  - «nn.ReLU»\n", "NS101", ("`relu`",)),
        ("  - «Dense»: 3\n", "NS101", ("`linear`",)),
        ("  - «$width»\n", "NS101", ("computes arguments",)),
        ("  - «3»\n", "NS116", ("name of an op",)),
        ("  - «[relu]»\n", "NS116", ("`- conv: {…}`",)),
        ("  - «{name: a}»\n", "NS116", ("no op",)),
        ("  - linear: 3\n    «relu»:\n", "NS118", ("two ops",)),
        ("  - linear: 3\n    «bias»: false\n", "NS118", ("`linear: {out_features: 3, bias: …}`",)),
        ("  - {relu, name: «A»}\n", "NS119", ("small letters",)),
        ("  - {relu, name: «loss»}\n", "NS119", ("section",)),
        ("  - {relu, name: «forward»}\n  - {tanh, from: first}\n", "NS119", ("PyTorch",)),
        ("  - {relu, name: «x»}\n", "NS103", ("the first one",)),
        ("  - {relu, name: a}\n  - {tanh, name: «a»}\n", "NS103", ("the first one",)),
        ("  - {relu, name: «[a, b]»}\n", "NS117", ("1 value", "2 names")),
        ("  - {unbind: feature, name: «[a, b]»}\n  - {relu, from: c}\n", "NS117", ("4 values", "2 names")),
        ("  - {add, from: [x, «z»]}\n", "NS129", ("here are `x`",)),
        ("  - linear: 3\n  - {relu, from: «linear1»}\n", "NS129", ("automatic name",)),
        ("  - {relu, from: «3»}\n", "NS129", ("by its name",)),
        ("  - {relu, from: «[x, x]»}\n", "NS120", ("takes 1 input", "2 are given")),
        ("  - {«add», from: [x]}\n", "NS120", ("2 or more",)),
        ("  - «linear»\n", "NS122", ("`out_features`",)),
        ("  - linear: «0»\n", "NS123", ("at least 1", "`0`")),
        ("  - linear: «3.5»\n", "NS123", ("whole number", "`3.5`")),
        ("  - linear: {out_features: 3, bias: «1»}\n", "NS123", ("`true` or `false`",)),
        ("  - linear: {out_features: 3, «biass»: true}\n", "NS121", ("`bias`",)),
        ("  - linear: {out_features: 3, «name»: a}\n", "NS121", ("beside the op",)),
        ("  - relu: «3»\n", "NS121", ("no main argument",)),
        ("  - {unbind: feature, name: [a, b, c, d]}\n  - «relu»\n", "NS128", ("`from: ",)),
        ("  - {unbind: feature, name: [a, b, c, d]}\n  - {relu, from: «_»}\n", "NS128", ("nothing flows",)),
        ("  - {relu, when: «[1]»}\n", "NS130", ("`when: stride == 1`",)),
        ("  - {relu, when: «3»}\n", "NS134", ("true or false",)),
        ("  - {relu, when: «$_.feature > 3»}\n", "NS132", ("no `$`",)),
        ("  - linear: $«_.channel»\n", "NS111", ("no such value or axis",)),
        ("  - {linear: 3, freeze: «wieght»}\n", "NS126", ("`weight`",)),
        ("  - {relu, freeze: «true»}\n", "NS126", ("nothing to freeze",)),
        ("  - {linear: 3, freeze: «3»}\n", "NS126", ("`freeze: weight`",)),
        ("  - {linear: 3, init: {«gamma»: zeros}}\n", "NS127", ("`weight`",)),
        ("  - {linear: 3, init: «zeros»}\n", "NS114", ("`init: {weight: zeros}`",)),
        ("  - {linear: 3, as: «ml»}\n", "NS114", ("`as: {unit: ml}`",)),
        ("  - {linear: «9007199254740993»}\n", "NS123", ()),
        ("  - {«linear»: 9007199254740992}\n", "NS203", ("parameters",)),
        ("  - {formula: x * «q», name: a}\n", "NS110", ("no value `q`",)),
    ],
)  # fmt: skip
def test_a_mistake_in_a_layer_is_told_at_its_words(layers: str, code: str, words: tuple[str, ...]) -> None:
    if "9007199254740993" in layers:
        layers, code = (
            layers.replace("«9007199254740993»", "9007199254740993").replace("linear", "«linear»"),
            "NS203",
        )
    assert_told(LAYERS + layers, code, *words)


def test_a_failed_layer_poisons_what_depends_on_it_and_nothing_else() -> None:
    assert_told(
        LAYERS
        + "  - {«rely», name: a}\n  - linear: 4\n  - {add, from: [_, a]}\n  - {linear: 3, from: a, name: b}\n"
        "outputs: [b]\nloss: mean(b ** 2)\n",
        "NS101",
    )


def test_a_target_is_never_seen_by_a_layer() -> None:
    targets = "targets: {t: {shape: []}}\n"
    assert_told(targets + LAYERS + "  - {relu, from: «t»}\n", "NS129", "never sees targets")
    assert_told(targets + LAYERS + "  - {formula: x + «t», name: a}\n", "NS115", "never sees targets")


def test_several_inputs_flow_only_when_they_are_named() -> None:
    inputs = "inputs: {a: [4], b: [4]}\n"
    assert_told(inputs + LAYERS + "  - «relu»\n", "NS128", "`from: a`")
    assert_good(inputs + LAYERS + "  - {concat, from: [a, b]}\n  - relu\n")


def test_inputs_named_under_the_op_and_from_fill_the_slots_together() -> None:
    head = LAYERS + "  - {linear: 1, name: m}\n  - {softplus, name: s}\n"
    head = "inputs: {x: [4]}\n" + head.replace("name: m}", "name: mm}\n  - {select: feature, name: m}")
    assert_good(head + "  - {normal_cdf: {mu: m, sigma: s, bins: 5}}\n")
    assert_good(head + "  - {normal_cdf: {mu: m, bins: 5}, from: s}\n")
    assert_good(head + "  - {normal_cdf: 5, from: [m, s]}\n")


def test_a_layer_whose_condition_is_false_is_not_there_and_its_name_stands_for_what_flows() -> None:
    text = (
        "define: {deep: false}\n"
        + LAYERS
        + (
            "  - {linear: 3, name: a}\n  - {linear: 7, name: b, when: deep}\n"
            "  - {narrow: {axis: feature, stop: 3}, from: b}\n"
        )
    )
    assert_good(text)
    assert_told(text.replace("deep: false", "deep: true").replace("stop: 3", "stop: «8»"), "NS230", "8")


def test_a_condition_on_a_free_size_is_undecidable() -> None:
    assert_told("inputs: {x: [3, H, W]}\n" + LAYERS + "  - {relu, when: «_.height > 3»}\n", "NS135", "free")


def test_automatic_names_count_the_unnamed_layers_and_skip_written_names(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "netspec: 1\ninputs: {x: [4]}\nlayers:\n  - linear: 3\n  - {linear: 3, name: linear2}\n  - linear: 3\n"
    )
    assert [node.path for node in load(path).graph.nodes] == ["linear1", "linear2", "linear3"]


def test_a_claim_that_contradicts_what_is_derived_is_an_error() -> None:
    assert_good(LAYERS + "  - {linear: 3, as: {unit: ml, range: [0, 1]}}\n")
    ml = "inputs: {x: {shape: [4], unit: ml}}\n"
    assert_told(ml + LAYERS + "  - {«relu», as: {unit: mm}}\n", "NS303", "mm", "ml")
    assert_told(LAYERS + "  - {«sigmoid», as: {range: [2, 3]}}\n", "NS303", "[2, 3]", "[0, 1]")


@pytest.mark.parametrize(
    "layer, words",
    [
        ("{linear: 2, init: {«bias»: kaiming_normal}}", ("fan-in", "[2]")),
        ("{linear: 2, init: {«bias»: orthogonal}}", ("two axes",)),
        ("{linear: 2, init: {«weight»: dirac}}", ("a convolution",)),
        ("{layer_norm, init: {«weight»: {sparse: 0.9}}}", ("a matrix",)),
    ],
)
def test_an_initialiser_for_another_shape_is_told_where_it_is_written(
    layer: str, words: tuple[str, ...]
) -> None:
    assert_told(f"inputs: {{x: [4]}}\nlayers:\n  - {layer}\n", "NS551", *words)


def test_an_initialiser_of_the_section_is_told_at_its_place_there() -> None:
    head = "inputs: {x: [4]}\ninit: {linear: {«bias»: xavier_normal}}\n"
    assert_told(f"{head}layers:\n  - linear: 2\n", "NS551", "`zeros`")
