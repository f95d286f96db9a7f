from __future__ import annotations

import pytest

from tests.lang.marked import assert_good, assert_told

HEAD = (
    "targets: {t: {shape: [], unit: ml, range: [0, 2]}, c: {kind: class_index, classes: 3}}\n"
    "define: {k: 2}\n"
    "layers:\n  - {linear: 3, name: y}\n  - {softmax, name: p}\n  - {cumsum, name: cdf}\n"
)


@pytest.mark.parametrize(
    "formula, code, words",
    [
        ("mean«(»y", "NS130", ("brackets do not close",)),
        ("mean(y) «&&» 1", "NS130", ("write `and`",)),
        ("mean(y «z»)", "NS130", ("between `y` and `z`",)),
        ("mean(y)«)»", "NS130", ("closes nothing",)),
        ("«''»", "NS130", ("missing",)),
        ("«[y]»", "NS130", ("one expression",)),
        ("«$mean(y)»", "NS132", ("write `mean(y)`",)),
        ("mean((«lambda:y»))", "NS133", ("a lambda",)),
        ("mean(«[v for v in y]»)", "NS133", ("comprehension",)),
        ("mean(y «@» y)", "NS133", ("`@`",)),
        ("mean(y «^» 2)", "NS133", ("`**`",)),
        ("mean(y) + «None»", "NS133", ("`None`",)),
        ('"mean(y) «#» no comment"', "NS133", ("`#`",)),
        ("mean(«yy»)", "NS110", ("no value `yy`",)),
        ("«mean»", "NS110", ("call it",)),
        ("mean(«t1»)", "NS110", ("no value `t1`",)),
        ("«meen»(y)", "NS112", ("`mean`",)),
        ("«nothing»(y)", "NS112", ("no function",)),
        ("mean(«y[0]»)", "NS136", ("narrow",)),
        ("mean(«0 < y < 1»)", "NS136", ("two at a time",)),
        ("mean(«not y»)", "NS136", ("constants",)),
        ("mean(«y % 2»)", "NS136", ("constants",)),
        ("mean(y, axis=«3»)", "NS137", ("by its name",)),
        ("mean(y, axis=«featur»)", "NS253", ("featur",)),
        ("mean(y, «axs»=[batch, feature])", "NS121", ("`axis`",)),
        ("mean(y, feature, «3»)", "NS125", ("fewer arguments",)),
        ("«crps(cdf)»", "NS125", ("needs `target`",)),
        ("«mean()»", "NS125", ("needs `x`",)),
        ("mean(y) + «'a'»", "NS136", ("no number",)),
        ("mean(y) + k // «0»", "NS134", ("division by zero",)),
        ("mean(y) * «_.feature»", "NS111", ("no such value",)),
        ("mean(y * «y.height»)", "NS111", ("no such value or axis",)),
        ("«y»", "NS205", ("feature: 3",)),
        ("«mean(y, axis=feature)»", "NS205", ("batch: N",)),
        ("«mean(t)»", "NS139", ("nothing that is learned",)),
        ("cross_entropy(«p», c)", "NS312", ("softmax",)),
        ("crps(«p», t)", "NS319", ("cumsum",)),
        ("mean(y) if «y» else 1", "NS110", ("`y`",)),
    ],
)  # fmt: skip
def test_a_mistake_in_a_formula_is_told_at_its_words(formula: str, code: str, words: tuple[str, ...]) -> None:
    assert_told(HEAD + f"loss: {formula}\n", code, *words)


@pytest.mark.parametrize(
    "formula",
    [
        "crps(cdf, t)",
        "crps(cdf=cdf, target=t)",
        "crps(cdf, target=t)",
        "mean((cdf - step(t, 3)) ** 2)",
        "mean((cdf - step(t, bins=k + 1)) ** 2)",
        "-mean(log_softmax(y))",
        "+mean(y) * 2 / k - sum([1, 2]) ** 0.5",
        "mean(where(y > 0, y, -y))",
        "mean(amax(y, axis=feature))",
        "mean(y, axis=[batch, feature])",
        "mean(y) if k > 1 else mean(nothing)",
        "mean(y * y.feature)",
        "cross_entropy(y, c) + 0.1 * mean(abs(y))",
        "max(1, k) * mean(maximum(y, p))",
        "|\n    mean(\n      y)\n    + 1",
        ">-\n    mean(y)\n    + 1",
        "'mean(y) + mean(p)'",
    ],
)
def test_a_good_formula_becomes_graph(formula: str) -> None:
    assert_good(HEAD + f"loss: {formula}\n")


def test_a_place_in_a_block_of_lines_is_found() -> None:
    assert_told(HEAD + "loss: |\n  mean(y)\n  + mean(«yy»)\n", "NS110")
    assert_told(HEAD + "loss: >\n  mean(y)\n  + «meen»(y)\n", "NS112")
    assert_told(HEAD + 'loss: "mean(y) + mean(«é»)"\n', "NS110")


def test_one_mistake_behind_several_formulas_is_one_message_with_every_place() -> None:
    text = (
        HEAD.replace("range: [0, 2]", "range: [0, 9]")
        + "loss: crps(cdf, «t»)\nmetrics: {m: 'crps(cdf, t)'}\n"
    )
    error = assert_told(text, "NS321")
    assert [label.text for label in error.labels] == ["and here"]
