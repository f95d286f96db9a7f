"""Units in whole specs: what is derived from the layers, what may not meet, and how one becomes another."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.text import Source
from tests.lang.marked import assert_good, assert_told, completed

HEAD = (
    "inputs:\n"
    "  area: {shape: {slice: 4}, unit: mm2, range: [0, 5000]}\n"
    "  gap: {shape: {slice: 4}, unit: mm, range: [0, 20]}\n"
    "targets: {volume: {shape: [], unit: ml, range: [0, 599]}}\n"
)
CONES = (
    "layers:\n"
    "  - {narrow: {axis: slice, stop: -1}, from: area, name: near}\n"
    "  - {narrow: {axis: slice, start: 1}, from: area, name: far}\n"
    "  - {narrow: {axis: slice, stop: -1}, from: gap, name: thickness}\n"
    '  - {formula: "sum(thickness / 3 * (near + far + sqrt(near * far + 1e-6)), axis=slice)", name: cones}\n'
)
LEARNED = "  - {unsqueeze: feature, from: cones}\n  - linear: 1\n  - {squeeze: feature, name: shift}\n"


def units(text: str, *names: str) -> list[str | None]:
    spec, found = check_source(Source("a.yaml", completed(text)), Path())
    assert spec is not None, found
    by_path = {node.path: node.types[0].unit for node in spec.graph.nodes}
    return [by_path[name] for name in names]


def test_the_volume_of_truncated_cones_is_in_cubic_millimetres_and_converts() -> None:
    text = HEAD + CONES + "  - {convert: ml, name: small}\n" + LEARNED
    text += "  - {formula: small * exp(shift), name: mu}\n"
    assert units(text, "cones", "small", "mu") == ["mm3", "ml", "ml"]
    assert_good(text + "loss: mse(mu, volume)\nmetrics: {rmse: 'sqrt(mse(mu, volume))'}\n")


def test_a_formula_converts_by_a_bare_word() -> None:
    text = HEAD + CONES + LEARNED + "  - {formula: cones * exp(shift), name: mu}\n"
    assert_good(text + "loss: l1(convert(mu, ml), volume)\n")
    assert_good(text + "loss: l1(convert(mu, to=ml), volume)\n")


def test_terms_of_a_loss_are_weighed_in_any_units() -> None:
    text = HEAD + CONES + LEARNED + "  - {convert: ml, from: cones, name: v}\n"
    text += "  - {formula: v * exp(shift), name: mu}\n"
    assert_good(text + "loss: l1(mu, volume) + 0.1 * mse(mu, volume)\n")


@pytest.mark.parametrize(
    "formula, code, words",
    [
        ("l1(«cones * exp(shift)», volume)", "NS311", ("`ml` and `mm3`", "convert(x, ml)", "0.001 ml")),
        ("mean(shift) * mean(near + «thickness»)", "NS311", ("`mm2` and `mm`", "nothing makes")),
        ("mean(convert(cones, «mm»)) * mean(shift)", "NS335", ("`mm3` can become `ml`", "`mm`")),
        ("mean(convert(«shift», ml))", "NS334", ("as: {unit: mm3}",)),
        ("mean(convert(cones, «litre»)) * mean(shift)", "NS123", ("no unit", "ml")),
    ],
)
def test_what_may_not_meet_is_told_with_both_units(formula: str, code: str, words: tuple[str, ...]) -> None:
    assert_told(HEAD + CONES + LEARNED + f"loss: {formula}\n", code, *words)


def test_a_claim_that_contradicts_what_is_derived_is_refused() -> None:
    marked = (
        HEAD
        + CONES
        + LEARNED
        + "  - {formula: «cones * 2», name: v, as: {unit: ml}}\nloss: mean(v)*mean(shift)\n"
    )
    assert_told(marked, "NS303", "`ml`", "`mm3`")


def test_a_curve_over_millimetres_is_no_curve_over_millilitres() -> None:
    head = HEAD + CONES + LEARNED + "  - {formula: cones * exp(shift), name: mu}\n"
    cdf = "  - {normal_cdf: {mu: mu, sigma: mu, bins: 600}, name: cdf}\n"
    assert_told(head + cdf + "loss: crps(«cdf», volume)\n", "NS311", "`mm3`", "`ml`", "convert(mu, ml)")
    assert_told(head + cdf + "loss: mean((cdf - «step(volume, 600)») ** 2)\n", "NS311", "along `bin`")
    small = "  - {convert: ml, name: m}\n  - {normal_cdf: {mu: m, sigma: m, bins: 600}, name: cdf}\n"
    assert_good(head + small + "loss: crps(cdf, volume)\nmetrics: {e: 'l1(quantile(cdf, 0.5), volume)'}\n")
