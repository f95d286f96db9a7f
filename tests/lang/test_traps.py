"""Every trap of YAML that the language knows, word for word: tests/golden/yaml/NAME.yaml and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import netspec.lang.yaml
from netspec.lang.yaml import read
from netspec.text import Severity, Source
from netspec.text.render import render_all

GOLDEN = Path(__file__).parents[1] / "golden" / "yaml"
TRAPS = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


def _source(name: str) -> Source:
    path = GOLDEN / f"{name}.yaml"
    return Source(path.name, path.read_bytes().decode("utf-8"))


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_told_as_its_golden_text_says(name: str, update_golden: bool) -> None:
    told = render_all(read(_source(name))[1], color=False)
    golden = GOLDEN / f"{name}.txt"
    if update_golden:
        golden.write_text(told, encoding="utf-8", newline="\n")
    assert golden.read_bytes().decode("utf-8") == told


def test_every_golden_text_belongs_to_a_trap() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == TRAPS
    assert len(TRAPS) > 50


@pytest.mark.parametrize("name", TRAPS)
def test_the_pure_python_parser_leads_to_the_same_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _source(name)
    tree, told, comments = read(source)
    monkeypatch.setattr(netspec.lang.yaml, "_LOADER", yaml.SafeLoader)
    other_tree, other_told, other_comments = read(source)
    # It stops at the first tab, where the C parser reads on and all tabs are counted in a note.
    assert [replace(one, notes=()) for one in other_told] == [replace(one, notes=()) for one in told]
    assert name == "tab_after_colon" or (other_tree, other_comments) == (tree, comments)


@pytest.mark.parametrize("name", [name for name in TRAPS if any(one.edit for one in read(_source(name))[1])])
def test_an_exact_edit_cures_what_it_is_offered_for(name: str) -> None:
    source = _source(name)
    told = read(source)[1]
    text = source.text
    edits = [one.edit for one in told if one.edit]
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    after = read(Source(source.name, text))[1]
    if name in MORE_MISTAKES_BEHIND_IT:
        assert after
        assert after != told
    else:
        assert len(after) == len(told) - len(edits)


# One edit cures one mistake; the next is only seen behind it.
MORE_MISTAKES_BEHIND_IT = {"tab_after_colon", "bracket_left_open"}


def test_only_comments_that_cut_a_value_off_are_warnings() -> None:
    severities = {name: {one.severity for one in read(_source(name))[1]} for name in TRAPS}
    assert {name for name, found in severities.items() if Severity.WARNING in found} == {
        "comment_cuts_formula",
        "comment_without_space",
    }
    assert [name for name, found in severities.items() if not found] == ["fine"]
