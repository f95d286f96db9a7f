"""Functions that compiled models call where PyTorch has no single one. They are copied into the written file.

Each stands alone: it uses `torch`, `F` and its arguments, and no other function of this module unless it is listed
beside it in `Lowered.support`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody, and the written code, gives it


def expect(**values: tuple[torch.Tensor, tuple[int | str, ...]]) -> None:
    """ValueError unless each tensor has its sizes, where one word is one size: broadcasting would hide a mistake."""
    known: dict[str, int] = {}
    for key, (value, sizes) in values.items():
        right = value.dim() == len(sizes)
        for i in range(min(value.dim(), len(sizes))):
            one, size = sizes[i], value.shape[i]
            right = right and size == (known.setdefault(one, size) if isinstance(one, str) else one)
        if not right:
            wanted = ", ".join(
                [str(known.get(one, one)) if isinstance(one, str) else str(one) for one in sizes]
            )
            raise ValueError(f"`{key}` must be [{wanted}], and it is {list(value.shape)}")


def constants(numbers: list[float] | list[int], like: torch.Tensor) -> torch.Tensor:
    """The numbers as a tensor of the kind of `like` and where it is; nobody waits until they are there."""
    return torch.tensor(numbers, dtype=like.dtype).to(like.device, non_blocking=True)


def at_places(rows: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The rows `[m, ...]` at the m places where the mask `[n, s]` holds, 0 elsewhere: `[n, s, ...]`."""
    return rows.new_zeros(*mask.shape, *rows.shape[1:]).index_put((mask,), rows)


def standardised(x: torch.Tensor, dim: tuple[int, ...], eps: float = 1e-5) -> torch.Tensor:
    """The numbers with mean 0 and variance 1 over the axes `dim`, whatever their sizes are."""
    last = tuple(range(-len(dim), 0))
    moved = x.movedim(dim, last)
    return F.layer_norm(moved, moved.shape[-len(dim) :], eps=eps).movedim(last, dim)


def unit_squares(x: torch.Tensor, dim: tuple[int, ...], eps: float) -> torch.Tensor:
    """The numbers over the root of their mean square over the axes `dim`, whatever their sizes are."""
    last = tuple(range(-len(dim), 0))
    moved = x.movedim(dim, last)
    return F.rms_norm(moved, moved.shape[-len(dim) :], eps=eps).movedim(last, dim)


def step(x: torch.Tensor, bins: int) -> torch.Tensor:
    """The distribution function of known values: 1 for the bins n >= x, 0 below, n = 0 .. bins - 1 as a last axis."""
    n = torch.arange(bins, device=x.device, dtype=torch.promote_types(x.dtype, torch.float32))
    return (n >= x.unsqueeze(-1)).to(x.dtype)


def normal_cdf(mu: torch.Tensor, sigma: torch.Tensor, bins: int) -> torch.Tensor:
    """The normal distribution function at the bins n = 0 .. bins - 1, as a last axis; sigma is positive."""
    n = torch.arange(bins, device=mu.device, dtype=torch.promote_types(mu.dtype, torch.float32))
    return torch.erfc((mu.unsqueeze(-1) - n) / (sigma.unsqueeze(-1).clamp(min=1e-15) * 2**0.5)) / 2


def quantile(cdf: torch.Tensor, q: float) -> torch.Tensor:
    """The first bin at which the distribution function along the last axis reaches q; the last bin if none does."""
    return (cdf < q).sum(dim=-1).clamp(max=cdf.shape[-1] - 1).to(cdf.dtype)


def crps(cdf: torch.Tensor, target: torch.Tensor, power: int = 2) -> torch.Tensor:
    """The area to a power between each distribution function along the last axis and the step at its target."""
    error = cdf - step(target, cdf.shape[-1])
    return (error**2 if power == 2 else error.abs()).mean(dim=-1)


def crps_normal(mu: torch.Tensor, sigma: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The area between a normal distribution function and the step at the target, squared, in closed form.

    What z sends back cancels, so nothing is sent through it: gradients stay finite down to a sigma of 0.
    """
    d = target - mu
    z = (d / sigma.clamp(min=torch.finfo(d.dtype).tiny)).detach()
    peak: torch.Tensor = torch.exp(-(z**2) / 2) * (2 / torch.pi) ** 0.5 - torch.pi**-0.5
    return torch.erf(z / 2**0.5) * d + peak * sigma


def weighted_mean(
    each: torch.Tensor, weights: torch.Tensor, counts: torch.Tensor | None = None
) -> torch.Tensor:
    """The mean of elements with weights, which broadcast; `counts` are in the elements already, not in the divisor."""
    weights = weights.to(each.dtype).expand_as(each)
    counted = weights if counts is None else weights * counts.to(each.dtype)
    return (each * weights).sum() / counted.sum()


def masked_mean(x: torch.Tensor, where: torch.Tensor, dim: int | tuple[int, ...]) -> torch.Tensor:
    """The mean over `dim` of the elements at which `where`, which broadcasts, holds; 0 where it holds nowhere."""
    where = where.expand_as(x)
    return torch.where(where, x, 0.0).sum(dim) / where.sum(dim).clamp(min=1)


def masked_amax(x: torch.Tensor, where: torch.Tensor, dim: int | tuple[int, ...]) -> torch.Tensor:
    """The largest over `dim` of the elements at which `where`, which broadcasts, holds; 0 where it holds nowhere."""
    where = where.expand_as(x)
    most = torch.where(where, x, -float("inf")).amax(dim)
    return torch.where(where.any(dim), most, 0.0)


def class_weight(
    target: torch.Tensor,
    weight: list[float] | None = None,
    ignore_index: int | None = None,
    like: torch.Tensor | None = None,
) -> torch.Tensor:
    """The weight of each target's class, 1 where no list says another; 0 for the class that is ignored.

    The numbers are of the kind of `like`, without it in single precision.
    """
    dtype = torch.float32 if like is None else like.dtype
    everywhere = torch.ones_like(target, dtype=torch.bool)
    kept = everywhere if ignore_index is None else target != ignore_index
    if weight is None:
        return kept.to(dtype)
    table = constants(weight, torch.empty(0, device=target.device, dtype=dtype))
    return torch.where(kept, table[torch.where(kept, target, 0)], 0.0)


def smoothed_nll(
    log_p: torch.Tensor,
    target: torch.Tensor,
    label_smoothing: float,
    weight: list[float] | None = None,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """`-log_p` of the right class, a share of its certainty spread over all classes, each with its weight."""
    everywhere = torch.ones_like(target, dtype=torch.bool)
    kept = everywhere if ignore_index is None else target != ignore_index
    right = torch.where(kept, target, 0).unsqueeze(1)
    scaled = log_p
    if weight is not None:
        scaled = log_p * constants(weight, log_p).view(-1, *[1] * (log_p.dim() - 2))
    own, all_of_them = scaled.gather(1, right).squeeze(1), scaled.mean(dim=1)
    return torch.where(kept, -(1 - label_smoothing) * own - label_smoothing * all_of_them, 0.0)


def share_power(x: torch.Tensor, exponent: float) -> torch.Tensor:
    """`x ** exponent` of shares; where none is left the slope is 0, which for a root it would not be."""
    some = torch.where(x > 0, x, 1.0)
    return torch.where(x > 0, some**exponent, float(exponent == 0))


def focal(
    logits: torch.Tensor,
    target: torch.Tensor,
    gamma: float,
    weight: list[float] | None = None,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Cross-entropy times `(1 - p) ** gamma`, p the probability of the right class, and the weight of the class."""
    everywhere = torch.ones_like(target, dtype=torch.bool)
    kept = everywhere if ignore_index is None else target != ignore_index
    right = torch.where(kept, target, 0).unsqueeze(1)
    own = torch.log_softmax(logits, dim=1).gather(1, right).squeeze(1)
    each = -share_power(-torch.expm1(own), gamma) * own
    if weight is not None:
        each = each * constants(weight, logits)[right.squeeze(1)]
    return torch.where(kept, each, 0.0)


def sigmoid_focal(
    logits: torch.Tensor, target: torch.Tensor, gamma: float, alpha: float | None
) -> torch.Tensor:
    """Binary cross-entropy times `(1 - q) ** gamma`, q the probability of what is true, balanced by alpha."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    hard = torch.sigmoid(logits) * (1 - target) + torch.sigmoid(-logits) * target
    each = share_power(hard, gamma) * entropy
    return each if alpha is None else each * (alpha * target + (1 - alpha) * (1 - target))


def gaussian_nll(
    mu: torch.Tensor, target: torch.Tensor, var: torch.Tensor, eps: float, constant: float = 0.0
) -> torch.Tensor:
    """The negative logarithm of the normal density; the variance is held at eps, its gradient is not."""
    var = var + (var.clamp(min=eps) - var).detach()
    return (var.log() + (mu - target) ** 2 / var + constant) / 2


def cosine_embedding(
    first: torch.Tensor, second: torch.Tensor, yes: torch.Tensor, margin: float, dim: int
) -> torch.Tensor:
    """One less the cosine of both vectors along `dim` for a yes, what it has above the margin for a no."""
    lengths = [((x * x).sum(dim) + 1e-12).sqrt() for x in (first, second)]
    cosine = (first * second).sum(dim) / (lengths[0] * lengths[1])
    return torch.where(yes.bool(), 1 - cosine, (cosine - margin).clamp(min=0))


def log_factorial(count: torch.Tensor) -> torch.Tensor:
    """The logarithm of the factorial of counts above 1 by Stirling's formula, 0 for others."""
    many = count.clamp(min=1)
    stirling = many * many.log() - many + (2 * torch.pi * many).log() / 2
    return torch.where(count > 1, stirling, 0.0)


def region_overlap(
    scores: torch.Tensor, target: torch.Tensor, classes: list[int] | None = None
) -> torch.Tensor:
    """The Dice overlap of the best class and the true one, for each sample and class; 1 where both have no place."""
    index = torch.arange(scores.shape[1], device=scores.device)
    index = index if classes is None else constants(classes, index)
    index = index.view(-1, *[1] * (scores.dim() - 2))
    said, true = scores.argmax(dim=1, keepdim=True) == index, target.unsqueeze(1) == index
    common, both = (
        (said & true).flatten(2).sum(dim=2),
        said.flatten(2).sum(dim=2) + true.flatten(2).sum(dim=2),
    )
    return torch.where(both == 0, 1.0, 2 * common.to(scores.dtype) / both.clamp(min=1))


def shares_of(
    prediction: torch.Tensor, target: torch.Tensor, classes: list[int] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Shares of classes, and the true classes as shares of the same axes."""
    index = torch.arange(prediction.shape[1], device=prediction.device)
    index = index if classes is None else constants(classes, index)
    true = target.unsqueeze(1) == index.view(-1, *[1] * (prediction.dim() - 2))
    return (prediction if classes is None else prediction[:, index]), true.to(prediction.dtype)


def soft_overlap(
    prediction: torch.Tensor,
    target: torch.Tensor,
    dim: tuple[int, ...],
    smooth: float,
    terms: tuple[float, float, float],
) -> torch.Tensor:
    """One less the overlap of shares, summed over `dim`.

    `terms` is what counts a common place, one that is only said, and one that is only true.
    """
    both, said, true = terms
    common = (prediction * target).sum(dim)
    whole = said * prediction.sum(dim) + true * target.sum(dim) + (both - said - true) * common
    return 1 - (both * common + smooth) / (whole + smooth)


def mixture_cdf(
    weights: torch.Tensor, mu: torch.Tensor, sigma: torch.Tensor, bins: int, dim: int
) -> torch.Tensor:
    """The weighted sum over `dim` of normal distribution functions at the bins n = 0 .. bins - 1, as a last axis."""
    return (weights.unsqueeze(-1) * normal_cdf(mu, sigma, bins)).sum(dim)


def lognormal_cdf(mu: torch.Tensor, sigma: torch.Tensor, bins: int) -> torch.Tensor:
    """The distribution function of exp(mu + sigma * z), z normal, at the bins n = 0 .. bins - 1, as a last axis."""
    n = torch.arange(1, bins, device=mu.device, dtype=torch.promote_types(mu.dtype, torch.float32))
    spread = sigma.unsqueeze(-1).clamp(min=1e-15) * 2**0.5
    rest = torch.erfc((mu.unsqueeze(-1) - n.log()) / spread) / 2
    return torch.cat([torch.zeros_like(mu).unsqueeze(-1), rest], dim=-1)


def even_thresholds(bins: int) -> dict[str, torch.Tensor]:
    """A threshold, and the gaps to the next before `softplus`, that make all bins and what is beyond equally likely."""
    n = torch.arange(1, bins + 1, dtype=torch.float64)
    theta = n.log() - (bins + 1 - n).log()
    dtype = torch.get_default_dtype()
    return {"threshold": theta[:1].to(dtype), "gap": theta.diff().expm1().log().to(dtype)}


def ordinal_cdf(x: torch.Tensor, threshold: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
    """The share below each of rising thresholds, `sigmoid(theta - x)` as a last axis; gaps are made positive."""
    rising = torch.logaddexp(gap, torch.zeros_like(gap))
    theta = torch.cat([threshold, rising]).cumsum(0)
    return torch.sigmoid(theta - x.unsqueeze(-1))


def accuracy(scores: torch.Tensor, target: torch.Tensor, k: int = 1) -> torch.Tensor:
    """1 where the right class has one of the k highest scores `[n, class, ...]`, else 0; of equals the first wins."""
    right = target.unsqueeze(1)
    own = scores.gather(1, right)
    index = torch.arange(scores.shape[1], device=scores.device).view(-1, *[1] * (scores.dim() - 2))
    behind = (scores < own) | ((scores == own) & (index > right))
    return (behind.sum(dim=1) >= scores.shape[1] - k).to(scores.dtype)


def pad_to(
    x: torch.Tensor,
    sizes: dict[int, int],
    *,
    center: bool = False,
    mode: str = "constant",
    value: float = 0.0,
) -> torch.Tensor:
    """Pad these axes of space to their sizes, at the end or evenly around; ValueError for one that is larger."""
    amounts: list[int] = []
    for axis in range(x.dim() - 1, 1, -1):
        missing = sizes.get(axis, x.shape[axis]) - x.shape[axis]
        if missing < 0:
            places, size = x.shape[axis], sizes[axis]
            raise ValueError(f"axis {axis} has {places} places and cannot be padded to {size}")
        low = missing // 2 if center else 0
        amounts += [low, missing - low]
    return F.pad(x, amounts, mode=mode, value=value)


def crop_to(x: torch.Tensor, sizes: dict[int, int], *, center: bool = False) -> torch.Tensor:
    """Crop these axes to their sizes, at the end or evenly around; ValueError for one that is smaller."""
    for axis, size in sizes.items():
        surplus = x.shape[axis] - size
        if surplus < 0:
            places = x.shape[axis]
            raise ValueError(f"axis {axis} has {places} places and cannot be cropped to {size}")
        x = x.narrow(axis, surplus // 2 if center else 0, size)
    return x


def resize_smooth(x: torch.Tensor, sizes: tuple[int, int], mode: str) -> torch.Tensor:
    """Resize height and width with a kernel that is stretched over what would be skipped.

    `F.interpolate` gives wrong values on a CPU for a width of 1 (torch 2.13), and right ones with the axes exchanged.
    """
    height, width = sizes
    if width != 1:
        return F.interpolate(x, size=sizes, mode=mode, antialias=True)
    turned = F.interpolate(x.transpose(2, 3), size=(width, height), mode=mode, antialias=True)
    return turned.transpose(2, 3)


def resize_nearest(
    x: torch.Tensor,
    sizes: tuple[int, ...],
    *,
    middle: bool = False,
) -> torch.Tensor:
    """Resize the axes of space: place i of o shows place i * n // o of n, or that under its middle.

    `F.interpolate` takes the ratio in single precision, which is right for small whole ones; others are counted here.
    """
    pairs = list(zip(x.shape[2:], sizes, strict=True))
    if all(n % o == 0 or (o % n == 0 and o <= 40 * n) for n, o in pairs):
        return F.interpolate(x, size=sizes, mode="nearest-exact" if middle else "nearest")
    for axis, (n, o) in enumerate(pairs, start=2):
        if n != o:
            places = torch.arange(o, device=x.device)
            x = x.index_select(axis, (2 * places + 1) * n // (2 * o) if middle else places * n // o)
    return x


def locally_connected(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    stride: tuple[int, ...] = (1, 1, 1),
    dilation: tuple[int, ...] = (1, 1, 1),
) -> torch.Tensor:
    """Windows of x with filters that each place has for itself: a row of `weight` a number of [out, *places]."""
    kernel = weight.shape[2:]
    for axis, (size, step, gap) in enumerate(zip(kernel, stride, dilation, strict=False), start=2):
        x = x.unfold(axis, gap * (size - 1) + 1, step)[..., ::gap]
    places = x.shape[2 : 2 + len(kernel)]
    seen = x.flatten(2 + len(kernel)).flatten(2, 1 + len(kernel))  # [n, c, place, k]
    filters = weight.view(-1, *seen.shape[2:0:-1], seen.shape[3])  # [out, place, c, k]
    y = torch.einsum("ncpk,opck->nop", seen, filters)
    y = y.view(*y.shape[:2], *places)
    return y if bias is None else y + bias


def max_unpool(x: torch.Tensor, where: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The numbers of x at the places `where` of the space of `like`, counted row by row; zeros everywhere else."""
    zeros = x.new_zeros(*x.shape[:2], like.shape[2:].numel())
    return zeros.scatter(2, where.flatten(2), x.flatten(2)).view(*x.shape[:2], *like.shape[2:])


def blur_pool(x: torch.Tensor, filters: list[list[int]], stride: tuple[int, ...]) -> torch.Tensor:
    """Each channel convolved with one filter along each axis of space, divided by its sum."""
    weight = x.new_ones(())
    for row in filters:
        weight = weight.unsqueeze(-1) * (constants(row, x) / sum(row))
    conv = (F.conv1d, F.conv2d, F.conv3d)[len(filters) - 1]
    blurred: torch.Tensor = conv(
        x, weight.expand(x.shape[1], 1, *weight.shape), stride=stride, groups=x.shape[1]
    )
    return blurred
