"""Support functions of other packages: read from their files, never imported, and copied into what is written."""

from __future__ import annotations

import ast
import builtins
from importlib.util import find_spec
from pathlib import Path

from netspec.ir.foreign import told
from netspec.text import SpecError
from netspec_torch.naming import IMPORTED


def foreign_support(key: str) -> tuple[ast.stmt, str]:
    """The tree and the text of a function that a lowering calls `<module>:<function>`.

    It stands alone: what it names is its own, Python's, or what every written file imports. SpecError NS735 where the
    function is not there, or names something else.
    """
    module, _, called = key.partition(":")
    text = _text(module, key)
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == called:
            _stands_alone(node, key)
            return node, "\n".join(lines[node.lineno - 1 : node.end_lineno])
    raise SpecError.of("NS735", f"`{module}` has no function `{called}` for the written file", help=_CURE)


_CURE = "the fault is in the package that brings the lowering, not in the spec: tell its makers"


def _text(module: str, key: str) -> str:
    """The text of a module."""
    try:
        found = find_spec(module)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"No module named {module!r}")  # noqa: TRY301 - told like all others
        return Path(found.origin).read_text(encoding="utf-8")
    except Exception as fault:
        message = f"the support function `{key}` cannot be read: {told(fault)}"
        raise SpecError.of("NS735", message, help=_CURE) from fault


def _stands_alone(node: ast.FunctionDef, key: str) -> None:
    """SpecError NS735 for a function that would not run where it is copied to."""
    if node.decorator_list:
        raise SpecError.of(
            "NS735", f"the support function `{key}` is decorated", help="leave the decorator out"
        )
    args = [one for one in ast.walk(node) if isinstance(one, ast.arg)]
    said = [one.annotation for one in args if one.annotation] + [node.returns] * (node.returns is not None)
    unread = {
        id(one) for top in said if top is not None for one in ast.walk(top)
    }  # Python reads no annotation
    names = [one for one in ast.walk(node) if isinstance(one, ast.Name) and id(one) not in unread]
    own = {one.id for one in names if not isinstance(one.ctx, ast.Load)} | {one.arg for one in args}
    known = {*own, *IMPORTED, *vars(builtins), node.name}
    for one in names:
        if one.id not in known:
            raise SpecError.of(
                "NS735",
                f"the support function `{key}` uses `{one.id}`, which the written file has not",
                help=f"it may use its arguments, {', '.join(f'`{name}`' for name in sorted(IMPORTED))}",
            )
