"""A map in both backends: the same numbers as the proof wants, and the same as a loop over the places by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import netspec_numpy
import netspec_torch
from netspec.backend import Feed, Mode
from netspec.proof import verify
from netspec.proof.draw import draw
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import Sgd
from tests.backends.torch.maps import Where, mapped, nested

Array = NDArray[Any]


@pytest.mark.parametrize("where", ["nowhere", "given", "computed"])
@pytest.mark.parametrize("slices", [1, 4, "S"])
def test_numpy_and_torch_agree_on_a_map_in_training_and_evaluation(where: Where, slices: int | str) -> None:
    proof = verify(mapped(where, slices), Descent(Sgd(lr=0.1)), batch=3)
    assert proof.ok, [row for row in proof.rows if not row.ok]
    assert {row.where for row in proof.rows if row.what == "state"} >= {"map1.batch_norm1.running_mean"}


def test_numpy_and_torch_agree_on_maps_in_maps() -> None:
    proof = verify(nested(), batch=3)
    assert proof.ok, [row for row in proof.rows if not row.ok]


def test_a_proof_tells_how_many_rows_the_mask_kept() -> None:
    graph = mapped("given", 5)
    feed = draw(graph, seed=0, batch=4, mode="train")
    assert verify(graph, batch=4).sizes == {"N": 4, "M": feed.inputs["present"].sum()}
    assert feed.noise["map1.dropout1.keep"].shape[0] == feed.inputs["present"].sum()


def by_hand(x: Array, feed: Feed, train: bool) -> tuple[Array, Array, Array]:
    """What the layers inside the map give for rows `[m, channel, height, width]`, one row after another in plain loops.

    Also the mean and variance that the batch norm used.
    """
    w, b = feed.parameters["map1.conv1.weight"], feed.parameters["map1.conv1.bias"]
    rows = []
    for image in x:
        out = np.zeros((4, image.shape[1] - 2, image.shape[2] - 2))
        for place in np.ndindex(out.shape):
            c, i, j = place
            out[place] = (w[c] * image[:, i : i + 3, j : j + 3]).sum() + b[c]
        rows.append(out)
    y = np.stack(rows)
    if train:
        mean, var = y.mean(axis=(0, 2, 3)), y.var(axis=(0, 2, 3))
    else:
        mean, var = (feed.state[f"map1.batch_norm1.running_{key}"] for key in ("mean", "var"))
    z = (y - mean[:, None, None]) / np.sqrt(var + 1e-5)[:, None, None]
    key = "map1.batch_norm1"
    z = z * feed.parameters[f"{key}.weight"][:, None, None] + feed.parameters[f"{key}.bias"][:, None, None]
    return np.maximum(z, 0), mean, var


def looped(feed: Feed, mask: Array, *, train: bool) -> tuple[Array, Array, Array]:
    """The areas `[n, slice, 3]` of all places that are present, the others 0; no row of another is ever looked at."""
    stack, age = feed.inputs["stack"], feed.inputs["age"]
    places = [(n, s) for n in range(len(stack)) for s in range(stack.shape[2]) if mask[n, s]]
    areas = np.zeros((*mask.shape, 3))
    images, mean, var = by_hand(np.stack([stack[n, :, s] for n, s in places]), feed, train)
    for (n, s), image in zip(places, images, strict=True):
        joined = np.concatenate([image.mean(axis=(1, 2)), age[n]])
        areas[n, s] = feed.parameters["map1.linear1.weight"] @ joined + feed.parameters["map1.linear1.bias"]
    return areas, mean, var


@settings(max_examples=15)
@given(st.data(), st.integers(1, 4), st.integers(1, 5), st.booleans(), st.booleans())
def test_a_map_is_a_loop_over_the_places_that_are_there(
    data: st.DataObject, batch: int, slices: int, train: bool, padded: bool
) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=batch * slices, max_size=batch * slices))
    mask = np.array(bits).reshape(batch, slices)
    mask[data.draw(st.integers(0, batch - 1)), data.draw(st.integers(0, slices - 1))] = True
    graph = mapped("given", slices, p=0.0)
    feed = draw(mapped("nowhere", slices, p=0.0), seed=1, batch=batch, mode="train" if train else "eval")
    stack = feed.inputs["stack"].copy()
    if padded:  # whatever stands where nothing is present, nobody may see it
        stack[~np.broadcast_to(mask[:, None, :], stack.shape[:3])] = np.nan
    noise = {"map1.dropout1.keep": np.ones((int(mask.sum()), 4, 3, 2))}
    feed = replace(feed, inputs={**feed.inputs, "stack": stack, "present": mask}, noise=noise)
    areas, mean, var = looped(feed, mask, train=train)
    for side in (netspec_numpy, netspec_torch):
        run = side.run(graph, feed)
        np.testing.assert_allclose(run.values["areas"], areas, rtol=1e-10, atol=1e-10)
        assert (run.values["areas"][~mask] == 0).all()
        gradient = run.inputs["stack"]
        assert (gradient[~np.broadcast_to(mask[:, None, :], stack.shape[:3])] == 0).all()
        if train:
            count = int(mask.sum()) * 6
            state = feed.state["map1.batch_norm1.running_mean"]
            np.testing.assert_allclose(
                run.state["map1.batch_norm1.running_mean"], 0.9 * state + 0.1 * mean, rtol=1e-10, atol=1e-12
            )
            state = feed.state["map1.batch_norm1.running_var"]
            np.testing.assert_allclose(
                run.state["map1.batch_norm1.running_var"],
                0.9 * state + 0.1 * var * count / (count - 1),
                rtol=1e-10,
            )


def test_a_masked_map_of_all_places_is_the_map_without_a_mask() -> None:
    feed = draw(mapped("nowhere", 3), seed=2, batch=2, mode="train")
    masked = replace(feed, inputs={**feed.inputs, "present": np.ones((2, 3), dtype=bool)})
    for side in (netspec_numpy, netspec_torch):
        without, having = side.run(mapped("nowhere", 3), feed), side.run(mapped("given", 3), masked)
        for key, value in without.parameters.items():
            np.testing.assert_array_equal(having.parameters[key], value)
        np.testing.assert_array_equal(having.values["areas"], without.values["areas"])


@pytest.mark.parametrize("side", [netspec_numpy, netspec_torch])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_mask_that_holds_nowhere_leaves_zeros_and_statistics_as_they_are(side: Any, mode: Mode) -> None:
    feed = draw(mapped("given", 3), seed=0, batch=2, mode="train")
    nothing = np.zeros((2, 3), dtype=bool)
    noise = {"map1.dropout1.keep": np.ones((0, 4, 3, 2))}
    feed = replace(feed, inputs={**feed.inputs, "present": nothing}, noise=noise, mode=mode)
    run = side.run(mapped("given", 3), feed)
    assert (run.values["areas"] == 0).all()
    assert all((gradient == 0).all() for gradient in run.parameters.values())
    for key in ("map1.batch_norm1.running_mean", "map1.batch_norm1.running_var"):
        np.testing.assert_array_equal(run.state[key], feed.state[key])
    counted = "map1.batch_norm1.num_batches_tracked"
    assert run.state[counted] == feed.state[counted] + (mode == "train")


PROGRAM = """
import sys
import torch
sys.modules["netspec"] = sys.modules["netspec_torch"] = None
import net
model = net.Model()
torch.manual_seed(0)
stack, age = torch.randn(2, 2, 3, 5, 4), torch.randn(2, 1)
present = torch.tensor([[True, True, False], [False, True, False]])
areas = model(stack, age, present)["areas"]
assert areas.dtype == torch.float32
assert bool((areas[~present] == 0).all())
before = areas.detach()
areas.sum().backward()
assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())
model.eval()
empty = model(stack, age, torch.zeros(2, 3, dtype=torch.bool))["areas"]
assert empty.shape == (2, 3, 3) and bool((empty == 0).all())
none = model(stack[:0], age[:0], present[:0])["areas"]
assert none.shape == (0, 3, 3)
print("done")
"""


def test_the_written_file_runs_in_float32_without_netspec(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(netspec_torch.source(mapped("given"), name="model"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("slices", [3, "S"])
def test_a_map_without_a_mask_is_one_graph_for_torch(slices: int | str) -> None:
    model = netspec_torch.assemble(mapped("nowhere", slices, p=0.0), seed=0).model
    stack, age = torch.randn(2, 2, 3, 5, 4), torch.randn(2, 1)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    wanted = model(stack, age)["areas"]
    model.load_state_dict(state)
    got = compiled(stack, age)["areas"]
    torch.testing.assert_close(got, wanted)
    got.sum().backward()
    assert all(one.grad is not None for one in model.parameters())
