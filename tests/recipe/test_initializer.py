from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch.nn import init

from netspec.recipe.initializer import (
    INITIALIZERS,
    Constant,
    Dirac,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    Normal,
    Orthogonal,
    Sparse,
    TruncNormal,
    Uniform,
    XavierNormal,
)


@pytest.mark.parametrize("kind", INITIALIZERS.values())
def test_names_and_defaults_are_those_of_torch(kind: type[Initializer]) -> None:
    theirs = inspect.signature(getattr(init, f"{kind.name}_")).parameters
    for name, field in kind.model_fields.items():
        if kind in (Uniform, Constant):  # torch calls them `a, b` and `val`; a range has no default here
            continue
        if field.is_required():
            assert theirs[name].default is inspect.Parameter.empty
            continue
        assert field.default == theirs[name].default


@pytest.mark.parametrize("kind", INITIALIZERS.values())
def test_the_argument_without_a_name_is_one_of_its_own(kind: type[Initializer]) -> None:
    assert kind.main is None or kind.main in kind.model_fields


def test_a_range_may_be_a_list_as_yaml_writes_it() -> None:
    assert Uniform.model_validate({"range": [-1, 1]}) == Uniform(range=(-1.0, 1.0))


@pytest.mark.parametrize(
    "kind,arguments",
    [
        (Uniform, {}),
        (Uniform, {"range": [1, -1]}),
        (Uniform, {"range": [1, 1]}),
        (Uniform, {"range": [1]}),
        (Uniform, {"range": [0, float("inf")]}),
        (Normal, {"std": -1.0}),
        (Normal, {"mean": float("nan")}),
        (Constant, {}),
        (Constant, {"value": "1"}),
        (XavierNormal, {"gain": 0.0}),
        (KaimingNormal, {"mode": "fan"}),
        (KaimingNormal, {"nonlinearity": "gelu"}),
        (KaimingUniform, {"a": 0.1, "nonlinearity": "relu"}),
        (TruncNormal, {"std": 0.0}),
        (TruncNormal, {"a": 1.0, "b": 1.0}),
        (TruncNormal, {"mean": 5.0}),
        (Dirac, {"groups": 0}),
        (Sparse, {}),
        (Sparse, {"sparsity": 1.5}),
    ],
)
def test_wrong_arguments_are_refused(kind: type[Initializer], arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(arguments)


def test_the_slope_belongs_to_leaky_relu() -> None:
    assert KaimingUniform(a=0.1).a == 0.1
    with pytest.raises(ValidationError, match="`a` is the slope of `leaky_relu`; `tanh` has none"):
        KaimingUniform(a=0.1, nonlinearity="tanh")


@pytest.mark.parametrize(
    "start,good,wrong",
    [
        (Normal(), [(3,), (2, 3)], []),
        (TruncNormal(), [(3,), (2, 3)], []),
        (XavierNormal(), [(2, 3), (2, 3, 5)], [(), (3,)]),
        (KaimingUniform(), [(2, 3), (2, 3, 5)], [(), (3,)]),
        (Orthogonal(), [(2, 3), (2, 3, 5)], [(3,)]),
        (Dirac(), [(2, 3, 3), (2, 3, 3, 3, 3)], [(3,), (2, 3), (2, 3, 3, 3, 3, 3)]),
        (Dirac(groups=2), [(4, 3, 3)], [(3, 3, 3)]),
        (Sparse(sparsity=0.5), [(2, 3)], [(3,), (2, 3, 3)]),
    ],
)
def test_an_initialiser_says_which_shapes_it_is_not_for(
    start: Initializer, good: list[tuple[int, ...]], wrong: list[tuple[int, ...]]
) -> None:
    for shape in good:
        assert start.misfit(shape) == ""
        if not isinstance(start, Dirac) or shape[0] % start.groups == 0:
            by_torch(start, shape)
    for shape in wrong:
        assert start.misfit(shape)
        with pytest.raises(ValueError, match=r"[Tt]ensor|divisible|dim"):
            by_torch(start, shape)


def by_torch(start: Initializer, shape: tuple[int, ...]) -> None:
    """Start a tensor by PyTorch's own function."""
    getattr(init, f"{start.name}_")(torch.empty(shape), **start.model_dump())
