"""How a training is run on a machine: what may be chosen for speed, and whether it is pinned or measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from annotated_types import Ge, Le
from pydantic import ValidationError

from netspec.ir.record import Record

Auto = Literal["auto"]
Precision = Literal["auto", "float32", "tf32", "bf16", "fp16"]
Threads = Annotated[int, Ge(1), Le(1024)]
Workers = Annotated[int, Ge(0), Le(64)]


class Plan(Record):
    """How the steps are run: each part is pinned, or `auto`, which measures it on this machine before the first step.

    `plan: auto` is `auto` for all of them. What is left out stays as it is without a plan, so that nothing is measured
    that was not asked for. A measurement takes real steps of this model with batches of this data, in turns, and
    takes another way only where it wins by more than the noise. What was chosen is printed and kept in the run's
    folder: `--resume` repeats it without measuring.
    """

    name: ClassVar[str] = "plan"

    memory_format: Literal["auto", "contiguous", "channels_last"] = "contiguous"
    """How pictures and weights lie in memory. Sums are then added up in another order: last digits change."""
    compile: Auto | bool = False
    """Whether steps go through `torch.compile`; `auto` counts its warm-up against all steps. Last digits change."""
    threads: Auto | Threads | None = None
    """How many threads compute on a CPU; `null` leaves PyTorch's own number. Last digits change."""
    workers: Auto | Workers = 0
    """How many threads gather the next batches while a step is under way. No digit changes."""

    @property
    def measured(self) -> tuple[str, ...]:
        """The parts that are `auto`."""
        return tuple(key for key in type(self).model_fields if getattr(self, key) == "auto")


ALL_AUTO = Plan(memory_format="auto", compile="auto", threads="auto", workers="auto")
"""What `plan: auto` means."""


def asked(written: Auto | Plan | None) -> Plan:
    """The plan that a training asks for: nothing written is PyTorch's own way."""
    if written == "auto":
        return ALL_AUTO
    return written or Plan()


def pinned(plan: Plan, pins: Mapping[str, object]) -> Plan:
    """The plan with parts of it said otherwise, as on the command line; pydantic's ValidationError for a wrong one."""
    told = {key: getattr(plan, key) for key in Plan.model_fields}
    return Plan.model_validate({**told, **pins})


def pins_of(plan: str | Mapping[str, Any] | None, precision: str | None) -> dict[str, Any]:
    """What a program asks for besides the spec, as pins; ValueError for what is no part of a plan."""
    pins: dict[str, Any] = read_pins([plan]) if isinstance(plan, str) else dict(plan or {})
    pinned(Plan(), pins)
    if precision is None:
        return pins
    if precision not in get_args(Precision):
        raise ValueError(f"`precision` is one of {', '.join(f'`{one}`' for one in get_args(Precision))}")
    return {**pins, "precision": precision}


def read_pins(words: Iterable[str]) -> dict[str, object]:
    """The parts of a plan as a command line says them: `auto`, `none`, `compile=false`, the later over the earlier.

    ValueError for what is no part or no value of it, in words for the user.
    """
    pins: dict[str, object] = {}
    for word in words:
        if word in WHOLE:
            pins |= {key: getattr(WHOLE[word], key) for key in Plan.model_fields}
            continue
        key, equals, text = (part.strip() for part in word.partition("="))
        if not equals or key not in Plan.model_fields:
            parts = ", ".join(f"`{one}`" for one in Plan.model_fields)
            raise ValueError(
                f"`{word}` is not `auto`, `none` or PART=VALUE, such as `compile=false`; parts are {parts}"
            )
        pins[key] = _value(text)
        try:
            pinned(Plan(), {key: pins[key]})
        except ValidationError as trouble:
            raise ValueError(f"`{text}` is no value of `{key}`: {_VALUES[key]}") from trouble
    return pins


WHOLE = {"auto": ALL_AUTO, "none": Plan()}
"""Words for a whole plan: all of it measured, or PyTorch's own way."""

_VALUES = {
    "memory_format": "it is `auto`, `contiguous` or `channels_last`",
    "compile": "it is `auto`, `true` or `false`",
    "threads": "it is `auto`, `null` or a whole number from 1 to 1,024",
    "workers": "it is `auto` or a whole number from 0 to 64",
}


def _value(text: str) -> object:
    """A value as it is written."""
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    return {"true": True, "false": False, "null": None}.get(text, text)
