"""Whether each layer stays right in coarser numbers, on real batches: those that do not are kept in float32.

One step of the model is taken in the coarser numbers, and what every layer reads there, and the gradient that arrives
at it, are kept. Then each layer by itself computes on these very numbers twice, in float32 and in the coarser way:
results, gradients of inputs and parameters, statistics. What came before a layer is no difference of it, and what it
gets wrong reaches no other. A layer is all that has no layer inside; a product of matrices outside of any layer is
judged too, and charged to the block that it stands in.

What may differ is derived, not chosen. Operands and results are rounded to the coarser type once, and a sum of k terms
is added up in float32. With u half the gap of the coarse type at 1 (2^-8 for bfloat16, 2^-11 for float16 and tf32) and
eps that of float32

    tolerance = LAM * (1 + k * eps / u) * d + 3 u |y|

d is how far the result moves in float32 where every operand is off by a random share of u, and at least the mean square
of that over the tensor: Monte Carlo arithmetic (Parker 1997) on the layer at hand, which sees how the terms of a sum
cancel and how a function amplifies. The larger of two draws counts, and LAM is 8. The second part, roundings of two
operands and of the result in full, holds where one term outweighs all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from netspec_torch.plan.settled import Settled
from netspec_torch.plan.watch import Call, tensors_of

LAM = 8.0
SINGLE = 2.0**-23
HALF_GAP = {"bf16": 2.0**-8, "fp16": 2.0**-11, "tf32": 2.0**-11}
FLUSHED = {"bf16": 2.0**-126, "fp16": 2.0**-14, "tf32": 2.0**-126}
"""Numbers below these may be lost."""

RUNS = 2
ROUNDINGS = 3


@dataclass(frozen=True)
class Held:
    """One tensor of a layer held to float32: which, how far it is off, and how far it might be.

    `inside` says whether it belongs to a layer, or at least a block, that can be kept in float32.
    """

    path: str
    what: str
    error: float
    allowed: float
    inside: bool

    @property
    def share(self) -> float:
        """The error as a share of what is allowed: above 1 it is wrong."""
        return self.error / self.allowed if self.allowed else (inf if self.error else 0.0)


def judge(calls: Sequence[Call], settled: Settled, scale: float = 1.0) -> list[Held]:
    """The layers that are wrong in the numbers of the plan, each with the worst of it; gradients came times `scale`."""
    found: dict[str, Held] = {}
    for call in calls:
        if call.path in found or not call.made:
            continue
        worst = max(hold(call, settled, scale), key=lambda one: one.share, default=None)
        if worst is not None and worst.share > 1:
            found[call.path] = worst
    return list(found.values())


def hold(call: Call, settled: Settled, scale: float = 1.0) -> Iterator[Held]:
    """Every tensor of a call held to float32, at its worst place; nothing of a layer with noise of its own."""
    unit = HALF_GAP[settled.precision]
    exact = _Run(call, settled, scale=scale)
    ours = exact.results(wide=True)
    again = exact.results(wide=True, seed=1)
    if any(not torch.equal(ours[key], again[key]) for key in ours if key.startswith("result")):
        return  # as dropout: its product with a mask rounds once
    theirs = exact.results(wide=False)
    moved: dict[str, Tensor] = {}
    for number in range(RUNS):
        for key, value in exact.results(wide=True, off=unit, seed=2 + number).items():
            move = (value - ours[key]).abs()
            moved[key] = move if key not in moved else torch.maximum(moved[key], move)
    terms = _terms(call)
    for key, mine in ours.items():
        if not mine.numel() or not mine.isfinite().all():
            continue  # what is no number in float32 is not the fault of other numbers
        spread = moved[key].nan_to_num(posinf=0.0)
        least = float(spread.square().mean().sqrt())
        k = max(1.0, terms / mine.numel())
        may = LAM * (1 + k * SINGLE / unit) * spread.clamp(min=least) + ROUNDINGS * unit * mine.abs()
        may += FLUSHED[settled.precision] * max(1.0, float(mine.abs().max()))
        error = (theirs[key] - mine).abs().nan_to_num(nan=torch.inf)
        place = int((error / may).argmax())
        yield Held(
            call.path, key, float(error.flatten()[place]), float(may.flatten()[place]), inside=bool(call.path)
        )


def _terms(call: Call) -> float:
    """All products that a call adds up: the terms of a sum are these, shared out among the sums of a result."""
    given = [one for one in tensors_of(call.inputs) if one.is_floating_point()]
    made = max((one.numel() for one in call.made), default=1)
    largest = max([made, *(one.numel() for one in given)])
    if call.layer is not None:
        fans = [one.numel() / max(1, len(one)) for one in call.layer.parameters() if one.dim() > 1]
    elif "conv" in getattr(call.run, "__name__", ""):
        fans = [given[1].numel() / max(1, len(given[1]))]
    else:
        fans = [float(max(one.shape[-2:])) for one in given if one.dim() > 1]
    return largest * max([1.0, *fans])


class _Run:
    """One call, computed again in one way or another."""

    def __init__(self, call: Call, settled: Settled, scale: float) -> None:
        self._call, self._settled, self._scale = call, settled, scale
        self._device = settled.device

    def results(self, *, wide: bool, off: float = 0.0, seed: int = 0) -> dict[str, Tensor]:
        """Results, gradients and statistics by name, in float32.

        `wide` computes in float32, else in the numbers of the plan. Every operand is off by a random share of `off`.
        """
        call, devices = self._call, []
        if self._device == "cuda":
            devices = [torch.cuda.current_device()]
        with torch.random.fork_rng(devices=devices), torch.enable_grad():
            torch.manual_seed(seed)
            inputs = [self._given(one, wide=wide, off=off) for one in call.inputs]
            own = {} if call.layer is None else _parameters(call.layer, off)
            state = {key: value.clone() for key, value in call.state.items()}
            torch.manual_seed(seed)
            with self._numbers(wide=wide):
                if call.layer is None:
                    made = call.run(*inputs, **call.named)
                else:
                    made = functional_call(call.layer, {**own, **state}, tuple(inputs), call.named)
            results = tensors_of(made)
            torch.manual_seed(seed + 1000)
            sent = {
                i: _off(gradient.float(), off).to(results[i].dtype)
                for i, gradient in call.arrived.items()
                if i < len(results) and results[i].requires_grad
            }
            floating = (one for one in tensors_of(inputs) if one.is_floating_point())
            leaves = {f"input {i}": one for i, one in enumerate(floating)} | own
            wanted = [one for one in leaves.values() if one.requires_grad]
            gradients: Sequence[Tensor | None] = []
            if sent and wanted:
                with self._products(wide=wide):
                    gradients = torch.autograd.grad(
                        [results[i] for i in sent], wanted, list(sent.values()), allow_unused=True
                    )
        found = {
            f"result {i}": one.detach().float() for i, one in enumerate(results) if one.is_floating_point()
        }
        names = [name for name, one in leaves.items() if one.requires_grad]
        for name, gradient in zip(names, gradients, strict=False):
            if gradient is not None:
                found[f"gradient of {name}"] = gradient.detach().float() / self._scale
        for name, buffer in state.items():
            if buffer.is_floating_point():
                found[f"statistic {name}"] = buffer.detach().float()
        return found

    def _given(self, value: Any, *, wide: bool, off: float) -> Any:
        """An input for one run."""
        if isinstance(value, tuple):
            return [self._given(one, wide=wide, off=off) for one in value]
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        there = _off(value.float(), off) if wide else value.clone()
        return there.detach().requires_grad_()

    def _numbers(self, *, wide: bool) -> AbstractContextManager[object]:
        """What a forward pass runs in."""
        stack = ExitStack()
        stack.enter_context(self._products(wide=wide))
        stack.enter_context(torch.autocast(self._device, enabled=False) if wide else self._settled.running())
        return stack

    def _products(self, *, wide: bool) -> AbstractContextManager[object]:
        """Products of all digits, or those of the plan."""
        return Settled(self._device).exactly() if wide else self._settled.throughout()


def _off(value: Tensor, off: float) -> Tensor:
    """A tensor whose numbers are each off by a random share: 0.5 to 1.5 times `off`, of either sign."""
    if not off:
        return value
    x = torch.rand_like(value) - 0.5
    return value * (1 + off * torch.where(x < 0, 2 * x - 0.5, 2 * x + 0.5))


def _parameters(layer: nn.Module, off: float) -> dict[str, Tensor]:
    """The parameters of a layer as leaves of their own, each number off by a random share."""
    return {
        name: _off(one.detach(), off).clone().requires_grad_(one.requires_grad)
        for name, one in layer.named_parameters()
    }
