"""What a model is worth on one part of the data, as plain data: loss, metrics, and for distributions their skill.

Which outputs are distributions that are scored is read from the metrics: each `crps` there whose distribution is an
output and whose other side is a target makes a pair, at the level of the groups (patients) where there are groups. The
skill of a pair is 1 - CRPS / CRPS of the empirical distribution of the training groups' targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from netspec.data import score
from netspec.data.samples import Samples
from netspec.ops.distribution_loss import Crps
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.module import Compiled
from netspec_torch.train.measure import Measured, measure


@dataclass(frozen=True)
class Pair:
    """A distribution among the outputs and the target that it is about."""

    output: str
    target: str


@dataclass(frozen=True)
class Known:
    """What is known without an image: the training groups' targets, ages and sexes."""

    targets: dict[str, NDArray[Any]]
    age: NDArray[Any] | None
    sex: NDArray[Any] | None


def pairs(spec: Spec) -> tuple[Pair, ...]:
    """The distributions of the spec's metrics; see the module."""
    graph = spec.graph if spec.group is None else spec.group.graph
    names = {ref: name for entry in ("train", "predict") for name, ref in graph.entry(entry).items()}
    found = []
    for node in graph.walk("metrics"):
        if isinstance(node.op, Crps) and len(node.inputs) == 2:
            cdf, target = node.inputs
            if cdf in names and target.path in graph.targets:
                found.append(Pair(names[cdf], target.path))
    return tuple(dict.fromkeys(found))


def known(spec: Spec, samples: Samples, part: str = "train") -> Known:
    """What one part of the data knows without images, one row for each unit that is scored (group or sample)."""
    first = samples.splits[part]
    if spec.group is not None:
        _, index = np.unique(samples.groups[first], return_index=True)
        first = first[index]
    owners = samples.groups[first]
    targets = {
        name: np.asarray(samples.fields[name])[first] for name in {pair.target for pair in pairs(spec)}
    }
    age, sex = (samples.covariates.get(name) for name in ("age", "sex"))
    return Known(targets, None if age is None else age[owners], None if sex is None else sex[owners])


def report(
    spec: Spec,
    compiled: Compiled,
    samples: Samples,
    numbers: NDArray[np.int64],
    part: str,
    *,
    device: torch.device,
    training: Known | None,
    context: AbstractContextManager[Any] | None = None,
    details: bool = False,
) -> dict[str, Any]:
    """Measure the samples called `numbers`, named `part` in the report.

    `training` is what the baselines are made from; without it there is no skill. `details` adds errors of the median,
    calibration, and the baseline that knows age and sex.
    """
    scored = pairs(spec)
    found = measure(
        spec,
        compiled,
        samples,
        numbers,
        batch_size=spec.training.batch_size if spec.training else 32,
        device=device,
        context=context or nullcontext(),
        keep=tuple(dict.fromkeys(pair.output for pair in scored)),
    )
    told: dict[str, Any] = {
        "split": part,
        "samples": found.samples,
        "groups": found.groups,
        "by": spec.group.by if spec.group else None,
        "loss": found.loss,
        "metrics": found.metrics,
    }
    if scored:
        told["distributions"] = _distributions(spec, samples, found, scored, training, details=details)
    whole: dict[str, Any] = plain(told)
    return whole


def plain(value: Any) -> Any:
    """The value as JSON can say it: what is no number (one patient has no interval) is null."""
    match value:
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case float():
            return value if isfinite(value) else None
        case _:
            return value


def _distributions(
    spec: Spec,
    samples: Samples,
    found: Measured,
    scored: Sequence[Pair],
    training: Known | None,
    *,
    details: bool,
) -> dict[str, Any]:
    """Each pair, and the mean over them."""
    units = found.kept.numbers
    first = _first_samples(spec, samples, units)
    rows: list[dict[str, Any]] = []
    ours: list[NDArray[Any]] = []
    empirical: list[NDArray[Any]] = []
    informed: list[NDArray[Any]] = []
    for pair in scored:
        cdf = found.kept.values[pair.output].astype(np.float64)
        target = np.asarray(samples.fields[pair.target])[first].astype(np.float64)
        each = score.crps(cdf, target)
        row: dict[str, Any] = {"output": pair.output, "target": pair.target, "crps": float(each.mean())}
        ours.append(each)
        if training is not None:
            base = score.empirical_cdf(training.targets[pair.target], cdf.shape[-1])
            theirs = score.crps(np.broadcast_to(base, cdf.shape), target)
            empirical.append(theirs)
            row |= _against("empirical", each, theirs)
        if details:
            row |= _details(cdf, target)
            fitted = _informed(training, pair, samples, samples.groups[first], cdf.shape[-1])
            if fitted is not None:
                theirs = score.crps(fitted, target)
                informed.append(theirs)
                row |= _against("age_and_sex", each, theirs)
        rows.append(row)
    mean: dict[str, Any] = {"crps": float(np.mean(ours))}
    for name, theirs_of_all in (("empirical", empirical), ("age_and_sex", informed)):
        if len(theirs_of_all) == len(scored):
            mean |= _against(name, np.mean(ours, axis=0), np.mean(theirs_of_all, axis=0))
    return {"unit": _unit(spec), "count": len(units), "pairs": rows, "mean": mean}


def _unit(spec: Spec) -> str:
    """What is scored: a group, a patient where a sample is a whole stack, else a sample."""
    if spec.group is not None:
        return spec.group.by
    return "patient" if spec.data is not None and spec.data.source.stacked is not None else "sample"


def _first_samples(spec: Spec, samples: Samples, units: NDArray[np.int64]) -> NDArray[np.int64]:
    """A sample of each group, or the samples themselves."""
    if spec.group is None:
        return units
    first = np.zeros(int(samples.groups.max()) + 1, np.int64)
    first[samples.groups[::-1]] = np.arange(len(samples))[::-1]
    return first[units]


def _against(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> dict[str, Any]:
    """How much better than a baseline, with what the choice of patients leaves open."""
    return {
        name: {
            "crps": float(theirs.mean()),
            "skill": score.skill(ours, theirs),
            "skill_interval": list(score.skill_interval(ours, theirs)),
            "difference": float(ours.mean() - theirs.mean()),
            "difference_interval": list(score.difference_interval(ours, theirs)),
        }
    }


def _details(cdf: NDArray[Any], target: NDArray[Any]) -> dict[str, Any]:
    """Errors of the median, and calibration."""
    error = score.quantile(cdf, 0.5) - target
    return {
        "median_mae": float(np.abs(error).mean()),
        "median_bias": float(error.mean()),
        "limits_of_agreement": [
            float(error.mean() - 1.96 * error.std(ddof=1)),
            float(error.mean() + 1.96 * error.std(ddof=1)),
        ]
        if len(error) > 1
        else None,
        "calibration": asdict(score.calibration(cdf, target)),
    }


def _informed(
    training: Known | None, pair: Pair, samples: Samples, owners: NDArray[np.int64], bins: int
) -> NDArray[Any] | None:
    """The distributions by age and sex, where both are known of anybody."""
    age, sex = (samples.covariates.get(name) for name in ("age", "sex"))
    if training is None or training.age is None or training.sex is None or age is None or sex is None:
        return None
    if not np.isfinite(training.age).any() or (training.targets[pair.target] < 0).any():
        return None
    fitted = score.AgeAndSex.fit(training.age, training.sex, training.targets[pair.target])
    return fitted.cdf(age[owners], sex[owners], bins)


def part_numbers(samples: Samples, part: str) -> NDArray[np.int64]:
    """The samples of `train`, `validation`, `test` or `all`; SpecError NS651 where there are none."""
    numbers = np.arange(len(samples)) if part == "all" else samples.splits[part]
    if not len(numbers):
        raise SpecError.of(
            "NS651",
            f"the split of this spec has no `{part}`",
            help="use `--split validation` or `all`, or give it a share in `split`",
        )
    return numbers
