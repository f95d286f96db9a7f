"""What a model is worth, as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netspec.text.shown import shown

_BASELINES = {
    "empirical": "the empirical CDF of the training {unit}s",
    "age_and_sex": "age and sex of the training {unit}s",
}


def told(report: Mapping[str, Any]) -> str:
    """The report of a run or an evaluation as lines."""
    whose = f" of {_counted(report['groups'], report['by'])}" if report.get("by") else ""
    lines = [f"{report['split']}: {_counted(report['samples'], 'sample')}{whose}"]
    loss, metrics = report["loss"], report["metrics"]
    if len(loss) > 1:
        loss = {"loss": None if None in loss.values() else sum(loss.values()), **loss}
    lines += [f"  {shown(name):<24} {_number(value, '.5g')}" for name, value in {**loss, **metrics}.items()]
    scored = report.get("distributions")
    if scored:
        lines += _distributions(scored)
    if "note" in report:
        lines.append(f"note: {report['note']}")
    return "\n".join(lines)


def _counted(count: int, what: str) -> str:
    """`1 patient`, `24 patients`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _distributions(scored: Mapping[str, Any]) -> list[str]:
    """Tables of CRPS against each baseline, then errors and calibration where they were asked for."""
    rows = list(scored["pairs"])
    if len(rows) > 1:
        rows.append({"target": "mean", **scored["mean"]})
    lines = []
    for name, words in _BASELINES.items():
        if name not in scored["mean"]:
            continue
        lines.append(
            f"CRPS against {words.format(unit=scored['unit'])} ({_counted(scored['count'], scored['unit'])} scored)"
        )
        cells: list[tuple[str, ...]] = [
            ("", "CRPS", "baseline", "skill", "95 % interval", "difference", "95 % interval")
        ]
        cells += [_row(row, row[name]) for row in rows if name in row]
        lines += _table(cells)
    if "median_mae" in scored["pairs"][0]:
        lines.append("median and calibration")
        lines += _table(
            [("", "MAE", "bias", "in central 50 %", "in central 90 %", "PIT by tenths")]
            + [_calibration(row) for row in scored["pairs"]]
        )
    return lines


def _row(row: Mapping[str, Any], against: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        shown(row["target"]),
        _number(row["crps"], ".5f"),
        _number(against["crps"], ".5f"),
        _number(against["skill"], ".3f"),
        _range(against["skill_interval"], ".3f"),
        _number(against["difference"], "+.5f"),
        _range(against["difference_interval"], "+.5f"),
    )


def _calibration(row: Mapping[str, Any]) -> tuple[str, ...]:
    told_of = row["calibration"]
    return (
        shown(row["target"]),
        _number(row["median_mae"], ".2f"),
        _number(row["median_bias"], "+.2f"),
        _number(told_of["coverage"]["50"], ".0%"),
        _number(told_of["coverage"]["90"], ".0%"),
        " ".join(str(count) for count in told_of["histogram"]),
    )


def _number(value: float | None, how: str) -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None else format(value, how)


def _range(ends: Sequence[float | None], how: str) -> str:
    return f"[{', '.join(_number(end, how) for end in ends)}]" if None not in ends else "-"


def _table(cells: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  "
        + "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
