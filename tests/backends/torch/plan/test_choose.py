from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netspec.recipe.plan import ALL_AUTO, Plan
from netspec_torch.plan.choose import BUDGET
from netspec_torch.plan.chosen import Unable
from netspec_torch.plan.ground import Ground
from netspec_torch.plan.settled import Settled
from tests.backends.torch.plan.fake import GROUND, Clock, Stage, choose, wider

FORMATS = Plan(memory_format="auto")


def stage_of(seconds: float = 0.01, **factors: float) -> Stage:
    """A stage where each word that a way has multiplies its time."""

    def time(settled: Settled) -> float:
        told = settled.as_json()
        found = seconds
        for word, factor in factors.items():
            part, _, value = word.partition("__")
            found *= factor if str(told[part]) == value else 1
        return found

    return Stage(Clock(), time)


def test_what_is_fastest_is_taken_part_by_part(tmp_path: Path) -> None:
    stage = stage_of(threads__2=0.7, memory_format__channels_last=0.8, compile__True=0.5, precision__bf16=0.6)
    stage.first, stage.gather = 5.0, 0.004
    found = choose(stage, ALL_AUTO, tmp_path, precision="auto")
    assert found.settled == Settled(
        memory_format="channels_last", compile=True, threads=2, workers=1, precision="bf16"
    )
    assert found.step == pytest.approx(0.01 * 0.7 * 0.8 * 0.6 * 0.5)


def test_where_nothing_is_faster_all_stays_as_it_is_and_the_threads_are_pinned(tmp_path: Path) -> None:
    found = choose(stage_of(), ALL_AUTO, tmp_path, precision="auto")
    assert found.settled == Settled(threads=GROUND.threads)
    assert not any(one.taken for one in found.trials)


@pytest.mark.parametrize("share,taken", [(0.96, True), (0.98, False), (1.2, False)])
def test_a_gain_below_three_hundredths_is_none(share: float, taken: bool, tmp_path: Path) -> None:
    found = choose(stage_of(memory_format__channels_last=share), FORMATS, tmp_path)
    assert (found.settled.memory_format == "channels_last") is taken


def test_a_gain_that_noise_can_explain_is_none(tmp_path: Path) -> None:
    """Ten percent faster, and every third step takes three times as long: the intervals of the ratios overlap 1."""
    stage = stage_of(memory_format__channels_last=0.9)
    noisy = Stage(stage.clock, stage.seconds, noise=(1.0, 1.7, 3.0, 0.6, 1.1, 2.2, 0.8))
    assert choose(noisy, FORMATS, tmp_path / "noisy").settled.memory_format == "contiguous"
    assert choose(stage, FORMATS, tmp_path / "quiet").settled.memory_format == "channels_last"


def test_the_compiler_pays_only_in_a_run_that_is_long_enough(tmp_path: Path) -> None:
    """15 s for each of two sizes of a batch, and 5 ms saved in a step: 6,000 steps pay that back."""
    for steps, taken in ((5_800, False), (6_200, True)):
        stage = stage_of(0.01, compile__True=0.5)
        stage.first = 15.0
        found = choose(stage, Plan(compile="auto"), tmp_path / str(steps), length=wider(steps=steps))
        assert found.settled.compile is taken
        (trial,) = found.trials
        assert trial.why.startswith("30 s first, then ")


def test_the_compiler_is_not_tried_where_trying_takes_longer_than_the_run(tmp_path: Path) -> None:
    stage = stage_of(0.01, compile__True=0.1)
    found = choose(stage, Plan(compile="auto"), tmp_path, length=wider(steps=1_000))
    assert found.trials[0].why == "compiling takes about 15 s, all steps without it 10 s"
    assert not any(one.compile for one in stage.lanes)
    large = choose(stage, Plan(compile="auto"), tmp_path, length=wider(steps=100_000, nodes=500))
    assert not large.settled.compile  # 260 s of compiling are more than a twentieth of 1,000 s
    assert not any(one.compile for one in stage.lanes)


@pytest.mark.parametrize(
    "length,ground,why",
    [
        (wider(ragged=True), GROUND, "each length compiles"),
        (wider(), replace(GROUND, uncompiled="there is no compiler"), "there is no compiler"),
    ],
)
def test_the_compiler_is_not_tried_where_it_cannot_be(
    length: object, ground: Ground, why: str, tmp_path: Path
) -> None:
    stage = stage_of(compile__True=0.1)
    found = choose(stage, Plan(compile="auto"), tmp_path, length=length, ground=ground)  # type: ignore[arg-type]
    assert not found.settled.compile
    assert why in found.trials[0].why
    assert stage.lanes == []


def test_what_is_pinned_is_never_tried_otherwise(tmp_path: Path) -> None:
    stage = stage_of(memory_format__channels_last=0.1, threads__1=0.1, compile__True=0.1)
    plan = Plan(memory_format="contiguous", compile=False, threads=3, workers="auto")
    found = choose(stage, plan, tmp_path)
    assert found.settled == Settled(threads=3)
    assert {(one.memory_format, one.compile, one.threads) for one in stage.lanes} == {
        ("contiguous", False, 3)
    }


def test_half_numbers_are_tried_in_both_layouts(tmp_path: Path) -> None:
    """Half numbers alone are slower, channels last alone too, and both together are twice as fast."""
    clock = Clock()

    def time(settled: Settled) -> float:
        last, half = settled.memory_format == "channels_last", settled.precision == "bf16"
        return 0.005 if last and half else 0.012 if last or half else 0.01

    found = choose(Stage(clock, time), FORMATS, tmp_path, precision="auto")
    assert (found.settled.precision, found.settled.memory_format) == ("bf16", "channels_last")
    pinned = choose(Stage(clock, time), Plan(), tmp_path, precision="auto")
    assert (pinned.settled.precision, pinned.settled.memory_format) == ("float32", "contiguous")


@pytest.mark.parametrize(
    "narrow,factors,wanted",
    [
        ((), {"precision__bf16": 0.5}, "float32"),
        (("bf16",), {"precision__bf16": 0.5}, "bf16"),
        (("fp16",), {"precision__fp16": 0.5}, "fp16"),
        (("bf16", "tf32"), {"precision__bf16": 1.1, "precision__tf32": 0.8}, "tf32"),
        (("bf16", "tf32"), {"precision__bf16": 0.9, "precision__tf32": 0.5}, "bf16"),
    ],
)
def test_numbers_are_those_that_the_machine_has_and_that_pay(
    narrow: tuple[str, ...], factors: dict[str, float], wanted: str, tmp_path: Path
) -> None:
    ground = replace(GROUND, narrow=narrow)  # type: ignore[arg-type]
    found = choose(stage_of(**factors), Plan(), tmp_path, precision="auto", ground=ground)
    assert found.settled.precision == wanted


def test_layers_that_the_guard_finds_stay_in_float32_while_it_is_measured(tmp_path: Path) -> None:
    stage = stage_of(precision__bf16=0.5)
    stage.wrong = {"conv2": "gradient of weight off by 1e+20, and 0.1 is rounding"}
    found = choose(stage, Plan(), tmp_path, precision="auto")
    assert found.settled == Settled(precision="bf16", float32=("conv2",))
    assert found.wrong == stage.wrong
    assert all(one.float32 == ("conv2",) for one in stage.lanes if one.precision == "bf16")


def test_a_way_that_cannot_run_is_left_and_said(tmp_path: Path) -> None:
    stage = stage_of(memory_format__channels_last=0.1)
    stage.broken = lambda settled: settled.memory_format == "channels_last"
    found = choose(stage, FORMATS, tmp_path)
    assert (found.settled.memory_format, found.trials[0].why) == ("contiguous", "it is broken")
    stage.broken = lambda settled: True
    with pytest.raises(Unable):
        choose(stage, FORMATS, tmp_path / "all")


def test_threads_are_not_tried_where_the_steps_run_elsewhere(tmp_path: Path) -> None:
    found = choose(stage_of(), Plan(threads="auto"), tmp_path, ground=replace(GROUND, device="cuda"))
    assert found.settled == Settled(device="cuda")


def test_a_loader_that_takes_no_time_gets_no_thread(tmp_path: Path) -> None:
    stage = stage_of()
    stage.gather = 0.0001
    found = choose(stage, Plan(workers="auto"), tmp_path)
    assert (found.settled.workers, found.trials[0].why) == (0, "gathering a batch takes 1.0% of a step")


def test_steps_that_take_too_long_are_not_measured_in_a_short_run_and_are_in_a_long_one(
    tmp_path: Path,
) -> None:
    slow = stage_of(5.0, memory_format__channels_last=0.5)
    short = choose(slow, FORMATS, tmp_path, length=wider(steps=100))
    assert short.settled.memory_format == "contiguous"
    assert "the time for measuring is over" in short.trials[0].why
    long = choose(slow, FORMATS, tmp_path, length=wider(steps=10_000))
    assert long.settled.memory_format == "channels_last"


def test_measuring_stays_within_its_budget_for_steps_of_any_length(tmp_path: Path) -> None:
    for seconds in (0.0001, 0.01, 0.3, 0.9):
        stage = stage_of(seconds)
        found = choose(
            stage, replace_compile(), tmp_path / str(seconds), precision="auto", length=wider(steps=1)
        )
        assert found.seconds <= (1 + 2) * BUDGET + 4 * seconds  # the duels, and the guard in two layouts
        assert stage.clock.now > 0


def replace_compile() -> Plan:
    """All but the compiler, which says by itself how long it takes."""
    return Plan(memory_format="auto", threads="auto", workers="auto")


def test_kept_times_choose_again_without_a_step_and_for_another_length_anew(tmp_path: Path) -> None:
    stage = stage_of(0.01, compile__True=0.5, memory_format__channels_last=0.8)
    stage.first = 10.0
    plan = Plan(memory_format="auto", compile="auto")
    found = choose(stage, plan, tmp_path)
    assert found.settled == Settled(memory_format="channels_last", compile=True)
    again = stage_of(1.0)
    kept = choose(again, plan, tmp_path)
    assert kept.settled == found.settled
    assert again.lanes == []
    assert all(one.kept for one in kept.trials)
    short = choose(again, plan, tmp_path, length=wider(steps=100))
    assert short.settled == Settled(memory_format="channels_last")
    assert again.lanes == []
    anew = choose(stage_of(0.01, memory_format__channels_last=1.2), plan, tmp_path, anew=True)
    assert anew.settled.memory_format == "contiguous"


def test_threads_that_stand_in_each_others_way_are_found_out_though_their_steps_are_slow(
    tmp_path: Path,
) -> None:
    """A busy machine: two seconds a step with both threads, a tenth of one with a single thread."""
    two = replace(GROUND, threads=2, cores=2)
    found = choose(
        stage_of(2.1, threads__1=0.05), Plan(threads="auto"), tmp_path, length=wider(steps=80), ground=two
    )
    assert found.settled.threads == 1
    assert found.seconds < 2 * BUDGET


@pytest.mark.parametrize(
    "now,cores,times,wanted,tried",
    [
        (1, 1, {}, 1, []),
        (8, 8, {}, 8, [4]),
        (8, 8, {4: 0.5, 2: 0.3, 1: 0.4}, 2, [4, 2, 1]),
        (2, 8, {8: 0.5, 4: 0.8}, 8, [8, 4]),
        (64, 4, {4: 0.5}, 4, [4, 2]),
    ],
)
def test_threads_are_halved_as_long_as_that_helps(
    now: int, cores: int, times: dict[int, float], wanted: int, tried: list[int], tmp_path: Path
) -> None:
    stage = Stage(Clock(), lambda settled: 0.01 * times.get(settled.threads or now, 1.0))
    found = choose(stage, Plan(threads="auto"), tmp_path, ground=replace(GROUND, threads=now, cores=cores))
    assert found.settled.threads == wanted
    assert [int(one.tried) for one in found.trials if one.ratio is not None] == tried


def test_the_guard_sees_as_much_of_a_batch_as_there_is_time_for_and_takes_none_from_the_duels(
    tmp_path: Path,
) -> None:
    quick = stage_of(0.1, precision__bf16=0.5)
    found = choose(quick, Plan(), tmp_path / "quick", precision="auto", length=wider(steps=100))
    assert ([share for _, share in quick.guarded], found.partly) == ([1.0], False)
    slow = stage_of(1.0, precision__bf16=0.5)
    found = choose(slow, Plan(), tmp_path / "slow", precision="auto", length=wider(steps=100))
    assert ([share for _, share in slow.guarded], found.partly) == ([0.5], True)
    assert (found.settled.precision, found.wrong) == ("bf16", {})
    again = choose(slow, Plan(), tmp_path / "slow", precision="auto", length=wider(steps=100))
    assert (len(slow.guarded), again.partly, again.settled) == (1, True, found.settled)


def test_what_the_guard_found_holds_for_the_weights_it_saw_and_times_for_all(tmp_path: Path) -> None:
    stage = stage_of(precision__bf16=0.5)
    for start in ("a", "b", "a"):
        choose(stage, Plan(), tmp_path, precision="auto", length=wider(start=start))
    assert len(stage.guarded) == 2
    assert sum(one.precision == "bf16" for one in stage.lanes) == 1
