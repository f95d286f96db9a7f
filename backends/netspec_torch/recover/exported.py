"""A module as `torch.export` sees it: a straight graph of PyTorch's operators, or a clear word on why there is none."""

from __future__ import annotations

import logging
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim as Axis
from torch.export import ExportedProgram

from netspec.text import SpecError
from netspec_torch.recover.leaves import Leaf, Leaves

EXAMPLES = 2
"""How many samples the example has: with one, PyTorch would take the batch for an axis of size 1."""

_OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))

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

    `free` lists for each input the axes whose size may be another, the batch among them. Raises SpecError NS782 with
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
    fast = torch.backends.mha.get_fastpath_enabled()
    with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            logging.disable(disabled)


def _reason(trouble: BaseException) -> str:
    """PyTorch's first line, or ours where it speaks of its own insides, and the line of the module that it is about."""
    lines = [line.strip() for line in str(trouble).splitlines()]
    said = next((line for line in lines if line), "")[:LONGEST_REASON]
    trace = "".join(traceback.format_tb(trouble.__traceback__))
    at = [
        f" (at {name}:{number} `{code}`)" for name, number, code in lines_of(str(trouble)) or lines_of(trace)
    ]
    words = f"{type(trouble).__name__}: {said}"
    if _is_undecided(trouble):
        words = "numbers of a tensor decide what is computed"
    return words + (at[-1] if at else "")


def _cure(trouble: BaseException) -> str:
    """What may be done about it."""
    if _is_undecided(trouble):
        return (
            "a spec is the same for all inputs: write `torch.where` for an `if` over numbers, and no `.item()`; "
            "or import a submodule without that part"
        )
    return "give the shapes that the module takes, without the batch; what it does must not depend on numbers"


def _is_undecided(trouble: BaseException) -> bool:
    """Whether an `if` or a size depends on numbers."""
    return "data-dependent" in str(trouble) or "DataDependent" in type(trouble).__name__


def lines_of(trace: str) -> list[tuple[str, str, str]]:
    """File, line and code of the places in a trace that are none of PyTorch's own."""
    found = re.findall(r'File "([^"]+)", line (\d+), in \S+\n[ \t]+(?=\S)(?!File ")(.+)', trace)
    return [(Path(name).name, number, code) for name, number, code in found if not name.startswith(_OURS)]
