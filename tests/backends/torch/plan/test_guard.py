from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from netspec_torch.plan.guard import Held, judge
from netspec_torch.plan.settled import Settled
from netspec_torch.plan.watch import Watch

BF16 = Settled(precision="bf16")


def judged(model: nn.Module, *inputs: Tensor, settled: Settled = BF16, scale: float = 1.0) -> list[Held]:
    """What the guard finds in one step of a model whose loss is a mean of squares."""
    settled.prepare(model)
    given = [settled.way.placed(one) for one in inputs]
    watch = Watch(model)
    with watch.watching(), settled.running():
        made = model(*given)
    (made.float().square().mean() * scale).backward()
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())
    return judge(watch.calls, settled, scale)


class _Off(torch.autograd.Function):
    """The same numbers; in bf16 one of them is off, going forward or coming back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: float, backward: float) -> Tensor:
        ctx.share, ctx.half = backward, x.dtype == torch.bfloat16
        made = x.clone()
        if ctx.half and forward:
            made.view(-1)[0] *= 1 + forward
        return made

    @staticmethod
    def backward(ctx: Any, *sent: Tensor) -> tuple[Tensor, None, None]:
        back = sent[0].clone()
        if ctx.half and ctx.share:
            back.view(-1)[0] *= 1 + ctx.share
        return back, None, None


class Planted(nn.Conv2d):
    """A convolution that is wrong in bf16 alone."""

    share = (0.0, 0.0)

    def forward(self, input: Tensor) -> Tensor:
        made: Tensor = _Off.apply(super().forward(input), *self.share)  # type: ignore[no-untyped-call]
        return made


def network(planted: Sequence[float]) -> nn.Module:
    torch.manual_seed(2)
    wrong = Planted(8, 8, 3)
    wrong.share = (planted[0], planted[1])
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), wrong, nn.Flatten(), nn.Linear(128, 5)
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("settled", [BF16, Settled(precision="bf16", memory_format="channels_last")])
def test_right_layers_raise_no_alarm(settled: Settled, seed: int) -> None:
    torch.manual_seed(seed)
    assert judged(network((0, 0)), torch.randn(4, 3, 8, 8), settled=settled) == []


@pytest.mark.parametrize("share", [(4.0, 0.0), (0.0, 4.0), (float("nan"), 0.0), (0.0, float("inf"))])
def test_a_planted_layer_is_found_and_no_other(share: tuple[float, float]) -> None:
    torch.manual_seed(1)
    found = judged(network(share), torch.randn(4, 3, 8, 8))
    assert [one.path for one in found] == ["3"]
    assert found[0].error > found[0].allowed
    assert found[0].what.startswith("gradient" if share[1] else "result")


def test_the_wrong_weight_gradients_of_small_volumes_in_pytorch_are_found() -> None:
    """PyTorch 2.13 on a CPU: a 3x3x3 window with padding on 2x2x2 places, in bf16. 4x4x4 places are right."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv3d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv3d(16, 16, 3, padding=1))
    assert judged(model, torch.randn(1, 16, 4, 4, 4)) == []
    exact = nn.Conv3d(16, 16, 3, padding=1)
    coarse = nn.Conv3d(16, 16, 3, padding=1)
    coarse.load_state_dict(exact.state_dict())
    x = torch.randn(2, 16, 2, 2, 2)
    exact(x).square().mean().backward()
    with BF16.running():
        coarse(x).float().square().mean().backward()
    assert exact.weight.grad is not None
    assert coarse.weight.grad is not None
    if (exact.weight.grad - coarse.weight.grad).abs().max() < 0.1 * exact.weight.grad.abs().max():
        pytest.skip("this PyTorch computes them right")
    found = judged(model, x)
    assert {one.path for one in found} == {"0", "2"}
    assert {one.what for one in found} == {"gradient of weight"}


class Outside(nn.Module):
    """A product of matrices in no layer, in a block of its own or in the model itself."""

    def __init__(self, product: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(6))
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.product(x, self.weight)
        return made


def test_products_outside_of_layers_are_judged_and_charged_to_their_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 6)
    inner = nn.Sequential(nn.Linear(6, 6), Outside(torch.matmul))
    assert judged(inner, x) == []

    def bad(one: Tensor, other: Tensor) -> Tensor:
        made: Tensor = _Off.apply(torch.matmul(one, other), 0.5, 0.0)  # type: ignore[no-untyped-call]
        return made

    monkeypatch.setattr("netspec_torch.plan.watch.PRODUCTS", frozenset({bad, functional.linear}))
    root = Outside(lambda one, other: torch.overrides.handle_torch_function(bad, (one, other), one, other))
    watch = Watch(root)
    with watch.watching(), BF16.running():
        made = bad(x, root.weight)
        watch.product(bad, (x, root.weight), {}, made)
    (found,) = judge(watch.calls, BF16)
    assert (found.path, found.inside) == ("", False)


def test_a_layer_with_noise_of_its_own_is_not_judged() -> None:
    torch.manual_seed(0)
    assert judged(nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5)), torch.randn(8, 6)) == []


def test_statistics_are_judged_and_left_as_the_step_left_them() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    assert judged(model, torch.randn(4, 3, 8, 8)) == []
    assert int(model.get_buffer("1.num_batches_tracked")) == 1


def test_half_numbers_of_fp16_are_judged_with_a_scaled_loss() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    fp16 = Settled(precision="fp16")
    assert judged(model, torch.randn(8, 6), settled=fp16, scale=2.0**10) == []
    large = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    found = judged(large, 1e5 * torch.randn(8, 6), settled=fp16)
    assert "0" in {one.path for one in found}  # what is above 65,504 is infinite
