"""An ONNX file as a sketch, and as something that can be run to hold the spec to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from netspec.ir.types import SPATIAL, DType
from netspec.recover.draft import Draft, Unsaid, axes_of
from netspec.recover.sketch import Reading
from netspec.text import SpecError
from netspec_onnx import figures, layout, matrix, norm, pointwise, reduce, reshaping, space, window
from netspec_onnx.file import Model, distrusted, opened
from netspec_onnx.reader import Laid, Reader, Rule
from netspec_onnx.running import Running

FAMILIES = (window, space, pointwise, norm, layout, reshaping, matrix, reduce)

RULES: Mapping[str, Rule] = {op: rule for family in FAMILIES for op, rule in family.TABLE.items()}
"""How each op of ONNX is said."""

KINDS: Mapping[int, DType] = {1: "float32", 7: "int64", 9: "bool"}
"""The kinds of numbers of inputs, as ONNX counts them."""

LETTER = re.compile(r"[A-Z][0-9]{0,15}")


def read(target: str | Path, shapes: Sequence[tuple[int | str, ...]] = (), *, name: str = "") -> Reading:
    """The network in the ONNX file `target`.

    `shapes` take the place of what the file says of its inputs, without the batch. SpecError NS770 and NS771 where the
    file cannot be read or trusted; what has no words in netspec stands among the refusals of the sketch.
    """
    path = Path(target)
    model = opened(path)
    told = f"{path.name}, ONNX opset {model.opset}" + (
        f", made by {model.producer}" if model.producer else ""
    )
    draft = Draft(name or _called(model, path), told)
    reader = Reader(model, draft, RULES, figures.INNER)
    fixed = _inputs(model, draft, reader, shapes)
    reader.read()
    results = {_word(key): value for key, value in reader.results().items()}
    values = {
        laid.value: key for key, laid in reader.laid.items() if isinstance(laid, Laid) and not laid.ones
    }
    return Reading(
        draft.sketch(results), Running(model, {_word(key): key for key in model.outputs}, values, fixed)
    )


def _called(model: Model, path: Path) -> str:
    """The model's own name, where it is more than what exporters write."""
    return (
        path.stem
        if model.name in {"main_graph", "torch_jit", "torch-jit-export", "graph", ""}
        else model.name
    )


def _word(name: str) -> str:
    """A name of the file as a word of the spec: small letters, digits and `_`."""
    word = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:60]
    return word if word[:1].isalpha() else f"x{word}"


def _inputs(
    model: Model, draft: Draft, reader: Reader, shapes: Sequence[tuple[int | str, ...]]
) -> Mapping[str, tuple[str, int | None]]:
    """Declare the inputs; gives the name in the file of each, and the batch that the file was made for."""
    if shapes and len(shapes) != len(model.inputs):
        raise SpecError.of(
            "NS772",
            f"{len(shapes)} shapes are given, and the file has {len(model.inputs)} inputs: "
            + ", ".join(f"`{one.name:.40}`" for one in model.inputs),
            help="give `--shape` once for each input, in this order, or not at all",
        )
    letters: dict[str, str] = {}
    fixed: dict[str, tuple[str, int | None]] = {}
    for i, one in enumerate(model.inputs):
        kind = KINDS.get(one.kind)
        if kind is None:
            draft.refuse("input", one.name, "numbers of a kind that netspec has not")
            kind = "float32"
        if one.shape is None and not shapes:
            raise SpecError.of(
                "NS772",
                f"the input `{one.name:.60}` does not say how many axes it has",
                help="give its sizes without the batch, `--shape 3,224,224`",
            )
        if one.shape is not None and not one.shape:
            raise SpecError.of(
                "NS772", f"the input `{one.name:.60}` has no batch", help="a network of netspec has"
            )
        shape = shapes[i] if shapes else tuple(_size(size, letters) for size in (one.shape or ())[1:])
        word = _word(one.name)
        try:
            axes = _axes(model, one.name, len(shape))
            value = draft.input(word, shape, kind, axes, source=one.name)
        except (Unsaid, ValueError) as trouble:
            raise distrusted(
                f"the input `{one.name:.60}`: {trouble}", "give its sizes with `--shape`"
            ) from trouble
        reader.laid[one.name] = Laid(value)
        reader.inputs.append(value)
        batch = one.shape[0] if one.shape else None
        fixed[word] = (one.name, batch if isinstance(batch, int) else None)
    return fixed


PASSING = frozenset({"Add", "Sub", "Mul", "Div", "Cast", "Identity", "Clip", "Relu"})
"""Ops behind which the axes of an input are still its own."""


def _axes(model: Model, name: str, rank: int) -> tuple[str, ...]:
    """What the axes of an input are called, as what is done with it first tells: channels may be missing, or last."""
    for _ in range(8):
        users = [node for node in model.nodes if name in node.inputs and node.op not in {"Shape", "Slice"}]
        ops = {node.op for node in users}
        if ops == {"Unsqueeze"} and 2 <= rank <= len(SPATIAL):
            return SPATIAL[-rank:]
        if ops == {"Transpose"} and len(users) == 1 and rank <= len(SPATIAL) + 1:
            order = users[0].attributes.get("perm", ())
            if sorted(order) == list(range(rank + 1)) and order[0] == 0:
                wanted = axes_of(rank)
                return tuple(wanted[order.index(i) - 1] for i in range(1, rank + 1))
        if len(users) != 1 or not ops <= PASSING:
            break
        name = users[0].outputs[0]
    return ()


def _size(size: int | str, letters: dict[str, str]) -> int | str:
    """A size; a free one gets a letter of its own, its own where it is one."""
    if isinstance(size, int):
        return size
    if size not in letters:
        taken = set(letters.values()) | {"N"}
        wanted = size if LETTER.fullmatch(size) else size[:1].upper()
        if not LETTER.fullmatch(wanted) or wanted in taken:
            wanted = next(f"S{i}" for i in range(1, 999) if f"S{i}" not in taken)
        letters[size] = wanted
    return letters[size]
