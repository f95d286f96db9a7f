from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from netspec.data.samples import open_samples
from netspec.front import load
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.train.measure import Measured, check_targets_of_groups, measure
from netspec_torch.train.report import known, pairs, report
from netspec_torch.train.run import compile_spec

SPEC = """
netspec: 1
name: groups
inputs:
  x: {shape: {feature: 3}, range: [-9, 9]}
targets:
  y: {shape: [], range: [0, 19]}
layers:
  - {linear: 20, name: scores}
  - {softmax, name: p}
  - {cumsum, name: cdf}
loss: crps(cdf, y)
aggregate:
  by: patient
  outputs: {patient_cdf: "mean(cdf, axis=sample)"}
metrics:
  slice_crps: crps(cdf, y)
  patient_crps: crps(patient_cdf, y)
data:
  source: {npz: {file: data/groups.npz, group: who}}
  split: {by: patient, train: 6, validation: 4, seed: 1}
training:
  epochs: 1
  batch_size: 4
  optimizer: {sgd: 0.1}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """Ten patients of one to five samples, in no order."""
    random = np.random.default_rng(1)
    who = random.permutation(np.repeat(np.arange(10), random.integers(1, 6, 10)))
    y = random.uniform(0, 19, 10)[who].astype(np.float32)
    x = random.normal(0, 1, (len(who), 3)).astype(np.float32)
    return written(tmp_path, who, y, x)


def written(folder: Path, who: np.ndarray, y: np.ndarray, x: np.ndarray) -> Spec:
    """The spec with its data."""
    (folder / "data").mkdir()
    np.savez(folder / "data" / "groups.npz", who=who, x=x, y=y)
    (folder / "groups.yaml").write_text(SPEC, encoding="utf-8")
    return load(folder / "groups.yaml")


def measured(spec: Spec, batch_size: int) -> Measured:
    """Everything there is, measured with the first weights."""
    assert spec.data is not None
    samples = open_samples(spec.data, spec.folder, declared={**spec.graph.inputs, **spec.graph.targets})
    return measure(
        spec,
        compile_spec(spec),
        samples,
        np.arange(len(samples)),
        batch_size=batch_size,
        device=torch.device("cpu"),
        context=nullcontext(),
        keep=["patient_cdf"],
    )


def test_metrics_of_patients_are_those_written_out_by_hand(spec: Spec) -> None:
    found = measured(spec, 1000)
    with np.load(spec.folder / "data" / "groups.npz") as data:
        who, x, y = data["who"], data["x"], data["y"]
    with torch.no_grad():
        cdf = compile_spec(spec).model(torch.from_numpy(x)).numpy()
    step = np.arange(20) >= y[:, None]
    patients = np.unique(who)
    means = np.stack([cdf[who == one].mean(axis=0) for one in patients])
    steps = np.stack([step[who == one][0] for one in patients])
    assert found.metrics["slice_crps"] == pytest.approx(np.mean((cdf - step) ** 2), rel=1e-5)
    assert found.metrics["patient_crps"] == pytest.approx(np.mean((means - steps) ** 2), rel=1e-5)
    assert found.loss == pytest.approx({"loss": np.mean((cdf - step) ** 2)}, rel=1e-5)
    assert (found.samples, found.groups) == (len(who), 10)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
def test_what_is_measured_does_not_depend_on_the_batches(batch_size: int, spec: Spec) -> None:
    one, other = measured(spec, 1000), measured(spec, batch_size)
    assert other.metrics == pytest.approx(one.metrics, rel=1e-6)
    assert other.loss == pytest.approx(one.loss, rel=1e-6)
    np.testing.assert_array_equal(other.kept.numbers, one.kept.numbers)
    np.testing.assert_allclose(other.kept.values["patient_cdf"], one.kept.values["patient_cdf"], atol=1e-6)


def test_the_baseline_is_made_of_the_training_patients_each_counted_once(spec: Spec) -> None:
    assert spec.data is not None
    samples = open_samples(spec.data, spec.folder, declared={**spec.graph.inputs, **spec.graph.targets})
    assert [(pair.output, pair.target) for pair in pairs(spec)] == [("patient_cdf", "y")]
    found = known(spec, samples)
    with np.load(spec.folder / "data" / "groups.npz") as data:
        who, y = data["who"], data["y"]
    train = samples.splits["train"]
    own = {int(samples.groups[i]) for i in train}
    assert len(own) == 6
    assert len(found.targets["y"]) == 6
    every = {float(y[who == one][0]) for one in np.unique(who)}
    assert {float(value) for value in found.targets["y"]} <= every
    told = report(
        spec,
        compile_spec(spec),
        samples,
        samples.splits["validation"],
        "validation",
        device=torch.device("cpu"),
        training=found,
    )
    validation = [
        float(samples.fields["y"][np.flatnonzero(samples.groups == one)[0]])
        for one in np.unique(samples.groups[samples.splits["validation"]])
    ]
    n = np.arange(20)
    base = (found.targets["y"][:, None] <= n).mean(axis=0)
    expected = np.mean([(base - (n >= value)) ** 2 for value in validation])
    assert told["distributions"]["pairs"][0]["empirical"]["crps"] == pytest.approx(expected)


def test_patients_whose_samples_disagree_about_a_target_are_refused(tmp_path: Path) -> None:
    spec = written(
        tmp_path,
        np.repeat(np.arange(10), 2),
        np.linspace(0, 19, 20, dtype=np.float32),
        np.zeros((20, 3), np.float32),
    )
    assert spec.data is not None
    samples = open_samples(spec.data, spec.folder, declared={**spec.graph.inputs, **spec.graph.targets})
    with pytest.raises(SpecError, match="NS643"):
        check_targets_of_groups(spec, samples)
