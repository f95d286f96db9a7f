from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netspec import backend
from netspec.backend import Course, Watcher
from netspec.cli.bench import CONTENDERS, bench, report
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.bench import contenders

ZOO = Path(__file__).parents[2] / "specs" / "zoo"


def contender(name: str, step: float, low: float, ratio: float, high: float) -> dict[str, Any]:
    return {
        "name": name,
        "what": f"what {name} is",
        "settings": {
            "precision": "float32",
            "memory_format": "contiguous",
            "compile": False,
            "threads": 2,
            "float32": [],
        },
        "rounds": 9,
        "steps": 90,
        "step_seconds": step,
        "step_interval": [step, step],
        "steps_per_second": 1 / step,
        "samples_per_second": 4 / step,
        "ratio": ratio,
        "ratio_interval": [low, high],
        "coverage": 0.961,
        "data_share": 0.02,
        "macs_per_second": 7.2e9,
        "roof_share": 0.24,
        "warm_up_seconds": 1.0,
        "memory": {
            "peak": 900 * 2**20,
            "above_start": 204 * 2**20,
            "method": "VmHWM of a process of its own",
        },
    }


TOLD = {
    "name": "unet2d",
    "digest": "0" * 64,
    "device": "cpu",
    "machine": {"torch": "2.13.0", "threads of torch": "2"},
    "batch": 4,
    "data": {"from": "drawn", "sizes": {"N": 4, "H": 128}, "why": "the spec `unet2d` has no `data`"},
    "macs_per_sample": 189_000_000,
    "training_macs_per_sample": 566_000_000,
    "optimizer": "sgd",
    "rounds": 9,
    "reference": "by-hand",
    "roof": {"float32": {"macs_per_second": 30.5e9, "of": "a conv of 128 channels"}},
    "contenders": [contender("module", 0.25, 0.991, 0.998, 1.004), contender("by-hand", 0.2505, 1, 1, 1)],
    "left_out": [{"name": "keras", "why": "`keras` is not \x1b[31minstalled"}],
}


class Faked:
    """A backend that keeps the course that it is given."""

    def __init__(self) -> None:
        self.course: Course | None = None

    def race(self, spec: Spec, course: Course, *, watcher: Watcher | None = None) -> Mapping[str, Any]:
        self.course = course
        return TOLD


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Faked:
    found = Faked()
    monkeypatch.setattr(backend, "find", lambda name: found)
    return found


def run(*options: str, spec: Path = ZOO / "unet2d.yaml") -> Result:
    return CliRunner().invoke(bench, [str(spec), *options], standalone_mode=False)


def asked(faked: Faked) -> Course:
    assert faked.course is not None
    return faked.course


def test_the_table_says_who_was_how_fast_and_on_what() -> None:
    lines = report(TOLD).splitlines()
    assert lines[0] == "unet2d: a training step on cpu, sgd, N = 4, H = 128"
    assert lines[2].split("  ")[-1] == "of roof"
    module, by_hand = (line.split() for line in lines[4:6])
    assert module[:6] == ["module", "250.0", "ms", "4.00", "16.0", "0.998"]
    assert module[6:] == ["0.991", "to", "1.004", "204", "MiB", "2.0%", "7.2", "24%"]
    assert by_hand[:6] == ["by-hand", "250.5", "ms", "3.99", "16.0", "1"]
    rest = "\n".join(lines[6:])
    assert "module: what module is (float32, memory_format contiguous, no compile, threads 2)" in rest
    assert "roof in float32: 30.5 GMAC/s, a conv of 128 channels" in rest
    assert "macs of a sample: 189.0 M forward, 566.0 M in a step" in rest
    assert (
        "data: one batch of numbers drawn from the declared types (the spec `unet2d` has no `data`)" in rest
    )
    assert "with a probability of 96.1%, from 9 rounds" in rest
    assert "left out: keras: `keras` is not \\u{1b}[31minstalled" in rest


def test_json_is_all_that_was_measured(faked: Faked) -> None:
    done = run("--format", "json")
    assert json.loads(done.output) == json.loads(json.dumps(TOLD))


def test_what_is_asked_for_reaches_the_backend(faked: Faked, tmp_path: Path) -> None:
    done = run(
        "--batch", "3", "--seconds", "2", "--device", "cpu", "--precision", "auto",
        "--plan", "auto", "--plan", "compile=false", "--only", "plan, keras",
        "--against", f"{tmp_path}/net.py:Net", "--against-loss", "loss",
        "--sizes", "H=32,W=48",
    )  # fmt: skip
    assert done.exception is None, done.output
    course = asked(faked)
    assert (course.batch, course.seconds, course.device, course.precision) == (3, 2, "cpu", "auto")
    assert course.pins["compile"] is False
    assert course.pins["memory_format"] == "auto"
    assert course.contenders == ("plan", "keras")
    assert course.against is not None
    assert (course.against.file, course.against.network, course.against.loss) == (
        tmp_path / "net.py",
        "Net",
        "loss",
    )
    assert course.data == "drawn"  # sizes are those of drawn numbers
    assert {name: one.shape for name, one in course.draw().items()} == {
        "image": (3, 1, 32, 48),
        "truth": (3, 32, 48),
    }
    forward, step = (one.evaluate({"H": 32, "W": 48}) for one in course.macs)
    assert 2 * forward < step < 3 * forward


def test_a_batch_is_the_recipes_or_32(faked: Faked) -> None:
    run()
    assert (asked(faked).batch, asked(faked).data) == (32, "auto")
    run(spec=ZOO.parent / "digits.yaml")
    assert asked(faked).batch == 64


@pytest.mark.parametrize(
    "options, said",
    [
        (["--against", "net.py"], "is not FILE.py:CLASS"),
        (["--against", ":Net"], "is not FILE.py:CLASS"),
        (["--against", "net.py:Net()"], "is not FILE.py:CLASS"),
        (["--against-loss", "loss"], "names a function of the file of `--against`"),
        (["--only", "module,tensorflow"], "`tensorflow` is none of plan, module, by-hand, lightning, keras"),
        (["--batch", "0"], "not in the range"),
        (["--seconds", "0"], "not in the range"),
        (["--sizes", "H=a"], "is a size"),
        (["--plan", "speed=9"], "speed"),
    ],
)
def test_a_wrong_command_line_is_told(faked: Faked, options: list[str], said: str) -> None:
    done = run(*options)
    assert said in str(done.exception)
    assert faked.course is None


def test_sizes_that_a_layer_cannot_take_are_refused_with_its_place(faked: Faked) -> None:
    run("--sizes", "H=7,Q=3")
    with pytest.raises(SpecError, match="NS28"):
        asked(faked).draw()


def test_a_backend_that_cannot_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find", lambda name: object())
    done = run()
    assert isinstance(done.exception, SpecError)
    assert done.exception.diagnostics[0].code == "NS649"


def test_the_names_of_the_command_line_are_those_of_the_backend() -> None:
    assert tuple(contenders.CONTENDERS) == CONTENDERS
