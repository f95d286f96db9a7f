"""Pairs, triplets and shares of classes: as PyTorch has them, at their edges, and what each refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.class_loss import CrossEntropy
from netspec.ops.pair import CosineEmbedding, CosineSimilarity, MarginRanking, TripletMargin
from tests.conformance.case import Numbers, Result, candidate, case, reference
from tests.ops.strategies import seeds, typed

Array = NDArray[Any]
YES = Facts(low=0, high=1, mask=True)
reductions = st.sampled_from(["mean", "sum", "none"])


def both(op: Op, types: tuple[TensorType, ...], *arrays: Array) -> tuple[Result, Result]:
    """The results of the reference and of the torch backend, with ones as gradient, in the kind of the numbers."""
    use, drawn = case(op, *types), Numbers(arrays)
    pull = tuple(np.ones([int(size) for size in one.sizes], arrays[0].dtype) for one in use.inferred.outputs)
    return reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")


def agreed(
    op: Op, types: tuple[TensorType, ...], *arrays: Array, like: Callable[..., torch.Tensor]
) -> Result:
    """What both backends give, found to be the value of `like` and the gradients that PyTorch sends from it."""
    ours, theirs = both(op, types, *arrays)
    leaves = [torch.tensor(x, requires_grad=True) for x in arrays if x.dtype.kind == "f"]
    value = like(*leaves)
    torch.autograd.backward([value.sum()])
    for one in (ours, theirs):
        assert np.allclose(one.outputs[0], value.detach().numpy(), rtol=1e-10, atol=1e-12)
        for leaf, got in zip(leaves, one.inputs, strict=False):
            assert leaf.grad is not None
            assert np.allclose(got, leaf.grad.numpy(), rtol=1e-8, atol=1e-10)
    return ours


@given(seed=seeds, size=st.integers(1, 4), reduction=reductions, margin=st.sampled_from([-0.5, 0.0, 0.3]))
def test_pairs_cost_what_pytorch_says(seed: int, size: int, reduction: str, margin: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 4, size))
    yes = rng.integers(0, 2, 4).astype(bool)
    kinds = tensor(batch=4, feature=size), tensor(batch=4, feature=size), tensor("bool", batch=4, facts=YES)
    op = CosineEmbedding.model_validate({"margin": margin, "reduction": reduction})
    sign = torch.tensor(np.where(yes, 1, -1))
    like = partial(F.cosine_embedding_loss, target=sign, margin=margin, reduction=reduction)
    agreed(op, kinds, x, y, yes, like=like)


@given(
    seed=seeds,
    p=st.sampled_from([1.0, 1.5, 2.0, 4.0]),
    margin=st.sampled_from([0.25, 1.0, 5.0]),
    swap=st.booleans(),
    reduction=reductions,
)
def test_triplets_cost_what_pytorch_says(
    seed: int, p: float, margin: float, swap: bool, reduction: str
) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, 4, 3))
    op = TripletMargin.model_validate({"p": p, "margin": margin, "swap": swap, "reduction": reduction})
    like = partial(F.triplet_margin_loss, margin=margin, p=p, swap=swap, reduction=reduction)
    agreed(op, (tensor(batch=4, feature=3),) * 3, a, b, c, like=like)


@given(seed=seeds, margin=st.sampled_from([0.0, 0.5, 2.0]), reduction=reductions)
def test_rankings_cost_what_pytorch_says(seed: int, margin: float, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    x, y, yes = rng.normal(size=5), rng.normal(size=5), rng.integers(0, 2, 5).astype(bool)
    kinds = tensor(batch=5), tensor(batch=5), tensor("bool", batch=5, facts=YES)
    op = MarginRanking.model_validate({"margin": margin, "reduction": reduction})
    sign = torch.tensor(np.where(yes, 1.0, -1.0))
    like = partial(F.margin_ranking_loss, target=sign, margin=margin, reduction=reduction)
    agreed(op, kinds, x, y, yes, like=like)


def test_where_nothing_is_missing_any_more_the_slope_is_that_of_pytorch() -> None:
    x, yes = np.array([1.0, 2.0, 3.0]), np.array([True, False, True])
    kinds = tensor(batch=3), tensor(batch=3), tensor("bool", batch=3, facts=YES)
    like = partial(F.margin_ranking_loss, target=torch.tensor([1.0, -1.0, 1.0]), reduction="sum")
    result = agreed(MarginRanking(reduction="sum"), kinds, x, x.copy(), yes, like=like)
    assert result.inputs[0].tolist() == [-1, 1, -1]


@given(seed=seeds, axis=st.sampled_from(["channel", "height", "width"]), eps=st.sampled_from([1e-8, 1.0]))
def test_the_cosine_is_that_of_pytorch_along_any_axis(seed: int, axis: str, eps: float) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, 2, 3, 4, 2))
    x[0, :, 0, 0] = 0  # a vector of length 0
    image = tensor(batch=2, channel=3, height=4, width=2)
    place = image.names.index(axis)
    like = partial(F.cosine_similarity, dim=place, eps=eps)
    result = agreed(CosineSimilarity(axis=axis, eps=eps), (image, image), x, y, like=like)
    assert np.isfinite(result.inputs[0]).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_vectors_without_a_direction_leave_finite_gradients(kind: type[Any]) -> None:
    x = np.array([[0, 0], [0, 0], [1e-20, 0], [3e15, 3e15]], kind)
    y = np.array([[0, 0], [1, 2], [0, 1e-20], [3e15, 3e15]], kind)
    row = tensor(batch=4, feature=2)
    yes = np.array([True, False, True, True])
    for one in both(
        CosineEmbedding(reduction="none"), (row, row, tensor("bool", batch=4, facts=YES)), x, y, yes
    ):
        assert one.outputs[0].dtype == kind
        assert np.allclose(one.outputs[0], [1, 0, 1, 0], atol=1e-5)
        assert all(np.isfinite(g).all() for g in one.inputs)
    for one in both(TripletMargin(reduction="none"), (row, row, row), x, x, x):
        assert np.allclose(one.outputs[0], 1)
        assert all(np.isfinite(g).all() for g in one.inputs)


def test_embeddings_of_images_are_compared_along_their_channels() -> None:
    image = tensor(batch="N", channel=16, height="H", width="W")
    inferred = infer_node(TripletMargin(reduction="none"), (image, image, image))
    assert inferred.outputs[0].names == ("batch", "height", "width")
    similar = infer_node(CosineSimilarity(), (image, image)).outputs[0]
    assert similar.names == ("batch", "height", "width")
    assert (similar.facts.low, similar.facts.high) == (-1, 1)


@pytest.mark.parametrize("kind", [CosineEmbedding, MarginRanking])
def test_one_and_minus_one_are_told_to_be_yes_and_no(kind: type[CosineEmbedding | MarginRanking]) -> None:
    x = tensor(batch="N", feature=4) if kind is CosineEmbedding else tensor(batch="N")
    with pytest.raises(Problem) as caught:
        infer_node(kind(), (x, x, tensor(batch="N", facts=Facts(low=-1, high=1))))
    assert caught.value.code == "NS344"
    assert "kind: mask" in caught.value.help


# -------------------------------------------------------------------------------------------------------- shares


def shares(**axes: int) -> TensorType:
    return typed(axes, Facts(low=0, high=1, sums_to_one="channel"))


@given(
    seed=seeds,
    classes=st.integers(2, 4),
    space=st.integers(0, 2),
    weighed=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    reduction=reductions,
)
def test_shares_of_classes_cost_what_pytorch_says(
    seed: int, classes: int, space: int, weighed: bool, smoothing: float, reduction: str
) -> None:
    rng = np.random.default_rng(seed)
    sizes = {"batch": 3, "channel": classes} | dict(zip(("height", "width"), (2, 3)[:space], strict=False))
    x = rng.normal(size=tuple(sizes.values()))
    t = np.moveaxis(rng.dirichlet(np.ones(classes), (3, 2, 3)[: 1 + space]), -1, 1).copy()
    weight = tuple(rng.uniform(0.25, 2, classes)) if weighed else None
    op = CrossEntropy.model_validate({"weight": weight, "label_smoothing": smoothing, "reduction": reduction})
    table = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    like = partial(F.cross_entropy, weight=table, label_smoothing=smoothing, reduction=reduction)
    agreed(op, (typed(sizes), shares(**sizes)), x, t, like=like)


@given(seed=seeds, weighed=st.booleans())
def test_whole_shares_cost_as_much_as_their_classes(seed: int, weighed: bool) -> None:
    """But for the divisor of a weighted mean: PyTorch counts elements where shares are given."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(5, 3)), rng.integers(0, 3, 5)
    weight = (0.5, 1.0, 3.0) if weighed else None
    label = replace(tensor(batch=5), dtype="int64", facts=Facts(low=0, high=2, classes=3))
    for reduction in ("none", "sum") + (() if weighed else ("mean",)):
        op = CrossEntropy.model_validate({"weight": weight, "reduction": reduction})
        named, _ = both(op, (tensor(batch=5, channel=3), label), x, t)
        shared, _ = both(op, (tensor(batch=5, channel=3), shares(batch=5, channel=3)), x, np.eye(3)[t])
        assert np.allclose(named.outputs[0], shared.outputs[0], rtol=1e-12)
        assert np.allclose(named.inputs[0], shared.inputs[0], rtol=1e-12, atol=1e-15)


def test_floating_targets_that_are_no_shares_are_told_what_they_could_be() -> None:
    x = tensor(batch="N", channel=3)
    with pytest.raises(Problem) as caught:
        infer_node(CrossEntropy(), (x, tensor(batch="N", channel=3)))
    assert caught.value.code == "NS341"
    assert "kind: class_index" in caught.value.help
    assert "kind: probabilities" in caught.value.help
    with pytest.raises(Problem) as caught:
        infer_node(CrossEntropy(ignore_index=2), (x, shares(batch=4, channel=3)))
    assert (caught.value.code, caught.value.at) == ("NS345", "ignore_index")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_shares_of_certain_logits_are_finite(kind: type[Any]) -> None:
    x, t = np.array([[1e4, -1e4], [-1e4, 1e4]], kind), np.array([[1, 0], [1, 0]], kind)
    for one in both(
        CrossEntropy(reduction="none"), (tensor(batch=2, channel=2), shares(batch=2, channel=2)), x, t
    ):
        assert one.outputs[0].tolist() == [0, 2e4]
        assert all(np.isfinite(g).all() for g in one.inputs)
