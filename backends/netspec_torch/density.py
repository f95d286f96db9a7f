"""Distribution functions with a shape of their own over bins, by functions of our own."""

from __future__ import annotations

import ast

from netspec.ops.density import LognormalCdf, MixtureCdf, OrdinalCdf
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(MixtureCdf)
def mixture_cdf(op: MixtureCdf, at: Site) -> Lowered:
    """`mixture_cdf(weights, mu, sigma, bins, dim)`."""
    made = call("mixture_cdf", *at.inputs, op.bins, op.place(at.types[0]))
    return Lowered(made, support=("normal_cdf", "mixture_cdf"))


@lowers(LognormalCdf)
def lognormal_cdf(op: LognormalCdf, at: Site) -> Lowered:
    """`lognormal_cdf(mu, sigma, bins)`."""
    return Lowered(call("lognormal_cdf", *at.inputs, op.bins), support=("lognormal_cdf",))


@lowers(OrdinalCdf)
def ordinal_cdf(op: OrdinalCdf, at: Site) -> Lowered:
    """`ordinal_cdf(x, self.<path>.threshold, self.<path>.gap)`, both kept in an `nn.ParameterDict`."""
    own = (ast.Attribute(at.module, key, ast.Load()) for key in ("threshold", "gap"))
    layer = call("nn.ParameterDict", call("even_thresholds", op.bins))
    return Lowered(call("ordinal_cdf", *at.inputs, *own), layer, ("even_thresholds", "ordinal_cdf"))
