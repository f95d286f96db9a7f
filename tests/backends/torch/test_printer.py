from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec_torch import printer
from netspec_torch.naming import TAKEN, Locals, class_name

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("\"'\\\n\r\t#`{}()\x00\x1b\u202e\u2028\ufeff\ud800 abn{"), st.characters(codec=None)
    ),
    max_size=80,
)


def shown(doc: str, indent: int) -> str:
    inside = ast.parse("def f():\n    pass\n").body[0]
    assert isinstance(inside, ast.FunctionDef)
    body: list[ast.stmt] = [printer.docstring(doc, indent)]
    if indent:
        inside.body = body
        body = [inside]
    return printer.show(ast.Module(body, []), {}, {})


@given(NASTY, st.sampled_from([0, 4]))
def test_no_docstring_ends_before_its_end(doc: str, indent: int) -> None:
    text = shown(doc, indent)
    text.encode()  # a lone surrogate stands there as its escape
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    tree = ast.parse(text)
    assert len(tree.body) == 1
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Call, ast.Name, ast.Import))]


def test_a_docstring_keeps_its_words_and_paragraphs() -> None:
    doc = ast.get_docstring(ast.parse(shown('Says """quoted""" and C:\\new.\n\nA second paragraph.', 0)))
    assert doc == 'Says """quoted""" and C:\\new.\n\nA second paragraph.'


def test_long_docstrings_are_wrapped() -> None:
    assert max(len(line) for line in shown("word " * 100, 4).splitlines()) <= printer.LIMIT


LONG = [
    "y = torch.nn.functional.interpolate(" + ", ".join(f"argument_{i}=value_{i}" for i in range(12)) + ")",
    "return {" + ", ".join(f"'key_{i}': value_of_the_name_{i}" for i in range(12)) + "}",
    "y = first_" + "a" * 50 + " - second_" + "b" * 50,
    "self.layer = nn.Sequential("
    + ", ".join(f"nn.Conv2d({i}, {i}, kernel_size=(3, 3))" for i in range(1, 9))
    + ")",
    "y = f((" + ", ".join(f"element_number_{i}" for i in range(12)) + "), [1, 2])",
]


@pytest.mark.parametrize("line", LONG)
def test_long_statements_are_broken_at_their_brackets(line: str) -> None:
    tree = ast.parse(f"def f():\n    {line}\n")
    text = printer.show(tree, {}, {})
    assert max(len(one) for one in text.splitlines()) <= printer.LIMIT
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(f"def f():\n    {line}\n"))


def test_strings_have_double_quotes() -> None:
    assert printer.show(ast.parse("a = {'b': 'c\"d', 'e': 'f'}"), {}, {}) == 'a = {"b": \'c"d\', "e": "f"}\n'


def test_a_comment_that_would_be_code_is_refused() -> None:
    tree = ast.parse("a = 1")
    with pytest.raises(ValueError, match="does not say"):
        printer.show(tree, {id(tree.body[0]): "[N]\nimport os"}, {})


@given(st.text(max_size=40))
def test_every_text_gives_a_class_name(text: str) -> None:
    name = class_name(text)
    assert name.isascii()
    assert name.isidentifier()
    assert name not in {"Loss", "Metrics", "Aggregate", "Running", "Tensor", "F", "None", "True", "False"}


@given(st.lists(st.one_of(st.text(max_size=8), st.sampled_from(sorted(TAKEN))), max_size=12))
def test_every_local_is_a_name_of_its_own(wanted: list[str]) -> None:
    names = Locals()
    given_out = [names.fresh(one) for one in wanted]
    assert len(set(given_out)) == len(given_out)
    assert all(one.isidentifier() and one.isascii() and one not in TAKEN for one in given_out)
