"""The data section as a whole: whether its last record is what the spec declares, known before a file is opened."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.types import Axis, TensorType, tensor
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.data import DataRecipe, chain, check
from netspec.recipe.source import SOURCES, DicomCine, Digits, Npz, Source
from netspec.recipe.split import Split
from netspec.recipe.transform import Crop, Frames, Normalize, Orient, Resample, Resize, Transform

HEART = DicomCine(root="data/heart")
CHAIN: tuple[Transform, ...] = (
    Normalize(percentiles=(1, 99), to=(0, 255)),
    Resample.model_validate({"spacing": "2 mm"}),
    Frames(count=30),
    Crop(height=64, width=64),
)
CINE = tensor(batch="N", channel=30, height=64, width=64, facts=Facts(0, 255))
VOLUME = tensor(batch="N", facts=Facts(0, 599), unit="ml")
FIELDS = {"cine": "pixels", "volume": "Systole"}


def found(
    recipe: DataRecipe,
    inputs: dict[str, TensorType] | None = None,
    targets: dict[str, TensorType] | None = None,
) -> list[tuple[str, tuple[str | int, ...], str]]:
    problems = check(recipe, inputs or {"cine": CINE}, targets or {"volume": VOLUME})
    assert all(one.problem.help for one in problems)
    return [(one.problem.code, one.place, one.problem.message) for one in problems]


def heart(*transforms: Transform, split: Split | None = None, source: Source = HEART) -> DataRecipe:
    return DataRecipe(source, FIELDS, split or Split(train=0.8, validation=0.2), transforms or CHAIN)


def test_a_recipe_that_fits_has_no_problems() -> None:
    assert found(heart()) == []


def test_axes_match_by_position_whatever_their_names() -> None:
    named = tensor(batch="N", time=30, height=64, width=64, facts=Facts(0, 255))
    assert found(heart(), {"cine": named}) == []


@pytest.mark.parametrize(
    "cine, code, part",
    [
        (
            CINE.with_axes([*CINE.axes[:3], Axis("width", Dim.of(32))]),
            "NS503",
            "width 32, and the data gives 64",
        ),
        (CINE.with_axes(CINE.axes[2:]), "NS502", "declared [height: 64, width: 64]"),
        (CINE.with_axes([]), "NS502", "declared one number"),
        (CINE.with_facts(Facts(0, 1)), "NS505", "in [0, 1] and the data gives [0, 255]"),
        (TensorType(CINE.axes, "int64", Facts(0, 9, classes=10)), "NS504", "as classes"),
    ],
)
def test_an_input_that_the_data_does_not_give_is_told_at_its_declaration(
    cine: TensorType, code: str, part: str
) -> None:
    ((got, place, message),) = found(heart(), {"cine": cine})
    assert (got, place) == (code, ("inputs", "cine"))
    assert part in message


def test_units_must_agree() -> None:
    ((code, place, message),) = found(heart(), targets={"volume": tensor(batch="N", unit="mm")})
    assert (code, place) == ("NS504", ("targets", "volume"))
    assert "in mm and the data is in ml" in message


def test_sizes_that_differ_from_file_to_file_name_the_transform_that_is_missing() -> None:
    problems = check(heart(*CHAIN[:2]), {"cine": CINE}, {"volume": VOLUME})
    assert "`frames: 30`" in problems[0].problem.help
    assert "differs from file to file" in problems[0].problem.message
    problems = check(heart(*CHAIN[:3]), {"cine": CINE}, {"volume": VOLUME})
    assert "`height: 64`" in problems[0].problem.help


def test_letters_take_any_size_and_always_the_same() -> None:
    free = tensor(batch="N", channel="T", height="H", width="W", facts=Facts(0, 255))
    assert found(heart(*CHAIN[:1]), {"cine": free}) == []
    square = tensor(batch="N", channel=30, height="H", width="H", facts=Facts(0, 255))
    assert found(heart(), {"cine": square}) == []
    ((code, _, message),) = found(heart(*CHAIN[:3]), {"cine": square})
    assert code == "NS503"
    assert "`H` is H1 elsewhere, and the data gives W1" in message


def test_a_failing_transform_is_told_at_its_place_and_ends_the_chain() -> None:
    ((code, place, _),) = found(heart(CHAIN[0], Resample.model_validate({"spacing": "0 mm"}), *CHAIN[2:]))
    assert (code, place) == ("NS507", ("data", "transforms", 1, "resample", "spacing"))


@pytest.mark.parametrize("transform", [Resample.model_validate({"spacing": "2 mm"}), Orient(to="row_major")])
def test_what_needs_millimetres_is_refused_where_nobody_knows_them(transform: Transform) -> None:
    recipe = DataRecipe(Digits(), {"x": "pixels"}, Split(by="sample", train=0.8), (transform,))
    (one,) = check(recipe, {"x": tensor(batch="N", height=8, width=8)}, {})
    assert (one.problem.code, one.place) == ("NS508", ("data", "transforms", 0, transform.name))


def test_unknown_fields_are_told_with_a_suggestion() -> None:
    recipe = DataRecipe(Digits(), {"x": "pixel"}, Split(by="sample", train=0.8))
    problems = check(recipe, {"x": tensor(batch="N", height=8, width=8)}, {})
    assert [(one.problem.code, one.place) for one in problems] == [("NS500", ("data", "fields", "x"))]
    assert problems[0].problem.help == "did you mean `pixels`?"


def test_a_column_of_the_labels_is_a_number_of_millilitres_and_never_a_picture() -> None:
    assert HEART.field("Anything", tensor()).unit == "ml"
    recipe = DataRecipe(HEART, {"cine": "pixel", "volume": "Systole"}, Split(train=0.8), ())
    problems = check(recipe, {"cine": CINE}, {"volume": VOLUME})
    assert [(one.problem.code, one.place) for one in problems] == [("NS500", ("data", "fields", "cine"))]


def test_fields_that_the_spec_does_not_declare_are_told() -> None:
    recipe = DataRecipe(HEART, {**FIELDS, "diastole": "Diastole"}, Split(train=0.8), CHAIN)
    assert [one[:2] for one in found(recipe)] == [("NS501", ("data", "fields", "diastole"))]


@pytest.mark.parametrize(
    "split, at",
    [
        (Split(train=0.8, validation=0.3), "validation"),
        (Split(train=0.8, validation=20), "validation"),
        (Split(train=0), "train"),
        (Split(train=0.0, validation=0.5), "train"),
        (Split(train=0.8, stratify="cine"), "stratify"),
        (Split(train=0.8, stratify="nothing"), "stratify"),
    ],
)
def test_splits_that_cannot_be_are_told_at_the_number(split: Split, at: str) -> None:
    assert [one[:2] for one in found(heart(split=split))] == [("NS510", ("data", "split", at))]


def test_a_source_without_patients_cannot_be_split_by_them() -> None:
    x = {"x": tensor(batch="N", height=8, width=8)}
    by = Split(by="patient", train=0.8)
    recipes = [DataRecipe(Digits(), {"x": "pixels"}, by), DataRecipe(Npz(file="a.npz"), {}, by)]
    for recipe in recipes:
        assert [one.place for one in check(recipe, x, {})] == [("data", "split", "by")]
    assert check(DataRecipe(Npz(file="a.npz", group="patient"), {}, by), x, {}) == []


STACKS = DicomCine(root="data/heart", sample="patient")
STACK = tensor(batch="N", slice="S", time=30, height=64, width=64, facts=Facts(0, 255))
PRESENT = tensor("bool", batch="N", slice="S", facts=Facts(0, 1, mask=True))


def padded(pad: dict[str, str], **inputs: TensorType) -> list[tuple[str, tuple[str | int, ...], str]]:
    recipe = DataRecipe(STACKS, FIELDS, Split(train=0.8), CHAIN, pad=pad)
    return found(recipe, {"cine": STACK, "present": PRESENT, **inputs})


def test_a_sample_a_patient_is_a_stack_with_its_mask_and_its_gaps() -> None:
    gap = tensor(batch="N", slice="S", unit="mm")
    assert padded({"slice": "present"}, slice_gap=gap) == []
    assert "slice_gap" not in HEART.fields()


@pytest.mark.parametrize(
    "pad, inputs, code, place, part",
    [
        ({"slices": "present"}, {}, "NS536", ("data", "pad", "slices"), "axis `slices`"),
        ({"slice": "there"}, {}, "NS537", ("data", "pad", "slice"), "it is no input"),
        (
            {"slice": "present"},
            {"present": tensor(batch="N", slice="S")},
            "NS537",
            ("inputs", "present", "kind"),
            "not declared as a mask",
        ),
        (
            {"slice": "present"},
            {"present": PRESENT.with_axes([*PRESENT.axes, Axis("time", Dim.of(30))])},
            "NS537",
            ("inputs", "present", "shape"),
            "`pad` makes it [slice: S]",
        ),
        (
            {"slice": "present"},
            {"slice_gap": tensor(batch="N", slice=8, unit="mm")},
            "NS538",
            ("inputs", "slice_gap", "shape"),
            "declared with slice 8",
        ),
        (
            {"slice": "present"},
            {"slice_gap": tensor(batch="N", slice="K", unit="mm")},
            "NS538",
            ("inputs", "slice_gap", "shape"),
            "`pad` makes them one",
        ),
    ],
)
def test_what_is_padded_is_told_by_a_letter_and_a_mask(
    pad: dict[str, str], inputs: dict[str, TensorType], code: str, place: tuple[str, ...], part: str
) -> None:
    told = [one for one in padded(pad, **inputs) if one[0] in ("NS536", "NS537", "NS538", "NS539")]
    assert [one[:2] for one in told] == [(code, place)]
    assert part in told[0][2]


def test_a_mask_is_made_once() -> None:
    recipe = DataRecipe(
        STACKS, {**FIELDS, "present": "age"}, Split(train=0.8), CHAIN, pad={"slice": "present"}
    )
    told = found(recipe, {"cine": STACK, "present": PRESENT})
    assert [one[:2] for one in told] == [("NS539", ("data", "pad", "slice"))]
    assert [one[0] for one in padded({"slice": "present", "time": "present"})] == ["NS539", "NS539"]


def test_padding_puts_zeros_into_the_range() -> None:
    above = (Normalize(percentiles=(1, 99), to=(1, 255)), *CHAIN[1:3], Resize(height=64, width=64))
    recipe = DataRecipe(STACKS, FIELDS, Split(train=0.8), above, pad={"slice": "present"})
    declared = {"cine": STACK.with_facts(Facts(1, 255)), "present": PRESENT}
    ((code, place, message),) = found(recipe, declared)
    assert (code, place) == ("NS505", ("inputs", "cine"))
    assert "the data gives [0, 255]" in message


def test_arrays_are_checked_when_their_file_is_opened() -> None:
    recipe = DataRecipe(Npz(file="a.npz"), {}, Split(train=0.8))
    assert found(recipe) == []
    types, problems = chain(recipe, {"cine": CINE})
    assert not problems
    assert types["cine"].names == ("channel", "height", "width")


def test_every_record_is_found_by_its_name_and_says_what_it_is() -> None:
    for table in (SOURCES, TRANSFORMS):
        for name, kind in table.items():
            assert kind.name == name
            assert kind.__doc__


def test_what_is_declared_loads_no_arrays() -> None:
    program = (
        "import sys, netspec.recipe.data; print(sorted({'numpy', 'pydicom', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
