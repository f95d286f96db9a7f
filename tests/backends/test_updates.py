"""Every update rule: the reference, `torch.optim` itself and what the torch backend makes of it, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import netspec_numpy
import netspec_torch
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import OPTIMIZERS, Adam, AdamW, Lion, Optimizer, RmsProp, Sgd
from netspec.recipe.pace import STEADY, Pace
from netspec.recipe.training import Clip
from netspec_torch.lion import Lion as TorchLion
from tests.backends.update_recipes import PACES, allowed, numbers, rules

Array = NDArray[Any]

TORCH = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "adagrad": "Adagrad", "rmsprop": "RMSprop"} | {
    "adadelta": "Adadelta", "nadam": "NAdam", "radam": "RAdam"
}  # fmt: skip
"""PyTorch's names of the rules that it has."""

KINDS = list(OPTIMIZERS.values())


def by_torch(
    optimizer: Optimizer, start: dict[str, Array], gradients: list[dict[str, Array]], paces: list[Pace]
) -> list[dict[str, Array]]:
    """`torch.optim`'s own class in float64, its rate set by hand for each step."""
    torch.set_default_dtype(torch.float64)  # NAdam keeps a product of its own, in this type
    try:
        held = {key: torch.tensor(value, requires_grad=True) for key, value in start.items()}
        kind = getattr(torch.optim, TORCH[optimizer.name]) if optimizer.name in TORCH else TorchLion
        stepper = kind(list(held.values()), **optimizer.model_dump(exclude={"no_decay"}))
        found = []
        for step, pace in zip(gradients, paces, strict=True):
            for key, tensor in held.items():
                tensor.grad = torch.tensor(step[key])
            stepper.param_groups[0]["lr"] = optimizer.lr * pace.factor
            stepper.step()
            found.append({key: tensor.detach().numpy().copy() for key, tensor in held.items()})
        return found
    finally:
        torch.set_default_dtype(torch.float32)


def same(ours: list[dict[str, Array]], theirs: list[dict[str, Array]], may: list[dict[str, Array]]) -> None:
    """Assert that two programs differ by no more than they may."""
    for step, (one, other, most) in enumerate(zip(ours, theirs, may, strict=True), 1):
        for key, value in one.items():
            assert np.isfinite(value).all()
            off = abs(value - other[key])
            assert (off <= most[key]).all(), (step, key, off.max(), most[key].max())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(data=st.data(), paces=st.lists(PACES, min_size=1, max_size=12), seed=st.integers(0, 2**32 - 1))
def test_the_reference_and_torch_move_weights_alike(
    kind: type[Optimizer], data: st.DataObject, paces: list[Pace], seed: int
) -> None:
    optimizer = data.draw(rules(kind))
    start, gradients = numbers(seed, len(paces))
    may = allowed(Descent(optimizer), start, gradients, paces)
    ours = netspec_numpy.update(Descent(optimizer), start, gradients, paces)
    same(ours, by_torch(optimizer, start, gradients, paces), may)
    same(ours, netspec_torch.update(Descent(optimizer), start, gradients, paces), may)


@given(
    data=st.data(),
    kind=st.sampled_from(KINDS),
    clip=st.one_of(st.builds(Clip, norm=st.floats(1e-3, 1e3)), st.builds(Clip, value=st.floats(1e-3, 1e3))),
    undecayed=st.frozensets(st.sampled_from(["a.weight", "a.bias", "b.weight"])),
    paces=st.lists(st.builds(Pace, st.floats(1e-3, 1), st.floats(0.5, 0.95)), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_backends_clip_spare_and_cycle_alike(
    data: st.DataObject,
    kind: type[Optimizer],
    clip: Clip,
    undecayed: frozenset[str],
    paces: list[Pace],
    seed: int,
) -> None:
    optimizer = data.draw(rules(kind))
    if not hasattr(optimizer, "momentum") and not hasattr(optimizer, "betas"):
        paces = [Pace(one.factor) for one in paces]
    descent = Descent(optimizer, clip, undecayed)
    start, gradients = numbers(seed, len(paces))
    ours = netspec_numpy.update(descent, start, gradients, paces)
    theirs = netspec_torch.update(descent, start, gradients, paces)
    same(ours, theirs, allowed(descent, start, gradients, paces))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("backend", [netspec_numpy, netspec_torch], ids=["numpy", "torch"])
def test_what_no_decay_spares_moves_as_without_decay(kind: type[Optimizer], backend: Any) -> None:
    decayed, bare = kind(lr=0.01, weight_decay=0.1), kind(lr=0.01, weight_decay=0.0)
    start, gradients = numbers(1, 4)
    paces = [STEADY] * 4
    spared = backend.update(Descent(decayed, undecayed=frozenset({"a.bias"})), start, gradients, paces)
    with_, without = (backend.update(Descent(one), start, gradients, paces) for one in (decayed, bare))
    for found, all_, none in zip(spared, with_, without, strict=True):
        assert np.array_equal(found["a.bias"], none["a.bias"])
        assert np.array_equal(found["a.weight"], all_["a.weight"])
        assert not np.array_equal(all_["a.weight"], none["a.weight"])


@pytest.mark.parametrize("backend", [netspec_numpy, netspec_torch], ids=["numpy", "torch"])
def test_clipping_bounds_the_joint_norm_or_each_number(backend: Any) -> None:
    start = {"a": np.zeros(2), "b": np.zeros(1)}
    gradients = [{"a": np.array([3.0, 0.0]), "b": np.array([-4.0])}]

    def moved(clip: Clip) -> list[float]:
        (found,) = backend.update(Descent(Sgd(lr=1.0), clip), start, gradients, [STEADY])
        return [*found["a"], *found["b"]]

    assert moved(Clip(norm=1.0)) == pytest.approx([-3 / 5.000001, 0, 4 / 5.000001], rel=1e-15)
    assert moved(Clip(norm=5.1)) == [-3, 0, 4]
    assert moved(Clip(value=3.5)) == [-3, 0, 3.5]


@pytest.mark.parametrize("backend", [netspec_numpy, netspec_torch], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    "optimizer,other",
    [
        (Sgd(lr=0.1, momentum=0.9), Sgd(lr=0.1, momentum=0.5)),
        (RmsProp(lr=0.1, momentum=0.9), RmsProp(lr=0.1, momentum=0.5)),
        (AdamW(lr=0.1, betas=(0.9, 0.99)), AdamW(lr=0.1, betas=(0.5, 0.99))),
        (Lion(lr=0.1, betas=(0.9, 0.99)), Lion(lr=0.1, betas=(0.5, 0.99))),
    ],
)
def test_a_pace_may_bring_its_own_momentum(backend: Any, optimizer: Optimizer, other: Optimizer) -> None:
    start, gradients = numbers(2, 3)
    cycled = backend.update(Descent(optimizer), start, gradients, [Pace(1.0, 0.5)] * 3)
    for one, wanted in zip(
        cycled, backend.update(Descent(other), start, gradients, [STEADY] * 3), strict=True
    ):
        for key, value in one.items():
            assert np.array_equal(value, wanted[key])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("backend", [netspec_numpy, netspec_torch], ids=["numpy", "torch"])
def test_a_parameter_without_a_gradient_stays_and_its_memory_with_it(
    kind: type[Optimizer], backend: Any
) -> None:
    start, (first, last) = numbers(3, 2)
    optimizer = kind(lr=0.01)
    found = backend.update(Descent(optimizer), start, [first, {}, last], [STEADY] * 3)
    wanted = backend.update(Descent(optimizer), start, [first, last], [STEADY] * 2)
    for key in start:
        assert np.array_equal(found[0][key], found[1][key])
        assert np.array_equal(found[2][key], wanted[1][key])


def test_amsgrad_remembers_the_greatest_square() -> None:
    start, huge = {"w": np.zeros(1)}, [{"w": np.array([g])} for g in (100.0, 1.0, 1.0)]
    plain, greatest = (
        netspec_numpy.update(Descent(Adam(lr=1.0, betas=(0.0, 0.5), amsgrad=ams)), start, huge, [STEADY] * 3)
        for ams in (False, True)
    )
    moves = [abs(one[2]["w"] - one[1]["w"]) for one in (plain, greatest)]
    # v(3) = 1250.75 where v was 5000 at first; both over 1 - 0.5 ** 3
    assert moves[0] == pytest.approx(1 / np.sqrt(1250.75 / 0.875), rel=1e-9)
    assert moves[1] == pytest.approx(1 / np.sqrt(5000 / 0.875), rel=1e-9)


def test_lion_goes_on_from_its_state_bit_for_bit() -> None:
    def after(cut: bool) -> torch.Tensor:
        torch.manual_seed(0)
        w = torch.randn(50, requires_grad=True)
        stepper = TorchLion([w], lr=0.01, weight_decay=0.1)
        for step in range(6):
            if cut and step == 3:
                kept = stepper.state_dict()
                stepper = TorchLion([w], lr=1.0)
                stepper.load_state_dict(kept)
            w.grad = torch.randn(50)
            stepper.step()
        return w.detach()

    assert torch.equal(after(cut=False), after(cut=True))


def test_lion_computes_the_loss_of_a_closure_and_refuses_wrong_settings() -> None:
    w = torch.tensor([2.0], requires_grad=True)
    stepper = TorchLion([w], lr=0.5)

    def loss() -> torch.Tensor:
        stepper.zero_grad()
        value = (w**2).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    assert stepper.step(loss).item() == 4.0
    assert w.item() == 1.5
    for wrong in ({"lr": -1.0}, {"betas": (1.0, 0.9)}, {"weight_decay": -0.1}):
        with pytest.raises(ValueError, match="must not be negative"):
            TorchLion([w], **wrong)
