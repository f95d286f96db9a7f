"""A module that needs another one."""

import a_module_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401


class Missing:
    """It is never made."""
