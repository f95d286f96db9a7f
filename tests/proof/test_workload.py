from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.front import check_source, load
from netspec.ir.graph import Graph
from netspec.proof.sizes import all_hold
from netspec.proof.workload import drawn, usual_sizes
from netspec.text import Source, SpecError

ZOO = Path(__file__).parents[2] / "specs" / "zoo"


def graph(shape: str, layers: str) -> Graph:
    text = f"netspec: 1\nname: one\ninputs: {{x: {{shape: {shape}, range: [0, 1]}}}}\nlayers:\n{layers}"
    spec, found = check_source(Source("one.yaml", text), Path())
    assert spec is not None, found
    return spec.graph


@pytest.mark.parametrize(
    "name, letters", [("unet2d", {"H": 128, "W": 128}), ("unet3d", {"D": 32, "H": 32, "W": 32})]
)
def test_free_sizes_are_made_those_that_people_train_at(name: str, letters: dict[str, int]) -> None:
    sizes = usual_sizes(load(ZOO / f"{name}.yaml").graph, {}, 4)
    assert sizes == {"N": 4, **letters}


def test_sizes_that_are_given_stay_and_the_others_go_with_them() -> None:
    found = graph(
        "[1, H, W]", "  - max_pool: 16\n  - conv_transpose: {out_channels: 1, kernel_size: 16, stride: 16}\n"
    )
    sizes = usual_sizes(found, {"H": 48}, 2)
    assert sizes == {"N": 2, "H": 48, "W": 128}
    assert all_hold(found, sizes)


def test_where_no_sizes_fit_it_is_told_with_the_option_that_names_them() -> None:
    found = graph("[1, H, W]", "  - max_pool: 2\n")
    with pytest.raises(SpecError, match="NS674") as trouble:
        usual_sizes(found, {"H": 1}, 2)
    assert "--sizes" in trouble.value.diagnostics[0].help


def test_every_declared_fact_is_true_of_the_numbers_and_a_seed_gives_the_same() -> None:
    found = load(ZOO / "unet2d.yaml").graph
    sizes = usual_sizes(found, {"H": 16, "W": 16}, 3)
    one, again, other = (drawn(found, sizes, seed=seed) for seed in (1, 1, 2))
    assert one["image"].shape == (3, 1, 16, 16)
    assert 0 <= one["image"].min() <= one["image"].max() <= 1
    assert one["truth"].dtype == np.int64
    assert set(np.unique(one["truth"])) <= {0, 1, 2, 3}
    assert np.array_equal(one["image"], again["image"])
    assert not np.array_equal(one["image"], other["image"])


def test_a_batch_that_is_too_large_is_refused_before_it_is_made() -> None:
    found = load(ZOO / "unet2d.yaml").graph
    with pytest.raises(SpecError, match="NS674") as trouble:
        drawn(found, {"N": 65536, "H": 4096, "W": 4096}, seed=0)
    assert "65536 holds 2,199,023,255,552 numbers" in trouble.value.diagnostics[0].message
