"""Functions of every number at its own place: what their gradients read is the input, the result, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netspec_torch.shadow.tensor import Shadow, elementwise, keep, lifted, made, promoted


def _of_input(x: Shadow, *_: Any, **__: Any) -> Shadow:
    """The gradient reads the input."""
    return elementwise(x, saves=[x], dtype=_real(x))


def _of_result(x: Shadow, *_: Any, **__: Any) -> Shadow:
    """The gradient reads the result."""
    return elementwise(x, saves_result=True, dtype=_real(x))


def _of_nothing(x: Shadow, *_: Any, **__: Any) -> Shadow:
    """The gradient reads nothing."""
    return elementwise(x)


def _real(x: Shadow) -> str:
    return x.dtype if x.floating else "float32"


def _named(rule: Callable[..., Shadow]) -> Callable[..., Shadow]:
    """A function of this file of its own, so that it is found here."""

    def function(x: Shadow, *arguments: Any, **named: Any) -> Shadow:
        return rule(x, *arguments, **named)

    return function


leaky_relu, softplus, hardtanh, relu6, hardswish = (_named(_of_input) for _ in range(5))
elu, celu, selu, silu, gelu, mish = (_named(_of_input) for _ in range(6))
threshold, hardshrink, softshrink = (_named(_of_input) for _ in range(3))
log, erf, erfc = (_named(_of_input) for _ in range(3))
relu, tanh, sigmoid, exp, expm1, sqrt, reciprocal, rsqrt = (_named(_of_result) for _ in range(8))
neg, sign = (_named(_of_nothing) for _ in range(2))


def abs_(x: Shadow) -> Shadow:
    """`x.abs()`, of whole numbers too."""
    return elementwise(x, saves=[x])


def logsigmoid(x: Shadow) -> Shadow:
    """A CPU keeps what it has computed on the way, as large as the input."""
    return elementwise(x, saves=[x, Shadow(x.shape, x.dtype)])


def softsign(x: Shadow) -> Shadow:
    """`x / (|x| + 1)`."""
    return div(x, add(abs_(x), 1))


def tanhshrink(x: Shadow) -> Shadow:
    """`x - tanh(x)`."""
    return sub(x, tanh(x))


def clamp(x: Shadow, min: Any = None, max: Any = None) -> Shadow:
    """The gradient asks where the input lies."""
    return elementwise(x, *(one for one in (min, max) if one is not None), saves=[x])


def prelu(x: Shadow, weight: Shadow) -> Shadow:
    """The gradient reads the input; the weight is a parameter."""
    return elementwise(x, weight.seen((), ()), saves=[x, weight])


def rrelu(x: Shadow, *_: Any, training: bool = False, **__: Any) -> Shadow:
    """In training the slope of every number is kept."""
    if not training:
        return leaky_relu(x)
    return elementwise(x, saves=[x, Shadow(x.shape, x.dtype)])


def add(x: Any, y: Any) -> Shadow:
    """A sum keeps nothing."""
    return elementwise(x, y)


def sub(x: Any, y: Any) -> Shadow:
    """A difference keeps nothing."""
    return elementwise(x, y)


def mul(x: Any, y: Any) -> Shadow:
    """A factor is kept where the other one has a gradient."""
    _each_for_the_other(x, y)
    return elementwise(x, y)


def div(x: Any, y: Any) -> Shadow:
    """The divisor is kept, and what is divided where the divisor has a gradient."""
    own, by = lifted(x), lifted(y)
    return elementwise(x, y, saves=[by, *([own] if by.grad else [])], dtype=_quotient(x, y))


def _quotient(x: Any, y: Any) -> str:
    kind = promoted([x, y])
    return kind if kind.startswith("float") else "float32"


def pow_(x: Any, y: Any) -> Shadow:
    """The base is kept; with an exponent that is a tensor that too, and the result where it has a gradient."""
    if not isinstance(x, Shadow):
        return power_of(y, x)
    if not isinstance(y, Shadow):
        return elementwise(x, y, saves=[x])
    return elementwise(x, y, saves=[x, y], saves_result=y.grad)


def power_of(exponent: Shadow, base: Any) -> Shadow:
    """`base ** exponent` of a plain number."""
    return elementwise(exponent, base, saves=[exponent], saves_result=True, dtype=_real(exponent))


def _each_for_the_other(x: Any, y: Any) -> None:
    left, right = lifted(x), lifted(y)
    if left.grad:
        keep(right)
    if right.grad:
        keep(left)


def minimum(x: Shadow, y: Shadow) -> Shadow:
    """The gradient compares both."""
    return elementwise(x, y, saves=[x, y])


def maximum(x: Shadow, y: Shadow) -> Shadow:
    """The gradient compares both."""
    return elementwise(x, y, saves=[x, y])


def logaddexp(x: Shadow, y: Shadow) -> Shadow:
    """The gradient reads both."""
    return elementwise(x, y, saves=[x, y])


def compared(x: Any, y: Any) -> Shadow:
    """A comparison, or a mask made of two."""
    return elementwise(x, y, dtype="bool")


def where(condition: Shadow, x: Any, y: Any) -> Shadow:
    """The gradient reads the condition."""
    whole = elementwise(condition, x, y, dtype="bool")
    return made(whole.shape, [x, y], [condition], like=whole)


def masked_fill(x: Shadow, mask: Shadow, value: Any) -> Shadow:
    """The gradient reads the mask."""
    del value
    whole = elementwise(x, mask, dtype="bool")
    return made(whole.shape, [x], [mask], like=x)


def xlogy(x: Shadow, y: Shadow) -> Shadow:
    """`x * log(y)`."""
    return elementwise(x, y, saves=[x, y])


def to(x: Shadow, kind: str, *, non_blocking: bool = False) -> Shadow:
    """Another kind of number; the tensor itself where it is of that kind, or where a device is meant."""
    del non_blocking
    return x if kind in (x.dtype, x.device) else elementwise(x, dtype=kind)


def float_(x: Shadow) -> Shadow:
    """`x.float()`."""
    return to(x, "float32")


def bool_(x: Shadow) -> Shadow:
    """`x.bool()`."""
    return to(x, "bool")


def type_as(x: Shadow, like: Shadow) -> Shadow:
    """The kind of number that another has."""
    return to(x, like.dtype)


def detach(x: Shadow) -> Shadow:
    """The same memory, through which no gradient goes."""
    return Shadow(x.shape, x.dtype, storage=x.storage, strides=x.strides)


def softmax(x: Shadow, dim: int) -> Shadow:
    """The gradient reads the result."""
    del dim
    return made(x.shape, [x], saves_result=True)


def log_softmax(x: Shadow, dim: int) -> Shadow:
    """The gradient reads the result."""
    del dim
    return made(x.shape, [x], saves_result=True)


def softmin(x: Shadow, dim: int) -> Shadow:
    """`softmax(-x)`."""
    return softmax(neg(x), dim)


def promote_types(x: str, y: str) -> str:
    """The kind of number in which two meet."""
    return promoted([Shadow((1,), x), Shadow((1,), y)])
