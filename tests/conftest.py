"""What all tests share: Hypothesis' profiles, and the option that rewrites golden texts."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=1000, deadline=None)
# Where a commit is judged, the examples are always the same: a red run is this commit's doing.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes what a golden test would compare; look at the difference before committing it."""
    parser.addoption(
        "--update-golden", action="store_true", help="write golden texts instead of comparing them"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden texts are to be written instead of compared."""
    return bool(request.config.getoption("--update-golden"))
