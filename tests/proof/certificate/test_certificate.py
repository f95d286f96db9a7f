"""A certificate tells everything that was proved, and nothing that a spec says becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

import netspec_numpy
import netspec_torch
from netspec.ops.conv import Conv
from netspec.proof import Proof, verify
from netspec.proof.certificate import Circumstances, certificate, circumstances, html, text
from netspec.proof.certificate.html import LEAST, _length
from netspec.proof.drift import Drift
from netspec.proof.modes import MODES, QUICK
from netspec.proof.result import Missing
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec
from tests.proof.specs import CLASSIFIER, Planted, altered, read

TRAINING = """
training:
  epochs: 2
  batch_size: 4
  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}
"""
NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def spec() -> Spec:
    return read(CLASSIFIER + TRAINING)


@pytest.fixture(scope="module")
def proof(spec: Spec) -> Proof:
    assert spec.training is not None
    return verify(
        spec.graph,
        descent(spec.training, spec.graph),
        modes=QUICK,
        reference=netspec_numpy,
        candidate=netspec_torch,
        seed=3,
    )


def made(**changed: Any) -> Circumstances:
    told: dict[str, Any] = {"command": "netspec verify small.yaml", "seconds": 1.25, "time": NOON, **changed}
    return circumstances(netspec_torch, **told)


class Outline(HTMLParser):
    """The tags of a page, held to closing what they open, and its words."""

    EMPTY = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def both(spec: Spec, proof: Proof, **changed: Any) -> tuple[str, str]:
    document = certificate(spec, proof, made(**changed))
    return text(document), html(document)


def test_it_records_what_was_proved_on_what_and_with_what(spec: Spec, proof: Proof) -> None:
    plain, page = both(spec, proof)
    words = "".join(Outline(page).words)
    for said in (plain, words):
        assert "Certificate of small" in said
        assert spec.digest in said
        assert np.__version__ in said
        assert torch.__version__ in said
        assert "CPython" in said
        assert "2026-11-25 12:00:00 UTC, in 1.2 s" in said
        assert "netspec verify small.yaml" in said
        assert "dropout1" in said
        assert "keeps 0.75" in said
        assert "batch_norm1" in said
        for mode in QUICK:
            assert mode in said
        assert f"K = {proof.terms:,}" in said
        for missing in proof.missing:
            assert f"Not run: {missing.mode} ({MODES[missing.mode]}): {missing.why}." in " ".join(
                said.split()
            )
    assert re.search(r"^seed of all numbers +3$", plain, re.MULTILINE)
    assert re.search(r"^sizes +N = 2$", plain, re.MULTILINE)


def test_every_kind_and_every_layer_has_a_row(spec: Spec, proof: Proof) -> None:
    plain, _ = both(spec, proof)
    for way, what, mode, _, _ in proof.worst():
        assert re.search(rf"^{way} +{what} +{mode} ", plain, re.MULTILINE)
    for node in spec.graph.nodes:
        assert re.search(rf"^{re.escape(node.path)} +{node.op.name} ", plain, re.MULTILINE)


def test_it_is_the_same_again_but_for_the_time(spec: Spec, proof: Proof) -> None:
    assert both(spec, proof) == both(spec, proof)
    for early, late in zip(
        both(spec, proof), both(spec, proof, time=NOON.replace(hour=13), seconds=9), strict=True
    ):
        pairs = zip(early.splitlines(), late.splitlines(), strict=True)
        assert [a.split()[0] for a, b in pairs if a != b] in (["made"], ["<dt>made</dt><dd>2026-11-25"])


def test_the_page_runs_nothing_and_fetches_nothing(spec: Spec, proof: Proof) -> None:
    _, page = both(spec, proof)
    tags = {tag for tag, _ in Outline(page).seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "a", "form", "svg", "base"}
    assert not re.search(r"https?://|url\(|@import|src=|javascript:", page)
    (policy,) = (attrs["content"] for tag, attrs in Outline(page).seen if "http-equiv" in attrs)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_nothing_that_a_spec_says_becomes_markup_or_repaints_a_terminal(spec: Spec, proof: Proof) -> None:
    evil = "</td><script>alert(`1`)</script>\x1b[2J\u202e\"'&"
    rows = tuple(replace(row, where=evil, layer=evil, note=evil) for row in proof.rows)
    drift = (Drift("bf16", evil, evil, evil, None, 0.5),)
    hostile = replace(proof, rows=rows, drift=drift, notes=(evil,), missing=(Missing("cuda", evil),))
    plain, page = both(replace(spec, name=evil), hostile, command=evil)
    assert {tag for tag, _ in Outline(page).seen} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "b", "dl", "dt", "dd", "section",
        "div", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "details", "summary",
    }  # fmt: skip
    for said in (plain, page):
        assert "\x1b" not in said
        assert "\u202e" not in said
    assert "<script" not in page


def test_a_difference_is_told_first_with_its_line(spec: Spec) -> None:
    def off(op: Any, inputs: Any, at: Any, forward: Any) -> Any:
        del op, inputs, at
        return replace(forward, outputs=(forward.outputs[0] * (1 + 1e-9),))

    planted = Planted(altered(Conv, forward=off))
    proof = verify(spec.graph, reference=netspec_numpy, candidate=planted)
    plain, page = both(spec, proof)
    assert "`planted` and `numpy` differ" in plain
    assert "- conv: {out_channels: 4, kernel_size: 3, padding: 1}" in plain
    assert plain.index("Where they differ") < plain.index("What was compared")
    assert '<body class="differs">' in page
    assert 'class="n wrong">differs</td>' in page
    assert "Not proved." in page


def test_a_bar_grows_with_the_digits_of_the_share() -> None:
    assert [_length(used) for used in (0.0, LEAST, 1e-3, 1.0, 5.0)] == [0, 0, 50, 100, 100]


def test_columns_of_the_text_stand_under_one_another(spec: Spec, proof: Proof) -> None:
    plain, _ = both(spec, proof)
    lines = plain[plain.index("mode  ") :].splitlines()
    header, rows = lines[0], [line for line in lines[2:] if line.startswith("float32 ")]
    end = header.index("difference") + len("difference")
    assert len(rows) > 5
    assert all(re.match(r"\d\.\de[-+]\d\d$", row[:end].split()[-1]) for row in rows[:5])
