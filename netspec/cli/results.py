"""What a model is worth, as text for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told(report: Mapping[str, Any]) -> str:
    """The report of a run or an evaluation as lines."""
    lines = [f"{report['split']}: {report['samples']} samples"]
    for name, value in {**report["loss"], **report["metrics"]}.items():
        lines.append(f"  {name:<24} {value:.6g}")
    return "\n".join(lines)
