"""Mistakes of meaning that one change cures: the exact edit is offered, and it leaves nothing to say."""

from __future__ import annotations

import pytest

from tests.lang.marked import assert_told, check, completed

HEAD = (
    "targets: {c: {kind: class_index, classes: 3}, t: {shape: [3], kind: mask}}\n"
    "layers:\n  - {linear: 3, name: y}\n  - {softmax, name: p}\n  - {log_softmax, from: y, name: l}\n"
    "  - {sigmoid, from: y, name: s}\n"
)


@pytest.mark.parametrize(
    "formula, code, cured",
    [
        ("cross_entropy(«p», c)", "NS312", "cross_entropy(y, c)"),
        ("cross_entropy(«softmax(y)», c)", "NS312", "cross_entropy(y, c)"),
        ("cross_entropy(«l», c)", "NS313", "nll(l, c)"),
        ("focal(«l», c)", "NS313", "focal(y, c)"),
        ("nll(«y», c)", "NS316", "cross_entropy(y, c)"),
        ("bce(«y», t)", "NS314", "bce_with_logits(y, t)"),
        ("bce_with_logits(«s», t)", "NS315", "bce(s, t)"),
    ],
)
def test_the_edit_cures_the_mistake(formula: str, code: str, cured: str) -> None:
    told = assert_told(HEAD + f"loss: {formula}\n", code)  # which applies the edit and finds no error left
    assert told.edit is not None
    text = completed(HEAD + f"loss: {formula}\n".replace("«", "").replace("»", ""))
    assert text[: told.edit.span.start] + told.edit.text + text[told.edit.span.end :] == completed(
        HEAD + f"loss: {cured}\n"
    )


def test_a_softmax_of_a_layer_without_a_name_is_told_without_an_edit() -> None:
    text = "targets: {c: {kind: class_index, classes: 3}}\nlayers:\n  - linear: 3\n  - {softmax, name: p}\n"
    (error,) = check(completed(text + "loss: cross_entropy(p, c)\n"))
    assert (error.code, error.edit) == ("NS312", None)
    assert "softmax" in error.help
