from __future__ import annotations

import copy
import inspect
import pickle
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.text import Diagnostic, Severity, SpecError
from netspec.text.html import MOST_ROWS, table

ROOT = Path(__file__).parent.parent


class Read(HTMLParser):
    """What a browser would show of a fragment, and the tags that are in it; every tag must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words, self.tags, self.open = "", set[str](), list[str]()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag == "br":
            self.words += "\n"
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def wrong() -> SpecError:
    with pytest.raises(SpecError) as caught:
        netspec.load(ROOT / "tests" / "golden" / "notebook" / "wrong.yaml")
    return caught.value


def test_a_diagnostic_is_shown_with_its_line_and_its_carets() -> None:
    read = Read(wrong().diagnostics[0]._repr_html_())
    assert read.words.startswith("error[NS211]: a 40x40 window does not fit in an 8x8 input\n")
    assert "kernel_size: 40" in read.words
    assert "^^ input is float32[N, 1, 8, 8]" in read.words


def test_an_error_shows_all_its_messages_and_ipython_prints_no_frames() -> None:
    error = wrong()
    assert Read(error._repr_html_()).words.count("error[NS") == len(error.diagnostics) == 2
    printed = "\n".join(error._render_traceback_())
    assert printed == str(error)
    assert "2 errors" in printed


def test_an_error_survives_the_way_to_another_process() -> None:
    error = wrong()
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics
    assert type(error).__module__ == "netspec"


def test_words_of_a_spec_cannot_become_tags() -> None:
    hostile = "<script>alert(1)</script>&lt;\x1b[2J\u202e"
    one = Diagnostic("NS999", Severity.WARNING, hostile, help=hostile)
    for text in (one._repr_html_(), table(hostile, ("a",), [(hostile,)], 1)):
        read = Read(text)
        assert "script" not in read.tags
        assert "\x1b" not in read.words
        assert "\u202e" not in read.words
        assert "<script>alert(1)</script>&lt;" in read.words


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    read = Read(table("long", ("a", "b"), [("x", "1")] * (MOST_ROWS + 7), 1))
    assert "... and 7 more" in read.words


def test_a_spec_and_its_model_show_the_layers_that_show_prints() -> None:
    spec = netspec.load(ROOT / "specs" / "heart-volume.yaml")
    words = Read(spec._repr_html_()).words
    assert "heart-volume: 125,188 trainable parameters" in words
    for path in ("cine", "conv3", "systole_cdf"):
        assert path in words
    assert "cdf over bin" in words
    pytest.importorskip("torch")
    model: Any = netspec.compile(spec)
    assert Read(model._repr_html_()).words == words
    assert copy.deepcopy(model)._repr_html_() == model._repr_html_()


def test_parameters_that_are_frozen_or_shared_are_counted_once_and_told() -> None:
    spec = netspec.load(ROOT / "specs" / "heart-tutorial-2015.yaml")
    assert "heart-tutorial-2015: 4,748,160 trainable parameters (80 frozen)" in Read(spec._repr_html_()).words


@pytest.mark.parametrize("name", netspec.__all__)
def test_help_tells_of_every_public_name_with_its_arguments(name: str) -> None:
    public = getattr(netspec, name)
    assert inspect.getdoc(public)
    if inspect.isfunction(public):
        signature = inspect.signature(public)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())


def test_a_model_tells_its_inputs_and_outputs_to_help() -> None:
    pytest.importorskip("torch")
    from torch import Tensor

    model = netspec.compile(ROOT / "specs" / "heart-volume.yaml")
    signature = inspect.signature(model.forward, eval_str=True)
    assert list(signature.parameters) == ["cine", "position"]
    assert signature.return_annotation == dict[str, Tensor]
    assert "`position`: float32[batch: N, feature: 1]" in (inspect.getdoc(model.forward) or "")
