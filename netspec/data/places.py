"""Where data may lie: inside the project, wherever links and dots lead."""

from __future__ import annotations

from pathlib import Path

from netspec.text import SpecError


def inside(root: Path, written: str, argument: str) -> Path:
    """The path `written` in a spec, taken from the project's folder `root`; SpecError NS527 where it leads outside."""
    try:
        home = root.resolve()
        path = (home / written).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise SpecError.of(
            "NS527", f"`{argument}` is no usable path", help="write a path in the project"
        ) from error
    if not path.is_relative_to(home):
        raise SpecError.of(
            "NS527",
            f"`{argument}: {written[:200]}` leads out of the project",
            help="keep the data inside the project's folder; a link out of it will not do",
        )
    return path
