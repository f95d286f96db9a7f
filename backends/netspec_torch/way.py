"""The ways in which a model runs in PyTorch: number type, memory layout, compiler, device; and what runs it."""

from __future__ import annotations

import platform
import shutil
import sysconfig
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from netspec.text import SpecError

LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""The memory format that puts channels last, by rank."""


@dataclass(frozen=True)
class Way:
    """How a model runs. The plain way is eager, on the CPU, in the type of the numbers given."""

    device: str = "cpu"
    autocast: bool = False
    channels_last: bool = False
    compiled: bool = False

    def placed(self, value: Tensor) -> Tensor:
        """A tensor on the device of this way, in its layout."""
        there = value.to(self.device)
        if self.channels_last and value.dim() in LAYOUTS:
            return there.contiguous(memory_format=LAYOUTS[value.dim()])
        return there

    def place(self, model: nn.Module) -> None:
        """Put a model's parameters and state where this way wants them."""
        model.to(self.device)
        if self.channels_last:
            for parameter in model.parameters():
                parameter.data = self.placed(parameter.data)

    def called(self, model: nn.Module) -> Callable[..., dict[str, Tensor]]:
        """The model as this way calls it."""
        if not self.compiled:
            return model
        torch.compiler.reset()
        return torch.compile(model, dynamic=False)

    def running(self) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        if not self.autocast:
            return nullcontext()
        return torch.autocast(self.device, dtype=torch.bfloat16)

    def throughout(self) -> AbstractContextManager[object]:
        """What forward and backward run in: on CUDA products keep the digits of float32 (no TF32)."""
        stack = ExitStack()
        if self.device == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(allow_tf32=False))
            before = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("highest")
            stack.callback(torch.set_float32_matmul_precision, before)
        return stack


PLAIN = Way()

WAYS: Mapping[str, Way] = {
    "float64": PLAIN,
    "float32": PLAIN,
    "bf16": Way(autocast=True),
    "channels_last": Way(channels_last=True),
    "compile": Way(compiled=True),
    "cuda": Way(device="cuda"),
}
"""The ways of a proof; the number type is that of the numbers given."""


def find(name: str) -> Way:
    """The way called `name`; SpecError NS717 where there is none or this machine lacks what it needs."""
    trouble = lacks(name)
    if trouble:
        raise SpecError.of(
            "NS717", f"`{name}` cannot be run here: {trouble}", help="leave it out of `--modes`"
        )
    return WAYS[name]


def lacks(name: str) -> str:
    """Why nothing can be run that way here, in a few words; empty where it can."""
    if name not in WAYS:
        return "PyTorch's side knows no such mode"
    if WAYS[name].compiled:
        return _no_compiler()
    if WAYS[name].device == "cuda" and not torch.cuda.is_available():
        built = torch.version.cuda is not None
        return "PyTorch finds no CUDA device" if built else "this PyTorch was built without CUDA"
    return ""


def _no_compiler() -> str:
    """What `torch.compile` lacks on the CPU: it writes C++, and compiles it against Python's headers."""
    if not any(shutil.which(one) for one in ("g++", "clang++", "c++", "cl")):
        return "`torch.compile` needs a C++ compiler, and none is on the path"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return "`torch.compile` needs Python's headers, and they are not installed"
    return ""


def described() -> Mapping[str, str]:
    """What computes here, for a record."""
    found = {"torch": torch.__version__, "threads of torch": str(torch.get_num_threads())}
    if torch.cuda.is_available():
        found["CUDA"] = f"{torch.version.cuda}, {torch.cuda.get_device_name()}"
    found["bf16 in hardware"] = "yes" if _has_bf16() else "no"
    return found


def _has_bf16() -> bool:
    """Whether the CPU multiplies bf16 itself."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())
