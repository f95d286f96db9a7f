"""All pages of the reference, by the path they have under `specs/reference/`."""

from __future__ import annotations

from netspec.reference.codes import codes_page
from netspec.reference.facts import facts_page
from netspec.reference.lint import lint_page
from netspec.reference.ops import catalogue_page, family_pages
from netspec.reference.recipe import data_page, training_page


def pages() -> dict[str, str]:
    """Every page with its whole text."""
    families = {f"ops/{family}.md": text for family, text in family_pages().items()}
    return {
        "ops.md": catalogue_page(),
        **families,
        "facts.md": facts_page(),
        "data.md": data_page(),
        "training.md": training_page(),
        "codes.md": codes_page(),
        "lint.md": lint_page(),
    }
