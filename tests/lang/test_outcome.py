from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec.text.render import render_all
from tests.lang.marked import assert_good, assert_told, completed

HEAD = (
    "targets: {t: {shape: [], unit: ml, range: [0, 2]}}\n"
    "layers:\n  - {linear: 3, name: y}\n  - {softmax, name: p}\n  - {cumsum, name: cdf}\n"
)
GROUP = (
    HEAD
    + "loss: crps(cdf, t)\naggregate:\n  by: patient\n  outputs: {whole: 'cummax(mean(cdf, axis=sample))'}\n"
)


def made(text: str) -> Spec:
    spec, found = check_source(Source("a.yaml", completed(text)), Path())
    assert spec is not None, render_all(found, color=False)
    return spec


@pytest.mark.parametrize(
    "text, code, words",
    [
        (HEAD + "outputs: [«yy»]\n", "NS129", ("`y`",)),
        (HEAD + "outputs: [y, «y»]\n", "NS129", ("each once",)),
        (HEAD + "outputs: «t»\n", "NS129", ("cannot be an output",)),
        (HEAD + "loss: {«Crps»: 'crps(cdf, t)'}\n", "NS119", ("small letters",)),
        (HEAD + "loss:\n  crps: «{cdf: cdf, target: t}»\n", "NS130", ("`crps(cdf, t)`",)),
        (HEAD + "loss: {a: 'crps(cdf, t)', b: «cdf»}\n", "NS205", ("a loss",)),
        (HEAD + "metrics: {m: «cdf»}\n", "NS205", ("a metric",)),
        (HEAD + "«metrics»: crps(cdf, t)\n", "NS114", ("maps names to formulas",)),
        (HEAD + "«training»: {epochs: 1, batch_size: 2, optimizer: {sgd: 0.1}}\n", "NS122", ("`loss`",)),
        (HEAD + "«aggregate»: {by: patient}\n", "NS114", ("`by` and `outputs`",)),
        (GROUP.replace("patient", "«study»"), "NS141", ("by: patient",)),
        (GROUP.replace("{whole: 'cummax(mean(cdf, axis=sample))'}", "{whole: «cummax(cdf)»}"), "NS206", ("sample",)),
        (GROUP.replace("{whole:", "{«y»:"), "NS103", ("the first one",)),
        (GROUP.replace("{whole:", "{«lambda»:"), "NS119", ("Python",)),
        (GROUP.replace("mean(cdf", "mean(«y»"), "NS115", ("value of one sample",)),
        (GROUP + "metrics: {m: 'crps(whole, t) + crps(«cdf», t)'}\n", "NS115", ("whole groups",)),
        (GROUP + "metrics: {m: 'crps(«whol», t)'}\n", "NS110", ("no value `whol`",)),
    ],
)  # fmt: skip
def test_a_mistake_in_what_the_layers_are_for_is_told_at_its_words(
    text: str, code: str, words: tuple[str, ...]
) -> None:
    assert_told(text, code, *words)


def test_the_last_value_is_the_output_where_none_is_named() -> None:
    assert list(made(HEAD).graph.entry("predict")) == ["cdf"]
    assert list(made("layers: [relu, tanh]\n").graph.entry("predict")) == ["tanh1"]


def test_outputs_keep_the_order_they_are_written_in() -> None:
    assert list(made(HEAD + "outputs: [p, y]\n").graph.entry("predict")) == ["p", "y"]


def test_several_last_values_are_no_output_of_their_own() -> None:
    split = "«layers»:\n  - {unbind: feature, name: [a, b, c, d]}\n"
    assert_told(split, "NS128", "`outputs: [name, …]`")
    assert list(made(split.replace("«", "").replace("»", "") + "outputs: [b]\n").graph.entry("predict")) == [
        "b"
    ]


def test_what_only_the_loss_needs_is_an_entry_of_training() -> None:
    graph = made(HEAD + "outputs: [cdf]\nloss: {a: 'crps(cdf, t)', b: mean(y ** 2)}\n").graph
    assert list(graph.entry("loss")) == ["a", "b"]
    assert "y" in graph.entry("train")
    assert "cdf" not in graph.entry("train")


def test_metrics_of_samples_and_of_patients_stay_on_their_level() -> None:
    spec = made(GROUP + "metrics: {one: 'crps(cdf, t)', all: 'crps(whole, t)'}\n")
    assert spec.group is not None
    assert spec.group.by == "patient"
    assert list(spec.graph.entry("metrics")) == ["one"]
    assert list(spec.group.graph.entry("metrics")) == ["all"]
    assert list(spec.group.graph.entry("predict")) == ["whole"]


def test_a_warning_that_a_layer_cures_comes_with_that_layer() -> None:
    text = completed(
        "targets: {t: {shape: [], range: [0, 2]}}\n"
        "layers:\n  - linear: 3\n  - {sigmoid, name: cdf}\nloss: crps(cdf, t)\n"
    )
    (warning,) = assert_good(text)
    assert warning.code == "NS320"
    assert warning.edit is not None
    fixed = text[: warning.edit.span.start] + warning.edit.text + text[warning.edit.span.end :]
    assert "  - {sigmoid}\n  - {cummax, name: cdf}\n" in fixed
    assert assert_good(fixed) == ()


def test_the_cure_moves_a_name_that_stands_on_its_own_line() -> None:
    text = completed(
        "targets: {t: {shape: [], range: [0, 2]}}\n"
        "layers:\n  - linear: 3\n  - sigmoid:\n    name: cdf\nloss: crps(cdf, t)\n"
    )
    (warning,) = assert_good(text)
    assert warning.edit is not None
    fixed = text[: warning.edit.span.start] + warning.edit.text + text[warning.edit.span.end :]
    assert "  - sigmoid:\n  - cummax:\n    name: cdf\n" in fixed
    assert assert_good(fixed) == ()


def test_only_written_names_are_values_of_formulas() -> None:
    """Automatic names move when a layer is added before them, so nothing may hang on one."""
    text = "targets: {t: {shape: [2]}}\nlayers:\n  - linear: 2\nloss: mse(«linear1», t)\n"
    assert_told(text, "NS115", "`name: linear1`")
