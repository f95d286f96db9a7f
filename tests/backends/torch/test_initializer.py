from __future__ import annotations

import math

import pytest
import torch

from netspec.ir.record import Record
from netspec.ir.types import tensor
from netspec.ops.linear import Linear
from netspec.recipe.initializer import (
    INITIALIZERS,
    Constant,
    Dirac,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    Normal,
    Ones,
    Orthogonal,
    Sparse,
    TruncNormal,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from netspec.text import SpecError
from netspec_torch.module import compile
from tests.backends.torch.build import Build

IN, OUT = 200, 300
COUNT = IN * OUT


def weight(init: object, name: str = "weight", seed: int | None = 0) -> torch.Tensor:
    at = Build(x=tensor(batch="N", feature=IN))
    at.use("layer", Linear(out_features=OUT), "x", init={name: init})
    return compile(at.graph({"y": "layer"}), seed=seed).get_parameter(f"layer.{name}").detach().double()


DENSITY, MASS = math.exp(-0.5) / math.sqrt(2 * math.pi), math.erf(1 / math.sqrt(2))
"""Of the normal distribution: its density at one standard deviation, and its mass within one of the mean."""

CASES: list[tuple[Initializer, float, float]] = [
    (Zeros(), 0, 0),
    (Ones(), 1, 0),
    (Constant(value=-2.5), -2.5, 0),
    (Uniform(range=(-1.0, 3.0)), 1, 4 / math.sqrt(12)),
    (Normal(mean=2.0, std=0.5), 2, 0.5),
    (XavierUniform(gain=2.0), 0, 2 * math.sqrt(2 / (IN + OUT))),
    (XavierNormal(), 0, math.sqrt(2 / (IN + OUT))),
    (KaimingUniform(nonlinearity="relu"), 0, math.sqrt(2 / IN)),
    (KaimingNormal(mode="fan_out", a=0.5), 0, math.sqrt(2 / 1.25 / OUT)),
    (TruncNormal(mean=1.0, std=2.0, a=-1.0, b=3.0), 1, 2 * math.sqrt(1 - 2 * DENSITY / MASS)),
    (TruncNormal(std=3.0, a=-0.5, b=0.5), 0, 1 / math.sqrt(12)),
    (Orthogonal(gain=3.0), 0, 3 / math.sqrt(OUT)),
    (Sparse(sparsity=0.25, std=2.0), 0, 2 * math.sqrt(0.75)),
]


def test_every_initialiser_is_tried() -> None:
    assert {type(init) for init, _, _ in CASES} | {Dirac} == set(INITIALIZERS.values())


@pytest.mark.parametrize("seed", [0, None], ids=["drawn by us", "drawn by torch"])
@pytest.mark.parametrize("init,mean,std", CASES)
def test_first_values_have_the_mean_and_spread_that_the_formula_says(
    init: object, mean: float, std: float, seed: int | None
) -> None:
    torch.manual_seed(0)
    values = weight(init, seed=seed)
    # the short interval is nearly even: 0.5 / 3 standard deviations change its spread by less than 0.3 %
    slack = 0.003 * std if isinstance(init, TruncNormal) and init.std == 3 else 0
    # five standard errors of each estimate; that of a standard deviation is at most std / sqrt(2 count) here
    assert float(values.mean()) == pytest.approx(mean, abs=5 * std / math.sqrt(COUNT) + 1e-12)
    assert float(values.std()) == pytest.approx(std, abs=5 * std / math.sqrt(2 * COUNT) + slack + 1e-12)


def test_fans_of_a_bias_are_refused() -> None:
    with pytest.raises(SpecError, match="NS734"):
        weight(XavierUniform(), "bias")


def test_an_unknown_initialiser_is_refused() -> None:
    class Odd(Record):
        name = "odd"

    with pytest.raises(SpecError, match="NS733"):
        weight(Odd())
