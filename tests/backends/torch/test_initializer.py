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
    Initializer,
    KaimingNormal,
    KaimingUniform,
    Normal,
    Ones,
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


def weight(init: object, name: str = "weight") -> torch.Tensor:
    at = Build(x=tensor(batch="N", feature=IN))
    at.use("layer", Linear(out_features=OUT), "x", init={name: init})
    return compile(at.graph({"y": "layer"}), seed=0).get_parameter(f"layer.{name}").detach().double()


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
]


def test_every_initialiser_is_tried() -> None:
    assert {type(init) for init, _, _ in CASES} == set(INITIALIZERS.values())


@pytest.mark.parametrize("init,mean,std", CASES)
def test_first_values_have_the_mean_and_spread_that_the_formula_says(
    init: object, mean: float, std: float
) -> None:
    values = weight(init)
    # five standard errors of each estimate; that of a standard deviation is at most std / sqrt(2 count) here
    assert float(values.mean()) == pytest.approx(mean, abs=5 * std / math.sqrt(COUNT) + 1e-12)
    assert float(values.std()) == pytest.approx(std, abs=5 * std / math.sqrt(2 * COUNT) + 1e-12)


def test_fans_of_a_bias_are_refused() -> None:
    with pytest.raises(SpecError, match="NS734"):
        weight(XavierUniform(), "bias")


def test_an_unknown_initialiser_is_refused() -> None:
    class Odd(Record):
        name = "odd"

    with pytest.raises(SpecError, match="NS733"):
        weight(Odd())
