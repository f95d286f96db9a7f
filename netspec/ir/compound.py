"""Ops that are said with other ops: what such an op is made of, and all that follows from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from netspec.ir.dim import Dim
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.ir.view import View, Views, same, through, union


@dataclass(frozen=True)
class Step:
    """One op of an expansion.

    `inputs` are positions of the inputs of the whole, or names of earlier steps (`name` or `name[1]` for a second
    output). Parameters, state and noise of the step belong to the whole under `<name>.<own name>`.
    """

    name: str
    op: Op
    inputs: tuple[int | str, ...] = (0,)


@dataclass(frozen=True)
class Typed:
    """A step with the types of what it takes, and what its rule says of them."""

    step: Step
    types: tuple[TensorType, ...]
    inferred: Inferred

    @property
    def called(self) -> tuple[str, ...]:
        """What later steps call the outputs."""
        rest = range(1, len(self.inferred.outputs))
        return (self.step.name, *(f"{self.step.name}[{i}]" for i in rest))


class Compound(Op):
    """The base of ops that other ops can say: `expand` gives the steps, the last of which gives the result.

    A backend that knows the op itself uses what it knows; any other gets the steps. Shapes, cost and views follow from
    the steps; an op may say more of itself and ask for the rest by `super()`. The last step draws no noise.
    """

    def expand(self, *inputs: Any) -> tuple[Step, ...]:
        """The steps for inputs of these types, in an order in which each stands behind what it takes."""
        raise NotImplementedError

    def typed(self, *inputs: TensorType) -> tuple[Typed, ...]:
        """The steps with their types; Problem where one of them does not fit."""
        found: list[Typed] = []
        values: dict[int | str, TensorType] = dict(enumerate(inputs))
        for step in self.expand(*inputs):
            types = tuple(values[taken] for taken in step.inputs)
            try:
                inferred = infer_node(step.op, types)
            except Problem as problem:
                raise self._outside(problem, step) from problem
            found.append(Typed(step, types, inferred))
            values.update(zip(found[-1].called, inferred.outputs, strict=True))
        return tuple(found)

    def infer(self, *inputs: Any) -> Inferred:
        """What the last step gives; parameters, state and noise of all steps, each behind the step's name."""
        steps = self.typed(*inputs)
        return Inferred(
            steps[-1].inferred.outputs,
            tuple(_behind(one.step, row) for one in steps for row in one.inferred.parameters),
            tuple(_behind(one.step, row) for one in steps for row in one.inferred.state),
            tuple(_behind(one.step, row) for one in steps for row in one.inferred.noise),
            tuple(replace(row, at=None) for one in steps for row in one.inferred.constraints),
            tuple(replace(row, at=None) for one in steps for row in one.inferred.warnings),
        )

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Those of all steps."""
        del outputs
        total = Dim.of(0)
        for one in self.typed(*inputs):
            total = total + one.step.op.macs(one.types, one.inferred.outputs)
        return total

    def views(self, *inputs: Any) -> tuple[Views | None, ...]:
        """What is seen through all steps: views that follow one another, united where ways meet."""
        return views_through(self.typed(*inputs), inputs)

    def _outside(self, problem: Problem, step: Step) -> Problem:
        """What a step has against its inputs or arguments, said of the whole."""
        at = problem.at
        if isinstance(at, int):
            taken = step.inputs[at] if at < len(step.inputs) else None
            at = taken if isinstance(taken, int) else None
        elif at is not None and at not in type(self).model_fields:
            at = None
        message = f"{problem.message} (`{step.name}`, a `{step.op.name}` of `{self.name}`)"
        return Problem(problem.code, message, at=at, help=problem.help)


def _behind(step: Step, row: Any) -> Any:
    """A row of a step as one of the whole."""
    return replace(row, name=f"{step.name}.{row.name}")


def learned_by(op: Op, types: Sequence[TensorType]) -> dict[str, tuple[str, str]]:
    """Of each parameter of a compound by its name: the op that learns it, and what that calls it; else nothing."""
    if not isinstance(op, Compound):
        return {}
    found: dict[str, tuple[str, str]] = {}
    for one in op.typed(*types):
        inner = learned_by(one.step.op, one.types)
        for row in one.inferred.parameters:
            found[f"{one.step.name}.{row.name}"] = inner.get(row.name, (one.step.op.name, row.name))
    return found


def views_through(steps: Sequence[Typed], inputs: Sequence[TensorType]) -> tuple[Views, ...]:
    """What the result of the last step sees of each input of the first ones."""
    values: dict[int | str, Mapping[tuple[int, str], View | None]] = {
        i: {(i, axis): same(axis) for axis in kind.names} for i, kind in enumerate(inputs)
    }
    for one in steps:
        ways: dict[tuple[int, str], list[View | None]] = {}
        views = one.step.op.views(*one.types)
        for taken, view in zip(one.step.inputs, views, strict=True):
            if view is not None:
                for place, inner in values[taken].items():
                    ways.setdefault(place, []).append(through(view, inner))
        field = {place: union(found) for place, found in ways.items()}
        values.update(dict.fromkeys(one.called, field))
    last = values[steps[-1].step.name]
    return tuple(
        {axis: seen for axis in kind.names if (seen := last.get((i, axis))) is not None}
        for i, kind in enumerate(inputs)
    )
