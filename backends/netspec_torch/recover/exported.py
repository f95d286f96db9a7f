"""A module as `torch.export` sees it: one straight graph of PyTorch's operators, or a clear word on why there is none."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.export import Dim as Axis
from torch.export import ExportedProgram

from netspec.text import SpecError
from netspec_torch.recover.leaves import Leaf, Leaves

EXAMPLES = 2
"""How many samples the example has: with one, PyTorch would take the batch for an axis of size 1."""

LONGEST_REASON = 300
"""So much of PyTorch's own words is repeated."""


@dataclass(frozen=True)
class Exported:
    """The graph of a module in one mode, with the calls that were kept whole."""

    program: ExportedProgram
    leaves: Mapping[str, Leaf]
    module: nn.Module


def export(module: nn.Module, examples: Sequence[torch.Tensor], free: Sequence[Sequence[int]]) -> Exported:
    """The graph of `module` as it stands, in training or in evaluation.

    `free` lists for each input the axes whose size may be another one, the batch among them. Raises SpecError NS782 with
    PyTorch's reason where the module cannot be followed, as where numbers decide what is computed.
    """
    leaves = Leaves()
    shapes = tuple(dict.fromkeys(axes, Axis.AUTO) for axes in free)
    try:
        with _quiet(), leaves.kept(module):
            program = torch.export.export(module, tuple(examples), dynamic_shapes=shapes)
    except Exception as trouble:
        raise SpecError.of(
            "NS782", f"PyTorch cannot follow this module: {_reason(trouble)}", help=_cure(trouble)
        ) from trouble
    return Exported(program, leaves.calls, module)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PyTorch's warnings and logs, which speak of its own insides, and without the shortcuts of attention."""
    fast = torch.backends.mha.get_fastpath_enabled()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        torch.backends.mha.set_fastpath_enabled(False)  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)  # type: ignore[no-untyped-call]
            logging.disable(disabled)


def _reason(trouble: BaseException) -> str:
    """PyTorch's words, the first line of them, and the line of the module that they are about."""
    lines = [line.strip() for line in str(trouble).splitlines()]
    first = next((line for line in lines if line), type(trouble).__name__)
    at = [
        f"{name.rpartition('/')[2]}:{number} `{code}`"
        for name, number, code in re.findall(r'File "([^"]+)", line (\d+), in \S+\n\s+(.+)', str(trouble))
        if "/torch/" not in name
    ]
    said = first if len(first) <= LONGEST_REASON else first[:LONGEST_REASON] + "..."
    return f"{type(trouble).__name__}: {said}" + (f" (at {at[-1]})" if at else "")


def _cure(trouble: BaseException) -> str:
    """What may be done about it."""
    if "data-dependent" in str(trouble) or "DataDependent" in type(trouble).__name__:
        return (
            "the numbers of a tensor decide what is computed (`if x.sum() > 0`, `.item()`), and a spec is the same "
            "for all inputs: write that part with `torch.where`, or import a submodule without it"
        )
    return "give the shapes that the module takes, without the batch; what it does must not depend on numbers"
