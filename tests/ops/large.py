"""Functions of single numbers, far out: where exponentials overflow and differences cancel."""

from __future__ import annotations

import numpy as np

from netspec.ir.op import Op
from netspec.ir.types import tensor
from tests.conformance.case import Numbers, candidate, case, pulls, reference
from tests.conformance.harness import compare
from tests.ops.tolerance import tolerances


def check_large_numbers(op: Op, size: float) -> None:
    """Numbers up to `size` give finite values and gradients, and the same in both backends."""
    use = case(op, tensor(batch=2, bin=6))
    x = np.array([[-1.0, -0.5, -0.1, 0.1, 0.5, 1.0], [1.0, 0.99, 0.98, -1.0, 0.2, 0.3]]) * size
    drawn = Numbers((x,))
    gradients = pulls((x,), 0)
    ours, theirs = (run(use, drawn, gradients, "eval") for run in (reference, candidate))
    most = tolerances(use, drawn, gradients, "eval")
    assert np.isfinite(ours.outputs[0]).all()
    assert np.isfinite(ours.inputs[0]).all()
    compare(f"{op!r}", ours.outputs[0], theirs.outputs[0], most.outputs[0])
    compare(f"gradient of {op!r}", ours.inputs[0], theirs.inputs[0], most.inputs[0])
