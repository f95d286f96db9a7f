"""Arithmetic with plain numbers is a formula: `_ * 40 + 70` in one line, not four layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netspec.recover.item import FORMULA, Item
from netspec.recover.sketch import Step

SIGNS = {"add": (" + ", 1), "sub": (" - ", 1), "mul": (" * ", 2), "div": (" / ", 2), "pow": (" ** ", 4)}
"""How an op is written between its operands, and how tightly it binds."""

CALLS = frozenset({"minimum", "maximum", "where"})
COMPARED = {"less": " < ", "less_equal": " <= ", "greater": " > ", "greater_equal": " >= ", "equal": " == "}

LONGEST = 60
"""So many characters of a formula are read at a glance."""


@dataclass(frozen=True)
class Text:
    """A formula in the making: its text with `{0}`, `{1}` for values, how tightly it binds, and those values."""

    text: str
    binds: int
    values: tuple[str, ...]
    steps: tuple[Step, ...]


def items(steps: Sequence[Step], outputs: Mapping[str, str]) -> list[Item]:
    """Every step as an item, in order; steps on plain numbers as formulas, each within the next where it can be."""
    made = {value: step for step in steps for value in step.outputs}
    uses = Counter(value for step in steps for value in step.inputs)
    uses.update(outputs.values())
    texts: dict[str, Text] = {}
    found: list[Item] = []
    for step in steps:
        if step.op == "constant":
            continue
        text = _text(step, made, texts, uses)
        if text is None:
            found.append(_item(step))
            continue
        texts[step.outputs[0]] = text
        inner = {one.outputs[0] for one in text.steps if one.op != "constant"} - {step.outputs[0]}
        found = [one for one in found if one.op != FORMULA or one.outputs[0] not in inner]
        formula = {"text": text.text}
        found.append(Item(FORMULA, formula, text.values, step.outputs, (), text.steps))
    return found


def _item(step: Step) -> Item:
    """A step that is no formula."""
    return Item(step.op, dict(step.arguments), step.inputs, step.outputs, (), (step,), frozen=step.frozen)


def _text(step: Step, made: Mapping[str, Step], texts: Mapping[str, Text], uses: Counter[str]) -> Text | None:
    """The formula of a step; None where none of its operands is a plain number or a formula that is its own."""
    known = step.op in SIGNS or step.op in CALLS or step.op in COMPARED
    if not known or step.arguments or len(step.inputs) > 3:
        return None
    plain = any(value in made and made[value].op == "constant" for value in step.inputs)
    if not plain:
        return None
    operands = [_operand(value, made, texts, uses) for value in step.inputs]
    if sum(len(one.text) for one in operands) > LONGEST:
        operands = [_operand(value, made, {}, uses) for value in step.inputs]
    values: list[str] = []
    parts = [(_renumbered(one, values), one.binds) for one in operands]
    steps = (*(inner for one in operands for inner in one.steps), step)
    return Text(*_joined(step.op, parts), tuple(values), steps)


def _joined(op: str, parts: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The text of an op on its operands' texts."""
    if op in CALLS:
        return f"{op}({', '.join(text for text, _ in parts)})", 9
    sign, binds = SIGNS[op] if op in SIGNS else (COMPARED[op], 0)
    held = [
        text if other > binds or (i == 0 and other == binds and op != "pow") else f"({text})"
        for i, (text, other) in enumerate(parts)
    ]
    return sign.join(held), binds


def _operand(value: str, made: Mapping[str, Step], texts: Mapping[str, Text], uses: Counter[str]) -> Text:
    """A number, a formula that nobody else takes, or a value."""
    step = made.get(value)
    if step is not None and step.op == "constant":
        return Text(number(float(str(step.arguments["value"]))), 9, (), (step,))
    if value in texts and uses[value] == 1:
        return texts[value]
    return Text("{0}", 9, (value,), ())


def number(value: float) -> str:
    """A number as a person writes it; a negative one in brackets."""
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return f"({text})" if value < 0 else text


def _renumbered(text: Text, values: list[str]) -> str:
    """The text with its places counted in `values`, which grow by what is new."""
    places = []
    for value in text.values:
        if value not in values:
            values.append(value)
        places.append("{" + str(values.index(value)) + "}")
    return text.text.format(*places)
