"""The settled plan of a training: plain data that is kept with a run, and puts a model into its way of running."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from torch import Tensor, nn

from netspec.text import SpecError
from netspec_torch.plan.fence import fence
from netspec_torch.way import Way

MemoryFormat = Literal["contiguous", "channels_last"]
Precision = Literal["float32", "tf32", "bf16", "fp16"]

_MOST_LAYERS = 100_000


@dataclass(frozen=True)
class Settled:
    """Every choice made. The first values are PyTorch's own way, which nothing is measured for.

    `threads` of None are as many as PyTorch takes; `workers` gather batches ahead of the step that is under way.
    `float32` holds the paths of layers that stay in float32 where `precision` has half the width.

    Use: `called = settled.apply(model)`, then within `settled.throughout()` each step, whose forward pass is
    `with settled.running(): called(*settled.placed(batch).values())`.
    """

    device: str = "cpu"
    memory_format: MemoryFormat = "contiguous"
    compile: bool = False
    threads: int | None = None
    workers: int = 0
    precision: Precision = "float32"
    float32: tuple[str, ...] = ()

    @property
    def way(self) -> Way:
        """How PyTorch is to run it."""
        return Way(
            device=self.device,
            autocast=self.precision if self.precision in ("bf16", "fp16") else "",
            channels_last=self.memory_format == "channels_last",
            compiled=self.compile,
            tf32=True if self.precision == "tf32" else None,
            threads=self.threads,
        )

    def prepare(self, model: nn.Module) -> None:
        """Put the model on the device, its weights into their layout, and its layers of float32 behind their fence.

        Once for each model. Parameters and their names stay what they are.
        """
        self.way.place(model)
        if self.way.autocast:
            fence(model, self.float32, self.device)

    def apply(self, model: nn.Module) -> Callable[..., Any]:
        """`prepare` the model, and give what a step calls in its place: the model itself, or its compiled form."""
        self.prepare(model)
        return self.way.called(model)

    def placed(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A batch on the device, in the layout."""
        return {name: self.way.placed(value) for name, value in batch.items()}

    def running(self) -> AbstractContextManager[object]:
        """What the forward pass runs in: autocast, where numbers have half the width."""
        return self.way.running()

    def throughout(self) -> AbstractContextManager[object]:
        """What whole steps run in: the threads and the products of the plan. What was before comes back."""
        return self.way.throughout()

    def exactly(self) -> AbstractContextManager[object]:
        """As `throughout`, with all digits of a product in float32: what other numbers are held against."""
        return replace(self.way, tf32=False).throughout()

    def as_json(self) -> dict[str, Any]:
        """Plain data that `from_json` reads."""
        return {**asdict(self), "float32": list(self.float32)}

    @classmethod
    def from_json(cls, told: object) -> Settled:
        """What `as_json` wrote, whoever has had it since. SpecError NS661 for anything else."""
        if not isinstance(told, Mapping) or not all(_is(one.name, told.get(one.name)) for one in fields(cls)):
            raise SpecError.of(
                "NS661",
                "the plan that the run keeps in `run.json` is none that can be repeated",
                help="restore the file, or train the spec again",
            )
        values = {one.name: told[one.name] for one in fields(cls)}
        return cls(**{**values, "float32": tuple(values["float32"])})


def _is(name: str, value: object) -> bool:
    """Whether a value can be that of a field."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    match name:
        case "device":
            return value in ("cpu", "cuda", "mps")
        case "memory_format":
            return value in get_args(MemoryFormat)
        case "precision":
            return value in get_args(Precision)
        case "compile":
            return isinstance(value, bool)
        case "threads":
            return value is None or (whole and 1 <= value <= 1024)  # type: ignore[operator]
        case "workers":
            return whole and 0 <= value <= 64  # type: ignore[operator]
        case _:
            return (
                isinstance(value, list)
                and len(value) <= _MOST_LAYERS
                and all(isinstance(one, str) for one in value)
            )


PLAIN = Settled()
"""PyTorch's own way on the CPU."""
