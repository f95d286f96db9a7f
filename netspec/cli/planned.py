"""A settled plan as one table for a person: what was tried, what it gave, what was taken, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.text.shown import shown

_MOST_LAYERS = 8
"""Layers that are told by name; the run's folder names all."""


def plan_table(record: Mapping[str, Any]) -> str:
    """The record of a plan as lines."""
    plan = record["plan"]
    kept = (
        ", the rest kept from before (`--replan` measures anew)"
        if any(one["kept"] for one in record["tried"])
        else ""
    )
    cost = f"{record['seconds']:.1f} s of measuring{kept}"
    step = "" if record["step"] is None else f", a step takes {_time(record['step'])}"
    lines = [f"plan ({cost}{step}): {_words(plan)}"]
    rows = [_row(one) for one in record["tried"]]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines += [
        f"  {row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip()
        for row in rows
    ]
    for path in plan["float32"][:_MOST_LAYERS]:
        lines.append(f"  stays in float32: {shown(path)} ({record['wrong'].get(path, 'as pinned')})")
    if len(plan["float32"]) > _MOST_LAYERS:
        lines.append(f"  and {len(plan['float32']) - _MOST_LAYERS} more, which `run.json` names")
    if record["partly"]:
        lines.append("  layers were checked on a part of each batch: all of it would have taken too long")
    if changed := _changed(record):
        lines.append(f"  last digits differ from PyTorch's own way: {', '.join(changed)}")
    return "\n".join(lines)


def _words(plan: Mapping[str, Any]) -> str:
    """The plan on one line."""
    threads = "PyTorch's own threads" if plan["threads"] is None else _counted(plan["threads"], "thread")
    compiled = "compiled" if plan["compile"] else "eager"
    loading = _counted(plan["workers"], "worker")
    return ", ".join((plan["precision"], plan["memory_format"], compiled, threads, loading))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _row(trial: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """One way that was tried; its time is a share of the best before it."""
    ratio = "-" if trial["ratio"] is None else f"x {trial['ratio']:.2f}"
    return (
        f"{trial['part']} {shown(trial['tried'])}",
        "taken" if trial["taken"] else "left",
        ratio,
        shown(trial["why"]),
    )


def _changed(record: Mapping[str, Any]) -> list[str]:
    """The parts of a plan that change last digits; as many threads as PyTorch takes by itself change none."""
    plan, asked = record["plan"], record["asked"]
    told = {
        "memory_format": plan["memory_format"] != "contiguous",
        "compile": plan["compile"],
        "threads": isinstance(asked["threads"], int)
        or any(one["taken"] and one["part"] == "threads" for one in record["tried"]),
        "precision": plan["precision"] != "float32",
    }
    return [part for part, differs in told.items() if differs]


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
