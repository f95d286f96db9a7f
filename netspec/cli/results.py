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
    whose = f" of {report['groups']} {report['by']}s" if report.get("by") else ""
    lines = [f"{report['split']}: {report['samples']} samples{whose}"]
    loss, metrics = report["loss"], report["metrics"]
    if len(loss) > 1:
        loss = {"loss": sum(loss.values()), **loss}
    lines += [f"  {shown(name):<24} {value:.5g}" for name, value in {**loss, **metrics}.items()]
    scored = report.get("distributions")
    if scored:
        lines += _distributions(scored)
    return "\n".join(lines)


def _distributions(scored: Mapping[str, Any]) -> list[str]:
    """Tables of CRPS against each baseline, then errors and calibration where they were asked for."""
    rows = list(scored["pairs"])
    if len(rows) > 1:
        rows.append({"target": "mean", **scored["mean"]})
    lines = []
    for name, words in _BASELINES.items():
        if name not in scored["mean"]:
            continue
        lines.append(f"CRPS against {words.format(unit=scored['unit'])} ({scored['count']} {scored['unit']}s scored)")
        cells = [("", "CRPS", "baseline", "skill", "95 % interval", "difference", "95 % interval")]
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
    low, high = against["skill_interval"]
    down, up = against["difference_interval"]
    return (
        shown(row["target"]),
        f"{row['crps']:.5f}",
        f"{against['crps']:.5f}",
        f"{against['skill']:.3f}",
        f"[{low:.3f}, {high:.3f}]",
        f"{against['difference']:+.5f}",
        f"[{down:+.5f}, {up:+.5f}]",
    )


def _calibration(row: Mapping[str, Any]) -> tuple[str, ...]:
    told_of = row["calibration"]
    return (
        shown(row["target"]),
        f"{row['median_mae']:.2f}",
        f"{row['median_bias']:+.2f}",
        f"{told_of['coverage']['50']:.0%}",
        f"{told_of['coverage']['90']:.0%}",
        " ".join(str(count) for count in told_of["histogram"]),
    )


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
