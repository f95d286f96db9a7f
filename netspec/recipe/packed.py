"""A spec as the metadata of a weights file: all its texts and constants as words, and no path of this machine."""

from __future__ import annotations

import json
from pathlib import PurePath

from netspec.recipe.spec import Spec

KEY = "netspec"
"""The key of the file's metadata under which the spec stands."""

FORMAT = 1


def pack(spec: Spec, version: str) -> dict[str, str]:
    """The metadata; `version` is that of netspec. `format` beside it is what other readers of safetensors ask for."""
    told = {
        "format": FORMAT,
        "version": version,
        "name": spec.name,
        "sha256": spec.digest,
        "file": PurePath(spec.sources[0].name).name,
        "spec": spec.sources[0].text,
        "files": dict(spec.files),
        "define": dict(spec.define),
        "use": "for research and teaching; not for clinical use",
    }
    return {"format": "pt", KEY: json.dumps(told)}
