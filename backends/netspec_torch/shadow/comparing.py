"""Losses as PyTorch's functions."""

from __future__ import annotations

from typing import Any

from netspec_torch.shadow.pointwise import abs_, add, clamp, div, exp, log, log_softmax, mul, neg, sub, xlogy
from netspec_torch.shadow.reducing import sum_, vector_norm
from netspec_torch.shadow.tensor import Shadow, elementwise, made


def _reduced(each: Shadow, reduction: str) -> Shadow:
    return each if reduction == "none" else made((), [each])


def _pair(x: Shadow, target: Shadow, *_: Any, reduction: str = "mean", **__: Any) -> Shadow:
    """Prediction and target are kept."""
    each = elementwise(x, target, saves=[x, target])
    return each if reduction == "none" else made((), [x, target])


def mse_loss(x: Shadow, target: Shadow, **named: Any) -> Shadow:
    """Prediction and target are kept."""
    return _pair(x, target, **named)


def l1_loss(x: Shadow, target: Shadow, reduction: str = "mean") -> Shadow:
    """The difference is kept."""
    return _reduced(abs_(sub(x, target)), reduction)


def smooth_l1_loss(x: Shadow, target: Shadow, **named: Any) -> Shadow:
    """Prediction and target are kept."""
    return _pair(x, target, **named)


def huber_loss(x: Shadow, target: Shadow, **named: Any) -> Shadow:
    """Prediction and target are kept."""
    return _pair(x, target, **named)


def binary_cross_entropy(x: Shadow, target: Shadow, **named: Any) -> Shadow:
    """Prediction and target are kept."""
    return _pair(x, target, **named)


def binary_cross_entropy_with_logits(
    x: Shadow, target: Shadow, pos_weight: Shadow | None = None, reduction: str = "mean"
) -> Shadow:
    """Prediction and target are kept, and weights."""
    each = elementwise(x, target, saves=[x, target, pos_weight])
    return _reduced(each, reduction)


def nll_loss(
    x: Shadow,
    target: Shadow,
    weight: Shadow | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Shadow:
    """Input, target and weights are kept, and what the mean is divided by."""
    del ignore_index
    shape = target.shape if reduction == "none" else ()
    return made(shape, [x], [x, target, weight, Shadow(())])


def cross_entropy(
    x: Shadow,
    target: Shadow,
    weight: Shadow | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Shadow:
    """The logarithms of the shares are kept, and what the rest needs."""
    shares = log_softmax(x, 1)
    if target.floating:
        return _of_shares(shares, target, weight, reduction, label_smoothing)
    plain = nll_loss(shares, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return plain
    scaled = shares
    if weight is not None:
        scaled = mul(
            shares, weight.seen((1, weight.shape[0], *[1] * (x.rank - 2)), (0, 1, *[0] * (x.rank - 2)))
        )
    smooth = neg(sum_(scaled, 1))
    ignored = Shadow(target.shape, "bool")
    smooth = made(smooth.shape, [smooth], [ignored])
    smooth = _reduced(smooth, "none" if reduction == "none" else "sum")
    if reduction == "mean":
        smooth = div(smooth, Shadow(()) if weight is not None else Shadow((), "int64"))
    return add(mul(plain, 1 - label_smoothing), mul(smooth, label_smoothing / x.shape[1]))


def _of_shares(
    shares: Shadow, target: Shadow, weight: Shadow | None, reduction: str, smoothing: float
) -> Shadow:
    if smoothing:
        target = Shadow(target.shape, grad=target.grad)
    product = mul(shares, target)
    if weight is not None:
        product = mul(product, weight)
    if reduction == "none":
        return neg(sum_(product, 1))
    total = neg(sum_(product))
    return div(total, float(1)) if reduction == "mean" else total


def kl_div(x: Shadow, target: Shadow, *, reduction: str = "mean", log_target: bool = False) -> Shadow:
    """Of logarithms of shares or of shares."""
    each = mul(exp(target), sub(target, x)) if log_target else sub(xlogy(target, target), mul(target, x))
    return _reduced(each, reduction)


def poisson_nll_loss(
    x: Shadow,
    target: Shadow,
    *,
    log_input: bool = True,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Shadow:
    """`exp(x) - target * x`, or `x - target * log(x + eps)`."""
    each = sub(exp(x), mul(target, x)) if log_input else sub(x, mul(target, log(add(x, eps))))
    return _reduced(each, reduction)


def cosine_similarity(x: Shadow, y: Shadow, dim: int = 1, eps: float = 1e-8) -> Shadow:
    """Both over their lengths, multiplied and summed."""
    parts = []
    for one in (x, y):
        length = made(
            [1 if i == dim % one.rank else size for i, size in enumerate(one.shape)],
            [one],
            [one],
            saves_result=True,
        )
        parts.append(div(one, clamp(length, eps)))
    return sum_(mul(*parts), dim)


def _distance(x: Shadow, y: Shadow, p: float) -> Shadow:
    return vector_norm(add(sub(x, y), 1e-6), p, -1)


def triplet_margin_loss(
    anchor: Shadow,
    positive: Shadow,
    negative: Shadow,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Shadow:
    """The distances of two pairs, compared."""
    del eps
    near, far = _distance(anchor, positive, p), _distance(anchor, negative, p)
    if swap:
        other = _distance(positive, negative, p)
        far = elementwise(far, other, saves=[far, other])
    return _reduced(clamp(sub(add(near, margin), far), 0), reduction)


def margin_ranking_loss(
    x: Shadow, y: Shadow, target: Shadow, *, margin: float = 0.0, reduction: str = "mean"
) -> Shadow:
    """`max(0, -target * (x - y) + margin)`."""
    product = mul(neg(target), sub(x, y))
    return _reduced(clamp(add(product, margin), 0), reduction)


def expect(**values: Any) -> None:
    """Sizes were checked by the compiler."""
    del values
