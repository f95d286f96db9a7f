"""Put the tensors of a file into a model: all that the report says, or nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec.text.shown import shown
from netspec.weights.carry import carried, held, matched
from netspec.weights.origin import Listing
from netspec.weights.report import Report
from netspec.weights.slots import Slots, slots
from netspec_torch.weights.file import read
from netspec_torch.weights.stored import Stored


def listed(weights: Path) -> Listing:
    """The tensors of a file or a run by name and shape; SpecError NS760 to NS764."""
    return _listing(read(weights))


def _listing(stored: Stored) -> Listing:
    """What a report is made of: names and shapes."""
    shapes = {key: tuple(value.shape) for key, value in stored.tensors.items()}
    return Listing(shapes, stored.ordered, stored.metadata, stored.notes)


def load(
    model: nn.Module,
    file: Path,
    *,
    spec: Spec | None = None,
    pairs: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Report:
    """Start a model from a file or a run, and tell what became of every tensor.

    With the model's `spec` its structure decides, and what the old spec called its layers; else names and shapes alone.
    Raises SpecError before anything is changed: NS760 to NS764 for the file, NS765 to NS767 where it does not fit,
    NS768 for numbers that cannot be a network's, NS769 for a model without numbers; ValueError for another spec's.
    """
    stored = read(file)
    own = _own(model)
    if spec is None:
        wanted = Slots({key: tuple(value.shape) for key, value in own.items()})
        report = matched(wanted, _listing(stored), pairs)
    else:
        if {key: tuple(value.shape) for key, value in own.items()} != slots(spec.graph).shapes:
            raise ValueError(f"the model is not the one that the spec `{spec.name}` compiles to")
        report = carried(spec, _listing(stored), file, pairs)
    name = shown(stored.file.name)
    held(report, name, strict=strict)
    values = {
        key: _value(stored.tensors[source], own[key], source, name) for key, source in report.sources.items()
    }
    with (
        torch.no_grad()
    ):  # nothing below can fail: every value is there, in its shape and kind, and is a number
        for key, value in values.items():
            own[key].copy_(value)
    return report


def _own(model: nn.Module) -> dict[str, Tensor]:
    """The model's own tensors by name; what else a module may keep in its state is left alone."""
    own = {key: value for key, value in model.state_dict().items() if isinstance(value, Tensor)}
    if not own:
        raise SpecError.of("NS769", "the model has no weights", help="give a model that has")
    if any(value.is_meta for value in own.values()):
        raise SpecError.of(
            "NS769",
            "the model was made on the device `meta`: it has shapes and no numbers",
            help="make it on a real device, or `model.to_empty(device='cpu')`",
        )
    return own


def _value(stored: Tensor, own: Tensor, source: str, name: str) -> Tensor:
    """A stored tensor in the shape, the kind and the device of the model's own."""
    if _family(stored) != _family(own) and not _counts(stored, own):
        raise _refused(
            f"`{shown(source)}` of `{name}` is {_kind(stored)}, and the model has {_kind(own)} there",
            "store it as the kind of numbers that the model has",
        )
    value = stored.reshape(own.shape).to(own.dtype)
    if own.is_floating_point() and not bool(torch.isfinite(value).all()):
        raise _refused(
            f"`{shown(source)}` of `{name}` has numbers that are infinite or none"
            + ("" if not bool(torch.isfinite(stored).all()) else f" as {_kind(own)}"),
            "take an earlier checkpoint: these weights come of a training that failed",
        )
    return value.to(own.device)


def _family(value: Tensor) -> str:
    """Numbers between which nothing but precision differs."""
    return "float" if value.is_floating_point() else "bool" if value.dtype is torch.bool else "int"


def _counts(stored: Tensor, own: Tensor) -> bool:
    """Whether a float is a whole number where the model counts, as NumPy files have `num_batches_tracked`."""
    whole = own.dtype is torch.int64 and stored.is_floating_point() and stored.numel() == 1
    return whole and float(stored).is_integer()


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _refused(message: str, help: str) -> SpecError:
    return SpecError.of("NS768", message, help=help)
