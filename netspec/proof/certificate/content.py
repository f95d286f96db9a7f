"""What a certificate says, before it is text or HTML."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from pathlib import PurePath

from netspec.ir.graph import Graph
from netspec.proof.certificate.circumstances import Circumstances
from netspec.proof.certificate.document import Cell, Certificate, Section, Table
from netspec.proof.certificate.layers import layers, used
from netspec.proof.certificate.origins import ORIGINS
from netspec.proof.modes import HALF_GAP, MODES, SINGLE
from netspec.proof.result import KINDS, Proof, Row
from netspec.proof.rounding import DISTURBANCE, EPS, LAM, RUNS
from netspec.proof.slope import DIRECTIONS, STEPS
from netspec.recipe.spec import Spec
from netspec.text.render import render


def certificate(spec: Spec, proof: Proof, made: Circumstances) -> Certificate:
    """The certificate of one proof of one spec."""
    modes = ", ".join(dict.fromkeys(row.way for row in proof.rows))
    wrong, all_rows = sum(not row.ok for row in proof.rows), len(proof.rows)
    sides = f"`{proof.candidate}` and `{proof.reference}`"
    verdict = (
        f"{sides} agree in {modes}: none of {all_rows:,} tensors differs by more than rounding makes it."
        if proof.ok
        else f"{sides} differ: {wrong:,} of {all_rows:,} tensors by more than rounding makes them."
    )
    sections = [
        *_differences(proof),
        _compared(proof),
        *_drift(proof),
        *_given(spec.graph),
        layers(spec.graph, proof, spec.sources[0]),
        _open(proof),
        Section("Where the tolerances come from", ORIGINS, lines=_constants(proof)),
        Section("How to repeat it", lines=(made.command,)),
    ]
    return Certificate(
        f"Certificate of {spec.name}", proof.ok, verdict, tuple(_facts(spec, proof, made)), tuple(sections)
    )


def _facts(spec: Spec, proof: Proof, made: Circumstances) -> Iterator[tuple[str, str]]:
    """What was proved, on what numbers, with what."""
    yield "spec", ", ".join(PurePath(source.name).name for source in spec.sources)
    yield "SHA-256 of what it means", spec.digest
    count = sum(one.count for one in spec.graph.parameters.values())
    yield "parameters", f"{count:,}"
    yield "sizes", ", ".join(f"{letter} = {size}" for letter, size in proof.sizes.items()) or "none is free"
    yield "seed of all numbers", str(proof.seed)
    yield from made.facts.items()
    yield "made", f"{made.time:%Y-%m-%d %H:%M:%S} UTC, in {made.seconds:.1f} s"


def _differences(proof: Proof) -> Iterator[Section]:
    """Where it goes wrong, with the lines of the spec."""
    if proof.diverging:
        lines = "\n\n".join(render(one, color=False) for one in proof.diverging).splitlines()
        yield Section(
            "Where they differ", ("The first layer of every kind, and its line.",), lines=tuple(lines)
        )


def _compared(proof: Proof) -> Section:
    """Every kind in every mode, by its worst row."""
    header = (
        "mode",
        "what",
        "in",
        "tensors",
        "worst at",
        "difference",
        "relative",
        "tolerance",
        "used of it",
    )
    rows = []
    for way, what, mode, count, worst in proof.worst():
        relative = "-" if worst.relative is None else f"{worst.relative:.0e}"
        rows.append(
            (
                Cell(way),
                Cell(what),
                Cell(mode),
                Cell(f"{count:,}"),
                Cell(_place(worst)),
                Cell(f"{worst.difference:.1e}"),
                Cell(relative),
                Cell(f"{worst.tolerance:.1e}"),
                used(worst),
            )
        )
    kinds = [what for what in KINDS if any(row.what == what for row in proof.rows)]
    said = "; ".join(f"{what}: {KINDS[what]}" for what in kinds)
    first = (
        "Of every kind the tensor that uses most of what it may. In float64 the whole model is run; in every other "
        "mode each layer by itself, on the reference's inputs."
    )
    return Section(
        "What was compared",
        (first, f"{said}."),
        Table(header, tuple(rows), frozenset({3, 5, 6, 7, 8})),
    )


def _place(row: Row) -> str:
    """Where the number stands that uses most."""
    return f"{row.where} {list(row.place)}" if row.place else row.where


def _drift(proof: Proof) -> Iterator[Section]:
    """How far runs and trainings come apart."""
    if not proof.drift:
        return
    header = ("mode", "of", "in", "tensor", "cosine", "relative distance")
    rows = tuple(
        (
            Cell(one.way),
            Cell(one.what),
            Cell(one.mode),
            Cell(one.where),
            Cell("-" if one.cosine is None else f"{one.cosine:.6f}"),
            Cell("-" if one.relative is None else f"{one.relative:.1e}"),
        )
        for one in proof.drift
    )
    said = (
        "From end to end a network amplifies what its first layers round, and a training what its first steps do; so "
        "this is told and not judged. `all` is every parameter as one vector, beside it the one whose cosine is least."
    )
    yield Section("From end to end", (said,), Table(header, rows, frozenset({4, 5}), long=len(rows) > 24))


def _given(graph: Graph) -> Iterator[Section]:
    """What training draws and what it remembers: both were given."""
    drawn = [(node, one) for node in graph.nodes for one in node.noise]
    kept = [node for node in graph.nodes if node.state]
    if not drawn and not kept:
        return
    said = []
    if drawn:
        said.append(
            "In training both sides were given the same masks, drawn by the seed: "
            + ", ".join(f"`{node.path}` keeps {one.keep:g}" for node, one in drawn)
            + ". So what a mask leaves is compared number by number, and its scale with it."
        )
    if kept:
        said.append(
            f"In training the batch's own statistics normalise in {len(kept)} "
            f"layer{'s' if len(kept) > 1 else ''}; the running ones that they leave were compared: "
            + ", ".join(f"`{node.path}`" for node in kept)
            + "."
        )
    yield Section("Masks and statistics", tuple(said))


def _open(proof: Proof) -> Section:
    """What was not proved."""
    said = [f"Not run: {one.mode} ({MODES[one.mode]}): {one.why}." for one in proof.missing]
    said += [f"{one[:1].upper()}{one[1:]}." for one in proof.notes]
    return Section(
        "What this does not prove", tuple(said) or ("Every mode was run, and nothing was left out.",)
    )


def _constants(proof: Proof) -> tuple[str, ...]:
    """The numbers in the formulas."""
    apart = f"{_power(STEPS[0])} down to {_power(STEPS[-1])}"
    return (
        f"lam = {LAM:g}; eps = {_power(EPS)} in float64, {_power(SINGLE)} in float32; u = {_power(HALF)} in bfloat16",
        f"K = {proof.terms:,} terms in the longest sum of this model",
        f"s from {RUNS} runs with shares of {_power(DISTURBANCE)}",
        f"slopes along {DIRECTIONS} directions in either mode, over {apart} of the numbers' own size",
    )


HALF = HALF_GAP["bfloat16"]


def _power(value: float) -> str:
    """A power of two as people write it."""
    return f"2^{round(log2(value))}"
