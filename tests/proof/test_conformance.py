"""Conformance finds what is wrong in a backend, whatever it is, and at which op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import netspec_numpy
import netspec_torch
from netspec.backend import Arrays, Feed, Run
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.ir.types import tensor
from netspec.ops import catalogue
from netspec.ops.activation import Relu, Tanh
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.proof.alone import alone
from netspec.proof.conformance import Held, conformance
from netspec.proof.stepping import descents, forms, updates
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import OPTIMIZERS, Sgd
from netspec.recipe.pace import Pace

A_FEW: dict[str, type[Op]] = {"linear": Linear, "batch_norm": BatchNorm, "tanh": Tanh}


class Other:
    """A backend of another package: PyTorch's numbers, changed on the way out."""

    name = "other"

    def __init__(self, change: Any = lambda run: run, knows: Sequence[type[Op]] | None = None) -> None:
        self._change, self._knows = change, knows

    def table(self) -> dict[type[Op], Any]:
        """The rules, or as many of them as it is said to know."""
        whole = netspec_torch.table()
        return {kind: rule for kind, rule in whole.items() if self._knows is None or kind in self._knows}

    def run(self, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
        """What PyTorch gives, changed."""
        found: Run = self._change(netspec_torch.run(graph, feed, gradients=gradients))
        return found

    def update(
        self, descent: Descent, parameters: Arrays, gradients: Sequence[Arrays], paces: Sequence[Pace]
    ) -> list[dict[str, np.ndarray[Any, Any]]]:
        """Steps without Nesterov's form, whatever is asked for."""
        plain = descent.optimizer.model_copy(update={"nesterov": False})
        return netspec_torch.update(replace(descent, optimizer=plain), parameters, gradients, paces)


def rows(backend: Any, ops: dict[str, type[Op]] = A_FEW) -> list[Held]:
    return list(conformance(ops, [backend], reference=netspec_numpy))


def wrong(found: list[Held]) -> set[tuple[str, str, str]]:
    return {(row.op, row.dtype, row.part) for row in found if not row.ok}


def test_torch_is_held_in_values_gradients_and_state_in_two_types() -> None:
    found = rows(netspec_torch)
    assert wrong(found) == set()
    kept = {(row.op, row.backend, row.dtype, row.part) for row in found}
    for name in A_FEW:
        assert (name, "numpy", "slopes", "backward") in kept
        for dtype in ("float64", "float32"):
            assert {(name, "torch", dtype, "forward"), (name, "torch", dtype, "backward")} <= kept
    assert ("batch_norm", "torch", "float64", "state") in kept
    assert all(row.cases and row.tolerance > 0 for row in found)
    good = [one for one in Linear.samples() if one.code is None]
    assert {row.cases for row in found if row.op == "linear"} == {len(good)}


def _values(run: Run, by: float) -> Run:
    return replace(run, values={key: value * by for key, value in run.values.items()})


def _gradients(run: Run, key: str) -> Run:
    return replace(run, parameters={k: g * (k != f"op.{key}") for k, g in run.parameters.items()})


def test_values_that_are_off_are_found_in_the_type_they_are_off_in() -> None:
    found = rows(Other(lambda run: _values(run, 1 + 2.0**-36)))
    assert wrong(found) == {(name, "float64", "forward") for name in A_FEW}
    found = rows(Other(lambda run: _values(run, 1 + 2.0**-12)))
    assert wrong(found) == {(name, dtype, "forward") for name in A_FEW for dtype in ("float64", "float32")}


def test_a_missing_gradient_of_a_bias_is_found() -> None:
    found = rows(Other(lambda run: _gradients(run, "bias")))
    assert {op for op, _, part in wrong(found) if part == "backward"} == {"linear", "batch_norm"}


def test_a_running_mean_that_stays_is_found() -> None:
    found = rows(Other(lambda run: replace(run, state={key: x * 0 + 0.25 for key, x in run.state.items()})))
    assert wrong(found) == {("batch_norm", dtype, "state") for dtype in ("float64", "float32")}


def test_another_shape_is_found() -> None:
    found = rows(Other(lambda run: replace(run, values={key: x[..., None] for key, x in run.values.items()})))
    assert {op for op, _, _ in wrong(found)} == set(A_FEW)
    assert "the reference gives" in next(row.note for row in found if not row.ok)


def test_a_backend_that_breaks_down_is_told_and_does_not_end_the_measurement() -> None:
    def broken(run: Run) -> Run:
        raise OverflowError("no room")

    found = rows(Other(broken))
    assert {row.note for row in found if not row.ok} == {"OverflowError: no room"}
    assert {op for op, _, _ in wrong(found)} == set(A_FEW)


def test_a_backend_without_a_rule_is_told_so_and_is_not_wrong() -> None:
    found = rows(Other(knows=[Tanh, *(catalogue()[name] for name in ("mul", "sum"))]))
    assert wrong(found) == set()
    silent = [row for row in found if row.backend == "other" and not row.cases]
    assert [(row.op, row.note) for row in silent] == [
        ("linear", "has no rule for it"),
        ("batch_norm", "has no rule for it"),
    ]


def test_a_gradient_of_the_reference_that_is_no_slope_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = netspec_numpy.table()[Relu]
    true = rule.pull
    assert true is not None

    def steeper(op: Any, saved: Any, grads: Any, at: Any) -> Any:
        back = true(op, saved, grads, at)
        return replace(back, inputs=tuple(None if x is None else x * 1.01 for x in back.inputs))

    monkeypatch.setattr(rule, "pull", steeper)
    assert ("relu", "slopes", "backward") in wrong(rows(netspec_torch, {"relu": Relu}))


def test_what_a_spec_cannot_call_is_passed_over() -> None:
    assert rows(netspec_torch, {"fold": catalogue()["fold"]}) == []


def test_the_gradient_that_reaches_an_output_is_the_input_of_that_name() -> None:
    graph = alone(Conv(out_channels=2, kernel_size=1, bias=False), tensor(batch=1, channel=1, width=2))
    rng = np.random.default_rng(0)
    x, g, w = (rng.normal(size=shape) for shape in ((1, 1, 2), (1, 2, 2), (2, 1, 1)))
    run = netspec_numpy.run(graph, Feed({"x0": x, "g0": g}, parameters={"op.weight": w}))
    assert np.allclose(run.inputs["x0"], np.einsum("bow,oc->bcw", g, w[:, :, 0]), rtol=1e-14)


# ----------------------------------------------------------------------------------------------------- update rules


def test_an_update_rule_is_held_in_all_of_its_forms() -> None:
    written = [form.arguments() for form in forms(Sgd)]
    assert {"lr": 0.1} in written
    assert any("nesterov" in one for one in written)
    assert any({"momentum", "weight_decay"} <= one.keys() for one in written)
    (row,) = updates({"sgd": Sgd}, [netspec_torch], reference=netspec_numpy)
    assert row.ok
    assert (row.part, row.cases) == ("update", len(written) + 3)
    assert any(one.clip and one.undecayed for one, _ in descents(Sgd))
    assert any(pace.momentum for _, paces in descents(Sgd) for pace in paces)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_argument_of_every_update_rule_is_changed_in_some_form(name: str) -> None:
    kind = OPTIMIZERS[name]
    changed = {key for form in forms(kind) for key in form.arguments()}
    assert changed == set(kind.model_fields) - {"no_decay"}


def test_a_form_that_a_backend_forgets_is_found() -> None:
    (row,) = updates({"sgd": Sgd}, [Other()], reference=netspec_numpy)
    assert not row.ok
    assert "nesterov" in list(forms(Sgd))[int(row.where)].arguments()
