"""The page of conformance is true: it has every op with as many cases as there are, and its bounds hold.

`--update-golden` measures what is new on it; with `-m slow` everything is measured.
"""

from __future__ import annotations

import importlib.util

import pytest

from netspec.proof.conformance import Held
from tests.conformance.page import PAGE, SLACK, Bound, bounds, cases, measured, read, text

HAS_ONNX = importlib.util.find_spec("onnx") is not None


def onnx(old: str) -> str:
    """The part about ONNX, made anew where its tests are installed."""
    if not HAS_ONNX:
        return old
    from tests.conformance.onnx_nodes.told import told

    return told()


def test_the_page_has_every_op_and_update_rule_with_all_of_its_cases(update_golden: bool) -> None:
    rows, part = read(PAGE.read_text("utf-8")) if PAGE.is_file() else ({}, "")
    counts = cases()
    if update_golden:
        new = [name for name, count in counts.items() if rows.get(name, (0, {}))[0] != count]
        kept = {name: row for name, row in rows.items() if name in counts}
        PAGE.write_text(text({**kept, **bounds(measured(new), rows)}, onnx(part)), "utf-8")
        rows, part = read(PAGE.read_text("utf-8"))
    assert {name: count for name, (count, _) in rows.items()} == counts
    assert PAGE.read_text("utf-8") == text(rows, onnx(part))


def test_the_first_sample_of_every_op_keeps_to_the_page() -> None:
    holds(measured(cases(), most=1))


@pytest.mark.slow
def test_every_sample_of_every_op_keeps_to_the_page(update_golden: bool) -> None:
    found = measured(cases())
    if update_golden:
        rows, part = read(PAGE.read_text("utf-8"))
        PAGE.write_text(text(bounds(found, rows), part), "utf-8")
    holds(found)


def holds(found: dict[str, dict[str, Held]]) -> None:
    """Fail where something differs, or is further off than the page says.

    Of some samples alone the number that uses most of its tolerance may be another, and larger.
    """
    rows, _ = read(PAGE.read_text("utf-8"))
    for name, columns in found.items():
        for column, row in columns.items():
            assert row.ok, f"{name}, {column}: {row}"
            bound = rows[name][1][column]
            assert row.used <= SLACK * bound.used, f"{name}, {column}: {row}, and the page says {bound}"
            within = row.difference <= SLACK * bound.difference
            assert within or row.cases < rows[name][0], f"{name}, {column}: {row}, and the page says {bound}"


def test_a_bound_is_above_what_was_measured_and_stays_while_it_is_true() -> None:
    row = Held("relu", "torch", "float64", "forward", 3, 2e-15, 1e-13, 0.02, ok=True, where="0")
    bound = Bound.of(row)
    assert (bound.difference, bound.used) == (1e-14, 0.1)
    assert Bound.read(str(bound)) == bound
    assert Bound.of(row, Bound(1e-13, 1.0)) == Bound(1e-13, 1.0)
    assert Bound.of(row, Bound(1e-15, 1.0)) == bound
    assert Bound.of(row, Bound(1e-8, 1.0)) == bound
    assert Bound.read("") is None


def test_a_measure_beyond_the_page_is_found() -> None:
    found = measured(["relu"])
    holds(found)
    from dataclasses import replace

    far = {"relu": {key: replace(row, difference=1.0) for key, row in found["relu"].items()}}
    with pytest.raises(AssertionError, match="the page says"):
        holds(far)
    wrong = {"relu": {key: replace(row, ok=False) for key, row in found["relu"].items()}}
    with pytest.raises(AssertionError, match="relu"):
        holds(wrong)
