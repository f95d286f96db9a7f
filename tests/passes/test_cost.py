from __future__ import annotations

from pathlib import Path

from netspec.front import check_source
from netspec.passes.cost import training_macs
from netspec.text import Source


def test_a_step_goes_back_to_all_that_learns_and_no_further() -> None:
    conv = "  - {conv: {out_channels: 4, kernel_size: 3, bias: false}%s}\n"
    rest = "  - flatten\n  - linear: 3\n  - linear: 2\n"
    head = "netspec: 1\nname: one\ninputs: {x: {shape: [1, 8, 8]}}\nlayers:\n"
    work, first, second = 4 * 9 * 36, 144 * 3, 3 * 2
    for frozen, expected in (
        ("", 2 * work + 3 * first + 3 * second),
        (", freeze: true", work + 2 * first + 3 * second),
    ):
        spec, found = check_source(Source("one.yaml", head + conv % frozen + rest), Path())
        assert spec is not None, found
        assert training_macs(spec.graph) == expected
