from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import netspec.lang.yaml
from netspec.lang.compose import DEEPEST, MOST
from netspec.lang.scalars import complaint, resolve
from netspec.lang.tree import Data, Mapping, Node, Scalar, Style, plain
from netspec.lang.yaml import LARGEST, decode, open_source, read
from netspec.text import Source, SpecError
from netspec.text.codes import SYNTAX
from netspec.text.render import render_all, to_github, to_json


def _tree(text: str) -> Mapping:
    tree, told, _ = read(Source("spec.yaml", text))
    assert told == []
    assert tree is not None
    return tree


def _codes(text: str) -> list[str]:
    return [one.code for one in read(Source("spec.yaml", text))[1]]


def _scalars(node: Node) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    if isinstance(node, Mapping):
        return [scalar for entry in node for part in (entry.key, entry.value) for scalar in _scalars(part)]
    return [scalar for item in node for scalar in _scalars(item)]


# ------------------------------------------------------------------------------------------------------------ the tree


def test_a_document_becomes_a_tree_of_its_values() -> None:
    tree = _tree("netspec: 1\nlayers:\n  - relu\n  - {conv: 3, name: a}\nloss: 'x'\n")
    assert plain(tree) == {"netspec": 1, "layers": ["relu", {"conv": 3, "name": "a"}], "loss": "x"}
    assert tree.keys() == ("netspec", "layers", "loss")
    assert tree.get("name") is None
    layers = tree.get("layers")
    assert layers is not None
    assert layers.name == "layers"


def test_every_node_knows_its_place() -> None:
    text = "a:\n  - {b: [1, 2], c}  # end\n  - d:   'e'\n\n# later\nf: |\n  one\n  two\n\ng: x\n  y\n"
    tree = _tree(text)
    places = {scalar.span.text for scalar in _scalars(tree)}
    assert places == {"a", "b", "1", "2", "c", "", "d", "'e'", "f", "|\n  one\n  two", "g", "x\n  y"}
    items = tree.entries[0].value
    assert items.span.text == "- {b: [1, 2], c}  # end\n  - d:   'e'"
    assert not isinstance(items, Scalar)
    assert [node.span.text for node in items if not isinstance(node, Scalar)] == [
        "{b: [1, 2], c}",
        "d:   'e'",
    ]
    assert tree.span.text == text.rstrip()
    assert tree.entries[0].span.text == "a:\n  " + items.span.text
    assert (tree.flow, items.flow) == (False, False)


def test_a_value_left_empty_has_an_empty_place() -> None:
    value = _tree("a:\nb: 1\n").entries[0].value
    assert isinstance(value, Scalar)
    assert (value.value, value.span.start, value.span.end) == (None, 2, 2)


def test_the_style_of_a_scalar_is_kept() -> None:
    styles = [entry.value for entry in _tree("a: b\nc: 'd'\ne: \"f\"\ng: |\n  h\ni: >\n  j\n")]
    assert [one.style for one in styles if isinstance(one, Scalar)] == [
        Style.PLAIN,
        Style.QUOTED,
        Style.QUOTED,
        Style.BLOCK,
        Style.BLOCK,
    ]


def test_quotes_make_a_word_of_everything() -> None:
    assert plain(_tree("a: '1'\nb: \"true\"\nc: ''\n'1': x\n")) == {"a": "1", "b": "true", "c": "", "1": "x"}


def test_comments_are_found_outside_values_only() -> None:
    text = "# top\na: 'b # c'  # one\nd: |  # two\n  e # f\n# three\ng: {h: i, # four\n  j: k} #\nl: m#n\n"
    tree, told, comments = read(Source("spec.yaml", text))
    assert told == []
    assert [comment.text for comment in comments] == ["top", "one", "two", "three", "four", ""]
    assert all(comment.span.text.startswith("#") for comment in comments)
    assert tree is not None
    assert plain(tree) == {"a": "b # c", "d": "e # f\n", "g": {"h": "i", "j": "k"}, "l": "m#n"}


def test_windows_line_ends_change_nothing() -> None:
    text = "a: b # c\nd:\n  - e\nf: |\n  g\n  h\n"
    tree, told, comments = read(Source("spec.yaml", text.replace("\n", "\r\n")))
    assert told == []
    assert tree is not None
    assert plain(tree) == plain(_tree(text))
    assert [comment.text for comment in comments] == ["c"]
    assert [comment.span.text for comment in comments] == ["# c"]


@pytest.mark.parametrize(
    "text, part",
    [
        ("loss: mean(a - b)\n", "a - b"),
        ("loss: 'mean(''a'' - b)'\n", "b)"),
        ('loss: "mean(a) - b"\n', "mean(a)"),
        ("loss: |\n  mean(a)\n    - b\n", "- b"),
        ("loss: mean(a)\n    - best\n", "best"),
        ("loss: >-  # folded\n  mean(a)\n  - best\n", "best"),
    ],
)
def test_a_part_of_a_value_is_found_in_the_file(text: str, part: str) -> None:
    value = _tree(text).entries[0].value
    assert isinstance(value, Scalar)
    start = value.text.index(part)
    found = value.part(start, start + len(part))
    assert found.text == part
    assert found.start == text.rindex(part)


def test_a_part_of_an_escaped_value_is_the_whole_of_it() -> None:
    value = _tree('doc: "a\\tb \\u00e9 c"\n').entries[0].value
    assert isinstance(value, Scalar)
    assert value.part(6, 7) == value.span
    assert value.part(3, 3) == value.span
    assert value.part(0, 99) == value.span


def test_an_error_leaves_a_tree_in_which_guesses_are_marked() -> None:
    tree, told, _ = read(Source("spec.yaml", "a: 1_000\nb: *c\nd: 1\nd: 2\n"))
    assert [one.code for one in told] == ["NS015", "NS012", "NS009"]
    assert tree is not None
    assert plain(tree) == {"a": 1000, "b": None, "d": 1}
    assert [scalar.refused for scalar in _scalars(tree)] == [False, True, False, True, False, False]


def test_two_equal_keys_are_shown_at_both_places() -> None:
    told = read(Source("spec.yaml", "a:\n  b: 1\n  'b': 2\n"))[1]
    assert [(str(one.span), [str(label.span) for label in one.labels]) for one in told] == [
        ("spec.yaml:3:3", ["spec.yaml:2:3"])
    ]


# -------------------------------------------------------------------------------------------------- hostile and broken


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "- - ", "[{a: "])
@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_endless_nesting_is_refused_and_overflows_nothing(
    opening: str, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netspec.lang.yaml, "_LOADER", getattr(yaml, loader))
    assert _codes("a:\n  " + opening * 50_000) == ["NS014"]


def test_the_deepest_nesting_that_is_allowed_is_read() -> None:
    levels = DEEPEST - 1
    assert _codes("a: " + "[" * levels + "]" * levels) == []
    assert _codes("a: " + "[" * (levels + 1) + "]" * (levels + 1)) == ["NS014"]


def test_no_file_makes_more_errors_than_anybody_reads() -> None:
    tree, told, _ = read(Source("spec.yaml", "a: 1\n" * 1000))
    assert len(told) == MOST
    assert tree is not None
    assert len(tree) == 1


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff", "\ud800", "\ufffe"]
)
def test_a_character_that_nobody_sees_is_refused_at_its_place(character: str) -> None:
    told = read(Source("spec.yaml", f"a: b\nc: 'd{character}'\n"))[1]
    assert [(one.code, str(one.span)) for one in told] == [("NS004", "spec.yaml:2:6")]
    assert f"U+{ord(character):04X}" in told[0].message


def test_a_lone_carriage_return_is_no_line_end() -> None:
    assert _codes("a: b\rc: d\n") == ["NS004"]


def test_a_text_beyond_all_specs_is_refused() -> None:
    assert _codes("# " + "x" * LARGEST) == ["NS003"]


def test_all_errors_that_are_no_syntax_errors_are_told_in_one_run() -> None:
    assert _codes("a: &x 1\nb: !t 2\nb: 3\n1: 4\nc: 0b1\nd:\t5\ne: {f:1}\n") == [
        "NS012", "NS011", "NS009", "NS010", "NS015", "NS013", "NS017",
    ]  # fmt: skip


_MARKS = """a b: { } [ ] , ' " # &x *x !t | > @ % ` ? 1 1_0 ( ) \\ --- ... é << $"""
_BLANKS = ("\n", "\n  ", "\n    ", "\r\n", "\t", "\xa0", " ", ": ", "- ", ", ", "? ", " #", "<<: ")
_PIECES = st.sampled_from([*_MARKS.split(), *_BLANKS])


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=30).map("".join)))
@example("a: [\n]b: c")
@example("? - a\n: b")
@example("a: !\nb: &\nc: *")
@example('"\\')
@example("a:\n  'b\n\n---\n")
def test_no_text_makes_it_fail(text: str) -> None:
    """Whatever the text, there are a tree or errors; they have places in the text and can be shown."""
    tree, told, comments = read(Source("spec.yaml", text))
    assert tree is not None or told
    assert {one.code for one in told} <= SYNTAX.keys()
    spans = [span for one in told for span in (one.span, *(label.span for label in one.labels)) if span]
    spans += [one.edit.span for one in told if one.edit] + [comment.span for comment in comments]
    assert all(0 <= span.start <= span.end <= len(text) for span in spans)
    assert all(one.message and one.help for one in told)
    shown = render_all(told, color=False)
    assert all(character == "\n" or character.isprintable() for character in shown)
    assert len(to_json(told)) == len(told) == to_github(told).count("\n")
    for scalar in _scalars(tree) if tree else ():
        assert 0 <= scalar.span.start <= scalar.span.end <= len(text)


# ----------------------------------------------------------------------------------------------------- PyYAML as oracle


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _neutral(word: str) -> bool:
    """Whether a word says the same in YAML 1.1 and 1.2; PyYAML writes what 1.1 has for a word without quotes."""
    return resolve(word) == word and complaint(word) is None


_WORDS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    st.text(st.characters(categories=("L", "N", "P")), max_size=10),
    st.sampled_from(
        [
            "a # b",
            "a: b",
            "- a",
            "'",
            '"',
            "a\nb\n",
            " a",
            "a ",
            "#",
            "{a}",
            "on",
            "1:30",
            "yes",
            "",
            "~",
            "null",
        ]
    ),
).filter(lambda word: _neutral(word) or word in ("", "~", "null"))
_DATA = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False), _WORDS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_WORDS, inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(_WORDS, _DATA, min_size=1, max_size=4),
    st.sampled_from([None, True, False]),
    st.booleans(),
)
def test_a_document_on_which_all_versions_of_yaml_agree_is_read_as_pyyaml_reads_it(
    data: dict[str, Data], flow: bool | None, unicode: bool
) -> None:
    text = yaml.dump(data, Dumper=_Dumper, default_flow_style=flow, allow_unicode=unicode, width=40)
    tree, told, _ = read(Source("spec.yaml", text))
    assert tree is not None, render_all(told, color=False)
    assert plain(tree) == yaml.safe_load(text) == data
    for scalar in _scalars(tree):
        written = scalar.span.text
        if scalar.style is Style.PLAIN:
            assert " ".join(written.split()) == " ".join(scalar.text.split())
        else:
            assert written[0] == written[-1] or written[0] in "|>"
            assert yaml.safe_load(f"- {written}\n") == [scalar.value] or "\n" in written


# -------------------------------------------------------------------------------------------------------------- files


def _refusal(path: Path) -> tuple[str, str]:
    with pytest.raises(SpecError) as caught:
        open_source(path)
    [told] = caught.value.diagnostics
    return told.code, f"{told.message}; {told.help}"


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: caf\xc3\xa9\r\n")
    source = open_source(path)
    assert source == Source(str(path), "name: café\r\n")


def test_a_missing_file_is_told_with_the_name_that_is_near(tmp_path: Path) -> None:
    (tmp_path / "heart.yaml").write_text("netspec: 1\n")
    code, told = _refusal(tmp_path / "haert.yaml")
    assert code == "NS001"
    assert told.endswith(f"did you mean `{tmp_path / 'heart.yaml'}`?")
    code, told = _refusal(tmp_path / "nowhere" / "heart.yaml")
    assert (code, told[-2:]) == ("NS001", "; ")


def test_what_is_no_file_of_text_is_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path)[0] == "NS001"
    assert _refusal(Path("spec\0.yaml"))[0] == "NS001"
    assert _refusal(tmp_path / ("x" * 300))[0] == "NS001"
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (LARGEST + 1))
    assert _refusal(large)[0] == "NS003"
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nname: café\n".encode("latin-1"))
    code, told = _refusal(latin)
    assert code == "NS002"
    assert "line 2" in told
    assert "0xe9" in told


@pytest.mark.parametrize(
    "name, cure",
    [
        ("net.onnx", "`netspec import FILE.onnx -o net.yaml`"),
        ("weights.pth", "`netspec weights SPEC FILE`"),
        ("net.yaml", "save the file as UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_told_what_it_is_for(tmp_path: Path, name: str, cure: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x08\x0a\xff")
    code, told = _refusal(file)
    assert code == "NS002"
    assert cure in told.partition("; ")[2]


def test_utf_16_is_called_by_its_name() -> None:
    with pytest.raises(SpecError, match="UTF-16"):
        decode("spec.yaml", "a: é".encode("utf-16"))
