"""Arithmetic element by element."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from netspec.ops.arithmetic import Add, Constant, Div, Mul, Neg, Pow, Sub
from netspec_numpy.elementwise import Operand, back, operands
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Constant)
def constant(op: Constant, inputs: Arrays, at: Context) -> Forward:
    """The number."""
    del inputs, at
    return Forward((np.asarray(op.value),))


@constant.backward
def constant_backward(op: Constant, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """There is nothing to send a gradient to."""
    del op, saved, grads, at
    return Backward(())


@lowers(Add)
def add(op: Add, inputs: Arrays, at: Context) -> Forward:
    """`y = x1 + x2 + ...`."""
    del op
    xs = operands(inputs, at)
    return Forward((np.asarray(sum(xs[1:], start=xs[0])),), xs)


@add.backward
def add_backward(op: Add, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every input gets the gradient as it is."""
    del op, at
    (g,) = grads
    return Backward(tuple(back(x, g) for x in saved))


@lowers(Sub)
def sub(op: Sub, inputs: Arrays, at: Context) -> Forward:
    """`z = x - y`."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(x - y),), (x, y))


@sub.backward
def sub_backward(op: Sub, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient to x, and its opposite to y."""
    del op, at
    x, y = saved
    (g,) = grads
    return Backward((back(x, g), back(y, -g)))


@lowers(Mul)
def mul(op: Mul, inputs: Arrays, at: Context) -> Forward:
    """`y = x1 * x2 * ...`."""
    del op
    xs = operands(inputs, at)
    return Forward((np.asarray(_product(xs)),), xs)


@mul.backward
def mul_backward(op: Mul, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every input gets the gradient times the product of the others."""
    del op, at
    (g,) = grads
    return Backward(tuple(back(x, g * _product((*saved[:i], *saved[i + 1 :]))) for i, x in enumerate(saved)))


@lowers(Div)
def div(op: Div, inputs: Arrays, at: Context) -> Forward:
    """`z = x / y`."""
    del op
    x, y = operands(inputs, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Forward((np.asarray(x / y),), (x, y))


@div.backward
def div_backward(op: Div, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dz/dx = 1 / y` and `dz/dy = -x / y ** 2`."""
    del op, at
    x, y = saved
    (g,) = grads
    with np.errstate(divide="ignore", invalid="ignore"):
        return Backward((back(x, g / y), back(y, -g * ((x / y) / y))))


@lowers(Pow)
def pow_(op: Pow, inputs: Arrays, at: Context) -> Forward:
    """`z = x ** y`."""
    del op
    x, y = operands(inputs, at)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = np.asarray(np.power(x, y))
    return Forward((z,), (x, y, z))


@pow_.backward
def pow_backward(op: Pow, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dz/dx = y * x ** (y - 1)`, 0 where y is 0; `dz/dy = z * log(x)`, 0 where x is 0 and y not negative."""
    del op, at
    x, y, z = saved
    (g,) = grads
    dx: Operand = 0.0
    dy: Operand = 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if not isinstance(x, float):
            dx = np.where(np.asarray(y) == 0, 0.0, g * (y * np.power(x, y - 1)))
        if not isinstance(y, float):
            dy = np.where((np.asarray(x) == 0) & (y >= 0), 0.0, g * (z * np.log(x)))
    return Backward((back(x, dx), back(y, dy)))


@lowers(Neg)
def neg(op: Neg, inputs: Arrays, at: Context) -> Forward:
    """`y = -x`."""
    del op
    (x,) = operands(inputs, at)
    return Forward((np.asarray(-x),), (x,))


@neg.backward
def neg_backward(op: Neg, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The opposite."""
    del op, at
    (x,) = saved
    (g,) = grads
    return Backward((back(x, -g),))


def _product(factors: tuple[Operand, ...]) -> Array | float:
    """The product of at least one factor."""
    return reduce(lambda a, b: a * b, factors)
