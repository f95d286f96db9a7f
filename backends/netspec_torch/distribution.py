"""Distribution functions over bins, by functions of our own."""

from __future__ import annotations

import ast

from netspec.ops.distribution import NormalCdf, Quantile, Step
from netspec.ops.elementwise import number
from netspec_torch.rule import Lowered, Site, call, literal, lowers


@lowers(Step)
def step(op: Step, at: Site) -> Lowered:
    """`step(x, bins)`."""
    return Lowered(call("step", at.inputs[0], op.bins), support=("step",))


@lowers(NormalCdf)
def normal_cdf(op: NormalCdf, at: Site) -> Lowered:
    """`normal_cdf(mu, sigma, bins)`; a plain number is made a tensor like the other one."""
    mu, sigma = _filled(at, 0, 1), _filled(at, 1, 0)
    return Lowered(call("normal_cdf", mu, sigma, op.bins), support=("normal_cdf",))


@lowers(Quantile)
def quantile(op: Quantile, at: Site) -> Lowered:
    """`quantile(cdf, q)`."""
    return Lowered(call("quantile", at.inputs[0], op.q), support=("quantile",))


def _filled(at: Site, i: int, other: int) -> ast.expr:
    """Input `i`, which may be a plain number."""
    value = number(at.types[i])
    return at.inputs[i] if value is None else call("torch.full_like", at.inputs[other], literal(value))
