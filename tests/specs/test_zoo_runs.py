"""The second half of the zoo in motion: small forms of it are proved and trained here, the whole with `-m slow`.

A small form extends the spec as a reader would: fewer blocks of each kind, a smaller picture, the same layers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import netspec
from netspec.backend import Arrays
from netspec.front import check_source
from netspec.passes.specialize import specialize
from netspec.proof import Proof, verify
from netspec.proof.draw import draw
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec.text.render import render_all
from tests.specs.test_zoo import ZOO, zoo

SMALL = {
    "mobilenet_v3_large": """
define: {size: 32, classes: 10}
layers:
  top: {conv_norm: {channels: 96, then: hardswish}}
  hidden: {linear: 32}
  blocks:
    repeat:
      columns: [kernel_size, expand, channels, excited, bend, stride]
      rows:
        - [3, 16, 16, false, relu,      1]
        - [3, 40, 24, false, relu,      2]
        - [5, 40, 24, true,  hardswish, 1]
""",
    "efficientnet_b0": """
define: {size: 32, classes: 10, depths: [1, 2]}
layers:
  stages: {repeat: {columns: [expand, kernel_size, stride, channels], rows: [[1, 3, 1, 16], [6, 5, 2, 24]]}}
""",
    "regnet_y_400mf": """
define: {size: 32, classes: 10}
layers:
  stages: {repeat: {columns: [channels, depth], rows: [[16, 1], [24, 2]]}}
""",
    "shufflenet_v2_x1_0": """
define: {size: 32, classes: 10}
layers: {stage2: {stage: {channels: 48, depth: 3}}, stage3: null, stage4: null}
""",
    "convnext_tiny": """
define: {size: 32, classes: 10, depths: [2, 1], drop: 0.5}
layers:
  stages: {repeat: {columns: [channels], rows: [[96], [32]]}}
""",
    "inception_v3": """
define: {size: 75, classes: 10}
layers: {aux: null, middle: {repeat: 1}, last: null}
loss: {aux: null}
""",
    "r2plus1d_18": """
define: {size: 16, frames: 4, classes: 10}
layers: {layer3: null, layer4: null}
""",
    "deeplabv3_resnet50": """
define: {classes: 3}
layers:
  layer1: {stage: {channels: 8, depth: 1}}
  layer2: {stage: {channels: 8, depth: 1, stride: 2}}
  layer3: {stage: {channels: 8, depth: 2, dilation: 2}}
  layer4: {stage: {channels: 8, depth: 1, before: 2, dilation: 4}}
""",
    "heart_segmentation": """
define: {width: 2}
""",
    "heart_cyclic": """
define: {width: 2}
""",
}
"""What is different in the small form of each."""


PICTURE = {"deeplabv3_resnet50": {"H": 25, "W": 33}}
"""Sizes for letters: at smaller ones some norms see two numbers, whose differences are rounding."""


def changed(name: str, edits: str) -> Spec:
    """A spec of the zoo and what is different, as if in a file beside it."""
    text = f"netspec: 1\nextends: {name}.yaml\nname: changed\n{edits}"
    spec, found = check_source(Source("changed.yaml", text), ZOO, beside=ZOO)
    assert spec is not None, render_all(found, color=False)
    return replace(spec, graph=specialize(spec.graph, PICTURE.get(name, {})))


def small(name: str) -> Spec:
    return changed(name, SMALL[name])


def proved(spec: Spec) -> Proof:
    """The proof of a spec with its recipe, as `netspec verify` makes it."""
    steps = descent(spec.training, spec.graph) if spec.training else None
    return verify(spec.graph, steps, group=spec.group.graph if spec.group else None)


def tensors(arrays: Arrays) -> dict[str, Tensor]:
    made = {name: torch.from_numpy(np.asarray(value)) for name, value in arrays.items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in made.items()}


def trained(spec: Spec, batch: int = 3) -> None:
    """One step of gradient descent through the compiled module: every parameter is reached, and most move."""
    torch.manual_seed(1)  # of what is dropped by chance: a block that is left out does not move
    model, loss = netspec.compile(spec, seed=1), netspec.loss(spec)
    feed = draw(spec.graph, seed=1, batch=batch, mode="train")
    before = {name: value.clone() for name, value in model.named_parameters()}
    targets = tensors(feed.targets)
    given = loss(model(*tensors(feed.inputs).values()), targets if len(targets) > 1 else targets.popitem()[1])
    given.backward()
    assert torch.isfinite(given)
    assert {name for name, value in model.named_parameters() if value.grad is None} == set()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    after = dict(model.named_parameters())
    assert all(torch.isfinite(value).all() for value in after.values())
    still = {name for name, value in after.items() if torch.equal(value, before[name])}
    assert len(still) < len(after) / 4


@pytest.mark.parametrize("name", SMALL)
def test_both_backends_agree_on_a_small_form_forwards_backwards_and_through_its_recipe(name: str) -> None:
    proof = proved(small(name))
    assert proof.ok, proof.diverging


@pytest.mark.parametrize("name", SMALL)
def test_a_small_form_takes_a_step_of_training(name: str) -> None:
    trained(small(name))


WHOLE = {
    "mobilenet_v3_large": "define: {size: 64, classes: 10}",
    "efficientnet_b0": "define: {size: 64, classes: 10}",
    "regnet_y_400mf": "define: {size: 64, classes: 10}",
    "shufflenet_v2_x1_0": "define: {size: 64, classes: 10}",
    "convnext_tiny": "define: {size: 64, classes: 10}",
    "inception_v3": "define: {classes: 10}",
    "r2plus1d_18": "define: {size: 32, frames: 8, classes: 10}",
    "deeplabv3_resnet50": "",
    "heart_segmentation": "",
    "heart_cyclic": "",
}
"""All layers of each, on a picture as small as they take without norms that see two numbers."""


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_both_backends_agree_on_the_whole(name: str) -> None:
    proof = proved(changed(name, WHOLE[name]))
    assert proof.ok, proof.diverging


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_takes_a_step_of_training(name: str) -> None:
    trained(changed(name, WHOLE[name]), batch=2)


def test_which_frame_is_first_does_not_matter_to_the_cyclic_heart() -> None:
    model = netspec.compile(zoo("heart_cyclic"), seed=1).double().eval()
    generator = torch.Generator().manual_seed(1)
    cine = torch.rand(2, 7, 64, 64, generator=generator, dtype=torch.float64)
    position = torch.rand(2, 1, generator=generator, dtype=torch.float64)
    first = model(cine, position)
    for places in (1, 3, 6):
        other = model(torch.roll(cine, places, dims=1), position)
        for name, curve in first.items():
            # The same float64 sums, but for the order in which frames are gone through.
            assert torch.allclose(curve, other[name], rtol=0, atol=1e-12)
    swapped = model(cine[:, [1, 0, *range(2, 7)]], position)
    assert not torch.allclose(first["systole_cdf"], swapped["systole_cdf"], rtol=0, atol=1e-9)


VOLUMES = "outputs: [systole_volume, diastole_volume, cavity]"


def test_what_is_marked_is_integrated_to_ml() -> None:
    model = netspec.compile(changed("heart_segmentation", VOLUMES), seed=1).double().eval()
    generator = torch.Generator().manual_seed(2)
    cine = torch.rand(1, 4, 3, 20, 24, generator=generator, dtype=torch.float64)
    present = torch.tensor([[True, True, True, False]])
    gap = torch.tensor([[8.0, 10.0, 0.0, 0.0]], dtype=torch.float64)
    spacing = torch.tensor([1.5, 2.0], dtype=torch.float64).expand(1, 4, 2)
    given = model(cine, present, gap, spacing)
    area = given["cavity"][0].sum(dim=(2, 3)) * 1.5 * 2.0  # mm2, [slice, time]
    volume = (8 * (area[0] + area[1]) / 2 + 10 * (area[1] + area[2]) / 2) / 1000  # ml, [time]
    # Sums of fewer than 500 numbers in another order.
    assert given["systole_volume"].item() == pytest.approx(volume.min().item(), rel=1e-12)
    assert given["diastole_volume"].item() == pytest.approx(volume.max().item(), rel=1e-12)
    assert (area[3] == 0).all()


def test_marks_keep_the_size_of_any_picture() -> None:
    model = netspec.compile(zoo("heart_segmentation"), seed=1).eval()
    given = model(
        torch.rand(1, 2, 1, 9, 31),
        torch.ones(1, 2, dtype=torch.bool),
        torch.full((1, 2), 8.0),
        torch.ones(1, 2, 2),
    )
    assert given["cavity"].shape == (1, 2, 1, 9, 31)


@pytest.mark.parametrize("unit", ["s", "mm2"])
def test_a_gap_that_is_no_length_is_refused_where_volumes_are_made(unit: str) -> None:
    text = f"netspec: 1\nextends: heart_segmentation.yaml\ninputs: {{gap: {{unit: {unit}}}}}\ndata: null\n"
    spec, found = check_source(Source("changed.yaml", text), ZOO, beside=ZOO)
    assert spec is None
    assert [(one.code, one.span.text if one.span else "") for one in found] == [("NS335", "ml")]
