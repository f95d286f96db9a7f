"""Every rule of lint has its file, its page, its code and its golden pair, and none is told of a cured spec.

tests/golden/lint holds NAME.yaml, which the rule NAME doubts in one place, NAME.txt, what is said of it, and
NAME.cured.yaml, after the help was followed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.passes.lint import MOST, RULES, rule, rules
from netspec.passes.lint.rule import Rule
from netspec.text import Diagnostic, Edit, Severity, Source
from netspec.text.codes import LINT
from netspec.text.render import render_all

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "lint"
FRAME = {"__init__", "rule"}
BEFORE_RULES = {"NS402"}

EACH = pytest.mark.parametrize("name", RULES)


def found(name: str) -> tuple[Diagnostic, ...]:
    return told_of((GOLDEN / f"{name}.yaml").read_bytes().decode("utf-8"))


def told_of(text: str) -> tuple[Diagnostic, ...]:
    spec, diagnostics = check_source(Source("net.yaml", text), GOLDEN)
    assert spec is not None, render_all(diagnostics, color=False)
    return diagnostics


def applied(text: str, edit: Edit) -> str:
    return text[: edit.span.start] + edit.text + text[edit.span.end :]


def test_every_file_is_a_rule_and_every_rule_a_file() -> None:
    files = {path.stem for path in (ROOT / "netspec" / "passes" / "lint").glob("*.py")}
    assert files - FRAME == set(RULES)


def test_every_rule_has_a_code_of_its_own_and_every_code_a_rule() -> None:
    codes = [kind.code for kind in rules().values()]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(LINT) - BEFORE_RULES
    assert all(re.fullmatch("NS4[0-4][0-9]", code) for code in codes)


@EACH
def test_a_rule_says_what_why_and_what_instead(name: str) -> None:
    kind = rule(name)
    assert (kind.name, "".join(name.split("_"))) == (name, kind.__name__.lower())
    what, why, instead = re.split(r"\n\s*\n", (kind.__doc__ or "").strip())
    assert what
    assert why.lstrip().startswith("Why: ")
    assert instead.lstrip().startswith("Instead: ")
    assert kind.check is not Rule.check


@EACH
def test_a_rule_is_told_as_its_golden_text_says(name: str, update_golden: bool) -> None:
    told = render_all(found(name), color=False)
    golden = GOLDEN / f"{name}.txt"
    if update_golden:
        golden.write_text(told, encoding="utf-8", newline="\n")
    assert golden.read_bytes().decode("utf-8") == told


@EACH
def test_one_doubt_is_one_warning_with_a_place_and_a_cure(name: str) -> None:
    (one,) = found(name)
    assert (one.code, one.severity) == (rule(name).code, Severity.WARNING)
    assert one.span is not None
    assert one.help


@EACH
def test_the_cured_spec_is_silent(name: str) -> None:
    assert found(f"{name}.cured") == ()


@EACH
def test_an_exact_edit_silences_the_rule_and_wakes_no_other(name: str) -> None:
    (one,) = found(name)
    if one.edit is not None:
        assert told_of(applied((GOLDEN / f"{name}.yaml").read_text("utf-8"), one.edit)) == ()


def test_edits_are_given_where_they_are_certain() -> None:
    edited = {name for name in RULES if found(name)[0].edit is not None}
    assert {"bias_before_norm", "unnormalised_input", "split_by_sample", "metric_direction"} <= edited


@EACH
def test_a_rule_is_silenced_with_a_reason(name: str) -> None:
    text = (GOLDEN / f"{name}.yaml").read_text("utf-8")
    head = "" if "\nlint:\n" in text else "\nlint:\n"
    assert told_of(f"{text}{head}  ignore: {{{rule(name).code}: this is a test}}\n") == ()


def test_every_golden_file_belongs_to_a_rule() -> None:
    assert {path.name.split(".")[0] for path in GOLDEN.iterdir()} == set(RULES)


def test_warnings_stand_in_the_order_of_the_file_whatever_rule_they_come_from() -> None:
    text = (GOLDEN / "bias_before_norm.yaml").read_text("utf-8")
    text = text.replace("name: net", "name: net\ndefine: {depth: 2}")
    text += "training: {epochs: 1, batch_size: 1, optimizer: {sgd: 100}}\n"
    codes = [one.code for one in told_of(text)]
    assert codes == ["NS406", "NS403", "NS416", "NS413"]


@pytest.mark.parametrize(
    "setting, code, words",
    [
        ("{heavy: {share: 0.5}}", "NS113", "`heavy_layer`"),
        ("{heavy_layer: {share: 2}}", "NS123", "at most 1"),
        ("{heavy_layer: {sahre: 0.5}}", "NS121", "`share`"),
        ("{heavy_layer: {share: .inf}}", "NS123", "share"),
        ("{dead_layer: {share: 0.5}}", "NS121", "no arguments"),
        ("[heavy_layer]", "NS114", "is a mapping"),
    ],
)
def test_a_wrong_setting_of_a_rule_is_an_error_at_its_place(setting: str, code: str, words: str) -> None:
    text = (GOLDEN / "dead_layer.cured.yaml").read_text("utf-8") + f"\nlint: {{rules: {setting}}}\n"
    spec, (one,) = check_source(Source("net.yaml", text), GOLDEN)
    assert spec is None
    assert one.code == code
    assert words in render_all([one], color=False)


@pytest.mark.parametrize(
    "name, setting",
    [
        ("heavy_layer", "{share: 1}"),
        ("heavy_layer", "{parameters: 5000000}"),
        ("dropped_border", "{share: 0.5}"),
        ("dropout_before_norm", "{layers: 0}"),
        ("unnormalised_input", "{largest: 255}"),
        ("learning_rate", "{highest: 10}"),
        ("batch_of_one", "{least: 1}"),
    ],
)
def test_a_rule_is_set_otherwise_in_the_spec(name: str, setting: str) -> None:
    text = (GOLDEN / f"{name}.yaml").read_text("utf-8")
    assert told_of(f"{text}\nlint: {{rules: {{{name}: {setting}}}}}\n") == ()


def test_a_rule_is_set_by_a_constant() -> None:
    text = (GOLDEN / "heavy_layer.yaml").read_text("utf-8")
    text = text.replace("name: net", "name: net\ndefine: {most: 5000000}")
    assert told_of(f"{text}\nlint: {{rules: {{heavy_layer: {{parameters: $most}}}}}}\n") == ()


def test_a_silencing_says_nothing_of_rules_while_there_are_errors() -> None:
    text = (GOLDEN / "bias_before_norm.yaml").read_text("utf-8").replace("- relu", "- rely", 1)
    _, told = check_source(Source("net.yaml", f"{text}\nlint: {{ignore: {{NS403: as published}}}}\n"), GOLDEN)
    assert [one.code for one in told] == ["NS101"]


def test_a_silenced_code_that_does_not_exist_is_told() -> None:
    text = (GOLDEN / "dead_layer.cured.yaml").read_text("utf-8") + "\nlint: {ignore: {NS4O3: as published}}\n"
    (one,) = told_of(text)
    assert (one.code, one.message) == ("NS402", "`NS4O3` is no code")


def test_a_rule_that_doubts_many_places_says_how_many_and_shows_some() -> None:
    constants = ", ".join(f"k{i}: {i}" for i in range(1_000))
    text = (
        (GOLDEN / "dead_layer.cured.yaml").read_text("utf-8").replace("name: net", f"define: {{{constants}}}")
    )
    told = told_of(text)
    assert {one.code for one in told} == {"NS406"}
    assert len(told) == MOST
    assert told[-1].notes == ("so it is in 980 more places",)
