"""The page of meanings: kinds, facts, units; which ops prove a fact, which keep it, and which refuse what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from netspec.front import check_source
from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.lang.kinds import KINDS, UNITS
from netspec.ops import written
from netspec.reference.markdown import MADE, table
from netspec.text import Source
from netspec.text.codes import MEANING

DOOR = """# Kinds and facts

A fact is what is proved of the numbers of a value, apart from its shape. Facts begin with the `kind` and `range` of the
inputs; every op derives those of its result. `netspec show` prints them, and messages use the same words.

"""


REFUSED = """A contradiction is an error. What may be right and is not proved is a warning, which a spec can
silence with a reason."""


@dataclass(frozen=True)
class Fact:
    """What one fact says, whether it holds, and the part of it that an op may have taken from an input."""

    says: str
    holds: Callable[[Facts], bool]
    begun: Callable[[Facts], bool]
    derived: bool = False


def _fact(says: str, holds: Callable[[Facts], bool], begun: Callable[[Facts], bool] | None = None) -> Fact:
    return Fact(says, holds, begun or holds)


FACTS: dict[str, Fact] = {
    "probabilities over an axis": _fact(
        "never negative, summing to 1 along it",
        lambda facts: facts.sums_to_one is not None and facts.low >= 0,
        lambda facts: facts.sums_to_one is not None,
    ),
    "log_probabilities over an axis": _fact(
        "logarithms of what sums to 1 along it", lambda facts: facts.log_probabilities is not None
    ),
    "cdf over an axis": _fact(
        "a distribution function: within 0 and 1, never falling along it",
        lambda facts: facts.nondecreasing is not None and facts.within_unit,
        lambda facts: facts.nondecreasing is not None,
    ),
    "non-decreasing over an axis": _fact(
        "never falling along it", lambda facts: facts.nondecreasing is not None
    ),
    "class_index of n": _fact("whole numbers from 0 to n - 1", lambda facts: facts.classes is not None),
    "mask": _fact("0 or 1, for no and yes", lambda facts: facts.mask),
    "places of height x width": _fact(
        "whole numbers that count the places of such a picture, row by row, none twice in a channel",
        lambda facts: facts.places is not None,
    ),
    "unit": _fact("within 0 and 1", lambda facts: facts.within_unit),
    "in [low, high]": Fact(
        "bounded by the two numbers, one of which may be infinite",
        lambda facts: facts.bounded,
        lambda facts: facts.bounded,
        derived=True,
    ),
}
"""Every fact as `Facts.names` calls it."""


def facts_page() -> str:
    """Kinds, facts, units, and what is refused."""
    facts = table(["fact", "what it says", "proved by", "kept by"], _facts())
    refused = table(["code", "what is wrong", "said by"], _refusals())
    return (
        f"{MADE}{DOOR}"
        f"## Kinds\n\nWhat `kind` says of an input or a target.\n\n{kinds()}\n"
        f"## Facts\n\nWho proves a fact finds it where no input has it; who keeps it wants it of an input.\n\n{facts}\n"
        f"## Units\n\n{_listed(UNITS)}. Values of different units do not add up.\n\n"
        f"## What is refused, and what is warned of\n\n{REFUSED}\n\n{refused}"
    )


def kinds() -> str:
    """What each kind says about five numbers, as the language reads it."""
    rows = []
    for name in KINDS:
        classes = ", classes: 3" if name == "class_index" else ""
        text = f"netspec: 1\ninputs: {{x: {{shape: [5], kind: {name}{classes}}}}}\nlayers: [identity]\n"
        spec, _ = check_source(Source("kind.yaml", text), Path())
        assert spec is not None, name
        kind = spec.graph.inputs["x"]
        rows.append([f"`{name}`", kind.dtype, known(kind.facts)])
    return table(["kind", "numbers", "what is then known"], rows)


def known(facts: Facts) -> str:
    """What facts say, in words; the axis is the last one."""
    words = {
        "whole numbers from 0 to `classes - 1`": facts.classes is not None,
        "0 or 1, for no and yes": facts.mask,
        "within 0 and 1": facts.within_unit and not facts.mask and facts.classes is None,
        "never falling along the last axis": facts.nondecreasing is not None,
        "summing to 1 along the last axis": facts.sums_to_one is not None,
        "logarithms of what sums to 1 along the last axis": facts.log_probabilities is not None,
    }
    return ", ".join(text for text, holds in words.items() if holds) or "nothing more"


def _facts() -> list[list[str]]:
    """For every fact the ops whose good samples show that they prove or keep it."""
    uses = _uses()
    rows = []
    for name, fact in FACTS.items():
        made = [(op, any(map(fact.begun, given))) for op, given, made in uses if fact.holds(made)]
        kept = "most ops" if fact.derived else _listed({op for op, begun in made if begun})
        rows.append([f"`{name}`", fact.says, _listed({op for op, begun in made if not begun}), kept])
    return rows


def _uses() -> list[tuple[str, list[Facts], Facts]]:
    """All good samples: the op, the facts that go in, and those that come out."""
    found = []
    for name, kind in written().items():
        for sample in kind.samples():
            if sample.code is None:
                made = infer_node(kind.model_validate(sample.attributes), sample.inputs).outputs
                found += [(name, [one.facts for one in sample.inputs], out.facts) for out in made]
    return found


def _refusals() -> list[list[str]]:
    """The codes about meaning, with the ops whose samples raise them."""
    said: dict[str, set[str]] = {}
    for name, kind in written().items():
        for code in _codes(kind):
            said.setdefault(code, set()).add(name)
    return [[f"`{code}`", text, _listed(said.get(code, set()))] for code, text in sorted(MEANING.items())]


def _codes(kind: type[Op]) -> set[str]:
    """What an op's samples are refused for, and warned of."""
    found = {sample.code for sample in kind.samples() if sample.code}
    for sample in kind.samples():
        if sample.code is None:
            found |= _warnings(kind, sample.attributes, sample.inputs)
    return found


def _warnings(kind: type[Op], attributes: dict[str, object], inputs: tuple[TensorType, ...]) -> set[str]:
    try:
        inferred = infer_node(kind.model_validate(attributes), inputs)
    except Problem as problem:
        return {problem.code}
    return {warned.code for warned in inferred.warnings}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
