"""The weights of a network that somebody else wrote, told by the spec's keys: by name, else by order and shape."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from torch import nn

from netspec.text import SpecError

Shapes = Mapping[str, tuple[int, ...]]


def keys(network: nn.Module, model: nn.Module, *, called: str) -> dict[str, str]:
    """What each parameter and buffer of `network` is called in `model`; SpecError NS671 where they do not pair.

    Parameters that have the same names and shapes in both are the same. Where the names differ, both are taken in
    the order in which they were registered, and every pair must have one shape; so are the buffers.
    """
    found: dict[str, str] = {}
    for what, theirs, ours in (
        ("parameters", dict(network.named_parameters()), dict(model.named_parameters())),
        ("buffers", dict(network.named_buffers()), dict(model.named_buffers())),
    ):
        found |= _paired(
            what,
            {key: tuple(value.shape) for key, value in theirs.items()},
            {key: tuple(value.shape) for key, value in ours.items()},
            called,
        )
    return found


def _paired(what: str, theirs: Shapes, ours: Shapes, called: str) -> dict[str, str]:
    """Each of their names and our key for it."""
    if dict(theirs) == dict(ours):
        return {key: key for key in theirs}
    for (name, shape), (key, own) in zip_longest(theirs.items(), ours.items(), fillvalue=("", None)):
        if shape is None:
            raise _unpaired(f"`{called}` has {len(theirs)} {what}, the spec {len(ours)}: it lacks `{key}`")
        if own is None:
            raise _unpaired(
                f"`{called}` has {len(theirs)} {what}, the spec {len(ours)}: `{name}` is one too many"
            )
        if shape != own:
            raise _unpaired(
                f"in order, `{name}` of `{called}` stands where the spec has `{key}`, and it is {list(shape)} where "
                f"that is {list(own)}"
            )
    return dict(zip(theirs, ours, strict=True))


def _unpaired(said: str) -> SpecError:
    return SpecError.of(
        "NS671", said, help="register the layers in the order in which the spec uses them, with its sizes"
    )
