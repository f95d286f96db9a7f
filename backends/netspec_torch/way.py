"""The ways in which a model runs in PyTorch: number type, memory layout, compiler, device; and what runs it."""

from __future__ import annotations

import platform
import shutil
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netspec.text import SpecError

LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""The memory format that puts channels last, by rank."""


HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The number types of half the width, by the name they have in a recipe."""


@dataclass(frozen=True)
class Way:
    """How a model runs. The plain way is eager, on the CPU, in the type of the numbers given.

    `autocast` names a type of `HALVES`, or is empty. `tf32` says whether products of float32 keep ten bits on CUDA;
    None leaves that, as `threads` leaves the threads of PyTorch, as they are.
    """

    device: str = "cpu"
    autocast: str = ""
    channels_last: bool = False
    compiled: bool = False
    tf32: bool | None = False
    threads: int | None = None

    def placed(self, value: Tensor) -> Tensor:
        """A tensor on the device of this way, in its layout."""
        there = value.to(self.device, non_blocking=self.device == "cuda")
        if self.channels_last and value.dim() in LAYOUTS:
            return there.contiguous(memory_format=LAYOUTS[value.dim()])
        return there

    def place(self, model: nn.Module) -> None:
        """Put a model's parameters and state where this way wants them."""
        model.to(self.device)
        if self.channels_last:
            for parameter in model.parameters():
                parameter.data = self.placed(parameter.data)

    def called(self, model: nn.Module) -> Callable[..., Any]:
        """The model as this way calls it."""
        if not self.compiled:
            return model
        compiled: Callable[..., Any] = torch.compile(model, dynamic=False)
        return compiled

    def running(self) -> AbstractContextManager[object]:
        """What the forward pass runs in."""
        if not self.autocast:
            return nullcontext()
        return torch.autocast(self.device, dtype=HALVES[self.autocast])

    def throughout(self) -> AbstractContextManager[object]:
        """What forward and backward run in: the threads of the CPU, and the digits that products keep on CUDA."""
        stack = ExitStack()
        if self.device == "cuda" and self.tf32 is not None:
            stack.enter_context(_products(tf32=self.tf32))
        if self.threads is not None:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(self.threads)
        return stack


@contextmanager
def _products(*, tf32: bool) -> Iterator[None]:
    """Products on CUDA with ten bits of each number, or with all of them."""
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = tf32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before[0]
        torch.set_float32_matmul_precision(before[1])


PLAIN = Way()

WAYS: Mapping[str, Way] = {
    "float64": PLAIN,
    "float32": PLAIN,
    "bf16": Way(autocast="bf16"),
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
        return no_compiler()
    if WAYS[name].device == "cuda" and not torch.cuda.is_available():
        built = torch.version.cuda is not None
        return "PyTorch finds no CUDA device" if built else "this PyTorch was built without CUDA"
    return ""


def no_compiler() -> str:
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
    found["bf16 in hardware"] = "yes" if has_bf16() else "no"
    return found


def has_bf16() -> bool:
    """Whether the CPU multiplies bf16 itself."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())
