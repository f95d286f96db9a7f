"""The pages of the catalogue: one for every family of ops, and one that lists them all."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

from netspec import ops
from netspec.ir.op import Op, Parameter, State
from netspec.ir.types import TensorType
from netspec.reference.described import arguments, first_sentence
from netspec.reference.example import Example, example
from netspec.reference.markdown import MADE, argument_table, sentence, table
from netspec.text.codes import CODES

CATALOGUE = """# The ops

Every op of the catalogue by family. An op is a layer, `- conv: {out_channels: 8, kernel_size: 3}`, and a function in
formulas, `sum(x, axis=channel)`: first its inputs, then its main argument, then `name=value`. An argument without a
default must be given; the main one, in bold, needs no name in a layer.

"""


def families() -> dict[str, list[type[Op]]]:
    """The ops that a spec can write by family, both in the order in which the source has them."""
    catalogue = ops.catalogue()
    found = {family: [catalogue[name] for name in names.split()] for family, names in ops.FAMILIES.items()}
    written = {family: [kind for kind in kinds if kind.written] for family, kinds in found.items()}
    return {family: kinds for family, kinds in written.items() if kinds}


def catalogue_page() -> str:
    """The list of all ops."""
    text = MADE + CATALOGUE
    for family, kinds in sorted(families().items()):
        text += f"## [{family}](ops/{family}.md)\n\n{table(['op', 'arguments', 'what it does'], map(_row, kinds))}\n"
    return text.rstrip("\n") + "\n"


def family_pages() -> dict[str, str]:
    """A page for every family, by its name."""
    return {family: _family(family, kinds) for family, kinds in families().items()}


def inputs(kind: type[Op]) -> str:
    """The inputs in order."""
    told = {"*": "`{}`, one or more", "?": "`{}`, which may be left out"}
    found = [told.get(slot[0], told.get(slot[-1], "`{}`")).format(slot.strip("*?")) for slot in kind.slots]
    return ", ".join(found) or "none"


def _row(kind: type[Op]) -> list[str]:
    return [f"`{kind.name}`", signature(kind), first_sentence(kind)]


def signature(kind: type[Op]) -> str:
    """Every argument with its default, the main one first and in bold."""
    found = []
    for one in arguments(kind):
        text = f"`{one.name}`" if one.default is None else f"`{one.name}={one.default}`"
        found.append(f"**{text}**" if one.main else text)
    return ", ".join(found)


def _family(family: str, kinds: list[type[Op]]) -> str:
    door = inspect.cleandoc(importlib.import_module(f"netspec.ops.{family}").__doc__ or "")
    return f"{MADE}# {family}\n\n{door}\n\n" + "\n".join(map(op_section, kinds))


def op_section(kind: type[Op]) -> str:
    """All that is told of one op."""
    parts = [f"## `{kind.name}`", inspect.cleandoc(kind.__doc__ or ""), "\n".join(_facts(kind))]
    if told := arguments(kind):
        parts.append(argument_table(told))
    return "\n\n".join([*parts, _shown(kind, example(kind)), *_refusals(kind)]) + "\n"


def _facts(kind: type[Op]) -> Iterator[str]:
    """Inputs, the rule for the result, and what is counted."""
    yield f"* Inputs: {inputs(kind)}."
    yield f"* Result: {sentence(' '.join((kind.infer.__doc__ or '').split()))}"
    if kind.macs is not Op.macs:
        yield f"* Multiply-accumulates: {sentence(' '.join((kind.macs.__doc__ or '').split()))}"


def _shown(kind: type[Op], shown: Example) -> str:
    """The example, with what goes in and what comes out."""
    lines = [f"# {name}: {typed(given)}" for name, given in zip(shown.names, shown.types, strict=True)]
    inferred = shown.inferred
    if "target" in kind.slots:
        lines.append(f"loss: {shown.call}" if inferred.outputs[0].rank == 0 else f"- formula: {shown.call}")
    else:
        lines.append(f"- {shown.layer}")
    lines += [f"# gives {typed(out)}" for out in inferred.outputs]
    tensors: tuple[Parameter | State, ...] = (*inferred.parameters, *inferred.state)
    kept = [f"{one.name} {list(one.shape)}" for one in tensors]
    lines += [f"# keeps {', '.join(kept)}"] if kept else []
    text = "```yaml\n" + "\n".join(lines) + "\n```"
    learns = bool(kept or inferred.noise)
    if learns or "target" in kind.slots or not kind.slots or not shown.written_as_call:
        return text
    return f"{text}\n\nIn a formula: `{shown.call}`."


def typed(kind: TensorType) -> str:
    """A type with all that is known of its numbers."""
    known = [*kind.facts.names(), *([kind.unit] if kind.unit else [])]
    return kind.named() + (f", {', '.join(known)}" if known else "")


def _refusals(kind: type[Op]) -> list[str]:
    """The codes that an op's bad samples raise, each with its sentence; those of other packages have none here."""
    codes = sorted({sample.code for sample in kind.samples() if sample.code})
    if not codes:
        return []
    return ["Refused:\n\n" + "\n".join(f"* `{code}` {CODES.get(code, '')}".rstrip() for code in codes)]
