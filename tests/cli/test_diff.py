from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netspec.cli.diff import diff

DIGITS = Path(__file__).parents[2] / "specs" / "digits.yaml"


def compared(folder: Path, *edits: tuple[str, str], options: tuple[str, ...] = ()) -> Result:
    """What is said of digits.yaml and an edited copy."""
    text = DIGITS.read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = folder / "new.yaml"
    path.write_text(text, "utf-8")
    return CliRunner().invoke(
        diff, [str(DIGITS), str(path), *options], catch_exceptions=False, standalone_mode=False
    )


def test_no_change_gives_status_0(tmp_path: Path) -> None:
    done = compared(tmp_path)
    assert (done.return_value, done.stdout) == (0, "no change\n")


def test_changes_are_told_by_group_and_give_status_1(tmp_path: Path) -> None:
    dropout = ("  - flatten\n", "  - dropout: 0.2\n  - flatten\n")
    done = compared(tmp_path, dropout, ("epochs: 10", "epochs: 12"), ("logits", "scores"))
    assert done.return_value == 1
    assert done.stdout == (
        "graph\n  + dropout1: dropout: {p: 0.2}  (after relu2)\n  = logits is called scores\n"
        "training\n  ~ epochs: 10 -> 12\n"
    )


def test_totals_are_told_with_their_share(tmp_path: Path) -> None:
    done = compared(tmp_path, ("padding: 1, bias: false}\n  - batch_norm", "padding: 1}\n  - batch_norm"))
    assert "~ trainable parameters: 9,978 -> 10,026  (+0.5%)" in done.stdout


def test_what_follows_from_a_change_is_told_shortly(tmp_path: Path) -> None:
    range_ = ("range: [0, 16]}\ntargets", "range: [0, 17]}\ntargets")
    more = ("  - unsqueeze: channel\n", "  - abs\n  - unsqueeze: channel\n  - tanh\n")
    first = (
        "  - conv: {out_channels: 16",
        "  - conv: {out_channels: 3, kernel_size: 1}\n  - conv: {out_channels: 16",
    )
    done = compared(tmp_path, range_, more, first, ("out_channels: 32", "out_channels: 9"))
    lines = done.stdout.splitlines()
    start, end = lines.index("types"), lines.index("graph")
    assert lines[end - 1].startswith("    and ")
    assert lines[end - 1].endswith(" more layers of another type")
    assert end - start == 1 + 1 + 4 + 1  # the group, the input, four layers, and how many more


def test_programs_get_all_as_json(tmp_path: Path) -> None:
    done = compared(tmp_path, ("{out_channels: 16", "{out_channels: 48"), options=("--format", "json"))
    found = json.loads(done.stdout)
    assert done.return_value == 1
    assert found["same"] is False
    assert {"group": "graph", "subject": "conv1.out_channels", "how": "changed", "old": "16", "new": "48"} in found[
        "changes"
    ]  # fmt: skip


def test_a_wrong_spec_gives_status_2_and_its_message(tmp_path: Path) -> None:
    done = compared(tmp_path, ("  - relu\n  - max_pool", "  - rellu\n  - max_pool"))
    assert (done.return_value, done.stdout) == (2, "")
    assert "error[NS101]" in done.stderr


def test_a_setting_holds_for_both(tmp_path: Path) -> None:
    tutorial = DIGITS.with_name("heart-tutorial-2015.yaml")
    line = [str(tutorial), str(tutorial), "--set", "filters=8"]
    assert CliRunner().invoke(diff, line, standalone_mode=False).return_value == 0
    refused = compared(tmp_path, options=("--set", "filters=8"))
    assert refused.return_value == 2
    assert "NS138" in refused.stderr


@pytest.mark.parametrize("line", [[], [str(DIGITS)], [str(DIGITS)] * 3])
def test_two_specs_are_compared_and_no_other_number(line: list[str]) -> None:
    assert CliRunner().invoke(diff, line).exit_code == 2
