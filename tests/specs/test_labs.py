"""The ten exercises of the tutorial: each is one line that says what is different."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.front import check, load
from netspec.ir.graph import Graph
from netspec.text.render import render_all

SPECS = Path(__file__).parents[2] / "specs"
LABS = sorted((SPECS / "labs").glob("*.yaml"))


def ops(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.walk("predict")]


BASE = ops(load(SPECS / "heart-tutorial-2015.yaml").graph)


def test_there_are_ten() -> None:
    assert len(LABS) == 10


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_an_exercise_is_one_line_and_a_good_spec(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines[:2] == ["netspec: 1", "extends: ../heart-tutorial-2015.yaml"]
    assert len(lines) == 3
    spec, found = check(path)
    assert spec is not None, render_all(found, color=False)
    assert found == (), render_all(found, color=False)
    assert spec.training is not None
    assert spec.data is not None


@pytest.mark.parametrize(
    "name, old, new",
    [
        ("01-no-batch-norm", ["batch_norm"], []),
        ("06-other-activation", ["relu"], ["tanh"]),
        ("07-other-pooling", ["max_pool"], ["avg_pool"]),
        ("09-double-difference", ["frame_difference"], ["frame_difference", "frame_difference"]),
        ("10-another-head", ["sigmoid"], ["softmax", "cumsum"]),
    ],
)
def test_an_exercise_changes_what_it_says_and_nothing_else(name: str, old: list[str], new: list[str]) -> None:
    wanted = [op for one in BASE for op in (new if [one] == old else [one])]
    assert ops(load(SPECS / "labs" / f"{name}.yaml").graph) == wanted


def test_constants_loss_and_recipe_change_alone_too() -> None:
    filters = load(SPECS / "labs" / "02-more-filters.yaml").graph.parameters["stage1.conv1.weight"].shape
    assert filters == (80, 29, 5, 5)
    assert load(SPECS / "labs" / "03-smaller-batches.yaml").training.batch_size == 16  # type: ignore[union-attr]
    steps = load(SPECS / "labs" / "04-faster-steps.yaml").training.optimizer  # type: ignore[union-attr]
    assert steps.arguments() == {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4}
    loss = load(SPECS / "labs" / "05-area-not-squared.yaml").graph
    assert [node.op.name for node in loss.walk("loss")][-4:] == ["step", "sub", "abs", "mean"]
    dropped = load(SPECS / "labs" / "08-less-dropout.yaml").graph.node("dropped")
    assert dropped is not None
    assert dropped.op.arguments() == {"p": 0.2}
