from __future__ import annotations

import cProfile
import dataclasses
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netspec.lang.canonical import canonical
from netspec.lang.traps import _two_ops
from netspec.lang.tree import Data, Mapping, Node, Sequence, plain
from netspec.lang.yaml import read
from netspec.text import Severity, Source, SpecError
from tests.lang.canonical.writers import specs

ROOT = Path(__file__).parents[3]
SPECS = sorted((ROOT / "specs").rglob("*.yaml"))


def form(text: str) -> str:
    return canonical(Source("spec.yaml", text))


def data(text: str) -> Data:
    root, _, _ = read(Source("spec.yaml", text))
    assert root is not None
    return plain(root)


def remarks(text: str) -> Counter[str]:
    return Counter(one.span.text for one in read(Source("spec.yaml", text))[2])


def assert_same(text: str) -> str:
    """The canonical form, which says the same, has the same comments and is its own canonical form."""
    made = form(text)
    assert repr(data(made)) == repr(data(text)) or data(made) == data(text)
    assert remarks(made) == remarks(text)
    assert form(made) == made
    assert all(line == line.rstrip() for line in made.split("\n") if "|" not in made)
    return made


def long_keys(node: Node) -> bool:
    """Whether a key goes over several lines."""
    if isinstance(node, Mapping):
        return any("\n" in str(entry.key.value) or long_keys(entry.value) for entry in node)
    return isinstance(node, Sequence) and any(long_keys(item) for item in node)


def two_ops(node: Node) -> bool:
    """Whether some layer has two ops, which braces hide and dashes show."""
    if isinstance(node, Mapping):
        return any(two_ops(entry.value) for entry in node)
    if isinstance(node, Sequence):
        return any(
            two_ops(item)
            or (isinstance(item, Mapping) and any(_two_ops(dataclasses.replace(item, flow=False))))
            for item in node
        )
    return False


# -------------------------------------------------------------------------------------------------------- properties


@given(specs())
def test_the_form_says_the_same_keeps_comments_and_is_its_own_form(text: str) -> None:
    root, found, _ = read(Source("spec.yaml", text))
    assume(root is not None and not any(one.severity is Severity.ERROR for one in found))
    assert root is not None
    assume(not two_ops(root))
    assert_same(text)


@given(st.data())
def test_a_spec_changed_at_random_is_put_in_order_or_left_alone(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SPECS)).read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + data.draw(st.sampled_from([*"{}[],:#-'\"|> \n", "", "\n\n", "  "]))
            + text[at + data.draw(st.integers(0, 3)) :]
        )
    try:
        made = form(text)
    except SpecError as trouble:
        codes = {one.code for one in trouble.diagnostics}
        root, found, _ = read(Source("spec.yaml", text))
        hidden = root is not None and (two_ops(root) or long_keys(root))
        assert any(one.severity is Severity.ERROR for one in found) or (hidden and codes == {"NS740"})
        return
    assert remarks(made) == remarks(text)
    assert form(made) == made


def test_a_key_of_several_lines_has_no_canonical_form_and_is_told_so() -> None:
    with pytest.raises(SpecError, match="a key of several lines"):
        form("layers:\n  - {linear: 10, na\n\n logits}\n")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_the_specs_of_the_project_are_in_their_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert form(text) == text


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_a_spec_that_was_mistreated_is_put_in_order_again(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    wide = re.sub(
        r"^( *)(- )?", lambda found: found[1] * 2 + ("-   " if found[2] else ""), text, flags=re.MULTILINE
    )
    wide = re.sub(
        r"^[^#\n]*", lambda found: found[0].replace("{", "{ ").replace(": ", ":  "), wide, flags=re.MULTILINE
    )
    wide = wide.replace("\n\n", "\n\n\n")
    assert wide != text
    assert re.sub(" +#", " #", form(wide)) == re.sub(" +#", " #", text)


# ---------------------------------------------------------------------------------------------------------- examples

EXAMPLES = {
    "sections stand in the order of the grammar, each with what stands above it": (
        """
        # A net.
        loss: mean(y)
        # what it is given
        inputs: {x: [3]}   # three
        netspec: 1
        layers:
          - {relu, name: y}
        """,
        """
        # A net.
        netspec: 1
        # what it is given
        inputs: {x: [3]}   # three

        layers:
          - {relu, name: y}

        loss: mean(y)
        """,
    ),
    "the comment that touches a section goes with it, the one of the file stays": (
        "# file\n\n# data\ndata: {source: digits}\nnetspec: 1\n",
        "# file\n\nnetspec: 1\n\n# data\ndata: {source: digits}\n",
    ),
    "a section that the language does not have stays behind its neighbour": (
        "inputs: {}\nodd: 1\nnetspec: 1\n",
        "netspec: 1\ninputs: {}\nodd: 1\n",
    ),
    "the op comes first, then what stands beside it": (
        "layers: [{name: y, conv: 3}]\n",
        "layers: [{conv: 3, name: y}]\n",
    ),
    "what stands beside an op that holds layers comes first": (
        """
        layers:
          - residual:
              - relu
            when: a
          - map: {axis: slice, layers: [relu]}
            from: cine
          - concat: {branches: {a: [relu], b: [tanh]}}
            name: both
        """,
        """
        layers:
          - when: a
            residual:
              - relu
          - from: cine
            map: {axis: slice, layers: [relu]}
          - name: both
            concat: {branches: {a: [relu], b: [tanh]}}
        """,
    ),
    "a short layer stands in braces": (
        """
        layers:
          - concat:
            from: [_, x]
          - conv:
              out_channels: 3
              kernel_size: 3
          - relu:
            name: r   # kept open
          - {linear: 2}
        """,
        """
        layers:
          - {concat, from: [_, x]}
          - conv: {out_channels: 3, kernel_size: 3}
          - relu:
            name: r   # kept open
          - linear: 2
        """,
    ),
    "a layer that would need quotes in braces stands without them": (
        """
        layers:
          - {formula: "sum(a, axis=slice)", name: v}
          - formula: mean(a, axis=slice)
            name: w
        """,
        """
        layers:
          - formula: sum(a, axis=slice)
            name: v
          - formula: mean(a, axis=slice)
            name: w
        """,
    ),
    "braces that do not fit a line are opened": (
        f"layers: [relu]\ndata: {{source: {'a' * 50}, fields: {{x: {'b' * 50}}}, split: 'c'}}\n",
        f"layers: [relu]\ndata:\n  source: {'a' * 50}\n  fields: {{x: {'b' * 50}}}\n  split: c\n",
    ),
    "a long list is filled": (
        f"define:\n  all: [{', '.join(['abcdefghi'] * 22)}]  # c\n",
        "define:\n  all: [" + ",\n    ".join(", ".join(["abcdefghi"] * n) for n in (9, 9, 4)) + "]  # c\n",
    ),
    "a table keeps its columns": (
        """
        layers:
          - b:
            repeat:
              columns: [kernel_size, activation, channels]
              rows:
                - [ 3, "relu",    16]
                - [ 3, hardswish, 120]   # c
                - [11, relu,      120]
          - c:
            repeat:
              columns: [kernel_size, activation, channels]
              rows:
                - [ 3,  relu,       16]
                - [11,  relu,      120]
        """,
        """
        layers:
          - b:
            repeat:
              columns: [kernel_size, activation, channels]
              rows:
                - [ 3, relu,       16]
                - [ 3, hardswish, 120]   # c
                - [11, relu,      120]
          - c:
            repeat:
              columns: [kernel_size, activation, channels]
              rows:
                - [ 3,  relu,       16]
                - [11,  relu,      120]
        """,
    ),
    "values in one column stay in one": (
        "inputs:\n  cine:     [3]\n  position: [1]\ntargets:\n  a: 1\n  bbb:  2\n",
        "inputs:\n  cine:     [3]\n  position: [1]\ntargets:\n  a: 1\n  bbb: 2\n",
    ),
    "quotes that say nothing go, all others stay": (
        """
        loss: "mean(a, axis=b)"
        define: {'a': "one", b: '$x', c: "1", d: 'yes', e: 'it''s', f: "p, q", g: "2026-01-01", h: "2 mm"}
        """,
        """
        define: {a: one, b: $x, c: "1", d: "yes", e: "it's", f: "p, q", g: "2026-01-01", h: 2 mm}
        loss: mean(a, axis=b)
        """,
    ),
    "numbers and formulas are kept as they are written": (
        "define: {a: 1e-4, b: 1.50, c: 0x1F, d: +3, e: ~, f: $4  * a}\n",
        "define: {a: 1e-4, b: 1.50, c: 0x1F, d: +3, e: ~, f: $4  * a}\n",
    ),
    "comments keep their column, their lines and their place": (
        """
        data:      # where from
            source: digits       # a comment
                                 # that goes on
            # of the split

            # too
            split: {train: 0.5,  # half
                    test: 0.5}
            # at the end
        # of the training
        training: {epochs: 1}
        # at the very end
        """,
        """
        data:      # where from
          source: digits         # a comment
                                 # that goes on
          # of the split

          # too
          split:
            train: 0.5           # half
            test: 0.5
          # at the end
        # of the training
        training: {epochs: 1}
        # at the very end
        """,
    ),
    "text of several lines keeps them": (
        """
        doc: |
            one

              two
        name: >-
          a
          b
        loss: mean(a) +
                mean(b) +
              mean(cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc)
        """,
        """
        name: >-
          a
          b

        doc: |
          one

            two

        loss: mean(a) +
          mean(b) +
          mean(cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc)
        """,
    ),
    "JSON becomes a spec": (
        '{"netspec": 1, "layers": [{"conv": {"out_channels": 3}}, "relu"]}',
        "netspec: 1\nlayers: [conv: {out_channels: 3}, relu]\n",
    ),
    "an edit of another file's layers is put in order as layers are": (
        "extends: a.yaml\nnetspec: 1\nlayers: {norm: null, cdf: [softmax, {name: q, cumsum: 1}]}\n",
        "netspec: 1\nextends: a.yaml\nlayers: {norm: null, cdf: [softmax, {cumsum: 1, name: q}]}\n",
    ),
    "the beginning and the end of a document are not written": (
        "---  # a\nnetspec: 1\n\n\n...\n# b\n",
        "# a\nnetspec: 1\n# b\n",
    ),
    "line ends are those of Unix, and the last line has one": (
        "netspec: 1\r\nname: a   ",
        "netspec: 1\nname: a\n",
    ),
}


def told(text: str) -> str:
    return textwrap.dedent(text[1:]) if text.startswith("\n") else text


@pytest.mark.parametrize("name", EXAMPLES)
def test_in_the_canonical_form(name: str) -> None:
    given, wanted = map(told, EXAMPLES[name])
    assert form(given) == wanted
    assert form(wanted) == wanted
    assert remarks(wanted) == remarks(given)


def test_a_text_that_is_no_yaml_is_refused_with_what_is_wrong() -> None:
    with pytest.raises(SpecError) as refused:
        form("netspec: 1\na: 1\na: 2\nb: *c\n")
    assert [one.code for one in refused.value.diagnostics] == ["NS009", "NS012"]


def test_a_key_that_fits_before_no_colon_is_refused_in_words() -> None:
    with pytest.raises(SpecError) as refused:
        form(f"? {'k' * 1100}\n: 1\n")
    (one,) = refused.value.diagnostics
    assert (one.code, one.span is not None and one.span.start) == ("NS740", 2)


def test_a_form_that_would_say_something_else_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.lang.canonical.layout.STEP", 0)
    with pytest.raises(SpecError) as refused:
        form("data:\n  source: digits\n")
    assert [one.code for one in refused.value.diagnostics] == ["NS740"]


def test_steps_grow_with_the_number_of_layers_and_not_with_its_square() -> None:
    def steps(layers: int) -> int:
        """Calls of functions, which are the same on every machine."""
        text = "netspec: 1\nlayers:\n" + "  - conv: {out_channels: 3}\n    name: a  # c\n" * layers
        profile = cProfile.Profile()
        assert profile.runcall(form, text) == text
        return sum(one.callcount for one in profile.getstats())

    assert steps(2000) < 10 * steps(200) * 2
