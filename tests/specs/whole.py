"""The specs of the project that stand by themselves."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "specs"

PARTS = frozenset({"imagenet"})
"""Files that are there to be extended, without layers of their own."""

WHOLE = tuple(path for path in sorted(FOLDER.rglob("*.yaml")) if path.stem not in PARTS)
