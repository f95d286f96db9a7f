"""What the source calls its layers: dotted paths, as exporters leave them in different places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netspec_onnx.file import Model, Node

_COUNTED = re.compile(r"^(onnx::|val_|Constant|const|scalar_tensor|_?\d+$|/)")
"""Names that exporters count up, which say nothing."""

_QUOTED = re.compile(r"'([^']*)'")

SCOPES = "pkg.torch.onnx.name_scopes"
RULE = "pkg.onnxscript.rewriter.rule_name"

OWN = (".weight", ".bias", ".gamma", ".beta", ".running_mean", ".running_var", "_weight", "_bias", ".value")


class Words:
    """The dotted path of every node's layer."""

    def __init__(self, model: Model) -> None:
        self._same: dict[str, str] = {}
        self._uses: dict[str, int] = {}
        for node in model.nodes:
            for name in node.inputs:
                self._uses[name] = self._uses.get(name, 0) + 1

    def same(self, name: str, other: str) -> None:
        """A constant goes on under another name."""
        self._same[other] = name

    def of(self, node: Node, keys: Sequence[str] = ()) -> str:
        """The dotted path of a node's layer, from what its weights are called or from what its exporter noted."""
        scope = _scope(node)
        if scope is not None and "Fuse" not in node.told.get(RULE, ""):
            return scope
        for key in keys:
            found = self._path(key)
            if found:
                return found
        if scope is not None:
            return scope
        return _from_name(node)

    def _path(self, key: str) -> str:
        """What a weight belongs to by its name: `layer1.0.conv1` of `layer1.0.conv1.weight`."""
        while key in self._same and _COUNTED.match(key):
            key = self._same[key]
        if _COUNTED.match(key) or self._uses.get(key, 0) > 1:
            return ""
        for ending in OWN:
            if key.endswith(ending):
                return key.removesuffix(ending)
        return ""

    def learned(self, key: str) -> bool:
        """Whether a constant is called like a parameter of somebody's."""
        while key in self._same:
            key = self._same[key]
        return not _COUNTED.match(key) and "." in key


def _scope(node: Node) -> str | None:
    """The module that the exporter of torch notes beside a node; None where it notes none."""
    noted = node.told.get(SCOPES, "")
    if not noted.startswith("[") or len(noted) > 2000:
        return None
    scopes = _QUOTED.findall(noted)
    return str(scopes[-2]) if len(scopes) > 1 else ""


def _from_name(node: Node) -> str:
    """`layer1.0.conv1` of `/layer1/layer1.0/conv1/Conv`, as the older exporter of torch writes it."""
    if not node.name.startswith("/"):
        return node.name if "." in node.name and len(node.name) < 100 else ""
    parts = node.name.strip("/").split("/")[:-1]
    path = ""
    for part in parts:
        path = part if path and part.startswith(f"{path}.") else f"{path}.{part}".strip(".")
    return path
