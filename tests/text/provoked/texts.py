"""What is said of files, of settings on the command line, and of an op of another package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

import pytest

from netspec.cli.output import replace
from netspec.front import check, check_source
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.lang.canonical import canonical
from netspec.lang.yaml import LARGEST
from netspec.ops import catalogue
from netspec.ops.fold import Fold
from netspec.passes.refusals import refusals
from netspec.text import Diagnostic, Severity, Source

GOOD = "netspec: 1\ndefine: {width: 8}\ninputs: {x: [4]}\nlayers:\n  - linear: $width\n"


def ns001(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    (folder / "heart.yaml").write_text(GOOD, encoding="utf-8")
    return check("haert.yaml")[1]


def ns002(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    (folder / "heart.yaml").write_bytes(b"netspec: 1\ndoc: sch\xf6n\n")
    return check("heart.yaml")[1]


def ns003(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    (folder / "heart.yaml").write_text(GOOD + "# " + "x" * LARGEST, encoding="utf-8")
    return check("heart.yaml")[1]


def ns138(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return check_source(Source("example.yaml", GOOD), folder, {"width": 8.5})[1]


class EveryOther(Op):
    """Leave every other number out, as an op of another package might."""

    name: ClassVar[str] = "every_other"

    def infer(self, x: TensorType) -> Inferred:
        """Half of the places, and of one place none."""
        return Inferred((x.with_axes((x.axes[0], Axis(x.names[1], x.axes[1].size // 2))),))


BASE = "netspec: 1\ninputs: {image: [1, 28, 28]}\nlayers:\n  - {max_pool: 2, name: pooled}\n  - flatten\n"


def of_files(folder: Path, **texts: str) -> Iterable[Diagnostic]:
    """What is said of `heart.yaml` among other files of a project."""
    (folder / "pyproject.toml").write_text("", encoding="utf-8")
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return check("heart.yaml")[1]


def ns151(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return of_files(folder, base=BASE, heart="netspec: 1\nextends: bsae.yaml\n")


def ns152(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return of_files(
        folder, base="netspec: 1\nextends: heart.yaml\n", heart="netspec: 1\nextends: base.yaml\n"
    )


def ns153(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return of_files(folder, base=BASE, heart="netspec: 1\nextends: base.yaml\nlayers: {poold: null}\n")


def refused(rule: Callable[[], object]) -> Iterable[Diagnostic]:
    """What a rule of `map` says of a graph that was made in Python."""
    with pytest.raises(Problem) as caught:
        rule()
    one = caught.value
    return [Diagnostic(one.code, Severity.ERROR, one.message, help=one.help)]


STACK = tensor(batch="M", slice=4)


def ns274(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    mask = tensor("bool", batch="M", slice=4, facts=Facts(low=0, high=1, mask=True))
    return refused(lambda: infer_node(Fold(axis="slice"), (STACK, mask)))


FREE = """
netspec: 1
inputs: {image: {shape: [3, H, 64]}}
layers:
  - {max_pool: 2, name: pooled}
  - {conv: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1}, from: image, name: strided}
  - {add, from: [pooled, strided]}
  - global_avg_pool
  - batch_norm
"""


def sized(text: str, **sizes: int) -> Iterable[Diagnostic]:
    """What is said of a spec's free sizes."""
    spec, found = check_source(Source("example.yaml", text.lstrip()), Path())
    assert spec is not None, found
    return refusals(spec.graph, sizes)


def ns280(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return sized(FREE, H=65)


def ns281(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return sized(FREE, W=64)


def ns282(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return sized(FREE, N=1)


def ns740(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    canonical(Source("example.yaml", f"netspec: 1\n? {'k' * 1100}\n: 1\n"))
    return ()


def ns746(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    replace(Path("nowhere", "netspec.schema.json"), "{}")
    return ()


def ns204(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    known = {**catalogue(), "every_other": EveryOther}
    patch.setattr("netspec.ops.find", known.get)
    text = "netspec: 1\ninputs: {x: [1]}\nlayers:\n  - every_other\n"
    return check_source(Source("example.yaml", text), folder)[1]
