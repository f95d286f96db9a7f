"""Every distribution that the base and the extras bring has a licence that lets people use netspec freely."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-2.0",  # asks for its own files' source only
    "PSF-2.0",
    "Unlicense",
    "Zlib",
}
ALLOWED_CLASSIFIERS = {
    "Apache Software License",
    "BSD License",
    "ISC License (ISCL)",
    "MIT License",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "Python Software Foundation License",
}
# Metadata from before licence expressions: what some write in the free field, and what it stands for.
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
}


def is_allowed(expression: str) -> bool:
    """Whether an SPDX licence expression (`A AND (B OR C)`) can be met with allowed licences alone."""
    text = expression.strip()
    if re.fullmatch(r"\(.*\)", text) and encloses(text):
        return is_allowed(text[1:-1])
    for joint, verdict in ((" OR ", any), (" AND ", all)):
        parts = split_outside(text, joint)
        if len(parts) > 1:
            return verdict(is_allowed(part) for part in parts)
    return SPELLINGS.get(text, text) in ALLOWED


def encloses(text: str) -> bool:
    """Whether the first parenthesis is closed by the last character, not before."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return place == len(text) - 1
    return False


def split_outside(text: str, joint: str) -> list[str]:
    """The parts of `text` between joints that stand outside all parentheses."""
    parts, depth, begin = [], 0, 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and text.startswith(joint, place):
            parts.append(text[begin:place])
            begin = place + len(joint)
    return [*parts, text[begin:]]


def has_allowed_licence(metadata: Distribution) -> bool:
    """By the licence expression; else by the classifiers, which say all there is; else by the free field."""
    fields = metadata.metadata
    if "License-Expression" in fields:
        return is_allowed(fields["License-Expression"])
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in fields.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    if classifiers:
        return all(classifier in ALLOWED_CLASSIFIERS for classifier in classifiers)
    return "License" in fields and is_allowed(fields["License"])


def declared() -> list[Requirement]:
    """What pyproject.toml asks for: the base and every extra that users install, which is all but `dev`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in extras if name != "dev" for line in extras[name])]
    return [wanted for wanted in map(Requirement, lines) if wanted.name != project["name"]]


def applies(wanted: Requirement, extras: Iterable[str]) -> bool:
    """Whether this machine, with these extras of the package that asks, needs it."""
    return wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def walk() -> tuple[dict[str, Distribution], set[str]]:
    """All that is installed of what is declared and of what that asks for in turn, and what is missing."""
    found: dict[str, Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [wanted for wanted in declared() if applies(wanted, ())]
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            found[key[0]] = distribution(wanted.name)
        except PackageNotFoundError:
            missing.add(key[0])
            continue
        further = map(Requirement, found[key[0]].requires or [])
        waiting.extend(line for line in further if applies(line, wanted.extras))
    return found, missing


def test_every_installed_dependency_has_an_allowed_licence() -> None:
    found, _ = walk()
    assert {"click", "pydantic", "pydantic-core", "pyyaml"} <= set(found)
    assert [name for name, metadata in sorted(found.items()) if not has_allowed_licence(metadata)] == []


def test_every_dependency_of_every_extra_is_installed_so_that_its_licence_was_read() -> None:
    _, missing = walk()
    if missing:
        pytest.skip(f"install '.[all]' to have these read too: {', '.join(sorted(missing))}")
    assert missing == set()


@pytest.mark.parametrize(
    "expression",
    ["MIT", "Apache-2.0 OR GPL-3.0-only", "MIT AND (GPL-2.0-only OR BSD-3-Clause)", "(MIT) AND (0BSD)"],
)
def test_an_expression_that_can_be_met_is_allowed(expression: str) -> None:
    assert is_allowed(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-only",
        "MIT AND GPL-2.0-only",
        "LGPL-2.1-or-later",
        "",
        "UNKNOWN",
        "(MIT OR ISC) AND AGPL-3.0-only",
    ],
)
def test_an_expression_that_binds_the_user_is_refused(expression: str) -> None:
    assert not is_allowed(expression)
