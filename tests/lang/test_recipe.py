from __future__ import annotations

import pytest

from tests.lang.marked import assert_good, assert_told

HEAD = (
    "inputs: {image: {shape: {height: 8, width: 8}, range: [0, 16]}}\n"
    "targets: {label: {kind: class_index, classes: 10}}\n"
    "layers:\n  - flatten\n  - {linear: 10, name: y}\nloss: cross_entropy(y, label)\n"
    "metrics: {right: 'accuracy(y, label)'}\n"
)
FIELDS = "fields: {image: pixels, label: label}"
ADAMW = "training: {epochs: 2, batch_size: 4, optimizer: {adamw: {lr: 1e-3, "
TRAINING = "training: {epochs: 2, batch_size: 4, optimizer: {sgd: 0.1}"


@pytest.mark.parametrize(
    "text, code, words",
    [
        ("«data»: digits\n", "NS114", ("is a mapping",)),
        ("«data»: {split: {train: 0.5}}\n", "NS122", ("`source`",)),
        ("data: {source: «digit», F, workers: 1}\n", "NS113", ("`digits`",)),
        ("data: {source: «[digits]»}\n", "NS114", ("one source",)),
        ("data: {source: digits, «field»: {image: pixels, label: label}}\n", "NS102", ("`fields`",)),
        ("data: {source: digits, F, pad: {«slice»: present}}\n", "NS536", ("`slice`",)),
        ("data: {source: digits, F, pad: {«height»: image}}\n", "NS536", ()),
        ("data: {source: digits, F, «pad»: [slice]}\n", "NS114", ("maps axes",)),
        ("data: {source: digits, «fields»: [a]}\n", "NS114", ("maps the spec's names",)),
        ("data: {source: digits, fields: {image: «pixls», label: label}}\n", "NS500", ("`pixels`",)),
        ("data: {source: digits, fields: {image: pixels, label: label, z: «label»}}\n", "NS501", ("`z`",)),
        ("data: {source: digits, F, split: {train: «2.5»}}\n", "NS123", ()),
        ("data: {source: digits, F, split: {train: 0.9, validation: «0.2»}}\n", "NS510", ("1.1",)),
        ("data: {source: digits, F, split: {by: «patient», train: 0.5}}\n", "NS510", ("by: sample",)),
        ("data: {source: digits, F, «transforms»: square}\n", "NS114", ("is a list",)),
        ("data: {source: digits, F, transforms: [«rezise»: {height: 8, width: 8}]}\n", "NS113", ("`resize`",)),
        ("data: {source: digits, F, transforms: [resize: {height: 8, «widht»: 8}]}\n", "NS121", ("`width`",)),
        ("data: {source: digits, F, transforms: [resize: {height: 8, width: «9»}]}\n", "NS503", ("width 8", "gives 9")),
        ("data: {source: digits, F, transforms: [resample: «2 mm»]}\n", "NS508", ("resize",)),
        ("data: {source: digits, F, transforms: [resample: «2»]}\n", "NS123", ("`2 mm`",)),
        ("data: {source: digits, F, cache: «sometimes»}\n", "NS123", ("auto, none",)),
        ("data: {source: digits, F, workers: «100»}\n", "NS123", ("auto",)),
        ("«training»: fast\n", "NS114", ("is a mapping",)),
        ("training: {epochs: 1, batch_size: 2, optimizer: «adam»}\n", "NS122", ("`lr`",)),
        ("training: {epochs: 1, batch_size: 2, optimizer: «shampoo»}\n", "NS113", ("there are `sgd`",)),
        (ADAMW + "betas: «[0.9]»}}}\n", "NS123", ("`betas`", "2")),
        (ADAMW + "betas: «[0.9, 1]»}}}\n", "NS123", ("less than 1", "`betas: [0.9, 0.999]`")),
        (ADAMW + "no_decay: [«noorm»]}}}\n", "NS550", ("`norm`",)),
        (ADAMW + "no_decay: [bias, «z»]}}}\n", "NS550", ("`z`", "`y.weight`")),
        (ADAMW + "no_decay: «bias»}}}\n", "NS123", ("a list of words",)),
        ("training: {epochs: 1, batch_size: 2, optimizer: {«sgd»: {momentum: 0.9}}}\n", "NS122", ("`lr`",)),
        ("training: {epochs: 1, batch_size: 2, optimizer: {sgd: {lr: «-1»}}}\n", "NS123", ("greater than 0", "`-1`")),
        ("training: {epochs: 1, batch_size: 2, optimizer: {sgd: {lr: 1, nesterov: «true»}}}\n", "NS124", ("momentum",)),
        ("«training»: {epochs: 1, optimizer: {sgd: 0.1}}\n", "NS122", ("`batch_size`",)),
        ("training: {epochs: 1, «batchsize»: 2, optimizer: {sgd: 0.1}}\n", "NS121", ("`batch_size`",)),
        (TRAINING + ", device: «gpu»}\n", "NS123", ("`cuda`",)),
        (TRAINING + ", schedule: [«cosin»]}\n", "NS113", ("`cosine`",)),
        (TRAINING + ", schedule: [warmup: «3», cosine]}\n", "NS123", ("`3 epochs`",)),
        (TRAINING + ", schedule: «[cosine, constant]»}\n", "NS124", ("last phase",)),
        (TRAINING + ", clip: {norm: 1, value: 1}}\n".replace("norm: 1", "norm: «1»"), "NS124", ("one of them",)),
        (TRAINING + ", average: {ema: «1.0»}}\n", "NS123", ("less than 1",)),
        (TRAINING + ", average: {«emma»: 0.9}}\n", "NS121", ("`ema`",)),
        (TRAINING + ", «average»: 0.9}\n", "NS114", ("is a mapping",)),
        (TRAINING + ", «average»: {}}\n", "NS122", ("`ema`",)),
        (TRAINING + ", «averege»: {ema: 0.9}}\n", "NS121", ("`average`",)),
        (TRAINING + ", «clip»: 1}\n", "NS114", ("is a mapping",)),
        (TRAINING + ", checkpoint: {minimize: «rihgt»}}\n", "NS129", ("`right`",)),
        (TRAINING + ", early_stopping: {maximize: right, patience: «5»}}\n", "NS123", ("`5 epochs`",)),
    ],
)  # fmt: skip
def test_a_mistake_in_the_recipe_is_told_at_its_words(text: str, code: str, words: tuple[str, ...]) -> None:
    assert_told(HEAD + text.replace(" F,", f" {FIELDS},"), code, *words)


def test_mistakes_of_all_sections_are_told_in_one_run_and_in_order() -> None:
    from tests.lang.marked import check, completed

    text = completed(
        "inputs: {image: {shape: [4, 4]}}\ntargets: {t: {unit: litre}}\nlayers: [rely]\nloss: mean(\n"
        "data: {source: digit}\ntraining: {epochs: 0, batch_size: 2, optimizer: shampoo}\n"
    )
    found = check(text)
    assert [one.code for one in found] == ["NS106", "NS108", "NS101", "NS130", "NS113", "NS113"]


def test_a_whole_recipe_is_good() -> None:
    assert_good(
        HEAD + f"data:\n  source: digits\n  {FIELDS}\n  split: {{by: sample, train: 0.8, validation: 0.2}}\n"
        "  workers: 2\n" + TRAINING + ", schedule: [warmup: 1 epochs, cosine], clip: {norm: 1}, "
        "checkpoint: {maximize: right}, early_stopping: {minimize: loss, patience: 2 epochs}}\n"
    )
