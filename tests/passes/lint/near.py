"""Short specs for the rules: what is told of one, as codes."""

from __future__ import annotations

from pathlib import Path

from netspec.front import check_source
from netspec.text import Diagnostic, Source
from netspec.text.render import render_all

IMAGE = "inputs: {image: {shape: [3, 64, 64], range: [0, 1]}}\n"
TARGET = "targets: {label: {kind: class_index, classes: 10}}\n"


def told(text: str) -> tuple[Diagnostic, ...]:
    """Everything that is said of a spec without errors."""
    spec, found = check_source(Source("net.yaml", text), Path(__file__).parents[3])
    assert spec is not None, render_all(found, color=False)
    return found


def codes(text: str) -> list[str]:
    """The codes of what is said of a spec without errors, in the order of the file."""
    return [one.code for one in told(text)]


def layers(*written: str, inputs: str = IMAGE, rest: str = "") -> list[str]:
    """The codes for a list of layers; each is written as in the language, without its dash."""
    body = "".join(f"  - {one}\n" for one in written)
    return codes(f"netspec: 1\n{inputs}layers:\n{body}{rest}")
