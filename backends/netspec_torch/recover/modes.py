"""Training and evaluation as one sketch: what a module does in both, with what only training draws by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netspec.recover.sketch import Sketch, Step
from netspec_torch.recover.drawing import Drawing

BY_CHANCE = frozenset({"dropout", "alpha_dropout", "stochastic_depth"})
"""Ops that do nothing in evaluation."""


@dataclass(frozen=True)
class Drawn:
    """What a module is in one mode: the drawing, and its outputs by name."""

    drawing: Drawing
    outputs: Mapping[str, str]


def one(evaluating: Drawn, training: Drawn | None) -> tuple[Sketch, Mapping[str, str]]:
    """One sketch of both modes, and which of its values are those of the evaluation.

    It is that of training where every output of the evaluation is a value there, but for ops that evaluation passes
    by; what only training gives besides is left out, and said. Otherwise it is that of the evaluation, with a note.
    """
    drawing = evaluating.drawing
    plain = {value: value for step in drawing.steps for value in step.outputs}
    if training is None or drawing.refused:
        return drawing.sketch(evaluating.outputs), plain
    if training.drawing.refused:
        words = {f"`{one.op}` at {one.place}" for one in training.drawing.refusals}
        drawing.notes.append(
            f"what only training does is left out: netspec has no words for {', '.join(sorted(words))}"
        )
        return drawing.sketch(evaluating.outputs), plain
    here, there = _forms(drawing.steps), _forms(training.drawing.steps)
    found = {form: value for value, form in there.items()}
    outputs: dict[str, str] = {}
    for name, value in evaluating.outputs.items():
        outputs[name] = found.get(here[value], "") if value in here else value
    if not all(outputs.values()):
        drawing.notes.append(
            "the module computes otherwise in training than in evaluation, and more than dropout differs: the spec "
            "says what it does in evaluation"
        )
        return drawing.sketch(evaluating.outputs), plain
    more = [name for name in training.outputs if training.outputs[name] not in outputs.values()]
    if len(more) > len(training.outputs) - len(outputs):
        more = [name for name in more if name not in outputs]
    if more:
        told = ", ".join(f"`{name}`" for name in more)
        training.drawing.notes.append(
            f"{told}: given in training alone, and left out with what only they need"
        )
    return training.drawing.sketch(outputs), {
        value: found[form] for value, form in here.items() if form in found
    }


def _forms(steps: list[Step]) -> dict[str, int]:
    """Every value by how it is made, down to the inputs; what evaluation passes by is not seen."""
    forms: dict[str, int] = {}
    for step in steps:
        inputs = tuple(forms.get(value, hash(value)) for value in step.inputs)
        if step.op in BY_CHANCE:
            forms[step.outputs[0]] = inputs[0]
            continue
        arguments = tuple(
            sorted((word, repr(one)) for word, one in step.arguments.items() if word != "dropout")
        )
        for i, value in enumerate(step.outputs):
            forms[value] = hash((step.name, step.op, arguments, inputs, i))
    return forms
