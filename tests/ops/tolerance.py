"""How far two right programs may lie apart in float64, derived for each op and never chosen.

The law is |a - b| <= c * eps * magnitude, eps = 2^-52, where the magnitude is the sum of the absolute values of all
terms that make a number, and c counts the roundings on its way.

**Ops that are sums of products** (`SUMS`): y = sum of k terms, each a product of inputs and parameters. Whatever the
order of summation, a float sum lies within (k - 1) * u * sum |terms| of the true one with u = eps / 2 (Higham,
Accuracy and Stability of Numerical Algorithms, 4.2), and every product adds u. Two programs are at most twice that
apart, so c = k + 2. The magnitude is the op itself run on absolute values, and k the op run on ones. The backward is
such a sum as well: its magnitude is the backward run on absolute values, and k is the same run on ones.

**Differences** (`TERMS`, and norms): where a formula takes the difference of nearly equal numbers, the numbers
themselves are its terms, and they are added as they stand there.

**Resizing**: the weights of a place are polynomials of where it falls, and taps that the edge lays on one place
cancel there; so every weight is taken as far off as its own terms (`_resized`).

**All other ops**: a program that rounds each elementary step is, up to c, as far off as the exact op is when every
input moves by one part in 1 / eps. To first order that is `|y| + sum_i |dy / dx_i| * |x_i|` for a value and
`sum_o |g_o| * |dy_o / dx_i| + sum_k |d(dL / dx_i) / dx_k| * |x_k|` for a gradient. The Jacobian is made from the
backward, one basis vector at a time, the second sum from central differences of the backward; both only set the
scale. c = 8 + k: eight for elementary functions, which both libraries hold within a few units in the last place, and
k, the number of inputs, for whatever sums are inside. State is an average of terms no larger than max |x| and
4 max x^2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ops.attention import MultiHeadAttention, ScaledDotProductAttention
from netspec.ops.axis_norm import AxisNorm
from netspec.ops.class_loss import CrossEntropy, Nll
from netspec.ops.classes import are_shares
from netspec.ops.conv import STANDARDISED_EPS, Conv
from netspec.ops.norm import GroupNorm, InstanceNorm
from netspec.ops.resize import Resize, ResizeLike
from netspec.ops.response import LocalResponseNorm
from tests.conformance.case import Case, Mode, Numbers, Result, backward_of, case, floating, reference
from tests.ops.attended import attended

EPS = 2.0**-52
STEP = 2.0**-17  # second differences only set a scale: a few correct digits are plenty

SUMS: dict[str, str] = {
    "conv": "one product of weight and input for every weight of a filter, and the bias",
    "conv_transpose": "one product of weight and input for every filter laid on the place, and the bias",
    "locally_connected": "one product of weight and input for every weight of a filter, and the bias",
    "depthwise_conv": "one product of weight and input for every weight of a filter, and the bias",
    "separable_conv": "one product of two weights and an input for every weight of the filters, and the bias",
    "linear": "one product of weight and input for every input feature, and the bias",
    "matmul": "one product of both inputs for every place that is summed over",
    "blur_pool": "one input times its weight for every place in the window",
    "max_unpool": "an input, or nothing",
    "avg_pool": "one input over the size of the window for every place in it",
    "adaptive_avg_pool": "one input over the size of the window for every place in it",
    "global_avg_pool": "one input over their number for every place",
    "sum": "the inputs themselves",
    "mean": "one input over their number each",
    "cumsum": "the inputs themselves",
}

COUNTED = frozenset(
    {
        "conv",
        "conv_transpose",
        "linear",
        "locally_connected",
        "depthwise_conv",
        "separable_conv",
        "matmul",
        "sum",
        "cumsum",
    }
)
"""Those whose terms the op itself counts when it is run on ones."""

TERMS: dict[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "tanh": lambda y, g: abs(g) * (1 + y * y),  # dx = g * (1 - y * y)
    "sigmoid": lambda y, g: abs(g) * y * (1 + y),  # dx = g * y * (1 - y)
    "softsign": lambda y, g: (
        2 * abs(g) * (1 - abs(y))
    ),  # dx = g / (1 + |x|) - g * |x| / (1 + |x|) ** 2 in PyTorch
    "softmin": lambda y, g: y * (abs(g) + abs(g).sum()),  # dx = y * (sum of g * y - g)
    "softmax": lambda y, g: y * (abs(g) + abs(g).sum()),  # dx = y * (g - sum of g * y)
    "log_softmax": lambda y, g: abs(g) + np.exp(y) * abs(g).sum(),  # dx = g - exp(y) * sum of g
}
"""Gradients that are written with a difference: where it cancels, its terms are larger than all it depends on."""

NORMS = frozenset({"batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm"})
"""y = (x - mean) / sqrt(var + eps), over a batch or over a sample."""

SHARES = frozenset({"gelu", "tanhshrink"})
"""y = x * (1 + erf(x / sqrt(2))) / 2 in PyTorch: the share has the terms 1 and erf, which cancel far below zero. And
y = x - tanh(x), dx = g - g * (1 - tanh(x) ** 2) there, which cancel near zero."""


def tolerances(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    """The largest difference allowed in every number of a Result."""
    if isinstance(use.op, (Resize, ResizeLike)) and not use.op.mode.startswith("nearest"):
        return _resized(drawn, gradients)
    if isinstance(use.op, LocalResponseNorm):
        return _response(use.op, drawn, gradients)
    if isinstance(use.op, (ScaledDotProductAttention, MultiHeadAttention)):
        return _attention(use, drawn, gradients, mode)
    if isinstance(use.op, Conv) and use.op.weight_standardisation:
        return _standardised(use.op, use, drawn, gradients)
    rule = _norm if use.op.name in NORMS else _sums if use.op.name in SUMS else _smooth
    return rule(use, drawn, gradients, mode)


def _sums(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    absolute, ones = _each(drawn, abs), _each(drawn, np.ones_like)
    size = reference(use, absolute, tuple(abs(g) for g in gradients), mode)
    count = reference(use, ones, tuple(np.ones_like(g) for g in gradients), mode)
    terms = max(
        float(np.max(one, initial=0)) for one in (*count.outputs, *count.inputs, *count.parameters.values())
    )
    # Averages count less than one when they are run on ones: there the terms are the numbers that go in.
    reach = max(x.size for x in (*drawn.inputs, *gradients))
    c = (max(terms, 1) + 2) if use.op.name in COUNTED else reach + 2
    return _scaled(size, c)


def _standardised(op: Conv, use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...]) -> Result:
    """A convolution with filters s * (w - mean), s = 1 / sqrt(var + eps); what cancels is summed by its terms.

    a = s * (|w| + |mean|) bounds a weight that is used and, times eps, its error. var is a mean of squares of such
    differences, so that s is off by eps * mean(a^2) of itself. With d the gradient of the weight that is used and D the
    sum of the absolute values of its terms, `dw = s * (d - mean(d) - used * mean(d * used))` is a sum of terms of
    s * (D + mean D + a * mean(D * a)), all of it times 1 + mean(a^2).
    """
    plain = case(op.model_copy(update={"weight_standardisation": False, "eps": STANDARDISED_EPS}), *use.types)
    weight = drawn.parameters["weight"]
    over = tuple(range(1, weight.ndim))
    s = 1 / np.sqrt(weight.var(axis=over, keepdims=True) + op.eps)
    a = s * (abs(weight) + abs(weight.mean(axis=over, keepdims=True)))
    loose = 1 + (a**2).mean(axis=over, keepdims=True)
    absolute, ones = _each(drawn, abs), _each(drawn, np.ones_like)
    absolute = replace(absolute, parameters={**absolute.parameters, "weight": a * loose})
    size = reference(plain, absolute, tuple(abs(g) for g in gradients), "eval")
    count = reference(plain, ones, tuple(np.ones_like(g) for g in gradients), "eval")
    terms = max(float(np.max(one)) for one in (*count.outputs, *count.inputs, *count.parameters.values()))
    d = size.parameters["weight"]
    spread = d.mean(axis=over, keepdims=True) + a * (d * a).mean(axis=over, keepdims=True)
    parameters = {**size.parameters, "weight": s * loose * (d + spread)}
    return _scaled(replace(size, parameters=parameters), terms + 3 * weight[0].size + 8)


def _smooth(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    run = backward_of(use, drawn, mode)
    start = run(gradients)
    outputs = [np.asarray(abs(y)) if floating(y) else np.zeros(y.shape) for y in start.outputs]
    inputs = [np.zeros(x.shape) for x in drawn.inputs]
    parameters = {key: np.zeros(x.shape) for key, x in drawn.parameters.items()}
    for which, y in enumerate(start.outputs):
        for place in np.ndindex(y.shape) if floating(y) else ():
            pull = tuple(np.zeros(g.shape) for g in gradients)
            pull[which][place] = 1.0
            row = run(pull)
            for i, slope in enumerate(row.inputs):
                outputs[which][place] += float(np.sum(abs(slope) * abs(drawn.inputs[i])))
                inputs[i] += abs(slope) * abs(gradients[which][place])
            for key, slope in row.parameters.items():
                outputs[which][place] += float(np.sum(abs(slope) * abs(drawn.parameters[key])))
                parameters[key] += abs(slope) * abs(gradients[which][place])
    for low, high, scale in _nudged(drawn) if _curved(use, drawn, gradients, start, mode) else ():
        below, above = reference(use, low, gradients, mode), reference(use, high, gradients, mode)
        for i in range(len(inputs)):
            inputs[i] += abs(above.inputs[i] - below.inputs[i]) * scale
        for key in parameters:
            parameters[key] += abs(above.parameters[key] - below.parameters[key]) * scale
    state = {key: _state_size(key, drawn, start) for key in start.state}
    if isinstance(use.op, CrossEntropy):
        inputs[0] += _cross_entropy_terms(use.op, use, drawn, gradients)
    if use.op.name in TERMS:
        inputs[0] += TERMS[use.op.name](start.outputs[0], gradients[0])
    if use.op.name in SHARES:
        outputs[0] += abs(drawn.inputs[0])
        inputs[0] += abs(gradients[0])
    c = 8 + sum(x.size for x in (*drawn.inputs, *drawn.parameters.values()))
    return _scaled(Result(tuple(outputs), tuple(inputs), parameters, state), c)


def _attention(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    """As any smooth op, and the terms of the differences in its gradients besides."""
    most = _smooth(use, drawn, gradients, mode)
    inputs, parameters = attended(use, drawn, gradients, mode)
    c = 8 + sum(x.size for x in (*drawn.inputs, *drawn.parameters.values()))
    more = _scaled(Result((), tuple(inputs.values()), parameters, {}), c)
    for i, size in zip(inputs, more.inputs, strict=True):
        most.inputs[i][...] += size
    for key, size in more.parameters.items():
        most.parameters[key][...] += size
    return most


def _cross_entropy_terms(
    op: CrossEntropy, use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...]
) -> NDArray[Any]:
    """The terms of `s - p * sum of s`: s is what the likelihood sends to log-probabilities, p their exponentials."""
    log_p = np.log(np.exp(drawn.inputs[0]) / np.exp(drawn.inputs[0]).sum(axis=1, keepdims=True))
    if are_shares(
        use.types[1]
    ):  # -weight * t sends as much as its classes would, had they the shares as weights
        sent = abs(reference(use, drawn, gradients, "eval").inputs[1] / log_p) * (
            drawn.inputs[1] + op.label_smoothing / max(1 - op.label_smoothing, EPS) / log_p.shape[1]
        )
        return np.asarray(sent + np.exp(log_p) * sent.sum(axis=1, keepdims=True))
    kind = use.types[0].with_facts(Facts(high=0, log_probabilities=use.types[0].names[1]))
    same = case(Nll(**op.arguments()), kind, *use.types[1:])  # type: ignore[arg-type]
    sent = abs(
        reference(same, replace(drawn, inputs=(log_p, *drawn.inputs[1:])), gradients, "eval").inputs[0]
    )
    return np.asarray(sent + np.exp(log_p) * sent.sum(axis=1, keepdims=True))


def _curved(
    use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], start: Result, mode: Mode
) -> bool:
    """Whether gradients change with the numbers at all: where they do not, as in a maximum, second sums are zero."""
    rng = np.random.default_rng(0)

    def moved(x: NDArray[Any]) -> NDArray[Any]:
        return x + STEP**2 * rng.choice([-1.0, 1.0], x.shape) if floating(x) else x

    shifted = replace(
        drawn,
        inputs=tuple(map(moved, drawn.inputs)),
        parameters={key: moved(x) for key, x in drawn.parameters.items()},
    )
    after = reference(use, shifted, gradients, mode)
    pairs = [*zip(start.inputs, after.inputs, strict=True)]
    pairs += [(x, after.parameters[key]) for key, x in start.parameters.items()]
    return not all(np.array_equal(x, y) for x, y in pairs)


def _resized(drawn: Numbers, gradients: tuple[NDArray[Any], ...]) -> Result:
    """Along one axis a place `(i + 1/2) n / o - 1/2` is off by 2 n eps, and the weights change with it at most 1.5
    times as fast; a cubic weight `a t^3 - 5 a t^2 + 8 a t - 4 a`, t up to 2, has terms of up to 36 in sum. So weights
    are off by (36 + 3 n) eps, on each axis, of up to 4 taps. A gradient may collect every place of the result.
    """
    x, (g,) = drawn.inputs[0], gradients
    axes = x.ndim - 2
    off = axes * (36 + 3 * max(*x.shape[2:], *g.shape[2:]))
    outputs = (np.full(g.shape, float(np.max(abs(x), initial=0)) * 4**axes),)
    others = tuple(np.zeros(one.shape) for one in drawn.inputs[1:])
    return _scaled(Result(outputs, (np.full(x.shape, float(abs(g).sum())), *others), {}, {}), off)


def _norm(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    """Nearly all of a norm's gradient may cancel, so its terms are summed as they stand in the formula.

    With s = 1 / sqrt(var + eps), a = s * (|x| + |mean|) bounds |z| = s * |x - mean| and, times eps, its error; var is a
    mean of squares of such differences, so s is off by eps * mean(a^2) of itself. That makes |y| <= a * |w| + |b| and
    `dx = s * (d - mean(d) - z * mean(d * z))` a sum of s * (|d| + mean |d| + a * mean(|d| * a)), all of it times
    1 + mean(a^2).
    """
    cut, over, wide = _measured(use)
    x, g = (np.asarray(one.reshape(cut)) for one in (*drawn.inputs, *gradients))
    start = reference(use, drawn, gradients, mode)
    by_batch = mode == "train" and "statistics" not in use.frozen
    if use.op.name == "rms_norm":
        mean, var = np.asarray(0.0), (x * x).mean(axis=over, keepdims=True)
    elif by_batch or "running_mean" not in drawn.state:
        mean, var = x.mean(axis=over, keepdims=True), x.var(axis=over, keepdims=True)
    else:
        mean, var = (drawn.state[key].reshape(wide) for key in ("running_mean", "running_var"))
    s = 1 / np.sqrt(var + getattr(use.op, "eps", 0.0))
    a = s * (abs(x) + abs(mean))
    loose = 1 + (a**2).mean(axis=over, keepdims=True)
    weight = abs(drawn.parameters["weight"]).reshape(wide) if "weight" in drawn.parameters else np.ones(1)
    bias = abs(drawn.parameters["bias"]).reshape(wide) if "bias" in drawn.parameters else np.zeros(1)
    d = abs(g) * weight
    dx = s * loose * (d + d.mean(axis=over, keepdims=True) + a * (d * a).mean(axis=over, keepdims=True))
    each = {"weight": abs(g) * a * loose, "bias": abs(g)}
    rest = tuple(i for i, size in enumerate(wide) if size == 1)
    parameters = {
        key: each[key].sum(axis=rest).reshape(value.shape) for key, value in drawn.parameters.items()
    }
    state = {key: _state_size(key, drawn, start) for key in start.state}
    shape = drawn.inputs[0].shape
    y = (a * weight + bias) * loose
    return _scaled(Result((y.reshape(shape),), (dx.reshape(shape),), parameters, state), 8 + 2 * x.size)


def _response(op: LocalResponseNorm, drawn: Numbers, gradients: tuple[NDArray[Any], ...]) -> Result:
    """With d = k + alpha / size * sum of x^2, a sum of positive terms, `y = x / d ** beta` and
    `dx[j] = g[j] / d[j] ** beta - 2 * alpha * beta / size * x[j] * sum of g * x / d ** (beta + 1)`, whose two terms may
    cancel. d is off by (size + 3) eps of itself, its powers by up to beta + 1 times that, and a sum adds size eps.
    """
    (x,), (g,) = drawn.inputs, gradients
    count = x.shape[1]
    near = np.array(
        [[c - op.size // 2 <= j <= c + (op.size - 1) // 2 for j in range(count)] for c in range(count)], float
    )
    d = op.k + op.alpha / op.size * np.einsum("cj,nj...->nc...", near, x * x)
    passed = np.einsum("cj,nc...->nj...", near, abs(g * x) * d ** (-op.beta - 1))
    dx = abs(g) * d**-op.beta + 2 * op.alpha * op.beta / op.size * abs(x) * passed
    c = 8 + (op.beta + 2) * (op.size + 3)
    return _scaled(Result((abs(x) * d**-op.beta,), (dx,), {}, {}), c)


def _measured(use: Case) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """How a norm cuts up its input, over which of those axes it measures, and how its weights meet them."""
    sizes = tuple(int(size) for size in use.types[0].sizes)
    if isinstance(use.op, AxisNorm):
        over = use.op.over(use.types[0])
        return sizes, over, tuple(size if i in over else 1 for i, size in enumerate(sizes))
    space = tuple(range(2, len(sizes)))
    if isinstance(use.op, GroupNorm):
        groups, each = use.op.num_groups, sizes[1] // use.op.num_groups
        cut = (sizes[0], groups, each, *sizes[2:])
        return cut, tuple(range(2, len(cut))), (1, groups, each, *[1] * len(space))
    over = space if isinstance(use.op, InstanceNorm) else (0, *space)
    return sizes, over, (1, sizes[1], *[1] * len(space))


def _nudged(drawn: Numbers) -> Iterator[tuple[Numbers, Numbers, float]]:
    """The numbers with one of them moved down and up, and the factor from their difference to its share."""
    for i, x in enumerate(drawn.inputs):
        for place in np.ndindex(x.shape) if floating(x) else ():
            moved = [_moved(x, place, sign) for sign in (-STEP, STEP)]
            low, high = (replace(drawn, inputs=_put(drawn.inputs, i, one)) for one in moved)
            yield low, high, float(abs(x[place])) / (2 * STEP)
    for key, x in drawn.parameters.items():
        for place in np.ndindex(x.shape):
            moved = [_moved(x, place, sign) for sign in (-STEP, STEP)]
            low, high = (replace(drawn, parameters={**drawn.parameters, key: one}) for one in moved)
            yield low, high, float(abs(x[place])) / (2 * STEP)


def _moved(x: NDArray[Any], place: tuple[int, ...], by: float) -> NDArray[Any]:
    out = x.copy()
    out[place] += by
    return out


def _put(inputs: tuple[NDArray[Any], ...], at: int, value: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return (*inputs[:at], value, *inputs[at + 1 :])


def _state_size(key: str, drawn: Numbers, after: Result) -> NDArray[Any]:
    largest = max(float(np.max(abs(x), initial=0)) for x in drawn.inputs)
    return abs(drawn.state[key]) + abs(after.state[key]) + largest + 4 * largest**2


def is_sum(op: Op) -> bool:
    """Whether the results are sums of products of the inputs and parameters as they are."""
    return op.name in SUMS and not (isinstance(op, Conv) and op.weight_standardisation)


def absolute(drawn: Numbers) -> Numbers:
    """The absolute value of every floating number."""
    return _each(drawn, abs)


def _each(drawn: Numbers, change: Any) -> Numbers:
    """The same change to every floating number."""
    inputs = tuple(change(x) if floating(x) else x for x in drawn.inputs)
    return replace(drawn, inputs=inputs, parameters={key: change(x) for key, x in drawn.parameters.items()})


def _scaled(size: Result, c: float) -> Result:
    def by(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(x * (c * EPS))

    def rows(table: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {key: by(x) for key, x in table.items()}

    return Result(
        tuple(map(by, size.outputs)), tuple(map(by, size.inputs)), rows(size.parameters), rows(size.state)
    )
