from __future__ import annotations

import pytest

from netspec.ir.facts import Facts
from netspec.ir.graph import Graph, Ref
from netspec.ir.problem import Problem
from netspec.ir.types import tensor
from netspec.ops.accumulation import SHARES, accumulate
from netspec.ops.arithmetic import Constant, Pow, Sub
from netspec.ops.class_loss import CrossEntropy
from netspec.ops.reduce import Amin, Mean, Sum
from netspec.ops.regression_loss import Mse
from tests.backends.torch.build import Build


def graph(*uses: tuple[str, object, tuple[str, ...]], metric: str) -> Graph:
    at = Build({"y": tensor(batch="N", feature=3)}, x=tensor(batch="N", feature=3))
    for path, op, inputs in uses:
        at.use(path, op, *inputs)  # type: ignore[arg-type]
    return at.graph({"x": "x"}, metrics={"metric": metric})


GIVEN = (Ref("x"), Ref("y"))


def test_a_mean_is_cut_before_it() -> None:
    made = accumulate(graph(("d", Sub(), ("x", "y")), ("m", Mean(), ("d",)), metric="m"), GIVEN)
    (total,) = made.totals
    assert (total.path, total.how, total.axes) == ("m", "mean", (0, 1))
    assert [node.path for node in made.partial.nodes] == ["d"]
    assert made.partial.entry(SHARES) == {"m": Ref("d")}
    assert not made.finish.nodes
    assert made.finish.entry("metrics") == {"metric": Ref("m")}


def test_a_loss_gives_each_sample_its_own() -> None:
    made = accumulate(graph(("m", Mse(), ("x", "y")), metric="m"), GIVEN)
    (node,) = made.partial.nodes
    assert node.op == Mse(reduction="none")
    assert node.types[0].names[0] == "batch"
    assert made.totals[0].axes == tuple(range(node.types[0].rank))


def test_what_follows_the_reduction_is_done_at_the_end() -> None:
    uses = (
        ("m", Mean(axis="batch"), ("x",)),
        ("least", Amin(), ("m",)),
        ("half", Constant(value=0.5), ()),
        ("root", Pow(), ("least", "half")),
    )
    made = accumulate(graph(*uses, metric="root"), GIVEN)
    assert made.totals[0].axes == (0,)
    assert [node.path for node in made.finish.walk("metrics")] == ["least", "half", "root"]
    assert str(made.finish.inputs["m"]) == "float32[3]"


def test_each_sample_against_the_whole_split_is_refused() -> None:
    uses = (("m", Mean(), ("x",)), ("d", Sub(), ("x", "m")), ("v", Sum(), ("d",)))
    with pytest.raises(Problem) as caught:
        accumulate(graph(*uses, metric="v"), GIVEN)
    assert caught.value.code == "NS294"


def test_a_metric_with_a_value_for_each_sample_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        accumulate(graph(("d", Sub(), ("x", "y")), metric="d"), GIVEN)
    assert caught.value.code == "NS295"


def test_a_value_that_the_model_reduced_itself_is_refused() -> None:
    made = graph(("m", Mean(), ("x",)), ("s", Sub(), ("m", "m")), metric="s")
    with pytest.raises(Problem) as caught:
        accumulate(made, (*GIVEN, Ref("m")))
    assert caught.value.code == "NS295"


@pytest.mark.parametrize("shared", [False, True])
def test_the_weights_of_classes_divide_where_the_target_names_them_and_not_where_it_shares(
    shared: bool,
) -> None:
    """As PyTorch has it: a mean over shares of classes is over the number of elements."""
    logits = tensor(batch="N", channel=3)
    target = (
        tensor(batch="N", channel=3, facts=Facts(low=0, high=1, sums_to_one="channel"))
        if shared
        else tensor("int64", batch="N", facts=Facts(low=0, high=2, classes=3))
    )
    at = Build({"y": target}, x=logits)
    at.use("m", CrossEntropy(weight=(1.0, 2.0, 3.0)), "x", "y")
    made = accumulate(at.graph({"x": "x"}, metrics={"metric": "m"}), GIVEN)
    assert [(total.path, total.how) for total in made.totals] == (
        [("m", "mean")] if shared else [("m.sum", "sum"), ("m.weight", "sum")]
    )
