"""Tensors from a zip archive: what `torch.save` writes, or NumPy's arrays.

`torch.load(weights_only=True)` runs no code, and yet what it would build is looked at first: an archive may not hold
more bytes than the file has, and its list of tensors may name nothing but tensors and plain containers. So nothing is
allocated on a file's word, and what is refused is refused by its name.
"""

from __future__ import annotations

import pickletools
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from netspec.text import SpecError
from netspec.text.shown import shown
from netspec.weights.header import MOST_AXES
from netspec_torch.weights.plain import KINDS, read_arrays
from netspec_torch.weights.stored import Kind, Stored

MOST_LISTED = 64 << 20
"""Bytes of the list of tensors, which takes some hundred a tensor."""

NESTED = ("state_dict", "model_state_dict", "model")
"""Under which keys a checkpoint has its state dict, the most telling first."""

PREFIX, PART = "module.", "_orig_mod"
"""What `DistributedDataParallel` puts before every name, and `torch.compile` into it."""

_HARMLESS = {
    "collections.OrderedDict",
    "collections.Counter",
    "collections.defaultdict",
    "builtins.set",
    "__builtin__.set",
    "builtins.complex",
    "__builtin__.complex",
    "_codecs.encode",
    "torch.Size",
    "torch.device",
    "torch.serialization._get_layout",
    "torch.storage.UntypedStorage",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    *(f"torch.{kind}Storage" for kind in ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short")),
    *(f"torch.{kind}Storage" for kind in ("Char", "Byte", "Bool")),
    *(str(kind) for kind in KINDS.values()),
}
"""What the list of tensors of a state dict may name."""

_ODD = ("_rebuild_", "Storage", "torch.q", "torch.float8", "torch.complex", "torch.uint", "torch.per_")
"""Parts of PyTorch's names that mean tensors of other kinds: sparse, quantized, of a device, without numbers."""

_CURE = (
    "where it was trained: `torch.save(model.state_dict(), 'weights.pt')`, or `safetensors.torch.save_file`"
)


def read_archive(opened: BinaryIO, file: Path, size: int, name: str) -> Stored:
    """The tensors of an archive; SpecError NS761 to NS764."""
    try:
        with zipfile.ZipFile(opened) as archive:
            names = archive.namelist()
            if names and all(one.endswith(".npy") for one in names):
                return read_arrays(archive, file, name)
            _check(archive, size, name)
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as trouble:
        raise _torn(name) from trouble
    opened.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles, which are refused in any case
            loaded = torch.load(opened, map_location="cpu", weights_only=True)
    except Exception as trouble:  # whatever a bad file makes the reader raise, it is a bad file
        raise _torn(name) from trouble
    state, kind = _state(loaded, name)
    _check_tensors(state, size, name)
    renamed, notes = _named(state, name)
    return Stored(renamed, _words(loaded), kind, file, notes=notes)


# ------------------------------------------------------------------------------------------------------ before loading


def _check(archive: zipfile.ZipFile, size: int, name: str) -> None:
    """The archive is one of `torch.save`, holds no more than the file, and lists nothing but tensors."""
    entries = archive.infolist()
    lists = [one for one in entries if one.filename.split("/")[1:] == ["data.pkl"]]
    if len(lists) != 1 or any(one.filename.split("/")[1:2] == ["code"] for one in entries):
        raise SpecError.of(
            "NS761",
            f"`{name}` is an archive of something else than weights",
            help=f"write the weights {_CURE}",
        )
    packed = any(one.compress_type != zipfile.ZIP_STORED for one in entries)
    if packed or sum(one.file_size for one in entries) > size or lists[0].file_size > MOST_LISTED:
        raise SpecError.of(
            "NS763", f"`{name}` claims to hold more than it does", help="write it again with `torch.save`"
        )
    for called in _globals(archive.read(lists[0]), name):
        if called in _HARMLESS:
            continue
        if called.startswith("torch.") and any(one in called for one in _ODD):
            raise SpecError.of(
                "NS764",
                f"`{name}` holds tensors that are not plain ones: `{shown(called)[:80]}`",
                help="store dense tensors of float32, float16, bfloat16 or whole numbers: `value.to_dense()`, "
                "`value.dequantize()`",
            )
        raise SpecError.of(
            "NS762",
            f"`{name}` holds more than weights: reading it would make `{shown(called)[:80]}`",
            help=f"store the weights alone, {_CURE}",
        )


def _globals(listed: bytes, name: str) -> Iterator[str]:
    """All that a pickle names, told without running it. It may name things in one way only, as `torch.save` does."""
    try:
        for code, argument, _ in pickletools.genops(listed):
            if code.name == "GLOBAL":
                yield str(argument).replace(" ", ".", 1)
            elif code.name in {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX"}:
                raise SpecError.of(
                    "NS762",
                    f"`{name}` is not written as `torch.save` writes a state dict: `{code.name}`",
                    help=f"write the weights {_CURE}",
                )
    except (ValueError, IndexError, OverflowError, RecursionError) as trouble:
        raise _torn(name) from trouble


# ------------------------------------------------------------------------------------------------------- after loading


def _state(loaded: Any, name: str) -> tuple[dict[str, Tensor], Kind]:
    """The state dict in what was loaded: itself, or nested under a known key."""
    if not isinstance(loaded, dict):
        raise _empty(name, f"it holds a {type(loaded).__name__}")
    if _is_state(loaded):
        return dict(loaded), "state_dict"
    if loaded.get("format") == 1 and {"model", "progress", "digest"} <= loaded.keys():
        for key in ("average", "model"):  # a run is kept for its averages, where it has some
            if _is_state(loaded.get(key)):
                return dict(loaded[key]), "run"
    for key in NESTED:
        if _is_state(loaded.get(key)):
            kind: Kind = "lightning" if "pytorch-lightning_version" in loaded else "state_dict"
            return dict(loaded[key]), kind
    known = ", ".join(f"`{shown(str(key))[:40]}`" for key in list(loaded)[:8])
    raise _empty(name, f"it holds {known or 'nothing'}")


def _is_state(told: Any) -> bool:
    """Whether something is tensors by name, and nothing else."""
    return (
        isinstance(told, dict)
        and bool(told)
        and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in told.items())
    )


def _check_tensors(state: Mapping[str, Tensor], size: int, name: str) -> None:
    """Every tensor is a plain one, and all of them together are no more than the file holds.

    Two names of one tensor (tied weights) are one; other views of the same numbers count each for itself, so that a
    small file cannot be many large tensors.
    """
    seen: set[tuple[int, ...]] = set()
    total = 0
    for key, value in state.items():
        plain = value.layout is torch.strided and value.device.type == "cpu" and not value.is_quantized
        if not plain or value.dtype not in KINDS.values():
            what = value.dtype if plain else "one that is sparse, quantized or has no numbers"
            raise SpecError.of(
                "NS764",
                f"the tensor `{shown(key)}` of `{name}` is no plain one: {what}",
                help="store dense tensors of float32, float16, bfloat16 or whole numbers",
            )
        mark = (value.untyped_storage().data_ptr(), value.storage_offset(), *value.shape, *value.stride())
        if mark not in seen:
            seen.add(mark)
            total += value.numel() * value.element_size()
        held = value.untyped_storage().nbytes()
        if value.ndim > MOST_AXES or value.numel() * value.element_size() > held or total > size:
            raise SpecError.of(
                "NS763",
                f"the tensor `{shown(key)}` of `{name}` is a view that says more numbers than the file holds",
                help="store it as a tensor of its own: `value.clone()`",
            )


def _named(state: Mapping[str, Tensor], name: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors, detached, under the names that the network itself has, and what was taken off."""
    notes: list[str] = []
    names = list(state)
    if all(one.startswith(PREFIX) for one in names):
        names = [one.removeprefix(PREFIX) for one in names]
        notes.append(f"`{PREFIX}` of DistributedDataParallel was taken off every name")
    if any(PART in one.split(".") for one in names):
        names = [".".join(part for part in one.split(".") if part != PART) for one in names]
        notes.append(f"`{PART}.` of torch.compile was taken out of the names")
    found = {key: value.detach() for key, value in zip(names, state.values(), strict=True)}
    if len(found) < len(state) or "" in found:
        raise _empty(name, "two of its names are one without what torch.compile puts into them")
    return found, tuple(notes)


def _words(loaded: Mapping[Any, Any]) -> dict[str, str]:
    """What a checkpoint says of itself besides its tensors."""
    return {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, str)}


def _torn(name: str) -> SpecError:
    return SpecError.of(
        "NS761", f"`{name}` is torn, or no file of `torch.save`", help="write or copy it again"
    )


def _empty(name: str, why: str) -> SpecError:
    return SpecError.of(
        "NS761",
        f"there is no state dict in `{name}`: {why}",
        help=f"a state dict is tensors by name, alone or under {', '.join(f'`{key}`' for key in NESTED)}",
    )
