from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netspec.front import check_source
from netspec.recipe.plan import ALL_AUTO, Plan, asked, pinned, pins_of, read_pins
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic, Source
from tests.backends.torch.train import small


def read(line: str) -> tuple[Spec | None, list[Diagnostic]]:
    """The small spec with one line more in `training`."""
    text = small.SPEC.replace("seed: 3", f"seed: 3\n  {line}")
    spec, found = check_source(Source("small.yaml", text), Path())
    return spec, list(found)


def test_nothing_written_is_pytorchs_own_way_and_measures_nothing() -> None:
    plain = asked(None)
    assert plain == Plan(memory_format="contiguous", compile=False, threads=None, workers=0)
    assert plain.measured == ()
    assert asked(Plan(compile=True)).measured == ()


def test_auto_measures_all_and_a_part_of_it_measures_that_part() -> None:
    assert asked("auto") == ALL_AUTO
    assert ALL_AUTO.measured == tuple(Plan.model_fields)
    assert asked(Plan(threads="auto")).measured == ("threads",)


def test_pins_replace_parts_and_are_checked_as_written_ones_are() -> None:
    assert pinned(ALL_AUTO, {"compile": False, "threads": 2}).measured == ("memory_format", "workers")
    with pytest.raises(ValidationError):
        pinned(ALL_AUTO, {"threads": 0})


@pytest.mark.parametrize(
    "line,wanted",
    [
        ("plan: auto", ALL_AUTO),
        ("plan:", Plan()),
        ("plan: {}", Plan()),
        ("plan: {memory_format: channels_last, compile: false}", Plan(memory_format="channels_last")),
        ("plan: {threads: null, workers: 2}", Plan(workers=2)),
    ],
)
def test_a_spec_says_its_plan(line: str, wanted: Plan) -> None:
    spec, found = read(line)
    assert spec is not None, found
    assert spec.training is not None
    assert asked(spec.training.plan) == wanted


@pytest.mark.parametrize(
    "line,code,words",
    [
        ("plan: on", "NS123", "`plan` is `auto` or a mapping, and it is the word `on`"),
        ("plan: [auto]", "NS123", "`plan` is `auto` or a mapping, and it is a list of 1"),
        ("plan: {compile: 3}", "NS123", "`compile` of `plan` must be `auto` or `true` or `false`"),
        ("plan: {threads: 0}", "NS123", "`auto` or a whole number of at least 1 and of at most 1,024"),
        ("plan: {workers: true}", "NS123", "`workers` of `plan` must be `auto` or a whole number"),
        ("plan: {memory: auto}", "NS121", "`plan` has no argument `memory`"),
        ("precision: float16", "NS123", "`auto`, `float32`, `tf32`, `bf16`, `fp16`"),
    ],
)
def test_what_is_no_plan_is_told_once_at_its_place(line: str, code: str, words: str) -> None:
    spec, (found,) = read(line)
    assert spec is None
    assert found.code == code
    assert words in found.message
    assert found.span is not None
    assert found.span.start >= small.SPEC.index("seed: 3")
    assert found.help


@pytest.mark.parametrize("word", ["compile", "channels_last", "threads", "num_workers"])
def test_a_habit_of_pytorch_is_led_to_the_plan(word: str) -> None:
    _, (found,) = read(f"{word}: 2")
    assert "plan" in (found.help or "")


@pytest.mark.parametrize("wrong", [{"threads": True}, {"workers": -1}, {"compile": "yes"}, {"more": 1}])
def test_wrong_parts_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(wrong)


def test_a_command_line_says_parts_the_later_over_the_earlier() -> None:
    assert read_pins([]) == {}
    assert read_pins(["auto", "compile=false"]) == {
        "memory_format": "auto",
        "compile": False,
        "threads": "auto",
        "workers": "auto",
    }
    assert read_pins(["threads=2", "none"])["threads"] is None
    assert read_pins([" workers = 3 ", "workers=4"]) == {"workers": 4}


def test_a_program_says_the_same() -> None:
    assert pins_of(None, None) == {}
    assert pins_of("auto", "bf16") == {**read_pins(["auto"]), "precision": "bf16"}
    assert pins_of({"compile": True}, None) == {"compile": True}
    for wrong in ("fast", {"speed": 1}, {"threads": 0}):
        with pytest.raises(ValueError, match=r"PART=VALUE|speed|threads"):
            pins_of(wrong, None)
    with pytest.raises(ValueError, match="`precision` is one of `auto`, `float32`"):
        pins_of(None, "float64")
