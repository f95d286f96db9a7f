from __future__ import annotations

import pytest

from netspec.lang.constants import Constant
from tests.lang.marked import assert_good, assert_told, check, completed


@pytest.mark.parametrize(
    "marked, code, words",
    [
        ("netspec: «2»", "NS100", ("`netspec: 1`",)),
        ("netspec: «'1'»", "NS100", ("`netspec: 1`",)),
        ("netspec: «true»", "NS100", ("`netspec: 1`",)),
        ("«metric»: {m: mean(y)}", "NS102", ("`metrics`",)),
        ("«seed»: 3", "NS102", ("it stands under `training`",)),
        ("name: «3»", "NS119", ("is a text",)),
        ("name: «../../elsewhere»", "NS119", ("`name: elsewhere`",)),
        ("name: «'two words'»", "NS119", ("`name: two-words`",)),
        ("name: «..»", "NS119", ("`name: my-network`",)),
        ('name: «"a\\e[31mb"»', "NS119", ("`name: a-31mb`",)),
        (f"name: «{'a' * 65}»", "NS119", ("at most 64",)),
        ("doc: «[a]»", "NS119", ("is a text",)),
        ("«define»: [1]", "NS114", ("maps names to constants",)),
        ("define: {k: «{a: 1}»}", "NS114", ("a number, a word or a list",)),
        ("define: {«Width»: 3}", "NS119", ("small letters",)),
        ("define: {«i»: 3}", "NS119", ("has a meaning",)),
        ("define: {x: 3}\ninputs: {«x»: [4]}", "NS103", ("the first one",)),
        ("define: {k: $«kk» + 1}", "NS110", ("no constant `kk`",)),
        ("inputs: {«class»: [4]}", "NS119", ("Python",)),
        ("inputs: {x: [4]}\ntargets: {«x»: {shape: []}}", "NS103", ("choose another",)),
        ("inputs: {x: {shape: [4], «knid»: image}}", "NS102", ("`kind`",)),
        ("inputs: {x: «4»}", "NS105", ("a list of sizes",)),
        ("inputs: {x: {«Height»: 4}}", "NS105", ("small letters",)),
        ("inputs: {x: {shape: {«batch»: 4}}}", "NS105", ("implicit",)),
        ("inputs: {x: «[4, 4]»}", "NS106", ("`shape: {height: 64, width: 64}`",)),
        ("inputs: {x: «[1, 2, 3, 4, 5]»}", "NS106", ("5 sizes",)),
        ("inputs: {x: [«0»]}", "NS107", ("from 1",)),
        ("inputs: {x: [«-3»]}", "NS107", ("from 1",)),
        ("inputs: {x: [«1.5»]}", "NS107", ("`1.5` is no size",)),
        ("inputs: {x: [«N»]}", "NS107", ("batch",)),
        ("define: {width: 4}\ninputs: {x: [«width»]}", "NS107", ("`$width`",)),
        ("inputs: {x: {shape: [4], kind: «imag»}}", "NS108", ("`image`",)),
        ("targets: {t: {shape: [], unit: «litre»}}", "NS108", ("`ml`",)),
        ("targets: {t: {shape: [], range: «[3, 1]»}}", "NS109", ("the smaller first",)),
        ("targets: {t: {shape: [], range: «5»}}", "NS109", ("two numbers",)),
        ("targets: {t: {kind: class_index, classes: «0»}}", "NS109", ("at least 1",)),
        ("targets: {t: {kind: class_index, classes: «[a, a]»}}", "NS109", ("different words",)),
        ("targets: {t: «{kind: class_index}»}", "NS104", ("`classes: 10`",)),
        ("init: {«cnov»: {weight: zeros}}", "NS101", ("`conv`",)),
        ("init: {linear: {weight: «zeroes»}}", "NS113", ("`zeros`",)),
        ("init: {linear: {weight: {uniform: {«rnage»: [0, 1]}}}}", "NS121", ("`range`",)),
        ("«init»: [zeros]", "NS114", ("maps ops",)),
        ("«lint»: {ignored: {}}", "NS114", ("`ignore`",)),
        ("lint: {ignore: {«NS320»: ''}}", "NS140", ("say why",)),
    ],
)  # fmt: skip
def test_a_mistake_in_a_head_section_is_told_at_its_words(
    marked: str, code: str, words: tuple[str, ...]
) -> None:
    assert_told(marked, code, *words)


@pytest.mark.parametrize(
    "text, codes",
    [
        ("inputs: {x: [4]}\nlayers: [relu]\n", ["NS100"]),
        ("netspec: 1\nlayers: [relu]\n", ["NS122"]),
        ("netspec: 1\ninputs: {x: [4]}\n", ["NS122"]),
        ("netspec: 1\ninputs: {}\nlayers: [relu]\n", ["NS122"]),
        ("netspec: 1\ninputs: {x: [4]}\nlayers: []\n", ["NS116"]),
        ("netspec: 1\ninputs: {x: [4]}\nlayers: relu\n", ["NS116"]),
    ],
)
def test_what_a_spec_must_have_is_asked_for(text: str, codes: list[str]) -> None:
    assert [one.code for one in check(text)] == codes


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"k": 5}, None),
        ({"k": 5.0}, "NS138"),
        ({"k": True}, "NS138"),
        ({"k": "5"}, "NS138"),
        ({"lr": 1}, None),
        ({"lr": 0.5}, None),
        ({"on": 1}, "NS138"),
        ({"on": False}, None),
        ({"word": "two words"}, None),
        ({"word": 3}, "NS138"),
        ({"word": None}, "NS138"),
        ({"sizes": (7, 8)}, None),
        ({"sizes": [7, 8]}, None),
        ({"sizes": 7}, "NS138"),
        ({"kk": 5}, "NS138"),
    ],
)
def test_a_setting_keeps_the_type_of_its_constant(settings: dict[str, Constant], code: str | None) -> None:
    text = completed("define: {k: 3, lr: 0.1, on: true, word: a, sizes: [1, 2]}")
    found = [one.code for one in check(text, settings) if one.code != "NS406"]  # nothing uses these constants
    assert found == ([code] if code else [])


def test_what_is_computed_from_a_constant_follows_its_setting() -> None:
    text = (
        "define: {k: 3, twice: $2 * k}\nlayers:\n  - linear: $twice\n  - {narrow: {axis: feature, stop: 8}}\n"
    )
    assert_good(text, {"k": 4})
    assert [one.code for one in check(completed(text), {"k": 3})] == ["NS230"]


def test_a_constant_that_failed_is_told_once_however_often_it_is_used() -> None:
    assert_told(
        "define: {a: $1 // «0», b: $a + 1}\nlayers:\n  - linear: $a\n  - linear: $b\n  - {relu, when: a > 1}\n",
        "NS134",
        "division by zero",
    )


def test_a_silenced_warning_is_not_told_and_a_needless_silence_is() -> None:
    found = assert_good("lint: {ignore: {NS320: because}}\n")
    assert [one.code for one in found] == ["NS402"]


def test_a_plain_list_has_the_axes_of_pictures_and_a_letter_is_free() -> None:
    assert_good("inputs: {x: [3, H, W]}\nlayers:\n  - global_avg_pool\n  - linear: $2 * _.channel\n")
