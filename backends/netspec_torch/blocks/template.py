"""One class of many uses: their items laid over one another.

What differs becomes a parameter, and what is not everywhere a choice.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.ir.graph import Ref
from netspec_torch.blocks.condition import condition
from netspec_torch.blocks.outline import Call, Item, Leaf, Piece, Series
from netspec_torch.blocks.relation import Row, express
from netspec_torch.blocks.signatures import POSITIONAL
from netspec_torch.blocks.slots import MISSING, Copies, Dotted, Hole, Loop, dotted_name, filled, plain
from netspec_torch.blocks.unify import Differ, Unifier
from netspec_torch.naming import RESERVED
from netspec_torch.rule import call, name

Label = tuple[str, int]
"""A value as a class sees it: the item that makes it, and which of its outputs; `@x` is the input `x`."""


@dataclass(eq=False)
class Part:
    """An item of a class. `told` has the item of each use; `present` is None where all uses have it."""

    key: str
    told: list[Item | None]
    inputs: tuple[Label, ...]
    construct: ast.expr | None
    call: ast.expr
    home: str
    present: list[bool] | None = None
    bypass: dict[int, Label] = field(default_factory=dict)
    when: ast.expr | None = None

    @property
    def first(self) -> Item:
        """The item of some use that has it."""
        return next(one for one in self.told if one is not None)


@dataclass(eq=False)
class Template:
    """A class: its parts, its parameters, and the names of what goes in and comes out."""

    pieces: list[Piece]
    parts: list[Part]
    inputs: tuple[str, ...]
    outputs: tuple[Label, ...]
    rows: list[Row] = field(default_factory=list)
    stored: dict[str, ast.expr] = field(default_factory=dict)
    choices: dict[tuple[bool, ...], ast.expr] = field(default_factory=dict)
    name: str = ""

    @property
    def used(self) -> list[Row]:
        """The parameters of the constructor: those that must be given first."""
        rows = [row for row in self.rows if row.used]
        return [row for row in rows if row.default is MISSING] + [
            row for row in rows if row.default is not MISSING
        ]

    @property
    def defaults(self) -> dict[str, object]:
        """The parameters in order, those without a default too: their value is MISSING."""
        return {row.name: row.default for row in self.used}

    def construct(self, k: int) -> ast.expr:
        """The call of the class for use `k`, every argument by name."""
        from netspec_torch.blocks.slots import written  # noqa: PLC0415 - used here alone

        given = []
        for row in self.used:
            value = row.values[k]
            if value is MISSING:
                value = row.default
            if row.default is not MISSING and repr(value) == repr(row.default):
                continue
            given.append(ast.keyword(row.name, written(value)))
        return ast.Call(name(self.name), [], given)


Constructs = Mapping[int, ast.expr]
"""The constructor of each item that has one, by the item's id."""


def unite(
    pieces: Sequence[Piece], constructs: Constructs, defaults: Mapping[str, Mapping[str, object]]
) -> Template:
    """One class of several uses; Differ where they are not of one form."""
    inputs = pieces[0].names
    if any(one.names != inputs or len(one.outputs) != len(pieces[0].outputs) for one in pieces):
        raise Differ
    keys = _order([[_key(one, item) for item in one.items] for one in pieces])
    place = {key: i for i, key in enumerate(keys)}
    labels = [_labels(one) for one in pieces]
    tables = [{_key(one, item): item for item in one.items} for one in pieces]
    unifier = Unifier(defaults)
    raw: dict[Label, dict[int, Label]] = {}
    parts: list[Part] = []
    for key in keys:
        told = [table.get(key) for table in tables]
        parts.append(_part(key, told, pieces, labels, place, raw, constructs, unifier))
    outputs = _agreed(
        [[seen[ref] for ref in one.outputs] for one, seen in zip(pieces, labels, strict=True)], place, raw
    )
    _pass_by(parts, raw, place)
    _reach(parts, outputs)
    return Template(list(pieces), parts, inputs, outputs)


def _key(piece: Piece, item: Item) -> str:
    """What an item is called in its class."""
    return piece.inside(item.path) if item.path != piece.path else "_"


def _labels(piece: Piece) -> dict[Ref, Label]:
    """The values of a piece by their labels."""
    found = {ref: (f"@{called}", 0) for ref, called in zip(piece.inputs, piece.names, strict=True)}
    for item in piece.items:
        for i, ref in enumerate(item.refs):
            found[ref] = (_key(piece, item), i)
    return found


def _order(lists: Sequence[Sequence[str]]) -> list[str]:
    """All keys in an order that every list keeps; Differ where there is none."""
    longest = max(lists, key=len)
    order = list(longest)
    for one in lists:
        at = -1
        for key in one:
            if key in order:
                found = order.index(key)
                if found <= at:
                    raise Differ
                at = found
            else:
                at += 1
                order.insert(at, key)
    for one in lists:
        places = [order.index(key) for key in one]
        if places != sorted(places):
            raise Differ
    return order


def _part(
    key: str,
    told: list[Item | None],
    pieces: Sequence[Piece],
    labels: Sequence[Mapping[Ref, Label]],
    place: Mapping[str, int],
    raw: dict[Label, dict[int, Label]],
    constructs: Constructs,
    unifier: Unifier,
) -> Part:
    there = [one for one in told if one is not None]
    if len({(type(one), len(one.refs), len(one.inputs)) for one in there}) > 1:
        raise Differ
    wired = [
        None if one is None else [seen[ref] for ref in one.inputs]
        for one, seen in zip(told, labels, strict=True)
    ]
    inputs = _agreed(wired, place, raw)
    homes = {
        piece.inside(one.home) if one.home else ""
        for piece, one in zip(pieces, told, strict=True)
        if one is not None
    }
    if len(homes) > 1:
        raise Differ
    stem = bare(key)
    made = [None if one is None else constructs.get(id(one)) for one in told]
    if any((one is None) != (item is None) for one, item in zip(made, told, strict=True)) and any(made):
        raise Differ
    construct = unifier.one(made, stem) if any(made) else None
    calls = unifier.one([None if one is None else one.expression for one in told], stem)
    present = None if len(there) == len(told) else [one is not None for one in told]
    return Part(key, told, inputs, construct, calls, homes.pop(), present)


def _agreed(
    wired: Sequence[Sequence[Label] | None], place: Mapping[str, int], raw: dict[Label, dict[int, Label]]
) -> tuple[Label, ...]:
    """What is read, as the use with the most items sees it; what others read instead is noted in `raw`."""
    there = [one for one in wired if one is not None]
    if len({len(one) for one in there}) != 1:
        raise Differ
    agreed: list[Label] = []
    for i in range(len(there[0])):
        found = max((one[i] for one in there), key=lambda label: (place.get(label[0], -1), label))
        agreed.append(found)
        for k, one in enumerate(wired):
            if one is None or one[i] == found:
                continue
            known = raw.setdefault(found, {})
            if known.setdefault(k, one[i]) != one[i]:
                raise Differ
    return tuple(agreed)


def _pass_by(
    parts: Sequence[Part], raw: Mapping[Label, Mapping[int, Label]], place: Mapping[str, int]
) -> None:
    """Settle what stands for a value where its item is not there; Differ where that is not one value."""
    by_key = {part.key: part for part in parts}
    instead: dict[Label, Label] = {}

    def seen(label: Label, k: int) -> Label:
        while (part := by_key.get(label[0])) is not None and part.told[k] is None:
            if label not in instead:
                raise Differ
            label = instead[label]
        return label

    for label in sorted(raw, key=lambda one: place.get(one[0], -1)):
        part = by_key.get(label[0])
        if part is None or part.present is None:
            raise Differ
        if any(part.present[k] for k in raw[label]):
            raise Differ
        found = max(raw[label].values(), key=lambda one: (place.get(one[0], -1), one))
        if place.get(found[0], -1) >= place[label[0]]:
            raise Differ
        instead[label] = found
        if any(seen(found, k) != wanted for k, wanted in raw[label].items()):
            raise Differ
        part.bypass[label[1]] = found


def _reach(parts: Sequence[Part], outputs: Sequence[Label]) -> None:
    """Differ where what is not everywhere is read behind its choice, and nothing stands for it."""
    turn: dict[str, int] = {}
    for i, part in enumerate(parts):
        together = i and part.present is not None and part.present == parts[i - 1].present
        turn[part.key] = turn[parts[i - 1].key] if together else i
    by_key = {part.key: part for part in parts}
    read = [(label, turn[part.key]) for part in parts for label in (*part.inputs, *part.bypass.values())]
    for label, at in [*read, *((label, len(parts)) for label in outputs)]:
        made = by_key.get(label[0])
        if made is None or made.present is None or turn[made.key] == at:
            continue
        if label[1] not in made.bypass:
            raise Differ


def bare(key: str) -> str:
    """A word for an item: `conv1` is `conv`."""
    word = key.rpartition(".")[2].rstrip("0123456789") or key.rpartition(".")[2]
    return word if word.isidentifier() and not keyword.iskeyword(word) else "value"


def settle(template: Template) -> None:
    """Fill the holes of a class with its parameters, and say when its choices are made."""
    _tell(template)
    rows = template.rows
    taken = {part.key.split(".")[0] for part in template.parts} | RESERVED
    holes = [
        (part, hole, in_call)
        for part in template.parts
        for tree, in_call in ((part.construct, False), (part.call, True))
        if tree is not None
        for hole in _holes(tree)
    ]
    said: dict[int, ast.expr] = {}
    for partial in (False, True):
        for part, hole, _ in holes:
            if (MISSING in hole.values) == partial:
                said[id(hole)] = _said(hole, part, rows, len(template.pieces))
    names = {row.name for row in rows}
    for part in template.parts:
        if part.construct is not None:
            apart = filled(part.construct, lambda tree: _apart(tree, names))
            part.construct = filled(apart, lambda tree: said.get(id(tree)))
        part.call = filled(
            part.call,
            lambda tree, part=part: _kept(tree, said, template, part, taken),  # type: ignore[misc]
        )
    _choose(template, taken)
    for part in template.parts:
        if part.present is not None and part.construct is not None:
            part.construct = filled(part.construct, lambda tree, part=part: _meant(tree, part, rows))  # type: ignore[misc]


def _apart(tree: ast.expr, names: set[str]) -> ast.expr | None:
    """A loop whose variables have other names than the parameters of the class."""
    if not isinstance(tree, Loop) or tree.variable == "_":
        return None
    new = {one: f"{one}_" if one in names else one for one in tree.variable.split(", ")}

    def put(inner: ast.expr) -> ast.expr | None:
        return (
            ast.Name(new[inner.id], ast.Load()) if isinstance(inner, ast.Name) and inner.id in new else None
        )

    return Loop(filled(tree.entry, put), tree.count, ", ".join(new.values()), tree.rows)


def _meant(tree: ast.expr, part: Part, rows: Sequence[Row]) -> ast.expr | None:
    """A number of a part that few uses have, said by the parameter it comes from, though it is one number there."""
    if not isinstance(tree, ast.Call) or not tree.args + [key.value for key in tree.keywords]:
        return None
    names = POSITIONAL.get(dotted_name(tree.func), ())
    told = [names[i] if i < len(names) else "" for i in range(len(tree.args))]
    args = [_by_name(one, hint, part, rows) for one, hint in zip(tree.args, told, strict=True)]
    keys = [ast.keyword(key.arg, _by_name(key.value, key.arg or "", part, rows)) for key in tree.keywords]
    again = [filled(one, lambda inner: _meant(inner, part, rows)) for one in args]
    return ast.Call(
        tree.func,
        again,
        [ast.keyword(key.arg, filled(key.value, lambda inner: _meant(inner, part, rows))) for key in keys],
    )


def _by_name(value: ast.expr, hint: str, part: Part, rows: Sequence[Row]) -> ast.expr:
    """A constant as the parameter of its name that has this value wherever the part is there."""
    number = plain(value)
    if type(number) not in (int, float) or not hint:
        return value
    for row in rows:
        alike = row.name == hint or hint.endswith(f"_{row.name}") or (row.enters and hint.startswith("in_"))
        if not row.used or not (alike or isinstance(number, float)):
            continue
        there = [one for one, is_there in zip(row.values, part.present or (), strict=True) if is_there]
        if there and all(type(one) is type(number) and one == number for one in there):
            return name(row.name)
    return value


def _tell(template: Template) -> None:
    """What the parameters may be: how many channels come in, and what the spec calls the block's own."""
    rows = template.rows
    for i, called in enumerate(template.inputs):
        kinds = [piece.entering[i] for piece in template.pieces]
        for axis, word in (("channel", "channels"), ("feature", "features")):
            sizes = [kind.size(axis).value if kind.find(axis) is not None else None for kind in kinds]
            wanted = f"in_{word}" if len(template.inputs) == 1 or i == 0 else f"{called}_{word}"
            row = Row(wanted, [MISSING if one is None else one for one in sizes], told=False, enters=True)
            if None not in sizes and row.varies and wanted not in [one.name for one in rows]:
                rows.append(row)
    uses = [one.use for one in template.pieces]
    first = uses[0]
    for key in first.arguments if first is not None else ():
        values = [MISSING if one is None else _value(one.arguments.get(key, MISSING)) for one in uses]
        default = _value(first.defaults.get(key, MISSING)) if first is not None else MISSING
        if any(isinstance(one, float) for one in values) and isinstance(default, int):
            default = float(default)
        row = Row(_free(key, [one.name for one in rows]), values, told=True, default=default)
        if row.varies:
            rows.append(row)


def _value(value: object) -> object:
    """A value of the spec as one of the code; MISSING for what is no plain value."""
    if isinstance(value, tuple):
        parts = tuple(_value(one) for one in value)
        return MISSING if MISSING in parts else parts
    return value if isinstance(value, (bool, int, float, str)) else MISSING


def _holes(tree: ast.expr) -> list[Hole]:
    found: list[Hole] = []

    def put(one: ast.expr) -> ast.expr | None:
        if isinstance(one, Hole):
            found.append(one)
            return one
        return None

    filled(tree, put)
    return found


def _said(hole: Hole, part: Part, rows: list[Row], count: int) -> ast.expr:
    """A hole by parameters; a new one where those that are there do not say it."""
    found = express(hole.values, rows, hole.hint or bare(part.key))
    if found is not None:
        return found
    wanted = hole.hint or bare(part.key)
    called = _free(wanted, [row.name for row in rows])
    if called != wanted and wanted != bare(part.key):
        called = _free(f"{bare(part.key)}_{wanted}", [row.name for row in rows])
    default: object = None if MISSING in hole.values else MISSING
    if default is MISSING and len(hole.values) == count and isinstance(hole.values[0], bool):
        default = False
    row = Row(called, list(hole.values), told=False, default=default, used=True)
    rows.append(row)
    return name(called)


def _free(wanted: str, taken: Sequence[str]) -> str:
    """A name for a parameter that is no word of Python's, and none that is taken."""
    from netspec_torch.naming import TAKEN  # noqa: PLC0415 - used here alone

    called = re.sub(r"\W", "_", wanted)
    if called in TAKEN or not called.isidentifier() or called.startswith("__") or not called.islower():
        called = f"{called.strip('_')}_value"
    stem, number = called, 2
    while called in taken:
        called, number = f"{stem}{number}", number + 1
    return called


def _kept(
    tree: ast.expr, said: Mapping[int, ast.expr], template: Template, part: Part, taken: set[str]
) -> ast.expr | None:
    """A hole of `forward`: an attribute that the constructor keeps."""
    found = said.get(id(tree))
    if found is None or not isinstance(tree, Hole):
        return found
    wanted = found.id if isinstance(found, ast.Name) else tree.hint or bare(part.key)
    return name(f"self.{_store(template, wanted, found, taken)}")


def _store(template: Template, wanted: str, value: ast.expr, taken: set[str]) -> str:
    """The attribute that keeps a value."""
    called = wanted
    while called in taken or (
        called in template.stored and ast.dump(template.stored[called]) != ast.dump(value)
    ):
        called += "_"
    template.stored[called] = value
    return called


def _choose(template: Template, taken: set[str]) -> None:
    """Say by which condition each optional part is there, and keep those that `forward` asks for."""
    groups: dict[tuple[bool, ...], list[Part]] = {}
    for part in template.parts:
        if part.present is not None:
            groups.setdefault(tuple(part.present), []).append(part)
    for present, parts in groups.items():
        found = _given(present, template.rows) or condition(present, template.rows)
        if found is None:
            called = _free(bare(parts[0].key), [one.name for one in template.rows])
            template.rows.append(Row(called, list(present), told=False, default=False, used=True))
            found = name(called)
        for part in parts:
            part.when = found
        if any(part.construct is not None and part.home.isidentifier() for part in parts):
            continue
        if isinstance(found, ast.Compare) and isinstance(found.ops[0], ast.IsNot):
            assert isinstance(found.left, ast.Name)  # so `_given` makes it
            kept = name(f"self.{_store(template, found.left.id, found.left, taken)}")
            template.choices[present] = ast.Compare(kept, [ast.IsNot()], [ast.Constant(None)])
            continue
        wanted = found.id if isinstance(found, ast.Name) else f"has_{bare(parts[-1].key)}"
        template.choices[present] = name(f"self.{_store(template, wanted, found, taken)}")


def _given(present: Sequence[bool], rows: Sequence[Row]) -> ast.expr | None:
    """A parameter that is given just where the part is there."""
    for row in rows:
        if row.used and row.default is None and [one is not MISSING for one in row.values] == list(present):
            return ast.Compare(name(row.name), [ast.IsNot()], [ast.Constant(None)])
    return None


def construct_of(item: Item, constructs: dict[int, ast.expr]) -> ast.expr | None:
    """The constructor of an item, once those of the pieces in it are there."""
    if isinstance(item, Leaf):
        return item.lowered.construct if item.home == item.path else None
    if isinstance(item, Call):
        return constructs.get(id(item.piece))
    assert isinstance(item, Series)  # there is no fourth kind
    inner = [construct_of(one, constructs) for one in item.parts]
    made = [one for one in inner if one is not None]
    if item.numbered:
        return call("nn.Sequential", Copies(made))
    named = {one.path.rpartition(".")[2]: made for one, made in zip(item.parts, made, strict=True)}
    return call("nn.Sequential", call("OrderedDict", **named))


def annotation_of(row: Row) -> str:
    """The type of a parameter."""
    return _kinds([one for one in (*row.values, row.default) if one is not MISSING])


def _kinds(values: Sequence[object]) -> str:
    """The type of several values, None last."""
    tuples = [one for one in values if isinstance(one, tuple)]
    kinds = dict.fromkeys(
        "Callable[[Tensor], Tensor]" if isinstance(one, Dotted) else type(one).__name__
        for one in values
        if one is not None and not isinstance(one, tuple)
    )
    if "float" in kinds:
        kinds.pop("int", None)
    if tuples:
        kinds[f"tuple[{_kinds([part for one in tuples for part in one]) or 'int'}, ...]"] = None
    if None in values:
        kinds["None"] = None
    return " | ".join(kinds)
