from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from netspec.text import Diagnostic, Edit, Label, Severity, Source
from netspec.text.render import WIDEST, count, render, render_all, to_github, to_json
from netspec.text.shown import shown, width

HEART = Source("heart.yaml", "netspec: 1\n" + "\n" * 15 + "  - conv: {kernel_size: 40}\n")
WINDOW = Diagnostic(
    "NS211",
    Severity.ERROR,
    "a 40x40 window does not fit in a 16x16 input",
    HEART.span(HEART.text.index("40"), HEART.text.index("40") + 2),
    label="input is float32[N, 40, 16, 16]",
    help="use `kernel_size: 16` or less, or pool less before this layer",
)


def _at(text: str, piece: str, **more: object) -> Diagnostic:
    start = text.index(piece)
    span = Source("a.yaml", text).span(start, start + len(piece))
    return Diagnostic("NS008", Severity.ERROR, "here", span, **more)  # type: ignore[arg-type]


def _drawn(text: str) -> list[str]:
    """The lines of a rendering below its title and place, without the gutter."""
    return [line.split("| ", 1)[1] for line in text.split("\n")[2:] if "| " in line]


def test_an_error_is_drawn_with_its_line_and_carets() -> None:
    assert (
        render(WINDOW, color=False)
        == """\
error[NS211]: a 40x40 window does not fit in a 16x16 input
  --> heart.yaml:17:25
   |
17 |   - conv: {kernel_size: 40}
   |                         ^^ input is float32[N, 40, 16, 16]
   = help: use `kernel_size: 16` or less, or pool less before this layer"""
    )


def test_colours_change_nothing_but_the_colour() -> None:
    painted = render(WINDOW, color=True)
    assert "\x1b[1;31merror[NS211]\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render(WINDOW, color=False)


def test_what_has_no_place_is_told_without_a_line() -> None:
    told = Diagnostic("NS001", Severity.ERROR, "there is no file", help="look again", notes=("one", "two"))
    assert (
        render(told, color=False)
        == """\
error[NS001]: there is no file
  = note: one
  = note: two
  = help: look again"""
    )


def test_other_places_are_drawn_in_the_order_of_their_lines() -> None:
    source = Source("a.yaml", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n")
    places = {
        word: source.span(source.text.index(word), source.text.index(word) + len(word))
        for word in source.text.split()
    }
    told = Diagnostic(
        "NS200",
        Severity.WARNING,
        "these disagree",
        places["four"],
        "33",
        (Label(places["seven"], "32"), Label(places["one"], "34"), Label(places["three"], "35")),
    )
    assert (
        render(told, color=False)
        == """\
warning[NS200]: these disagree
 --> a.yaml:4:1
  |
1 | one
  | --- 34
2 | two
3 | three
  | ----- 35
4 | four
  | ^^^^ 33
...
7 | seven
  | ----- 32"""
    )


def test_a_place_in_another_file_is_drawn_below() -> None:
    other = Source("blocks/part.yaml", "conv: 3\n")
    told = Diagnostic(
        "NS100", Severity.INFO, "x", HEART.span(0, 7), labels=(Label(other.span(0, 4), "defined here"),)
    )
    assert (
        render(told, color=False)
        == """\
info[NS100]: x
 --> heart.yaml:1:1
  |
1 | netspec: 1
  | ^^^^^^^
 ::: blocks/part.yaml:1:1
  |
1 | conv: 3
  | ---- defined here"""
    )


def test_two_places_on_one_line_share_it() -> None:
    source = Source("a.yaml", "add: [left, right]\n")
    told = Diagnostic(
        "NS200", Severity.ERROR, "x", source.span(12, 17), "8", (Label(source.span(6, 10), "4"),)
    )
    assert _drawn(render(told, color=False)) == ["add: [left, right]", "      ---- 4", "            ^^^^^ 8"]


def test_of_many_lines_the_first_is_drawn() -> None:
    told = _at("a: |\n  one\n  two\nb: 1\n", "|\n  one\n  two")
    assert _drawn(render(told, color=False)) == ["a: |", "   ^"]
    told = _at("abc: def\n  ghi\n", "def\n  ghi")
    assert _drawn(render(told, color=False)) == ["abc: def", "     ^^^"]


def test_an_empty_place_has_one_caret() -> None:
    source = Source("a.yaml", "a:\nb: 1")
    for offset, drawn in ((2, ["a:", "  ^"]), (7, ["b: 1", "    ^"])):
        told = Diagnostic("NS000", Severity.ERROR, "x", source.span(offset, offset))
        assert _drawn(render(told, color=False)) == drawn


def test_tabs_wide_and_combining_characters_keep_the_carets_in_place() -> None:
    assert _drawn(render(_at("a:\tbc", "bc"), color=False)) == ["a:    bc", "      ^^"]
    assert _drawn(render(_at("心臓: x", "x"), color=False)) == ["心臓: x", "      ^"]
    assert _drawn(render(_at("a: 心臓", "心臓"), color=False)) == ["a: 心臓", "   ^^^^"]
    assert _drawn(render(_at("\uff41\uff42: x", "x"), color=False)) == ["\uff41\uff42: x", "      ^"]
    assert _drawn(render(_at("e\u0301: x", "x"), color=False)) == ["e\u0301: x", "   ^"]


def test_nothing_in_a_spec_can_paint_the_terminal_or_hide() -> None:
    text = "a: \x1b[31m\u202ex\u200b"
    told = Diagnostic(
        "NS0", Severity.ERROR, f"`{text}`\nerror: forged", _at(text, "x").span, text, (), (text,), text
    )
    for shown_text in (render(told, color=False), to_github([told])):
        assert "\x1b" not in shown_text
        assert "\u202e" not in shown_text
        assert "\u200b" not in shown_text
    assert "\\u{1b}[31m\\u{202e}x\\u{200b}" in render(told, color=False)
    assert "\nerror: forged" not in render(told, color=False)
    told = Diagnostic("NS0", Severity.ERROR, "x", Source("a\x1b.yaml", "x").span(0, 1))
    assert "a\\u{1b}.yaml:1:1" in render(told, color=False)


def test_a_long_line_is_cut_around_the_carets() -> None:
    text = "a: [" + "1, " * 200 + "here" + ", 2" * 200 + "]"
    [line, carets] = _drawn(render(_at(text, "here"), color=False))
    assert len(line) <= WIDEST
    assert line.startswith("...")
    assert line.endswith("...")
    assert line[carets.index("^") : carets.rindex("^") + 1] == "here"
    [line, carets] = _drawn(render(_at(text, text), color=False))
    assert line.startswith("a: [1, ")
    assert len(carets) <= len(line)


def test_places_far_apart_on_a_long_line_are_drawn_apart() -> None:
    text = "a: left" + " " * 500 + "right"
    source = Source("a.yaml", text)
    told = Diagnostic(
        "N", Severity.ERROR, "x", source.span(3, 7), "", (Label(source.span(507, 512), "there"),)
    )
    [first, under_first, second, under_second] = _drawn(render(told, color=False))
    assert first.startswith("a: left")
    assert under_first == "   ^^^^"
    assert second.endswith("right")
    assert second[under_second.index("-") :] == "right"


def test_an_endless_message_is_cut() -> None:
    told = Diagnostic("NS009", Severity.ERROR, "x" * 10**6, help="y" * 10**6)
    assert len(render(told, color=False)) < 2000


def test_help_of_several_lines_is_aligned() -> None:
    told = Diagnostic("NS009", Severity.ERROR, "x", help="first\nsecond")
    assert render(told, color=False).endswith("  = help: first\n          second")


def test_all_are_counted_at_the_end() -> None:
    warning = Diagnostic("NS400", Severity.WARNING, "careful")
    remark = Diagnostic("NS401", Severity.INFO, "by the way")
    assert count([WINDOW, warning, WINDOW]) == "2 errors, 1 warning"
    assert count([warning, warning, remark]) == "2 warnings, 1 remark"
    text = render_all([WINDOW, warning], color=False)
    assert text == render(WINDOW, color=False) + "\n\nwarning[NS400]: careful\n\n1 error, 1 warning\n"
    assert render_all([], color=True) == ""


def test_json_has_every_place_and_the_edit() -> None:
    assert WINDOW.span is not None
    told = Diagnostic(
        "NS211",
        Severity.ERROR,
        "m",
        WINDOW.span,
        "l",
        (Label(HEART.span(0, 7), "o"),),
        ("n",),
        "h",
        Edit(WINDOW.span, "16"),
    )
    [one] = json.loads(json.dumps(to_json([told])))
    place = {"file": "heart.yaml", "line": 17, "column": 25, "end_line": 17, "end_column": 27}
    assert one == {
        "code": "NS211",
        "severity": "error",
        "message": "m",
        **place,
        "help": "h",
        "notes": ["n"],
        "label": "l",
        "labels": [
            {"file": "heart.yaml", "line": 1, "column": 1, "end_line": 1, "end_column": 8, "text": "o"}
        ],
        "edit": {**place, "text": "16"},
    }
    [bare] = to_json([Diagnostic("NS001", Severity.ERROR, "m")])
    assert (bare["file"], bare["line"], bare["edit"], bare["labels"]) == (None, None, None, [])


def test_github_is_told_in_its_own_escapes() -> None:
    source = Source("my,spec:1%.yaml", "a: b\n")
    told = [
        Diagnostic("NS008", Severity.ERROR, "100% wrong: a, b", source.span(3, 4), help="cure"),
        Diagnostic("NS400", Severity.WARNING, "::error::forged\n::error::again", notes=("n",)),
        Diagnostic("NS401", Severity.INFO, "x"),
    ]
    assert to_github(told).split("\n") == [
        "::error file=my%2Cspec%3A1%25.yaml,line=1,col=4,endLine=1,endColumn=5,title=NS008::100%25 wrong: a, b%0Acure",
        "::warning title=NS400::::error::forged%0A::error::again%0An",
        "::notice title=NS401::x",
        "",
    ]


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_any_text_is_drawn_on_a_terminal_and_the_carets_stay_under_it(
    text: str, start: int, length: int
) -> None:
    source = Source("a.yaml", text)
    start = min(start, len(text))
    told = Diagnostic("NS008", Severity.ERROR, text, source.span(start, min(start + length, len(text))), text)
    drawn = render(told, color=False)
    assert all(character == "\n" or character.isprintable() for character in drawn)
    lines = drawn.split("\n")
    assert len(lines) == 5
    assert lines[4].count("^") >= 1
    gutter = lines[3].index("|")
    assert width(lines[3][gutter:]) <= WIDEST + 16


@given(st.text())
def test_what_is_shown_is_one_line_without_hidden_characters(text: str) -> None:
    once = shown(text)
    assert once.isprintable()
    assert shown(once) == once
    assert 0 <= width(once) <= 2 * len(once)
