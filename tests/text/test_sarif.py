"""SARIF as section 3 of the standard (2.1.0) wants it: what must be there, and what the numbers count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from netspec.cli.validate import validate
from netspec.front import check_source
from netspec.text import Diagnostic, Severity, Source
from netspec.text.codes import CODES
from netspec.text.sarif import SCHEMA, to_sarif

BAD = "netspec: 1\ndoc: 😀\ninputs: {x: [3]}\nlayers: [rely, linear: 2]\n"


def run_of(told: tuple[Diagnostic, ...], folder: Path) -> Any:
    log: Any = to_sarif(told, version="1.2.3", folder=folder)
    assert (log["$schema"], log["version"], len(log["runs"])) == (SCHEMA, "2.1.0", 1)
    json.dumps(log)
    return log["runs"][0]


def found(text: str, name: str = "specs/a b.yaml") -> tuple[Diagnostic, ...]:
    return check_source(Source(name, text), Path())[1]


def test_a_finding_has_its_rule_place_words_and_cure(tmp_path: Path) -> None:
    run = run_of(found(BAD), tmp_path)
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["originalUriBaseIds"]["ROOT"]["uri"] == tmp_path.resolve().as_uri() + "/"
    (rule,) = run["tool"]["driver"]["rules"]
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"]) == ("netspec", "1.2.3")
    assert (rule["id"], rule["shortDescription"]["text"]) == ("NS101", CODES["NS101"])
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("NS101", 0, "error")
    assert result["message"]["text"] == "there is no op `rely`\nhelp: did you mean `relu`?"
    region = {"startLine": 4, "startColumn": 10, "endLine": 4, "endColumn": 14}
    file = {"uri": "specs/a%20b.yaml", "uriBaseId": "ROOT"}
    (place,) = result["locations"]
    assert place["physicalLocation"] == {"artifactLocation": file, "region": region}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == file
    assert change["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "relu"}}]


def test_columns_count_code_points_and_other_places_are_related(tmp_path: Path) -> None:
    run = run_of(
        found("netspec: 1\ninputs: {x: [3]}\nlayers: [relu]\ndefine: {'😀': 1, a: 1, a: 2}\n"), tmp_path
    )
    result = next(one for one in run["results"] if one["ruleId"] == "NS009")
    assert result["locations"][0]["physicalLocation"]["region"]["startColumn"] == 24
    (related,) = result["relatedLocations"]
    assert related["id"] == 1
    assert related["message"]["text"] == "first here"
    assert related["physicalLocation"]["region"]["startColumn"] == 18


def test_a_file_elsewhere_has_its_whole_address_and_a_finding_without_a_file_none(tmp_path: Path) -> None:
    bare = Diagnostic("NS001", Severity.WARNING, "there is no file")
    run = run_of((*found(BAD, "/other/a.yaml"), bare), tmp_path)
    first, second = run["results"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///other/a.yaml"}
    assert (first["ruleIndex"], second["ruleIndex"]) == (1, 0)
    assert "locations" not in second
    assert second["level"] == "warning"


def test_words_of_a_spec_cannot_make_a_link_or_hide_anything(tmp_path: Path) -> None:
    bare = Diagnostic("NS001", Severity.ERROR, "see [here](http://a.b) of [64, 8]\x1b[2J")
    (result,) = run_of((bare,), tmp_path)["results"]
    assert result["message"]["text"] == "see \\[here](http://a.b) of [64, 8]\\u{1b}[2J"


@pytest.mark.parametrize("text, results", [(BAD, 1), (BAD.replace("rely", "relu"), 0)])
def test_the_command_prints_one_log_also_where_all_is_well(tmp_path: Path, text: str, results: int) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    made = CliRunner().invoke(validate, [str(path), "--format", "sarif"], standalone_mode=False)
    assert made.return_value == results
    assert len(json.loads(made.stdout)["runs"][0]["results"]) == results
