"""Random transforms on batches: nothing where nothing is drawn, exact where they can be, and the same wherever cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import SOURCES
from netspec.recipe.transform import Transform
from netspec_torch.train.augment import Augment
from netspec_torch.train.batches import Batch
from netspec_torch.train.learner import Learner
from netspec_torch.train.run import open_data
from tests.backends.torch.train import small

KINDS = {
    "cine": tensor(time=6, height=8, width=8, facts=Facts(0, 1)),
    "wall": tensor("int64", height=8, width=8, facts=Facts(0, 3, classes=4)),
    "volume": tensor(unit="ml"),
}
NUMBERS = np.array([3, 11, 4, 7], np.int64)


def made(name: str, **arguments: object) -> Transform:
    return TRANSFORMS[name].model_validate(arguments)


def augment(*transforms: Transform, seed: int = 1, kinds: dict[str, TensorType] = KINDS) -> Augment:
    source = SOURCES["npz"].model_validate({"file": "a.npz"})
    scale = made(
        "normalize", by="max"
    )  # gives the pictures their range; the cache holds it, a batch does not see it
    return Augment(DataRecipe(source, transforms=(scale, *transforms)), kinds, seed)


def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return {
        "cine": torch.rand(4, 6, 8, 8, generator=generator),
        "wall": torch.randint(0, 4, (4, 8, 8), generator=generator),
        "volume": torch.tensor([10.0, 20.0, 30.0, 40.0]),
    }


def same(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


WILD = (
    made("rotate", degrees={"uniform": [-180, 180]}),
    made("zoom", factor={"log_uniform": [0.85, 1.18]}, targets={"volume": "volume * factor ** 2"}),
    made("flip", axis="width"),
    made("roll", axis="time", frames={"integers": [0, 5]}, p=0.5),
    made("gamma", exponent={"uniform": [0.8, 1.25]}),
    made("noise", std={"uniform": [0, 0.02]}),
)


@pytest.mark.parametrize(
    "nothing",
    [
        made("rotate", degrees=0),
        made("zoom", factor=1, targets={"volume": "volume * factor ** 2"}),
        made("flip", axis="width", p=0.0),
        made("roll", axis="time", frames=0),
        made("gamma", exponent=1),
        made("noise", std=0),
    ],
)
def test_what_draws_nothing_leaves_every_bit(nothing: Transform) -> None:
    assert same(augment(nothing)(batch(), NUMBERS, 0), batch())


def test_flips_and_rolls_are_those_of_torch() -> None:
    out = augment(made("flip", axis="width", p=1.0), made("roll", axis="time", frames=2))(batch(), NUMBERS, 0)
    assert torch.equal(out["cine"], batch()["cine"].flip(-1).roll(2, 1))
    assert torch.equal(out["wall"], batch()["wall"].flip(-1))


def test_half_of_the_flips_are_done() -> None:
    turn = augment(made("flip", axis="width"))
    one = torch.arange(8.0).expand(1000, 8, 8)
    out = turn({"wall": one}, np.arange(1000), 0)["wall"]
    assert 440 < int((out[:, 0, 0] == 7).sum()) < 560  # 3.8 standard deviations of 15.8


def test_a_quarter_turn_is_that_of_torch_and_the_mask_goes_with_it() -> None:
    out = augment(made("rotate", degrees=90))(batch(), NUMBERS, 0)
    assert torch.allclose(out["cine"], batch()["cine"].rot90(1, (-2, -1)), atol=1e-5)
    assert torch.equal(out["wall"], batch()["wall"].rot90(1, (-2, -1)))


def test_what_follows_one_another_is_read_once_in_the_written_order() -> None:
    third = made("rotate", degrees=30)
    out = augment(third, third, third)(batch(), NUMBERS, 0)
    assert torch.allclose(out["cine"], batch()["cine"].rot90(1, (-2, -1)), atol=1e-5)


def test_a_zoom_by_two_shows_the_middle_and_scales_the_label() -> None:
    zoom = made("zoom", factor=2, targets={"volume": "volume * factor ** 2"})
    out = augment(zoom)(batch(), NUMBERS, 0)
    assert out["volume"].tolist() == [40, 80, 120, 160]
    assert torch.equal(
        out["wall"], batch()["wall"][:, 2:6, 2:6].repeat_interleave(2, 1).repeat_interleave(2, 2)
    )


def test_a_shift_is_in_millimetres() -> None:
    source = SOURCES["dicom_cine"].model_validate({"root": "data"})
    chain = (
        made("resample", spacing="2 mm"),
        made("crop", height=8, width=8),
        made("shift", distance="4 mm"),
    )
    fields = {"cine": "pixels"}
    kinds = {"cine": KINDS["cine"]}
    out = Augment(DataRecipe(source, fields, transforms=chain), kinds, 1)(batch(), NUMBERS, 0)["cine"]
    assert torch.allclose(out[..., 2:, 2:], batch()["cine"][..., :6, :6], atol=1e-5)
    assert not out[..., :2, :].any()


def test_a_crop_behind_cuts_the_middle() -> None:
    out = augment(made("flip", axis="width", p=0.0), made("crop", height=4, width=6))(batch(), NUMBERS, 0)
    assert torch.equal(out["cine"], batch()["cine"][..., 2:6, 1:7])


def test_a_sample_is_the_same_in_any_batch_and_another_in_the_next_epoch_or_seed() -> None:
    first = augment(*WILD)(batch(), NUMBERS, 5)
    assert same(augment(*WILD)(batch(), NUMBERS, 5), first)
    alone = augment(*WILD)({key: value[2:3] for key, value in batch().items()}, NUMBERS[2:3], 5)
    assert all(torch.allclose(value[0], first[key][2], atol=1e-6) for key, value in alone.items())
    assert not torch.equal(augment(*WILD)(batch(), NUMBERS, 6)["cine"], first["cine"])
    assert not torch.equal(augment(*WILD, seed=2)(batch(), NUMBERS, 5)["cine"], first["cine"])


def test_gamma_and_noise_keep_the_range_and_leave_masks_alone() -> None:
    out = augment(made("gamma", exponent=2), made("noise", std=0.5))(batch(), NUMBERS, 0)
    assert float(out["cine"].min()) >= 0
    assert float(out["cine"].max()) <= 1
    assert torch.equal(out["wall"], batch()["wall"])
    bent = augment(made("gamma", exponent=2))(batch(), NUMBERS, 0)
    assert torch.allclose(bent["cine"], batch()["cine"] ** 2)


FIELDS = "  fields: {image: pixels, label: label}\n"
CHAIN = (
    FIELDS,
    FIELDS
    + """  transforms:
    - rotate: {degrees: {uniform: [-15, 15]}}
    - noise: {std: 1}
    - crop: {height: 8, width: 8}
""",
)


def test_evaluation_sees_the_samples_as_they_are(tmp_path: Path) -> None:
    plain, turned = (open_data(small.spec(tmp_path, *changes), small.Then()) for changes in ((), (CHAIN,)))
    assert np.array_equal(plain.fields["image"], turned.fields["image"])
    assert turned.fingerprint == plain.fingerprint


def test_a_run_with_random_transforms_that_crashes_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "SAVE_EVERY", 0.0)
    for name in ("straight", "cut", "plain"):
        (tmp_path / name).mkdir()
    straight = small.run(small.spec(tmp_path / "straight", CHAIN)).folder
    checked = small.spec(tmp_path / "cut", CHAIN)
    with pytest.raises(small.Crash):
        small.run(checked, watcher=small.Then(4, small.crash))
    resumed = small.run(checked, resume=small.only_run(checked)).folder
    assert small.same(small.last(resumed), small.last(straight))
    plain = small.run(small.spec(tmp_path / "plain")).folder
    assert not small.same(small.last(plain)["model"], small.last(straight)["model"])
