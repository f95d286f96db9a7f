"""Losses of measured numbers as PyTorch's functions, and by functions of our own where it has none."""

from __future__ import annotations

from math import log, pi

from netspec.ops.regression_loss import L1, GaussianNll, Huber, Mse, Pinball, PoissonNll, SmoothL1
from netspec_torch.loss import reduced, reducing
from netspec_torch.rule import Lowered, Site, Value, binary, call, lowers


@lowers(Mse)
def mse(op: Mse, at: Site) -> Lowered:
    """`F.mse_loss(prediction, target)`."""
    return reducing(op, at, "F.mse_loss", *at.inputs[:2])


@lowers(L1)
def l1(op: L1, at: Site) -> Lowered:
    """`F.l1_loss(prediction, target)`."""
    return reducing(op, at, "F.l1_loss", *at.inputs[:2])


@lowers(SmoothL1)
def smooth_l1(op: SmoothL1, at: Site) -> Lowered:
    """`F.smooth_l1_loss(prediction, target)`."""
    options: dict[str, Value] = {} if op.beta == 1 else {"beta": op.beta}
    return reducing(op, at, "F.smooth_l1_loss", *at.inputs[:2], **options)


@lowers(Huber)
def huber(op: Huber, at: Site) -> Lowered:
    """`F.huber_loss(prediction, target)`."""
    options: dict[str, Value] = {} if op.delta == 1 else {"delta": op.delta}
    return reducing(op, at, "F.huber_loss", *at.inputs[:2], **options)


@lowers(Pinball)
def pinball(op: Pinball, at: Site) -> Lowered:
    """`torch.maximum(0.9 * (target - prediction), -0.1 * (target - prediction)).mean()`."""
    d = binary(at.inputs[1], "-", at.inputs[0])
    each = call("torch.maximum", binary(op.q, "*", d), binary(op.q - 1, "*", d))
    return reduced(op, at, each)


@lowers(GaussianNll)
def gaussian_nll(op: GaussianNll, at: Site) -> Lowered:
    """`gaussian_nll(mu, target, var, full, eps).mean()`: PyTorch's own looks at the numbers, and waits for them."""
    options: dict[str, Value] = {"constant": log(2 * pi)} if op.full else {}
    each = call("gaussian_nll", *at.inputs[:3], op.eps, **options)
    return reduced(op, at, each, ("gaussian_nll",))


@lowers(PoissonNll)
def poisson_nll(op: PoissonNll, at: Site) -> Lowered:
    """`F.poisson_nll_loss(prediction, target)`, with `full` plus `log_factorial(target)`."""
    options: dict[str, Value] = {} if op.log_input else {"log_input": False, "eps": op.eps}
    if not op.full:
        return reducing(op, at, "F.poisson_nll_loss", *at.inputs[:2], **options)
    each = call("F.poisson_nll_loss", *at.inputs[:2], **options, reduction="none")
    constant = call("log_factorial", at.inputs[1])  # PyTorch's own sends NaN to a target of 0
    return reduced(op, at, binary(each, "+", constant), ("log_factorial",))
