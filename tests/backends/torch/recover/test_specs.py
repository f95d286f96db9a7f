"""Every spec there is, compiled, read back from the module alone, written as text, and compiled again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

import netspec
from netspec.recover.held import held
from netspec.recover.written import written
from netspec.text import SpecError
from netspec_torch.recover import read_module
from tests.specs.whole import FOLDER, WHOLE

QUICK = ("digits", "lenet", "heart-tutorial-2015", "heart-volume", "zoo/squeezenet1_1", "zoo/heart_mixture")
LONG = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in WHOLE)
MASKED = {"zoo/heart_patient", "zoo/heart_segmentation"}
"""A map with a mask gathers the rows that are there: what is computed depends on numbers, which no graph says."""

SIZES: Mapping[str, int] = {"D": 16, "H": 32, "W": 32, "S": 3, "T": 8}
"""What free sizes are when both are run."""

EVERY = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name in LONG
    if name not in MASKED
]


def test_every_spec_is_among_them() -> None:
    assert set(QUICK) <= set(LONG)
    assert set(LONG) >= MASKED


@pytest.mark.parametrize("name", EVERY)
def test_a_spec_comes_back_from_its_module(name: str) -> None:
    spec = netspec.load(FOLDER / f"{name}.yaml")
    module = netspec.compile(spec, seed=1)
    types = spec.graph.inputs.values()
    shapes = [tuple(one.value or str(one) for one in kind.sizes[1:]) for kind in types]
    reading = read_module(module, shapes, dtypes=[kind.dtype for kind in types], name="again")
    assert reading.sketch.refusals == ()

    text = written(reading.sketch)
    held(text, reading.source)
    again = netspec.compile(text.spec)
    numbers = {key: torch.tensor(array) for key, array in {**text.parameters, **text.state}.items()}
    missing, unexpected = again.load_state_dict(numbers, strict=False)
    assert not unexpected
    assert not [one for one in missing if not one.endswith("num_batches_tracked")]

    generator = torch.Generator().manual_seed(7)
    inputs = [
        torch.rand(2, *(SIZES[one] if isinstance(one, str) else one for one in shape), generator=generator)
        for shape in shapes
    ]
    for training in (False, True):
        theirs, ours = (
            _outcome(one, inputs, training=training, count=len(reading.sketch.outputs))
            for one in (module, again)
        )
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
    used = {key for key, one in module.named_parameters() if one.grad is not None}
    count = sum(one.numel() for key, one in module.named_parameters() if key in used and one.requires_grad)
    assert sum(one.numel() for one in again.parameters() if one.requires_grad) == count
    paths = {name for name, _ in module.named_modules()}
    assert all(step.name in paths for step in reading.sketch.steps if step.weights)


def _outcome(
    module: nn.Module, inputs: list[torch.Tensor], *, training: bool, count: int
) -> list[torch.Tensor]:
    """The first outputs, and in training the gradients of the inputs; what is drawn by chance is drawn the same way."""
    module.train(training)
    given = [one.clone().requires_grad_() for one in inputs]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = module(*given)
    values = list(made.values())[:count] if isinstance(made, dict) else [made]
    if training:
        sum(one.square().sum() for one in values if one.grad_fn is not None).backward()
    return [*(one.detach() for one in values), *(one.grad for one in given if one.grad is not None)]


@pytest.mark.parametrize("name", sorted(MASKED))
def test_a_map_with_a_mask_is_refused(name: str) -> None:
    spec = netspec.load(FOLDER / f"{name}.yaml")
    types = spec.graph.inputs.values()
    shapes = [tuple(one.value or str(one) for one in kind.sizes[1:]) for kind in types]
    with pytest.raises(SpecError, match="NS782"):
        read_module(netspec.compile(spec), shapes, dtypes=[kind.dtype for kind in types])
