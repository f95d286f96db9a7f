"""Mistakes people make in a whole spec, in all its parts.

tests/golden/heart holds each three times: NAME.yaml has the mistake, NAME.txt is what is said of it, and
NAME.fixed.yaml is the same file after the help was followed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from netspec.front import check_source
from netspec.text import Diagnostic, Edit, Severity, Source
from netspec.text.render import render_all

GOLDEN = Path(__file__).parents[1] / "golden" / "heart"

MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "01-kernel-too-large": ("40", ("40x40", "10x10", "kernel_size: 10")),
    "02-op-of-pytorch": ("GlobalAveragePooling2D", ("`global_avg_pool`",)),
    "03-argument-misspelt": ("kernal_size", ("`kernel_size`",)),
    "04-section-misspelt": ("target", ("`targets`",)),
    "05-setting-without-dollar": ("width", ("`$width`",)),
    "06-constant-misspelt": ("widht", ("`width`",)),
    "07-name-twice": ("systole_cdf", ("the first one",)),
    "08-value-of-nobody": ("positions", ("`position`",)),
    "09-target-in-a-layer": ("diastole", ("a layer never sees targets",)),
    "10-unit-other": ("mm", ("mm", "ml", "`unit: ml`")),
    "11-target-outside-bins": ("systole", ("[0, 599]", "0 .. 499")),
    "12-no-distribution": ("systole_mean", ("curve over bins",)),
    "13-axis-of-nobody": ("samples", ("`sample`",)),
    "14-loss-is-a-curve": ("(diastole_cdf - step(diastole, bins)) ** 2", ("bin: 600", "mean(…)")),
    "15-power-of-other-languages": ("^", ("`**`",)),
    "16-names-too-few": ("[diastole_centre]", ("gives 2 values", "1 name is")),
    "17-other-number-of-frames": ("29", ("time 30", "gives 29")),
    "18-spacing-without-unit": ("2", ("`2 mm`",)),
    "19-field-unknown": ("slice_pos", ("`slice_position`",)),
    "20-split-too-much": ("0.3", ("sum to 1.1", "sum to 1 at the most")),
    "21-optimizer-argument": ("weight_deacy", ("`weight_decay`",)),
    "22-metric-unknown": ("crsp", ("`crps`",)),
    "23-wrong-class": ("32.5", ("whole number", "32.5")),
    "24-key-twice": ("epochs", ("first here", "again here")),
    "25-range-of-the-data": ("[0, 255]", ("[0, 1]", "[0, 255]")),
    "26-too-few-bins": ("diastole", ("[0, 599]", "300 bins", "0 .. 299")),
    "27-samples-left-over": ("cummax(systole_cdf)", ("mean(…, axis=sample)",)),
    "28-operator-missing": ("systole_centre", ("`40` and `systole_centre`",)),
    "29-name-of-pytorch": ("forward", ("PyTorch module",)),
    "30-probabilities-for-crps": ("diastole_cdf", ("- cumsum",)),
    "31-comma-for-a-point": ("0,3", ("`0.3`",)),
    "32-name-indented-too-far": ("name: systole_cdf", ("the same column",)),
}
"""By name: the text under the carets, and words of the message, both numbers among them where it is about numbers."""

EACH = pytest.mark.parametrize("name", MISTAKES)


def _source(name: str) -> Source:
    return Source("heart.yaml", (GOLDEN / f"{name}.yaml").read_bytes().decode("utf-8"))


@cache
def _found(name: str) -> tuple[Diagnostic, ...]:
    return check_source(_source(name), GOLDEN)[1]


def _applied(text: str, edit: Edit) -> str:
    return text[: edit.span.start] + edit.text + text[edit.span.end :]


@EACH
def test_a_mistake_is_told_as_its_golden_text_says(name: str, update_golden: bool) -> None:
    told = render_all(_found(name), color=False)
    golden = GOLDEN / f"{name}.txt"
    if update_golden:
        golden.write_text(told, encoding="utf-8", newline="\n")
    assert golden.read_bytes().decode("utf-8") == told


@EACH
def test_one_mistake_gives_one_error_under_the_words_that_are_wrong(name: str) -> None:
    (error,) = (one for one in _found(name) if one.severity is Severity.ERROR)
    words, shown = MISTAKES[name]
    assert error.span is not None
    assert error.span.text == words
    told = render_all([error], color=False)
    assert [word for word in shown if word not in told] == []


@EACH
def test_following_the_help_makes_the_spec_valid(name: str) -> None:
    spec, found = check_source(_source(f"{name}.fixed"), GOLDEN)
    assert spec is not None, render_all(found, color=False)


@EACH
def test_the_exact_edit_is_the_help(name: str) -> None:
    source = _source(name)
    (error,) = (one for one in _found(name) if one.severity is Severity.ERROR)
    if error.edit is None:
        assert error.help
        return
    fixed = _applied(source.text, error.edit)
    assert fixed == _source(f"{name}.fixed").text


@EACH
def test_the_mistake_and_the_fixed_file_differ_in_one_place(name: str) -> None:
    wrong, right = _source(name).text.splitlines(), _source(f"{name}.fixed").text.splitlines()
    while wrong and right and wrong[0] == right[0]:
        del wrong[0], right[0]
    while wrong and right and wrong[-1] == right[-1]:
        del wrong[-1], right[-1]
    assert 1 <= max(len(wrong), len(right)) <= 2


def test_every_golden_file_belongs_to_a_mistake() -> None:
    names = {path.name.split(".")[0] for path in GOLDEN.iterdir()}
    assert names == set(MISTAKES)
    assert len(names) >= 20


def test_mistakes_cover_all_parts_of_a_spec() -> None:
    places = {name: _part(name) for name in MISTAKES}
    wanted = {"inputs", "targets", "layers", "loss", "aggregate", "data", "training"}
    assert wanted <= set(places.values())


def _part(name: str) -> str:
    """The section that the first error points into."""
    span = _found(name)[0].span
    assert span is not None
    lines = span.source.text[: span.start].splitlines() or [""]
    heads = [line.split(":")[0] for line in lines if line and line[0].isalpha()]
    return heads[-1]
