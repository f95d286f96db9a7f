"""Lion, which PyTorch does not have: a rule that moves every weight by the rate, in the direction of a sign."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Lion(torch.optim.Optimizer):
    """`w(t) = w(t-1) - lr * (sign(beta1 * m(t-1) + (1 - beta1) * g) + weight_decay * w(t-1))` (Chen et al. 2023).

    Then `m(t) = beta2 * m(t-1) + (1 - beta2) * g`. Each line of a step is one call for all parameters of a group, so
    that a GPU is kept busy. The memory, `exp_avg`, goes through `state_dict` as that of any optimizer does.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        if lr < 0 or weight_decay < 0 or not all(0 <= one < 1 for one in betas):
            raise ValueError("lr and weight_decay must not be negative, and betas be in [0, 1)")
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update; the loss that `closure` computes, where one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            held: list[Tensor] = [one for one in group["params"] if one.grad is not None]
            if held:
                self._move(held, [one.grad for one in held if one.grad is not None], group)
        return loss

    def _move(self, held: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        """Move the parameters of one group that have gradients."""
        look, keep = group["betas"]
        means = [self._mean(one) for one in held]
        torch._foreach_mul_(held, 1 - group["lr"] * group["weight_decay"])
        directions = torch._foreach_lerp(means, gradients, 1 - look)  # noqa: SLF001
        torch._foreach_sign_(directions)
        torch._foreach_add_(held, directions, alpha=-group["lr"])
        torch._foreach_lerp_(means, gradients, 1 - keep)

    def _mean(self, parameter: Tensor) -> Tensor:
        """The running mean of a parameter's gradients, which begins at 0."""
        state = self.state[parameter]
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        mean: Tensor = state["exp_avg"]
        return mean
