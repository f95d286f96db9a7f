"""The zoo: networks of the literature, with the numbers of parameters and multiply-accumulates that were published.

Parameters: the tables of torchvision's models. Multiply-accumulates there are given in thousands of millions with two
or three digits; ours count conv, linear and matmul, of one sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

import netspec
from netspec.front import check
from netspec.ir.graph import Graph
from netspec.ir.op import Constraint
from netspec.passes.cost import cost
from netspec.recipe.spec import Spec
from netspec.text.render import render_all

ZOO = Path(__file__).parents[2] / "specs" / "zoo"


@dataclass(frozen=True)
class Published:
    """What is published of a network; `predict` is the parameters without what only the loss needs.

    `sizes` are the free sizes at which multiply-accumulates were counted. Those of DeepLab are counted with its second
    head, as its parameters are; those of the others without what only the loss needs.
    """

    parameters: int
    gigamacs: str
    predict: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    lines: int = 90
    """How long its spec may be."""


PUBLISHED = {
    "resnet18": Published(11_689_512, "1.814"),
    "resnet50": Published(25_557_032, "4.089"),
    "vgg16_bn": Published(138_365_992, "15.47"),
    "squeezenet1_1": Published(1_235_496, "0.349"),
    "densenet121": Published(7_978_856, "2.834"),
    "googlenet": Published(13_004_888, "1.498", predict=6_624_904),
    "inception_v3": Published(27_161_264, "5.713", predict=23_834_568, lines=130),
    "regnet_y_400mf": Published(4_344_144, "0.402"),
    "efficientnet_b0": Published(5_288_548, "0.386"),
    "mobilenet_v3_large": Published(5_483_032, "0.217"),
    "shufflenet_v2_x1_0": Published(2_278_604, "0.145"),
    "convnext_tiny": Published(28_589_128, "4.456"),
    "r2plus1d_18": Published(31_505_325, "40.519"),
    "deeplabv3_resnet50": Published(42_004_074, "178.722", sizes={"H": 520, "W": 520}, lines=110),
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
    extra, extra_macs = counted.for_loss
    assert counted.parameters - extra == (published.predict or published.parameters)
    digits = len(published.gigamacs.partition(".")[2])
    macs = (counted.macs - extra_macs).evaluate(published.sizes)
    assert f"{macs / 1e9:.{digits}f}" == published.gigamacs


def test_the_exact_count_of_resnet18_is_the_stated_convention() -> None:
    assert cost(zoo("resnet18").graph).macs == 1_814_073_344


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_reads_like_its_paper_and_fits_two_screens(name: str) -> None:
    assert len((ZOO / f"{name}.yaml").read_text(encoding="utf-8").splitlines()) <= PUBLISHED[name].lines


def test_every_network_of_the_zoo_is_held_to_its_numbers() -> None:
    others = {
        "imagenet",
        "unet2d",
        "unet3d",
        "heart_patient",
        "heart_mixture",
        "heart_segmentation",
        "heart_cyclic",
    }
    assert {path.stem for path in ZOO.glob("*.yaml")} == {*PUBLISHED, *others}


def built(name: str, **define: int) -> nn.Module:
    """The model on the meta device, where shapes are computed and no numbers."""
    spec, found = check(ZOO / f"{name}.yaml", define)
    assert spec is not None, render_all(found, color=False)
    with torch.device("meta"):
        return netspec.compile(spec).eval()


CLASSIFIERS = {
    name: 299 if name == "inception_v3" else 224
    for name in PUBLISHED
    if name not in ("deeplabv3_resnet50", "r2plus1d_18")
}
"""The size of the pictures that a classifier of ImageNet takes."""


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_gives_a_thousand_scores(name: str) -> None:
    size = CLASSIFIERS[name]
    assert built(name)(torch.empty(2, 3, size, size, device="meta")).shape == (2, 1000)


def test_the_network_of_clips_gives_a_score_for_each_of_its_400_actions() -> None:
    assert built("r2plus1d_18")(torch.empty(2, 3, 16, 112, 112, device="meta")).shape == (2, 400)


@pytest.mark.parametrize("size", [(1, 1), (65, 41), (520, 520)])
def test_deeplab_gives_two_maps_of_classes_as_large_as_the_picture(size: tuple[int, int]) -> None:
    given = built("deeplabv3_resnet50")(torch.empty(2, 3, *size, device="meta"))
    assert {name: value.shape for name, value in given.items()} == {
        "main": (2, 21, *size),
        "aux": (2, 21, *size),
    }


@pytest.mark.parametrize("size", [(64, 64), (65, 71), (16, 100)])
def test_the_u_net_takes_any_size_from_16_on(size: tuple[int, int]) -> None:
    assert built("unet2d")(torch.empty(1, 1, *size, device="meta")).shape == (1, 4, *size)


@pytest.mark.parametrize("size", [(8, 8, 8), (11, 30, 17)])
def test_the_u_net_of_volumes_takes_any_size_from_8_on(size: tuple[int, int, int]) -> None:
    assert built("unet3d")(torch.empty(1, 1, *size, device="meta")).shape == (1, 3, *size)


@pytest.mark.parametrize("name, least", [("unet2d", 16), ("unet3d", 8)])
def test_the_legal_sizes_of_a_u_net_are_what_its_pools_leave(name: str, least: int) -> None:
    graph = zoo(name).graph
    letters = sorted(
        {letter for size in graph.inputs[next(iter(graph.inputs))].sizes for letter in size.symbols} - {"N"}
    )
    for letter in letters:
        assert legal(graph, letter, least)
        assert legal(graph, letter, least + 1)
        assert not legal(graph, letter, least - 1)


def legal(graph: Graph, letter: str, size: int) -> bool:
    """Whether a size is legal, every other letter being large."""
    others = {one: 1 << 10 for kind in graph.inputs.values() for axis in kind.sizes for one in axis.symbols}
    sizes = {**others, letter: size}
    constraints = [one for node in graph.nodes for one in node.constraints if not one.training]
    whole = all(
        axis.evaluate(sizes) >= 1 for node in graph.nodes for kind in node.types for axis in kind.sizes
    )
    return whole and all(holds(one, sizes) for one in constraints)


def holds(one: Constraint, sizes: dict[str, int]) -> bool:
    left, right = one.left.evaluate(sizes), one.right.evaluate(sizes)
    return {"==": left == right, ">=": left >= right, ">": left > right}[one.relation]


def test_slices_that_are_padding_change_nothing_of_a_patient() -> None:
    model = netspec.compile(zoo("heart_patient")).eval()
    generator = torch.Generator().manual_seed(1)
    cine = torch.rand(1, 3, 30, 64, 64, generator=generator)
    gap = torch.tensor([[8.0, 8.0, 0.0]])
    age, sex = torch.tensor([[50.0]]), torch.tensor([1])
    alone = model(cine, torch.ones(1, 3, dtype=torch.bool), gap, age, sex)
    padded = torch.cat((cine, torch.rand(1, 2, 30, 64, 64, generator=generator)), dim=1)
    present = torch.tensor([[True, True, True, False, False]])
    longer = model(padded, present, torch.cat((gap, torch.zeros(1, 2)), dim=1), age, sex)
    for name in ("systole_cdf", "diastole_cdf"):
        # The same float32 numbers in the same order but for sums over zeros: equal up to one unit in the last place.
        assert torch.allclose(alone[name], longer[name], rtol=0, atol=torch.finfo(torch.float32).eps)


NEWCOMER = {
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "resnext50": 25_028_904,
    "densenet169": 14_149_480,
    "mobilenet_v2": 3_504_872,
    "mnasnet1_0": 4_383_312,
    "efficientnet_v2_s": 21_458_488,
    "mobilevit_s": 5_578_632,
    "res2net50_26w_4s": 25_699_120,
}
"""Networks that somebody wrote from the language's pages alone, as they were written, and their published counts."""


@pytest.mark.parametrize("name", NEWCOMER)
def test_a_network_written_from_the_pages_alone_keeps_its_published_count(name: str) -> None:
    spec, found = check(ZOO.parents[1] / "tests" / "golden" / "newcomer" / f"{name}.yaml")
    assert spec is not None, render_all(found, color=False)
    assert cost(spec.graph).parameters == NEWCOMER[name]


def table() -> str:
    """The table of the page about the zoo: what the first test holds to be published."""
    rows = ["| spec | parameters | MACs, in 10^9 | at |", "| --- | --- | --- | --- |"]
    for name, published in sorted(PUBLISHED.items()):
        kind = next(iter(zoo(name).graph.inputs.values()))
        places = (axis.size.evaluate(published.sizes) for axis in kind.axes[1:])
        loss = published.parameters - (published.predict or published.parameters)
        beside = f", of which {loss:,} only for the loss" if loss else ""
        rows.append(
            f"| [{name}](zoo/{name}.yaml) | {published.parameters:,}{beside} | {published.gigamacs} "
            f"| {'x'.join(str(one) for one in places)} |"
        )
    return "\n".join(rows)


def test_the_page_of_the_zoo_has_the_numbers(update_golden: bool) -> None:
    page = ZOO.parent / "zoo.md"
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- zoo -->\n")
    _, _, tail = rest.partition("<!-- end -->")
    made = f"{head}<!-- zoo -->\n{table()}\n<!-- end -->{tail}"
    if update_golden:
        page.write_text(made, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == made
