"""Masks, classes and weights in whole specs: optional inputs by name, and what is said where they do not fit."""

from __future__ import annotations

import pytest

from tests.lang.marked import assert_good, assert_told

HEAD = (
    "inputs:\n"
    "  features: {shape: {slice: S, feature: 4}}\n"
    "  present: {shape: {slice: S}, kind: mask}\n"
    "  sex: {kind: class_index, classes: [F, M, O]}\n"
    "  area: {shape: {slice: S}, range: [0, 9]}\n"
    "targets: {t: {shape: [4]}}\n"
)


@pytest.mark.parametrize(
    "layer",
    [
        "{formula: 'mean(features, axis=slice, where=present)', name: m}",
        "{formula: 'mean(features, slice, where=present)', name: m}",
        "{mean: {axis: slice, where: present}, from: features, name: m}",
        "{mean: slice, from: [features, present], name: m}",
        "{amax: {axis: slice, where: present}, from: features, name: m}",
    ],
)
def test_a_mask_is_an_input_that_may_be_left_out(layer: str) -> None:
    text = HEAD + f"layers:\n  - {layer}\n  - {{linear: 4, name: y}}\n"
    assert_good(text + "loss: mse(y, t)\nmetrics: {seen: 'mean(features, where=present)'}\n")


def test_classes_join_measured_features() -> None:
    text = HEAD + "layers:\n  - {mean: {axis: slice, where: present}, from: features, name: m}\n"
    text += (
        "  - {one_hot: 3, from: sex, name: code}\n  - {concat, from: [m, code]}\n  - {linear: 4, name: y}\n"
    )
    assert_good(text + "loss: mse(y, t)\n")
    assert_good(text.replace("one_hot: 3", "one_hot") + "loss: mse(y, t)\n")


@pytest.mark.parametrize(
    "layer, code, words",
    [
        ("{formula: 'mean(features, axis=slice, where=«area»)', name: m}", "NS325", ("kind: mask",)),
        (
            "{formula: 'mean(area, axis=slice, where=«features > 0»)', name: m}",
            "NS336",
            ("`feature`", "`where`"),
        ),
        ("{formula: 'mean(features, slice, «present»)', name: m}", "NS125", ("where=…",)),
        ("{one_hot: «2», from: sex, name: m}", "NS333", ("`2` places", "`3` classes")),
        ("{one_hot: 2, from: «area», name: m}", "NS318", ("class_index",)),
    ],
)
def test_what_does_not_fit_is_told_at_its_words(layer: str, code: str, words: tuple[str, ...]) -> None:
    assert_told(HEAD + f"layers:\n  - {layer}\n", code, *words)


def test_a_gate_spreads_by_the_names_of_its_axes() -> None:
    text = HEAD + "layers:\n  - {mean: {axis: slice}, from: features, name: gate}\n"
    text += "  - {formula: 'mean(features * expand(gate, like=features), axis=slice)'}\n  - {linear: 4, name: y}\n"
    assert_good(text + "loss: mse(y, t)\n")
