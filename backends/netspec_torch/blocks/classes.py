"""The classes of a file: one for each form that a block's uses have, and the code of the model that uses them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError, TopologicalSorter

from netspec.ir.graph import Graph, GraphParameter
from netspec_torch.blocks.items import Call, Item, Kind, Leaf, Piece, Series
from netspec_torch.blocks.looping import runs
from netspec_torch.blocks.outline import Outline
from netspec_torch.blocks.settling import settle
from netspec_torch.blocks.slots import MISSING, Copies, Differ, Home, Slot, filled
from netspec_torch.blocks.template import Template, construct_of
from netspec_torch.blocks.uniting import unite
from netspec_torch.body import Step, shape, step_of
from netspec_torch.layers import Layers, are_copies
from netspec_torch.naming import class_name
from netspec_torch.starting import starts

SHOWN = 3
"""As many arguments of a class that must be given are written without their names."""


@dataclass
class Classes:
    """The templates of all pieces, in an order in which each stands behind what it uses, and who constructs what."""

    templates: list[Template] = field(default_factory=list)
    constructs: dict[int, ast.expr] = field(default_factory=dict)
    support: dict[str, None] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, dict[str, object]]:
        """The parameters of each class with their defaults."""
        return {one.name: one.defaults for one in self.templates}

    def construct(self, item: Item) -> ast.expr | None:
        """The constructor of an item's layer."""
        return construct_of(item, self.constructs)


def classes(items: Iterable[Item], taken: Iterable[str]) -> Classes:
    """The classes of all pieces among `items` and inside them; their names are none of `taken`."""
    made = Classes()
    names = set(taken)
    for kind, pieces in _kinds(list(dict.fromkeys(_pieces(items)))):
        found = _forms(pieces, made)
        for template in found:
            template.name = _free(_called(kind, template), names)
            names.add(template.name)
            made.templates.append(template)
            for k, piece in enumerate(template.pieces):
                made.constructs[id(piece)] = template.construct(k)
    return made


def _pieces(items: Iterable[Item]) -> list[Piece]:
    """All pieces, inner ones before those that hold them."""
    found: list[Piece] = []
    for item in items:
        if isinstance(item, Series):
            found.extend(_pieces(item.parts))
        elif isinstance(item, Call):
            found.extend(_pieces(item.piece.items))
            found.append(item.piece)
    return found


def _kinds(pieces: Sequence[Piece]) -> list[tuple[Kind, list[Piece]]]:
    """The pieces by kind, in an order in which all that a piece holds stands before it."""
    grouped: dict[tuple[Kind, int], list[Piece]] = {}
    sorter: TopologicalSorter[tuple[Kind, int]] = TopologicalSorter()
    for piece in pieces:
        grouped.setdefault((piece.kind, 0), []).append(piece)
        sorter.add((piece.kind, 0), *((inner.kind, 0) for inner in _pieces(piece.items)))
    try:
        return [(key[0], grouped[key]) for key in sorter.static_order()]
    except CycleError:  # layers given as arguments can put two blocks into one another
        by_height: dict[tuple[int, Kind], list[Piece]] = {}
        for piece in pieces:
            by_height.setdefault((_height(piece), piece.kind), []).append(piece)
        return [(kind, by_height[height, kind]) for height, kind in sorted(by_height, key=lambda one: one[0])]


def _height(piece: Piece) -> int:
    return 1 + max((_height(one) for one in _pieces(piece.items)), default=0)


def _forms(pieces: Sequence[Piece], made: Classes) -> list[Template]:
    """The uses of one kind as few classes."""
    constructs: dict[int, ast.expr] = {}
    for piece in pieces:
        for item in piece.items:
            found = made.construct(item)
            if found is not None:
                constructs[id(item)] = found
    groups: dict[tuple[object, ...], list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(_form(piece), []).append(piece)
    found_forms: list[Template] = []
    for group in sorted(groups.values(), key=lambda one: -len(one[0].items)):
        for one in _split(group, constructs, made):
            for i, template in enumerate(found_forms):
                try:
                    united = unite([*template.pieces, *one.pieces], constructs, made.defaults)
                except Differ:
                    continue
                found_forms[i] = united
                break
            else:
                found_forms.append(one)
    order = {id(piece): i for i, piece in enumerate(pieces)}
    for template in found_forms:
        settle(template)
    return sorted(found_forms, key=lambda one: min(order[id(piece)] for piece in one.pieces))


def _split(group: Sequence[Piece], constructs: Mapping[int, ast.expr], made: Classes) -> list[Template]:
    """Uses of one form; those that do not fit one class after all, each where it does."""
    try:
        return [unite(group, constructs, made.defaults)]
    except Differ:
        found: list[Template] = []
    for piece in group:
        for i, template in enumerate(found):
            try:
                found[i] = unite([*template.pieces, piece], constructs, made.defaults)
            except Differ:
                continue
            break
        else:
            found.append(unite([piece], constructs, made.defaults))
    return found


def _form(piece: Piece) -> tuple[object, ...]:
    """What uses must share at least to be of one form without a choice."""
    return tuple(
        (piece.inside(item.path), item.node.op.name if isinstance(item, Leaf) else type(item).__name__)
        for item in piece.items
    )


def _called(kind: Kind, template: Template) -> str:
    """What a class should be called."""
    word = class_name(kind.name.rpartition(".")[2])
    if kind.sort == "group":
        stem = kind.name.rstrip("0123456789")
        if stem in ("layers", "residual") or len(stem) < 2:
            word = _of_ops(template) or class_name(f"{kind.owner} {stem or kind.name}")
    return word


def _of_ops(template: Template) -> str:
    """`ConvBatchNormRelu`: a short group called by what is in it."""
    ops = [one.node.op.name for part in template.parts if isinstance(one := part.first, Leaf)]
    if len(ops) != len(template.parts) or len(ops) > 4:
        return ""
    return "".join(class_name(op.rpartition(".")[2].replace("_", " ")) for op in ops)


def _free(wanted: str, taken: set[str]) -> str:
    """A name that is not taken."""
    name, count = wanted, 2
    while name in taken:
        name, count = f"{wanted}{count}", count + 1
    return name


def laid_out(tree: ast.expr, defaults: Mapping[str, Mapping[str, object]]) -> ast.expr:
    """A constructor as it is written: copies in loops, and the first arguments of a class without their names."""

    def put(one: ast.expr) -> ast.expr | None:
        if not isinstance(one, ast.Call):
            return None
        copies = [arg for arg in one.args if isinstance(arg, Copies)]
        if copies:
            entries = [filled(entry, put) for entry in runs(copies[0].entries)]
            return ast.Call(one.func, entries, [])
        known = defaults.get(one.func.id) if isinstance(one.func, ast.Name) else None
        if known is None or one.args:
            return None
        given = {key.arg: filled(key.value, put) for key in one.keywords}
        first = [key for key, default in known.items() if default is MISSING]
        bare = first if len(first) <= SHOWN else first[:2]
        args = [given.pop(key) for key in bare]
        return ast.Call(one.func, args, [ast.keyword(key, value) for key, value in given.items()])

    return filled(tree, put)


def hang_all(graph: Graph, outlined: Outline, made: Classes) -> Layers:
    """The layers of the model, in the order of the graph; what a class holds hangs there as a whole."""
    layers = Layers(graph)
    layers.lists = _lists(outlined.homes)
    layers.support.update(one.rpartition(":")[2] for one in outlined.support)
    layers.support.update(one.name for one in made.templates)
    place = {path: i for i, path in enumerate(outlined.homes)}
    hung: list[tuple[int, str, ast.expr]] = []
    for item in outlined.items:
        construct = made.construct(item)
        if construct is not None:
            inside = f"{item.home}."
            at = min(i for path, i in place.items() if path == item.home or path.startswith(inside))
            hung.append((at, item.home, laid_out(construct, made.defaults)))
        elif (
            isinstance(item, Leaf)
            and item.lowered.construct is not None
            and outlined.homes[item.home] is item.node
        ):
            hung.append((place[item.home], item.home, item.lowered.construct))
    for _, path, construct in sorted(hung, key=lambda one: one[0]):
        layers.hang(path, construct)
    keys = dict.fromkeys(key for node in outlined.homes.values() for key in node.parameters.values())
    rows = [graph.parameters[key] for key in keys]
    kinds = {path: constructor for path, (_, constructor) in outlined.constructors.items()}
    owners = {piece.path: one.name for one in made.templates for piece in one.pieces}
    layers.starts = [*starts(layers, rows, kinds, owners), *_frozen(layers, rows)]
    return layers


def _frozen(layers: Layers, rows: Sequence[GraphParameter]) -> list[ast.stmt]:
    """The statements that keep training away: from all of a layer or a block where that is meant, else one by one."""
    below: dict[str, list[GraphParameter]] = {}
    for row in rows:
        parts = row.key.split(".")
        for i in range(1, len(parts) + 1):
            below.setdefault(".".join(parts[:i]), []).append(row)
    made: list[ast.stmt] = []
    done: list[str] = []
    for path, held in below.items():
        if any(row.trainable for row in held) or any(path.startswith(f"{one}.") for one in done):
            continue
        done.append(path)
        made.append(layers.held(path))
    return made


def _lists(homes: Collection[str]) -> frozenset[str]:
    """The paths that hold copies numbered 0, 1, 2, ... and nothing else, and are no layer themselves."""
    below: dict[str, dict[str, None]] = {}
    for path in homes:
        parts = path.split(".")
        for i in range(1, len(parts)):
            below.setdefault(".".join(parts[:i]), {})[parts[i]] = None
    return frozenset(path for path, names in below.items() if are_copies(names) and path not in homes)


def steps_of(items: Sequence[Item], layers: Layers) -> list[Step]:
    """The items of a model as the steps of its body."""
    made: list[Step] = []
    for item in items:
        module = layers.expression(item.home) if item.home else None
        made.append(_step(item, partial(put_in, item.expression, module=module)))
    return made


def put_in(tree: ast.expr, inputs: Sequence[ast.expr], module: ast.expr | None) -> ast.expr:
    """The expression of an item with its inputs and its layer put in."""

    def put(one: ast.expr) -> ast.expr | None:
        if isinstance(one, Slot):
            return inputs[one.index]
        return module if isinstance(one, Home) else None

    return filled(tree, put)


def word(path: str) -> str:
    """What a value is called after what makes it: the copy `table.1` is `table_1`."""
    above, _, last = path.rpartition(".")
    return f"{above.rpartition('.')[2]}_{last}" if last.isdigit() and above else last


def _step(item: Item, write: Callable[[tuple[ast.expr, ...]], ast.expr]) -> Step:
    if isinstance(item, Leaf):
        return step_of(item.node, item.inputs, write)
    last = (word(item.path),)
    called = last if len(item.refs) == 1 else tuple(ref.path.rpartition(".")[2] for ref in item.refs)
    comment = ", ".join(shape(one) for one in item.types)
    return Step(item.path, item.inputs, item.refs, write, called, comment, is_apart=True)
