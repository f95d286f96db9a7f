"""Slips of people who know other notations, each met with the words that are written here."""

from __future__ import annotations

import pytest

from tests.lang.marked import assert_told

HEAD = "inputs: {x: [3, 16, 16]}\nlayers:\n  - {conv: {out_channels: 3, kernel_size: 1}, name: a}\n"


@pytest.mark.parametrize(
    "layer,code,cure",
    [
        ("{conv: {out_channels: 4, kernel_size: «(3, 3)»}}", "NS019", "square brackets: `[3, 3]`"),
        ("add: «[a, x]»", "NS121", "`{add, from: [a, x]}`"),
        ("concat: «[a, x]»", "NS123", "`{concat, from: [a, x]}`"),
        ("{add, from: x, «a»}", "NS118", "`from: [x, a]`"),
        ("conv: 8\n      «kernel_size»: 3", "NS022", "`conv: {out_channels: 8, kernel_size: …}`"),
        ("{relu, when: «channel» > 3}", "NS110", "`_.channel`"),
    ],
)
def test_a_slip_is_met_with_what_is_written_here(layer: str, code: str, cure: str) -> None:
    assert_told(f"{HEAD}  - {layer}\n", code, cure)
