"""What differs between the uses of a class becomes its parameters, and what is not everywhere a choice."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from netspec_torch.blocks.condition import condition
from netspec_torch.blocks.relation import Row, express
from netspec_torch.blocks.signatures import POSITIONAL
from netspec_torch.blocks.slots import MISSING, Hole, Loop, dotted_name, filled, plain
from netspec_torch.blocks.template import Part, Template, bare
from netspec_torch.naming import RESERVED, TAKEN
from netspec_torch.rule import name


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
