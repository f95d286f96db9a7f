"""Transforms as declared: what they do to types, and what they refuse."""

from __future__ import annotations

from math import inf

import pytest
from pydantic import ValidationError

from netspec.ir.facts import Facts
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.transform import Fill, Transform

CINE = tensor(time="T", height="H", width="W")
MASK = tensor("int64", height="H", width="W", facts=Facts(0, 3, classes=4))
NUMBER = tensor(unit="ml")


def made(name: str, *main: object, **arguments: object) -> Transform:
    kind = TRANSFORMS[name]
    if main:
        assert kind.main is not None
        arguments[kind.main] = main[0]
    return kind.model_validate(arguments)


def inferred(transform: Transform, kind: TensorType = CINE) -> TensorType:
    return transform.infer({"x": kind, "n": NUMBER})["x"]


def problem(transform: Transform, kind: TensorType = CINE) -> Problem:
    with pytest.raises(Problem) as caught:
        inferred(transform, kind)
    assert caught.value.help
    return caught.value


@pytest.mark.parametrize(
    "transform, shape",
    [
        (made("frames", 30), "[30, H, W]"),
        (made("crop", height=64, width=48), "[T, 64, 48]"),
        (made("resize", height=64, width=48), "[T, 64, 48]"),
        (made("square"), "[T, min(H, W), min(H, W)]"),
        (made("resample", "2 mm"), "[T, H1, W1]"),
        (made("orient", "portrait"), "[T, H1, W1]"),
        (made("normalize", percentiles=[1, 99]), "[T, H, W]"),
    ],
)
def test_shapes_follow(transform: Transform, shape: str) -> None:
    assert str(inferred(transform)) == f"float32{shape}"


def test_fields_without_a_picture_pass_untouched() -> None:
    assert made("crop", height=2, width=2).infer({"x": CINE, "n": NUMBER})["n"] == NUMBER


def test_masks_share_the_new_sizes_of_their_pictures() -> None:
    both = made("resample", "2 mm").infer({"x": CINE, "m": MASK})
    assert both["x"].size("height") == both["m"].size("height")
    assert both["m"].facts.classes == 4
    with pytest.raises(Problem, match="`normalize` finds nothing to act on"):
        made("normalize", by="max").infer({"m": MASK})


def test_portrait_swaps_known_sizes() -> None:
    wide = tensor(height=3, width=5)
    assert str(inferred(made("orient", "portrait"), wide)) == "float32[5, 3]"
    assert str(inferred(made("orient", "portrait"), tensor(height=5, width=3))) == "float32[5, 3]"
    assert str(inferred(made("orient", "row_major"), tensor(height=4, width=4))) == "float32[4, 4]"


def test_ranges_are_proved() -> None:
    assert inferred(made("normalize", percentiles=[1, 99], to=[0, 255])).facts == Facts(0, 255)
    grey = tensor(height=8, width=8, facts=Facts(0, 16))
    assert inferred(made("normalize", mean=0.5, std=0.5, divide=16), grey).facts == Facts(-1, 1)
    assert inferred(made("normalize", mean=1), CINE).facts == Facts(-inf, inf)
    ones = tensor(height=8, width=8, facts=Facts(1, 2))
    assert inferred(made("crop", height=4, width=4), ones).facts == Facts(1, 2)
    assert inferred(made("crop", height=9, width=4), ones).facts == Facts(0, 2)


def test_means_by_channel_need_as_many_channels() -> None:
    rgb = tensor(channel=3, height=8, width=8, facts=Facts(0, 255))
    transform = made("normalize", mean=[0.5, 0.5, 0.5], std=[0.5, 0.25, 0.5], divide=255)
    assert inferred(transform, rgb).facts == Facts(-2, 2)
    found = problem(transform, tensor(channel=2, height=8, width=8))
    assert (found.code, found.at) == ("NS507", "mean")
    assert "3 numbers, and the field has 2 channels" in found.message
    assert "has no channels" in problem(transform, CINE).message


@pytest.mark.parametrize(
    "transform, code, at",
    [
        (made("normalize"), "NS507", None),
        (made("normalize", percentiles=[1, 99], by="max"), "NS507", None),
        (made("normalize", percentiles=[99, 1]), "NS507", "percentiles"),
        (made("normalize", percentiles=[-1, 99]), "NS507", "percentiles"),
        (made("normalize", by="max", to=[1, 1]), "NS507", "to"),
        (made("normalize", by="max", over=["channel"]), "NS507", "over"),
        (made("normalize", std=0), "NS507", "std"),
        (made("normalize", divide=0), "NS507", "divide"),
        (made("normalize", mean=0, over="study"), "NS507", "over"),
        (made("resample", "0 mm"), "NS507", "spacing"),
        (made("fill"), "NS507", None),
        (made("fill", y=1), "NS506", "y"),
        (made("fill", x="O"), "NS507", "x"),
    ],
)
def test_arguments_that_cannot_be_are_refused_at_their_name(
    transform: Transform, code: str, at: str | None
) -> None:
    found = problem(transform)
    assert (found.code, found.at) == (code, at)


@pytest.mark.parametrize("name", ["crop", "square", "resize", "frames", "orient", "resample", "normalize"])
def test_a_transform_without_anything_to_act_on_says_what_it_wants(name: str) -> None:
    arguments: dict[str, dict[str, object]] = {
        "crop": {"height": 2, "width": 2}, "resize": {"height": 2, "width": 2}, "frames": {"count": 2},
        "orient": {"to": "portrait"}, "resample": {"spacing": "2 mm"}, "normalize": {"by": "max"},
    }  # fmt: skip
    with pytest.raises(Problem) as caught:
        made(name, **arguments.get(name, {})).infer({"n": NUMBER})
    assert caught.value.code == "NS506"
    assert "it acts on" in caught.value.help


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("crop", {"height": 0, "width": 2}),
        ("crop", {"height": True, "width": 2}),
        ("crop", {"height": 2}),
        ("resize", {"height": 2, "width": 2, "depth": 2}),
        ("frames", {"count": 2.5}),
        ("orient", {"to": "sideways"}),
        ("resample", {"spacing": 2}),
    ],
)
def test_malformed_arguments_never_become_a_transform(name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TRANSFORMS[name].model_validate(arguments)


def test_filling_keeps_its_fields_as_arguments() -> None:
    fill = Fill.model_validate({"age": 50, "sex": "O"})
    assert fill.arguments() == {"age": 50, "sex": "O"}
    age, sex = tensor(feature=1, facts=Facts(0, 10)), tensor("int64", facts=Facts(0, 2, classes=3))
    assert fill.infer({"age": age, "sex": sex})["age"].facts == Facts(0, 50)
    with pytest.raises(Problem, match="3 is none of the 3 classes of `sex`"):
        Fill.model_validate({"sex": 3}).infer({"sex": sex})
