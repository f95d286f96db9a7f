from __future__ import annotations

import pytest

from netspec.text.amount import in_bytes


@pytest.mark.parametrize(
    "size,text",
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 * 2**20 // 2, "1.5 MiB"), (2**31, "2.0 GiB")],
)
def test_bytes_are_shown_in_units_of_a_person(size: int, text: str) -> None:
    assert in_bytes(size) == text
