"""The device a model runs on."""

from __future__ import annotations

import torch

from netspec.text import SpecError


def pick(wanted: str = "auto") -> torch.device:
    """`auto` is CUDA where there is one, else Apple's MPS, else the CPU; SpecError NS703 for what is absent."""
    if wanted == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    if wanted == "cuda" and not torch.cuda.is_available():
        build = (
            "this PyTorch was built without CUDA"
            if torch.version.cuda is None
            else "PyTorch finds no CUDA device"
        )
        raise SpecError.of(
            "NS703", f"`cuda` was asked for, and {build}", help="use `device: auto` or `device: cpu`"
        )
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise SpecError.of(
            "NS703",
            "`mps` was asked for, and this machine has none",
            help="use `device: auto` or `device: cpu`",
        )
    if wanted not in ("cpu", "cuda", "mps"):
        raise SpecError.of(
            "NS703", f"there is no device called {wanted[:40]!r}", help="use `auto`, `cpu`, `cuda` or `mps`"
        )
    return torch.device(wanted)


def free() -> int:
    """Bytes that are free on the CUDA device; SpecError NS703 where there is none."""
    left: int = torch.cuda.mem_get_info(pick("cuda"))[0]
    return left
