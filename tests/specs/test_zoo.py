"""The zoo: networks of the literature, with the numbers of parameters and multiply-accumulates that were published.

Parameters: the tables of torchvision's models. Multiply-accumulates there are given in thousands of millions with two
or three digits; ours count conv, linear and matmul, of one sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from netspec.front import check
from netspec.passes.cost import cost
from netspec.recipe.spec import Spec
from netspec.text.render import render_all

ZOO = Path(__file__).parents[2] / "specs" / "zoo"


@dataclass(frozen=True)
class Published:
    """What is published of a network; `predict` is the parameters without what only the loss needs."""

    parameters: int
    gigamacs: str
    predict: int | None = None


PUBLISHED = {
    "resnet18": Published(11_689_512, "1.814"),
    "resnet50": Published(25_557_032, "4.089"),
    "vgg16_bn": Published(138_365_992, "15.47"),
    "squeezenet1_1": Published(1_235_496, "0.349"),
    "densenet121": Published(7_978_856, "2.834"),
    "googlenet": Published(13_004_888, "1.498", predict=6_624_904),
}


def zoo(name: str) -> Spec:
    spec, found = check(ZOO / f"{name}.yaml")
    assert spec is not None, render_all(found, color=False)
    assert found == ()
    return spec


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_multiply_accumulates_are_the_published_ones(name: str) -> None:
    spec, published = zoo(name), PUBLISHED[name]
    counted = cost(spec.graph)
    assert counted.parameters == published.parameters
    needed = {key for node in spec.graph.walk("predict") for key in node.parameters.values()}
    predict = sum(row.count for key, row in spec.graph.parameters.items() if key in needed)
    assert predict == (published.predict or published.parameters)
    paths = {node.path for node in spec.graph.walk("predict")}
    macs = sum(int(row.macs) for row in counted.rows if row.node.path in paths)
    digits = len(published.gigamacs.partition(".")[2])
    assert f"{macs / 1e9:.{digits}f}" == published.gigamacs


def test_the_exact_count_of_resnet18_is_the_stated_convention() -> None:
    assert cost(zoo("resnet18").graph).macs == 1_814_073_344


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_classifier_reads_like_its_paper_and_fits_two_screens(name: str) -> None:
    assert len((ZOO / f"{name}.yaml").read_text(encoding="utf-8").splitlines()) <= 90


def test_every_network_of_the_zoo_is_held_to_its_numbers() -> None:
    parts = {"imagenet"}
    others: set[str] = set()
    assert {path.stem for path in ZOO.glob("*.yaml")} <= {*PUBLISHED, *parts, *others}
