"""Where tolerances come from, in the words of a certificate."""

_WORDS = """
No tolerance is chosen. A sum of k terms, in any order, is off by at most lam k u s but for a chance of
2 k exp(-lam^2 / 2), where u is half the gap of the number type at 1 and s is the root of the sum of the squared terms
(Higham and Mary 2019, theorem 2.4).

s is measured: the reference runs again with every elementary operation, and all that a layer reads, off by a small
random share (Monte Carlo arithmetic, Parker 1997). So every rounding reaches what it reaches through the true
derivatives of this model, and what cancels inside a layer is seen. In float64 two programs may differ by lam K eps s, K
being the terms of the longest sum.

In the other modes operands and results are rounded to the type of the layer and sums are added up in float32:
lam (u + k eps) s + 3 u |y|, with k and s of this layer alone. Under autocast a layer is judged by bfloat16 where it
reads it, gives it or multiplies matrices.

The reference's gradient is held against the slope of its own loss between points so near that no kink lies between
them, which is seen from the slopes of both sides at two distances; what is allowed is rounding alone. A direction
without such points is told and proves nothing.

A parameter after a step may differ by what the reference makes of parameters and gradients that are off by roundings;
every step adds a few.
"""

ORIGINS = tuple(" ".join(part.split()) for part in _WORDS.strip().split("\n\n"))
"""Paragraphs; the derivations in full stand in the modules `rounding`, `modes`, `slope` and `steps` of the proof."""
