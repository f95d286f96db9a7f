"""First values: the same for every backend, from each parameter's own place, and distributed as PyTorch's are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.graph import Graph
from netspec.ir.op import Op, infer_node
from netspec.ir.types import tensor
from netspec.ops import catalogue
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.recipe.initializer import INITIALIZERS, Dirac, Initializer, Orthogonal, Sparse, TruncNormal
from netspec.weights.initial import DRAWS, first, generator
from netspec_torch.module import compile, construct, execute
from netspec_torch.writing import write
from tests.backends.torch.build import Build


def started(init: Initializer, shape: tuple[int, ...], seed: int = 0) -> Any:
    return DRAWS[type(init)](init, shape, generator(seed, "w"))


def test_every_initialiser_of_the_language_can_be_drawn() -> None:
    assert set(DRAWS) >= set(INITIALIZERS.values())


# ------------------------------------------------------------------------------------------- where numbers come from


def network(*, more: bool = False) -> Graph:
    at = Build(x=tensor(batch="N", channel=3, height=6, width=6))
    last = "x"
    if more:
        last = str(at.use("extra", Conv(out_channels=3, kernel_size=1), last))
    last = str(at.use("conv", Conv(out_channels=4, kernel_size=3), last))
    at.use("other", Conv(out_channels=4, kernel_size=3), last)
    return at.graph({"y": "other"})


def test_a_model_starts_from_the_numbers_that_any_backend_starts_from() -> None:
    found = first(network(), 7)
    state = compile(network(), seed=7).state_dict()
    assert found.keys() == state.keys()
    for key, value in found.items():
        assert value.dtype == np.float32
        assert np.array_equal(value, state[key].numpy())


def test_a_parameter_has_its_own_numbers_whatever_else_is_there() -> None:
    alone, among = first(network(), 7), first(network(more=True), 7)
    for key, value in alone.items():
        assert np.array_equal(value, among[key])
    assert not np.array_equal(alone["conv.weight"].ravel()[:20], alone["other.weight"].ravel()[:20])


def test_another_seed_gives_other_numbers() -> None:
    one, other = first(network(), 7), first(network(), 8)
    assert not any(np.array_equal(value, other[key]) for key, value in one.items())


def test_torchs_own_generator_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    compile(network(), seed=7)
    assert torch.equal(before, torch.get_rng_state())


# ------------------------------------------------------------------------------------------- as PyTorch starts them


def with_parameters() -> list[Any]:
    """Every op that has parameters, in the first of its samples that has some."""
    found = []
    for name, kind in catalogue().items():
        for sample in kind.samples():
            if sample.code is None:
                op = kind.model_validate(sample.attributes)
                if infer_node(op, sample.inputs).parameters:
                    found.append(pytest.param(op, sample.inputs, id=name))
                    break
    return found


DRAWN = 300
"""How often each layer is made."""


@pytest.mark.parametrize("op,inputs", with_parameters())
def test_a_layer_of_which_nothing_is_said_starts_as_pytorch_starts_it(op: Op, inputs: Any) -> None:
    at = Build(**{f"x{i}": kind for i, kind in enumerate(inputs)})
    at.use("layer", op, *(f"x{i}" for i in range(len(inputs))))
    graph = at.graph({"y": "layer"})
    source = write(graph, name="net")
    module = execute(source)
    theirs = [construct(module, source.model, seed).state_dict() for seed in range(DRAWN)]
    ours = [first(graph, seed) for seed in range(DRAWN)]
    assert ours[0].keys() == graph.parameters.keys(), "tell netspec/weights/initial.py how this op starts"
    for key in graph.parameters:
        a = np.stack([one[key] for one in ours]).astype(np.float64)
        b = np.stack([one[key].numpy() for one in theirs]).astype(np.float64)
        assert a.shape == b.shape
        if np.ptp(b, axis=0).max() == 0:
            assert np.array_equal(a, b)
            continue
        # both are uniform about 0: their bounds and spreads, within five standard errors
        spread, count = b.std(), b.size
        assert a.std() == pytest.approx(spread, rel=5 * 2 * math.sqrt(0.8 / 4 / count) + 1e-12)
        assert abs(a).max() <= math.sqrt(3) * spread * (1 + 5 * math.sqrt(1 / count))
        assert abs(a.mean()) <= 5 * spread / math.sqrt(count)


# ------------------------------------------------------------------------------------------------- each initialiser


SHAPES = st.lists(st.integers(1, 7), min_size=2, max_size=4).map(tuple)


@given(SHAPES, st.floats(0.1, 3), st.integers(0, 99))
def test_an_orthogonal_weight_has_orthogonal_rows_or_columns(
    shape: tuple[int, ...], gain: float, seed: int
) -> None:
    w = started(Orthogonal(gain=gain), shape, seed).reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.allclose(small, gain**2 * np.eye(len(small)), rtol=0, atol=1e-13 * gain**2 * max(w.shape))


def test_the_signs_of_an_orthogonal_weight_are_even() -> None:
    """Without the signs of R's diagonal, Householder's method would give a first number that is always negative."""
    firsts = [started(Orthogonal(), (3, 3), seed)[0, 0] for seed in range(400)]
    assert abs(np.mean(np.sign(firsts))) < 5 / math.sqrt(400)


@given(
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(1, 5),
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
)
def test_a_dirac_weight_is_torchs(groups: int, of_group: int, inputs: int, window: list[int]) -> None:
    shape = (groups * of_group, inputs, *window)
    wanted = torch.nn.init.dirac_(torch.empty(shape), groups)
    assert np.array_equal(started(Dirac(groups=groups), shape), wanted.numpy())


@given(st.integers(1, 30), st.integers(1, 5), st.floats(0, 1), st.integers(0, 99))
def test_a_sparse_weight_has_as_many_zeros_in_each_column_as_torchs(
    rows: int, columns: int, sparsity: float, seed: int
) -> None:
    wanted = torch.nn.init.sparse_(torch.empty(rows, columns), sparsity)
    found = started(Sparse(sparsity=sparsity), (rows, columns), seed)
    assert ((found == 0).sum(0) == (wanted == 0).sum(0).numpy()).all()


@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-3, 3), st.floats(0.01, 5), st.integers(0, 99))
def test_truncated_numbers_lie_between_the_ends(
    mean: float, std: float, a: float, long: float, seed: int
) -> None:
    mean = min(max(mean, a - 2 * std), a + long + 2 * std)
    found = started(TruncNormal(mean=mean, std=std, a=a, b=a + long), (50,), seed)
    assert found.shape == (50,)
    assert (found >= a).all()
    assert (found <= a + long).all()


@pytest.mark.parametrize(
    "mean,std,a,b",
    [(0.0, 1.0, -2.0, 2.0), (2.0, 1.0, -1.0, 1.0), (0.0, 1.0, 0.0, 1.5), (1.0, 0.5, -2.0, 1.2)],
)
def test_truncated_numbers_are_distributed_as_the_normal_between_the_ends(
    mean: float, std: float, a: float, b: float
) -> None:
    count = 20_000
    found = np.sort(started(TruncNormal(mean=mean, std=std, a=a, b=b), (count,)))

    def below(x: float) -> float:
        return 0.5 * (1 + math.erf((x - mean) / (std * math.sqrt(2))))

    wanted = np.array([(below(x) - below(a)) / (below(b) - below(a)) for x in found])
    gap = abs(wanted - (np.arange(count) + 0.5) / count).max()
    assert gap < 2.3 / math.sqrt(count)  # Kolmogorov's: once in 20,000 seeds, and this one is fixed


def test_a_linear_layer_and_its_bias_share_a_bound() -> None:
    at = Build(x=tensor(batch="N", feature=100))
    at.use("layer", Linear(out_features=4000), "x")
    found = first(at.graph({"y": "layer"}), 0)
    for value in found.values():
        assert 0.0995 < abs(value).max() <= 0.1
