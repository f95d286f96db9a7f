"""Every op of the catalogue keeps what its samples promise. A new op is tested by writing its samples."""

from __future__ import annotations

import inspect

import pytest

import netspec_numpy
import netspec_torch
from netspec.ir.compound import Compound
from netspec.ir.op import Op, Sample
from netspec.ops import catalogue
from netspec.text.codes import CODES
from tests.conformance import harness
from tests.conformance.harness import modes, use_of

CANNOT_FAIL: dict[str, str] = {
    "constant": "it takes nothing, and its schema refuses infinities and NaN",
    "identity": "it gives whatever it gets",
    "parameter": "it takes nothing, and its schema refuses what is no shape",
}
"""Ops that take whatever they are given, and so have no bad sample, with the reason."""

GOOD = [
    pytest.param(kind, sample, id=f"{name}-{i}")
    for name, kind in sorted(catalogue().items())
    for i, sample in enumerate(kind.samples())
    if sample.code is None
]
BAD = [
    pytest.param(kind, sample, id=f"{name}-{sample.code}-{i}")
    for name, kind in sorted(catalogue().items())
    for i, sample in enumerate(kind.samples())
    if sample.code is not None
]
OPS = [pytest.param(kind, id=name) for name, kind in sorted(catalogue().items())]


@pytest.mark.parametrize("kind,sample", GOOD)
def test_inferred_shapes_are_those_of_the_numbers(kind: type[Op], sample: Sample) -> None:
    harness.check_shapes(use_of(kind, sample))


@pytest.mark.parametrize("kind,sample", GOOD)
def test_sizes_may_be_free_or_the_rule_says_why_not(kind: type[Op], sample: Sample) -> None:
    harness.check_symbols(use_of(kind, sample))


@pytest.mark.parametrize("kind,sample", GOOD)
def test_facts_are_true_of_the_numbers(kind: type[Op], sample: Sample) -> None:
    harness.check_facts(use_of(kind, sample))


@pytest.mark.parametrize("kind,sample", GOOD)
def test_numpy_and_torch_agree_forward_backward_and_in_state(kind: type[Op], sample: Sample) -> None:
    use = use_of(kind, sample)
    for mode in modes(use):
        harness.check_agreement(use, mode=mode)


@pytest.mark.parametrize("kind,sample", GOOD)
def test_gradients_are_slopes(kind: type[Op], sample: Sample) -> None:
    use = use_of(kind, sample)
    for mode in modes(use):
        harness.check_slopes(use, mode=mode)


@pytest.mark.parametrize("kind,sample", GOOD)
def test_the_reference_stays_in_the_floating_type_of_its_numbers(kind: type[Op], sample: Sample) -> None:
    harness.check_precision(use_of(kind, sample))


@pytest.mark.parametrize("kind,sample", GOOD)
def test_a_batch_without_samples_goes_through(kind: type[Op], sample: Sample) -> None:
    harness.check_empty(use_of(kind, sample))


@pytest.mark.parametrize("kind,sample", BAD)
def test_bad_samples_are_refused_with_their_code(kind: type[Op], sample: Sample) -> None:
    assert sample.code in CODES, f"{sample.code} is not in the table of codes"
    harness.check_refused(kind, sample)


@pytest.mark.parametrize("kind", OPS)
def test_every_op_tells_what_it_does_and_shows_it(kind: type[Op]) -> None:
    assert "__doc__" in vars(kind), f"{kind.name} has no docstring of its own"
    assert len(inspect.getdoc(kind) or "") > 60, f"{kind.name} says too little of itself"
    assert inspect.getdoc(kind.infer), f"the rule of {kind.name} has no docstring"
    assert kind.main is None or kind.main in {*kind.model_fields, *kind.slots}, (
        f"{kind.name}: main argument `{kind.main}`"
    )
    samples = kind.samples()
    assert any(one.code is None for one in samples), f"{kind.name} has no good sample"
    assert kind.name in CANNOT_FAIL or any(one.code for one in samples), f"{kind.name} has no bad sample"


@pytest.mark.parametrize("kind", OPS)
def test_every_op_has_a_reference_with_a_backward_and_a_lowering_in_files_of_its_name(kind: type[Op]) -> None:
    file = kind.__module__.rpartition(".")[2]
    reference = netspec_numpy.table()[kind]
    lowering = netspec_torch.table().get(kind)
    assert lowering or issubclass(kind, Compound), f"{kind.name} has no lowering and is not said with others"
    assert reference.pull is not None, f"{kind.name} has no backward"
    for rule in (reference.forward, *([lowering.lower] if lowering else [])):
        assert rule.__module__.rpartition(".")[2] == file, (
            f"{kind.name} lies in {rule.__module__}, not in {file}"
        )
        assert rule.__name__.rstrip("_") == kind.name
        assert rule.__doc__, f"{rule.__module__}.{rule.__name__} has no docstring"
