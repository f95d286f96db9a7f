"""ONNX's own node tests: the reference and PyTorch give what is expected, or the case is listed with a reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

if not os.environ.get("CI"):  # where a commit is judged they are never skipped
    pytest.importorskip("onnx", reason="ONNX's node tests come with `pip install onnx==1.22.0`")

from netspec.ir.problem import Problem
from netspec.ops.activation import Relu
from netspec.ops.arithmetic import Sub
from netspec.ops.conv import Conv
from tests.conformance.case import Array, Case, Mode, Numbers, candidate_outputs, case, forward
from tests.conformance.onnx_nodes.listed import LISTED, reason
from tests.conformance.onnx_nodes.node import names, read
from tests.conformance.onnx_nodes.table import ELSEWHERE, RELEVANT, TABLE, say
from tests.conformance.onnx_nodes.use import Unsaid, agree

Run = Callable[[Case, Numbers, Mode], tuple[Array, ...]]

CASES = [name for name, op in names().items() if op in RELEVANT]
RUN = [name for name in CASES if reason(name) is None]
REFUSALS = (Unsaid, Problem, ValidationError, AssertionError)


@pytest.mark.parametrize("name", RUN)
def test_the_reference_and_torch_give_what_onnx_expects(name: str) -> None:
    node = read(name)
    said = say(node)
    agree(node, said, forward)
    agree(node, said, candidate_outputs)


@pytest.mark.parametrize("name", [name for name in CASES if reason(name)])
def test_what_is_listed_does_not_pass(name: str) -> None:
    """A case that passes belongs to those that are run."""
    node = read(name)
    with pytest.raises(REFUSALS):
        agree(node, say(node), forward)


def test_most_cases_are_run_and_every_op_that_is_said_has_one() -> None:
    assert len(CASES) > 800
    assert {names()[name] for name in RUN} == set(TABLE)


def test_every_op_of_the_cases_is_relevant_or_about_something_else() -> None:
    others = [op for ops in ELSEWHERE.values() for op in ops.split()]
    assert len(others) == len(set(others))
    assert not RELEVANT & set(others)
    assert set(names().values()) == RELEVANT | set(others)
    assert TABLE.keys() <= RELEVANT


def test_every_reason_and_every_pattern_is_needed() -> None:
    for why, patterns in LISTED.items():
        for pattern in patterns.split():
            found = [name for name in CASES if fnmatchcase(name, pattern)]
            assert any(reason(name) == why for name in found), f"`{pattern}` lists nothing: {why}"


# ------------------------------------------------------------------------------------------------- it can fail


def _other_op(name: str, op: Any) -> None:
    node = read(name)
    said = say(node)
    wrong = replace(said, case=case(op, *said.case.types))
    for run in (forward, candidate_outputs):
        agree(node, said, run)
        with pytest.raises(AssertionError, match=name):
            agree(node, wrong, run)


@pytest.mark.parametrize(
    "name,op",
    [
        ("sigmoid", Relu()),
        ("add", Sub()),
        (
            "basic_conv_with_padding",
            Conv(out_channels=1, kernel_size=3, padding=1, bias=False, dilation=1, stride=2),
        ),
        ("basic_conv_without_padding", Conv(out_channels=1, kernel_size=3, padding=1, bias=False)),
    ],
)
def test_another_op_than_the_one_that_is_meant_is_found(name: str, op: Any) -> None:
    _other_op(name, op)


@pytest.mark.parametrize(
    "name", ["conv_with_strides_padding", "relu", "sce_mean", "reduce_mean_keepdims_random", "pow"]
)
def test_a_number_that_is_off_by_more_than_rounding_is_found(name: str) -> None:
    node = read(name)
    said = say(node)

    def off(use: Case, numbers: Numbers, mode: Mode) -> tuple[Array, ...]:
        return tuple(y * (1 + 2.0**-12) for y in forward(use, numbers, mode))

    with pytest.raises(AssertionError, match=f"{name}: off by"):
        agree(node, said, off)


def test_what_is_not_finite_in_one_alone_is_found() -> None:
    node = read("relu")

    def broken(use: Case, numbers: Numbers, mode: Mode) -> tuple[Array, ...]:
        return tuple(np.full_like(y, np.nan) for y in forward(use, numbers, mode))

    with pytest.raises(AssertionError, match="not finite"):
        agree(node, say(node), broken)
