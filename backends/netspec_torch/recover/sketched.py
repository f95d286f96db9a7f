"""From a module to its sketch, and the module itself as what the sketch is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils import _pytree as tree

from netspec.ir.types import DType
from netspec.recover.draft import Unsaid
from netspec.recover.sketch import Reading, Sketch
from netspec.text import SpecError
from netspec_torch.recover import norms, parts, pointwise, shapes, shuffles, windows
from netspec_torch.recover.drawing import Drawing
from netspec_torch.recover.exported import EXAMPLES, Exported, export
from netspec_torch.recover.held import Held
from netspec_torch.recover.reading import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

RULED = (norms, parts, pointwise, shapes, shuffles, windows)
"""The files whose rules are there once they are imported."""


def draw(exported: Exported, name: str, inputs: Sequence[tuple[str, tuple[int | str, ...], DType, tuple[str, ...]]], sizes: Mapping[str, int], source: str) -> Sketch:
    drawing = Drawing(name, source, {"N": EXAMPLES, **sizes})
    held = {}
    for word, shape, dtype, axes in inputs:
        value = drawing.input(word, shape, dtype, axes)
        held[word] = Held(value, tuple(range(len(shape) + 1)))
    outputs = Reader(exported, drawing).read(held)
    found = {}
    for i, one in enumerate(outputs):
        found[f"output{i}"] = drawing.laid(one)
    return drawing.sketch(found)
