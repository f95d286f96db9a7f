"""Rules about loss, data and training: what else they tell, and above all what they leave in peace."""

from __future__ import annotations

import pytest

from netspec.text import Diagnostic
from tests.passes.lint import near


def told(text: str) -> tuple[Diagnostic, ...]:
    """What is said, apart from what these specs define and do not use."""
    return tuple(one for one in near.told(text) if one.code != "NS406")


def codes(text: str) -> list[str]:
    return [one.code for one in told(text)]


NET = (
    "netspec: 1\n"
    "define: {weight: 0, part: 0.5}\n"
    "inputs: {image: {shape: {channel: 3, height: 8, width: 8}, range: [0, 1]}}\n"
    "targets: {label: {kind: class_index, classes: 10}, volume: {shape: [], unit: ml, range: [0, 99]}}\n"
    "layers:\n"
    "  - conv: {out_channels: 8, kernel_size: 3, bias: false}\n"
    "  - {batch_norm: {eps: 1e-3}, name: norm}\n"
    "  - {global_avg_pool, name: features}\n"
    "  - {linear: 10, name: logits}\n"
    "  - {linear: 1, from: features}\n"
    "  - {squeeze: channel, name: ml, as: {unit: ml}}\n"
    "outputs: [logits, ml]\n"
)
TERMS = "loss:\n  a: cross_entropy(logits, label)\n  b: mse(ml, volume)\n"


def training(*lines: str, lr: str = "0.1", batch_size: int = 8) -> str:
    rest = "".join(f"  {line}\n" for line in lines)
    length = "" if any(line.startswith("steps") for line in lines) else "  epochs: 10\n"
    return (
        f"{NET}{TERMS}metrics:\n  accuracy: accuracy(logits, label)\n  wrong: 1 - accuracy(logits, label)\n"
        "  score: accuracy(logits, label)\n  volume_error: l1(ml, volume)\n  area: mean(ml)\n"
        "  dice_loss: mean(ml)\n  accuracy_turned: -accuracy(logits, label)\n"
        f"training:\n{length}  batch_size: {batch_size}\n  optimizer: {{sgd: {lr}}}\n{rest}"
    )


@pytest.mark.parametrize(
    "loss, expected",
    [
        (
            '{a: "weight * cross_entropy(logits, label)", b: "mse(ml, volume)"}',
            [],
        ),  # one term is switched off
        ('{a: "weight * cross_entropy(logits, label)", b: "weight * mse(ml, volume)"}', ["NS418"]),
        ("weight * (cross_entropy(logits, label) + mse(ml, volume))", ["NS418"]),
        ("(cross_entropy(logits, label) + mse(ml, volume)) * weight / 2", ["NS418"]),
        ("-(cross_entropy(logits, label) * 0 + 0 * mse(ml, volume))", ["NS418"]),
        ("part * cross_entropy(logits, label) + weight * mse(ml, volume)", []),
        ("cross_entropy(logits, label) + mse(ml, volume) ** weight", []),
    ],
)
def test_a_loss_is_doubted_where_all_of_it_is_zero(loss: str, expected: list[str]) -> None:
    assert codes(f"{NET}loss: {loss}\n") == expected


@pytest.mark.parametrize(
    "watch, expected",
    [
        ("maximize: accuracy", []),
        ("minimize: accuracy", ["NS419"]),
        ("minimize: score", ["NS419"]),  # its op tells
        ("minimize: wrong", []),
        ("maximize: wrong", []),  # nothing says which way
        ("minimize: volume_error", []),
        ("maximize: volume_error", ["NS419"]),
        ("maximize: area", []),
        ("minimize: dice_loss", []),
        ("minimize: accuracy_turned", []),
        ("minimize: loss", []),
        ("maximize: loss", ["NS419"]),
    ],
)
def test_a_metric_is_doubted_where_its_name_or_op_says_the_other_way(watch: str, expected: list[str]) -> None:
    assert codes(training(f"checkpoint: {{{watch}}}")) == expected
    assert codes(training(f"early_stopping: {{{watch}, patience: 2 epochs}}")) == expected


@pytest.mark.parametrize(
    "lr, batch_size, expected",
    [
        ("0.1", 8, []),
        ("1", 8, []),
        ("1.5", 8, ["NS413"]),
        ("{lr: 3.2, momentum: 0.9}", 8192, []),  # Goyal et al. 2017
        ("1e-8", 8, ["NS413"]),
        ("1e-5", 8, []),
    ],
)
def test_a_rate_is_doubted_where_nobody_uses_it(lr: str, batch_size: int, expected: list[str]) -> None:
    assert codes(training(lr=lr, batch_size=batch_size)) == expected


def test_the_rate_grows_with_all_samples_of_a_step() -> None:
    assert codes(training("accumulate: 4", lr="3", batch_size=256)) == []
    assert codes(training(lr="3", batch_size=256)) == ["NS413"]


def test_a_batch_of_one_is_doubted_where_a_norm_measures_it() -> None:
    text = training(batch_size=1)
    assert codes(text) == ["NS416"]
    assert codes(training(batch_size=2)) == []
    assert (
        codes(text.replace("{batch_norm: {eps: 1e-3}", "{batch_norm: {eps: 1e-3}, freeze: statistics")) == []
    )
    assert codes(text.replace("{batch_norm: {eps: 1e-3}", "{relu").replace(", name: norm", "")) == []


@pytest.mark.parametrize(
    "lines, expected",
    [
        (["schedule: [warmup: 9 epochs, cosine]"], []),
        (["schedule: [warmup: 10 epochs]"], ["NS421"]),
        (["schedule: [warmup: 500 steps, cosine]"], []),  # how many epochs these are is not known
        (["schedule: [step: {step_size: 3 epochs}]"], []),
        (["schedule: [step: {step_size: 10 epochs}]"], ["NS421"]),
        (["schedule: [warmup: 5 epochs, step: {step_size: 5 epochs}]"], ["NS421"]),
        (["schedule: [multistep: [3 epochs, 9 epochs]]"], []),
        (["schedule: [multistep: [3 epochs, 30 epochs, 60 epochs]]"], ["NS421"]),
        (["schedule: [multistep: {milestones: [3 epochs, 30 epochs]}]"], ["NS421"]),
        (["steps: 1000", "schedule: [warmup: 1000 steps, cosine]"], ["NS421"]),
        (["steps: 1000", "schedule: [warmup: 5 epochs, cosine]"], []),
    ],
)
def test_a_schedule_is_doubted_where_training_ends_first(lines: list[str], expected: list[str]) -> None:
    assert codes(training(*lines)) == expected


def test_a_late_milestone_is_pointed_at() -> None:
    for form in ("[3 epochs, 30 epochs]", "{milestones: [3 epochs, 30 epochs]}"):
        (found,) = told(training(f"schedule: [multistep: {form}]"))
        assert found.span is not None
        assert found.span.text == "30 epochs"


@pytest.mark.parametrize("patience, expected", [("9 epochs", []), ("10 epochs", ["NS420"]), ("90 steps", [])])
def test_patience_is_doubted_where_it_never_ends(patience: str, expected: list[str]) -> None:
    assert codes(training(f"early_stopping: {{minimize: loss, patience: {patience}}}")) == expected


CINE = (
    "netspec: 1\n"
    "inputs:\n  cine: {shape: {time: 30, height: 64, width: 64}}\n%s"
    "targets: {volume: {shape: []%s, range: [0, 99]}}\n"
    "layers:\n  - {rename: {time: channel}, from: cine}\n  - global_avg_pool\n%s  - linear: 1\n"
    "  - {squeeze: channel, name: y%s}\n"
    "loss: mse(y, volume)\n"
    "data:\n  source: {dicom_cine: data/heart}\n  fields: {cine: pixels, volume: Systole}\n  %s\n"
)
FRAMES, RESIZE, CROP = "frames: 30", "resize: {height: 64, width: 64}", "crop: {height: 64, width: 64}"


def cine(*transforms: str, unit: str = ", unit: ml", spacing: bool = False, split: str = "") -> str:
    given = "  spacing: {shape: [2], unit: mm}\n" if spacing else ""
    joined = "  - {concat, from: [_, spacing]}\n" if spacing else ""
    claim = f", as: {{{unit.removeprefix(', ')}}}" if unit else ""
    return CINE % (given, unit, joined, claim, f"{split}transforms: [{', '.join(transforms)}]")


@pytest.mark.parametrize(
    "text, expected",
    [
        (cine(FRAMES, "resample: 2 mm", CROP), []),
        (
            cine(FRAMES, "resample: 2 mm", CROP, "resize: {height: 64, width: 64}"),
            [],
        ),  # every picture by one factor
        (cine(FRAMES, "resample: 2 mm", "square", RESIZE), ["NS415"]),  # every picture by its own
        (cine(FRAMES, RESIZE), ["NS415"]),
        (cine(FRAMES, CROP), ["NS415"]),  # pixels as the scanner has them, each its own size
        (cine(FRAMES, RESIZE, spacing=True), []),
        (cine(FRAMES, RESIZE, unit=""), []),  # who knows what the number means
        (cine(FRAMES, "resample: 2 mm", CROP, "zoom: {factor: {log_uniform: [0.9, 1.1]}}"), ["NS415"]),
        (
            cine(
                FRAMES,
                "resample: 2 mm",
                CROP,
                "zoom: {factor: {log_uniform: [0.9, 1.1]}, targets: {volume: volume * factor ** 2}}",
            ),
            [],
        ),
    ],
)
def test_a_volume_is_doubted_where_no_pixel_has_a_size(text: str, expected: list[str]) -> None:
    assert [one for one in codes(text) if one != "NS504"] == expected


def test_a_source_without_millimetres_is_not_judged() -> None:
    text = cine(FRAMES, RESIZE).replace("{dicom_cine: data/heart}", "{npz: data/heart.npz}")
    assert codes(text) == []


@pytest.mark.parametrize(
    "source, by, expected",
    [
        ("{dicom_cine: data/heart}", "sample", ["NS414"]),
        ("{dicom_cine: data/heart}", "patient", []),
        ("{npz: {file: data/heart.npz, group: patient}}", "sample", ["NS414"]),
        ("{npz: data/heart.npz}", "sample", []),
    ],
)
def test_a_split_of_samples_is_doubted_where_patients_are_known(
    source: str, by: str, expected: list[str]
) -> None:
    split = f"split: {{by: {by}, train: 0.8, validation: 0.2}}\n  "
    text = cine(FRAMES, "resample: 2 mm", CROP, split=split).replace("{dicom_cine: data/heart}", source)
    if "npz" in source:
        text = text.replace("resample: 2 mm, ", "")
    assert codes(text) == expected


def test_without_a_split_patients_stay_together() -> None:
    assert codes(cine(FRAMES, "resample: 2 mm", CROP)) == []
