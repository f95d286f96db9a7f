"""How far two right programs may lie apart in float64, derived for each op and never chosen.

The law is |a - b| <= c * eps * magnitude, eps = 2^-52, where the magnitude is the sum of the absolute values of all
terms that make a number, and c counts the roundings on its way.

**Ops that are sums of products** (`SUMS`): y = sum of k terms, each a product of inputs and parameters. Whatever the
order of summation, a float sum lies within (k - 1) * u * sum |terms| of the true one with u = eps / 2 (Higham,
Accuracy and Stability of Numerical Algorithms, 4.2), and every product adds u. Two programs are at most twice that
apart, so c = k + 2. The magnitude is the op itself run on absolute values, and k the op run on ones. The backward is
such a sum as well: its magnitude is the backward run on absolute values, and k is the same run on ones.

**All other ops**: a program that rounds each elementary step is, up to c, as far off as the exact op is when every
input moves by one part in 1 / eps. To first order that is `|y| + sum_i |dy / dx_i| * |x_i|` for a value and
`sum_o |g_o| * |dy_o / dx_i| + sum_k |d(dL / dx_i) / dx_k| * |x_k|` for a gradient. The Jacobian is made from the
backward, one basis vector at a time, the second sum from central differences of the backward; both only set the
scale. c = 8 + k: eight for elementary functions, which both libraries hold within a few units in the last place, and
k, the number of inputs, for whatever sums are inside. State is an average of terms no larger than max |x| and
4 max x^2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.conformance.case import Case, Mode, Numbers, Result, floating, reference

EPS = 2.0**-52
STEP = 2.0**-17  # second differences only set a scale: a few correct digits are plenty

SUMS: dict[str, str] = {
    "conv": "one product of weight and input for every weight of a filter, and the bias",
    "linear": "one product of weight and input for every input feature, and the bias",
    "avg_pool": "one input over the size of the window for every place in it",
    "global_avg_pool": "one input over their number for every place",
    "sum": "the inputs themselves",
    "mean": "one input over their number each",
    "cumsum": "the inputs themselves",
}


def tolerances(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    """The largest difference allowed in every number of a Result."""
    return _sums(use, drawn, gradients, mode) if use.op.name in SUMS else _smooth(use, drawn, gradients, mode)


def _sums(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    absolute, ones = _each(drawn, abs), _each(drawn, np.ones_like)
    size = reference(use, absolute, tuple(abs(g) for g in gradients), mode)
    count = reference(use, ones, tuple(np.ones_like(g) for g in gradients), mode)
    terms = max(
        float(np.max(one, initial=0)) for one in (*count.outputs, *count.inputs, *count.parameters.values())
    )
    reach = max(
        x.size for x in (*drawn.inputs, *gradients)
    )  # averages count less than one: the terms are the inputs
    c = (max(terms, 1) + 2) if use.op.name in {"conv", "linear", "sum", "cumsum"} else reach + 2
    return _scaled(size, c)


def _smooth(use: Case, drawn: Numbers, gradients: tuple[NDArray[Any], ...], mode: Mode) -> Result:
    start = reference(use, drawn, gradients, mode)
    outputs = [np.asarray(abs(y)) if floating(y) else np.zeros(y.shape) for y in start.outputs]
    inputs = [np.zeros(x.shape) for x in drawn.inputs]
    parameters = {key: np.zeros(x.shape) for key, x in drawn.parameters.items()}
    for which, y in enumerate(start.outputs):
        for place in np.ndindex(y.shape) if floating(y) else ():
            pull = tuple(np.zeros(g.shape) for g in gradients)
            pull[which][place] = 1.0
            row = reference(use, drawn, pull, mode)
            for i, slope in enumerate(row.inputs):
                outputs[which][place] += float(np.sum(abs(slope) * abs(drawn.inputs[i])))
                inputs[i] += abs(slope) * abs(gradients[which][place])
            for key, slope in row.parameters.items():
                outputs[which][place] += float(np.sum(abs(slope) * abs(drawn.parameters[key])))
                parameters[key] += abs(slope) * abs(gradients[which][place])
    for low, high, scale in _nudged(drawn):
        below, above = reference(use, low, gradients, mode), reference(use, high, gradients, mode)
        for i in range(len(inputs)):
            inputs[i] += abs(above.inputs[i] - below.inputs[i]) * scale
        for key in parameters:
            parameters[key] += abs(above.parameters[key] - below.parameters[key]) * scale
    state = {key: _state_size(key, drawn, start) for key in start.state}
    c = 8 + sum(x.size for x in (*drawn.inputs, *drawn.parameters.values()))
    return _scaled(Result(tuple(outputs), tuple(inputs), parameters, state), c)


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
