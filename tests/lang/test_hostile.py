"""Whatever the text: no traceback, a place for every message, nothing executed, and an answer at once."""

from __future__ import annotations

import cProfile
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.front import check_source
from netspec.lang.setting import parse_setting
from netspec.text import Diagnostic, Severity, Source
from netspec.text.render import render_all, to_github, to_json

SPECS = [path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))]
TOKEN = re.compile(r"[\w.$-]+|\S")

WORDS = """
    conv relu linear concat batch_norm unbind narrow select where quantile $bins $width bins width {} [] [[]] null ~
    true false 1e400 -1 0 1.5 .inf -.inf .nan 99999999999999999999 '' "x" H N batch channel height feature _ __ cdf
    volume crps mean(cdf) mean(3) softmax $1/0 $2**2000 $(((( $[1,2] $'a'*9 $_.channel $cine.time cine.time from name
    {a:1} [1,2,3] same valid freeze train 0o17 !x &a *a $len([]) $max() min(cdf,1) cdf[0] cdf<1<2 a.b lambda
    $range(3) sum(cdf,axis=bin) step(1,2) where(cdf,1,2) cdf**cdf -cdf mean(cdf,axis=[batch,bin]) crps(cdf)
    crps(cdf,volume,bins=3,reduction=sum) f(**x) f(*x) $sum([[1]]) $max([1],[2]) $min('a',1) $round(1,2,3)
    $abs('a') $sqrt(-1) $log2(0) $floor(1e308*10) $make_divisible(1,0) $[1][5] $[1][1.0] $1<'a' $not_there $if
    5epochs 2%  {sgd:1} dicom_cine digits npz resize mask class_index unit ml mm None True self __class__
""".split()  # noqa: SIM905 - words read best as words

tokens = st.sampled_from(WORDS) | st.text(max_size=12)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A spec of ours after one to three edits of characters, tokens or lines."""
    lines = draw(st.sampled_from(SPECS)).split("\n")
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(lines) - 1))
        line = lines[row]
        match draw(st.sampled_from(["token", "token", "token", "drop", "cut", "copy", "swap", "put"])):
            case "token" if found := list(TOKEN.finditer(line)):
                one = draw(st.sampled_from(found))
                lines[row] = line[: one.start()] + draw(tokens) + line[one.end() :]
            case "drop":
                del lines[row]
            case "cut":
                lines[row] = line[: draw(st.integers(0, len(line)))]
            case "copy":
                lines.insert(row, draw(st.sampled_from(lines)))
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[row], lines[other] = lines[other], line
            case _:
                at = draw(st.integers(0, len(line)))
                lines[row] = line[:at] + draw(tokens) + line[at:]
        lines = lines or [""]
    return "\n".join(lines)


def _check(text: str) -> tuple[Diagnostic, ...]:
    """Check a text, and that what is said of it can be shown in every way."""
    source = Source("a.yaml", text)
    spec, found = check_source(source, Path())
    assert (spec is None) == any(one.severity is Severity.ERROR for one in found)
    for one in found:
        assert one.span is not None
        assert one.span.source is source
        assert 0 <= one.span.start <= one.span.end <= len(text)
        assert one.message
        assert one.edit is None or 0 <= one.edit.span.start <= one.edit.span.end <= len(text)
    shown = render_all(found, color=False)
    assert all(character == "\n" or character.isprintable() for character in shown)
    assert json.loads(json.dumps(to_json(found), allow_nan=False)) == to_json(found)
    to_github(found)
    return found


@given(edited())
def test_an_edited_spec_is_checked_without_a_traceback_and_every_message_has_a_place(text: str) -> None:
    _check(text)


@given(st.text(max_size=200))
def test_any_text_is_checked_without_a_traceback(text: str) -> None:
    _check(text)


@given(st.text(max_size=60))
def test_any_formula_is_checked_without_a_traceback(text: str) -> None:
    quoted = json.dumps(text, ensure_ascii=True)
    if "\\ud" in quoted:
        return  # half a character cannot stand in a file
    _check(
        "netspec: 1\ninputs: {x: [4]}\ntargets: {y: {shape: []}}\nlayers:\n  - {linear: 1, name: a}\n"
        f"loss: {quoted}\n"
    )


CANARIES = (
    "__import__('os').system('touch canary')",
    "open('canary', 'w')",
    "exec('import os')",
    "().__class__.__bases__[0].__subclasses__()",
    "[x for x in (1).__class__.__mro__]",
    "(lambda: open('canary', 'w'))()",
    "f'{open(1)}'",
    "{}.__class__",
    "x.__class__",
    "'{0.__class__}'.format(1)",
    "getattr(1, 'real')",
    "print(1)",
    "(y := 1)",
    "a if 1 else open('canary', 'w')",
)

SLOTS = (
    "netspec: 1\ndefine: {{k: {0}}}\ninputs: {{x: [4]}}\nlayers: [relu]\n",
    "netspec: 1\ninputs: {{x: [{0}, 2, 2]}}\nlayers: [relu]\n",
    "netspec: 1\ninputs: {{x: [4]}}\nlayers:\n  - linear: {0}\n",
    "netspec: 1\ninputs: {{x: [4]}}\nlayers:\n  - {{relu, when: {1}}}\n",
    "netspec: 1\ninputs: {{x: [4]}}\nlayers:\n  - {{formula: {1}, name: a}}\n",
    "netspec: 1\ninputs: {{x: [4]}}\nlayers:\n  - {{linear: 1, name: a}}\nloss: {1}\n",
    "netspec: 1\ninputs: {{x: [4]}}\nlayers:\n  - {{linear: 1, name: a}}\nmetrics: {{m: {1}}}\n",
)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("slot", range(len(SLOTS)))
def test_no_expression_reaches_python(
    slot: int, canary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = SLOTS[slot].format(json.dumps("$" + canary), json.dumps(canary))
    # Quoted or bare, what begins with `$` is computed.
    bare = SLOTS[slot].replace("{{k: {0}}}", "\n  k: {0}").format("$" + canary, canary)
    assert any(one.severity is Severity.ERROR for one in (*_check(text), *_check(bare)))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!!set", "!x"])
def test_yaml_tags_are_refused_and_make_nothing(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = _check(f"netspec: 1\nname: {tag} ['touch canary']\ninputs: {{x: [4]}}\nlayers: [relu]\n")
    assert "NS011" in {one.code for one in found}
    assert list(tmp_path.iterdir()) == []


BOMBS = {
    "a tower of powers": "define: {k: $2**10**10}",
    "a tower of brackets": "define:\n  k: $" + "(" * 3000 + "1" + ")" * 3000,
    "a power of a power": "define: {k: $2**64**64**64}",
    "a repeated list": "define: {k: $[1] * 10**9}",
    "a repeated word": "define: {k: $'a' * 10**9}",
    "a long sum": "define:\n  k: $" + "+".join(["1"] * 1900),
    "many signs": "define:\n  k: $" + "-" * 3000 + "1",
    "a chain of products": "define:\n  k: $" + "*".join(["9" * 15] * 200),
    "an endless number": "define: {k: " + "9" * 100_000 + "}",
    "an endless computed number": "define:\n  k: $" + "9" * 3900,
    "deep lists": "define: {k: " + "[" * 5000 + "]" * 5000 + "}",
    "many constants": "define: {" + ", ".join(f"k{i}: {i}" for i in range(10_000)) + "}",
    "a long list": "define: {k: [" + ", ".join(["1"] * 30_000) + "]}",
    "doubled lists": "define:\n" + "".join(
        f"  k{i + 1}: $[k{i}, k{i}, k{i}, k{i}]\n" if i else "  k1: [1, 1]\n" for i in range(18)
    ),
    "a size beyond all": "define: {k: 1}\ninputs: {x: [99999999999]}",
}  # fmt: skip


def steps(text: str) -> int:
    """Calls of functions while a text is checked: what a busy machine does not change, as it does a clock."""
    profile = cProfile.Profile()
    profile.runcall(_check, text)
    return sum(one.callcount for one in profile.getstats())


MOST_STEPS = 50
"""Calls for each character of a text."""

FEW = 1_000_000
"""Calls that any text may cost: one that makes lists of lists may fill them with 10,000 values each."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_answered_in_steps_that_its_length_allows(bomb: str) -> None:
    text = BOMBS[bomb]
    rest = "" if "inputs" in text else "\ninputs: {x: [4]}"
    whole = f"netspec: 1\n{text}{rest}\nlayers: [relu]\n"
    assert steps(whole) < FEW + MOST_STEPS * len(whole)


LAYER_BOMBS = {
    "a giant layer": "  - linear: 9007199254740992\n",
    "a giant window": "  - {unsqueeze: channel}\n  - conv: {out_channels: 3, kernel_size: 9007199254740992}\n",
    "a giant stack": "  - linear: 16777216\n" * 40,
    "many layers": "  - relu\n" * 20_000,
    "many slices": "  - {linear: 16000000}\n  - {unbind: feature}\n",
    "many names": "  - {identity, name: [" + ", ".join(f"n{i}" for i in range(5000)) + "]}\n",
}


@pytest.mark.parametrize("bomb", LAYER_BOMBS)
def test_a_bomb_of_layers_is_answered_in_steps_that_its_length_allows(bomb: str) -> None:
    whole = f"netspec: 1\ninputs: {{x: {{feature: 4}}}}\nlayers:\n{LAYER_BOMBS[bomb]}"
    assert steps(whole) < FEW + MOST_STEPS * len(whole)


@given(st.text(max_size=40))
def test_any_setting_is_read_or_refused_in_words(text: str) -> None:
    if not text.partition("=")[0].strip() or "=" not in text:
        with pytest.raises(ValueError, match="NAME=VALUE"):
            parse_setting(text)
        return
    name, value = parse_setting(text)
    assert name
    _, found = check_source(Source("a.yaml", SPECS[0]), Path(), {name: value})
    assert all(one.message for one in found)
