"""Every transform that can stand in the chain of the data: those that are always done, and the random ones."""

from __future__ import annotations

from netspec.recipe.augment import AUGMENTS
from netspec.recipe.transform import TRANSFORMS as ALWAYS
from netspec.recipe.transform import Transform

TRANSFORMS: dict[str, type[Transform]] = {**ALWAYS, **AUGMENTS}
"""Every transform by the name it has in a spec."""
