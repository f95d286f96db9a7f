from __future__ import annotations

import json

import pytest
from click import UsageError
from click.testing import CliRunner, Result

from netspec.cli.explain import explain
from netspec.cli.main import main
from netspec.text.codes import CODES, GROUPS
from netspec.text.page import page
from tests.cli.test_validate import HEAVY, netspec


def run(*arguments: str) -> Result:
    return CliRunner().invoke(explain, arguments, standalone_mode=False, catch_exceptions=False)


@pytest.mark.parametrize("word", ["NS211", "ns211", "211"])
def test_a_code_prints_its_page(word: str) -> None:
    assert run(word).stdout == page("NS211").text


def test_without_a_code_every_code_is_listed_with_its_line_under_its_group() -> None:
    lines = run().stdout.splitlines()
    assert [line for line in lines if line.endswith(":")] == [f"{group}:" for group in GROUPS]
    assert sorted(line.split()[0] for line in lines if line.startswith("  ")) == sorted(CODES)
    assert f"  NS211  {CODES['NS211']}" in lines


def test_json_has_the_parts_of_a_page() -> None:
    told = json.loads(run("NS211", "--format", "json").stdout)
    one = page("NS211")
    assert told == {
        "code": "NS211",
        "title": CODES["NS211"],
        "text": one.prose,
        "example": one.example,
        "told": one.told,
        "cured": one.cured,
    }
    assert json.loads(run("NS520", "--format", "json").stdout)["example"] is None


def test_json_lists_every_code_with_its_group() -> None:
    told = json.loads(run("--format", "json").stdout)
    assert {one["code"]: one["title"] for one in told} == CODES
    assert {one["group"] for one in told} == set(GROUPS)


@pytest.mark.parametrize(
    "word, said",
    [
        ("NS299", "There is no code or word `NS299`. Did you mean one of these?\n  NS"),
        ("groups", "NS213  Groups do not divide the channels."),
        ("zebra", "Did you mean `zeros`?"),
        ("qqqqqqqqqqqq", "`netspec explain` lists all codes."),
        ("\x1b[2J", "`\\u{1b}[2J`"),
    ],
)
def test_an_unknown_code_is_a_wrong_command_line_that_is_told_what_is_near(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["explain", word])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_explain_loads_no_more_than_validate() -> None:
    watch = "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    made = netspec("explain", "NS312", code=watch)
    assert made.returncode == 0, made.stderr
    assert made.stdout == page("NS312").text
    loaded = set(eval(made.stderr))
    assert "click" in loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize(
    "word,what,told",
    [
        ("conv", "op", "Cross-correlate windows"),
        ("bias_before_norm", "rule of lint", "NS403"),
        ("cosine", "phase of a schedule", "Loshchilov"),
        ("sgd", "optimizer", "momentum"),
        ("kaiming_normal", "initialiser", "He et al. 2015"),
        ("rotate", "transform", "drawn anew"),
    ],
)
def test_a_word_of_the_language_prints_what_its_page_tells(word: str, what: str, told: str) -> None:
    said = run(word).stdout
    assert said.startswith(f"# `{word}`: {what}\n")
    assert told in said
    assert json.loads(run(word, "--format", "json").stdout) == {"word": word, "text": said}


def test_a_word_with_two_meanings_prints_both() -> None:
    said = run("constant").stdout
    assert "# `constant`: op\n" in said
    assert "# `constant`: phase of a schedule\n" in said


def test_a_word_of_another_library_is_met_with_ours() -> None:
    with pytest.raises(UsageError, match="Did you mean `conv`"):
        run("Conv2d")
