"""First values of a whole model: one loop over its modules where layers of a kind start alike, else line by line.

Numbers are drawn in the order of the parameters either way: a loop is written only where it draws in that order.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netspec.ir.graph import GraphParameter
from netspec_torch import initializer
from netspec_torch.layers import Layers
from netspec_torch.rule import call, literal, name

WORTH = 3
"""A loop is written for so many parameters or more."""

FEW = 3
"""So many layers that start otherwise have a branch of their own in a loop."""

_RANDOM = ("uniform", "normal", "orthogonal", "sparse")


@dataclass(frozen=True)
class Held:
    """A parameter as its layer has it.

    `path` is the layer's, `kind` what constructs it (`nn.Conv2d`). `start` is the call that starts it, as text without
    the parameter: what makes two starts alike; it is empty for what starts as PyTorch starts it.
    """

    row: GraphParameter
    path: str
    local: str
    kind: str
    start: str

    @property
    def is_random(self) -> bool:
        """Whether its start draws numbers."""
        return any(word in self.start for word in _RANDOM)


@dataclass(frozen=True)
class Branch:
    """The branch of a loop for one kind of modules, or for a single one: which, and what it starts there by name."""

    kind: str
    only: str
    starts: Mapping[str, Held]


def starts(
    layers: Layers, rows: Sequence[GraphParameter], kinds: Mapping[str, str], owners: Mapping[str, str]
) -> list[ast.stmt]:
    """The statements that give parameters their first values, in the order of `rows`.

    `kinds` has for each layer's path what constructs it, `owners` for each use of a block's class the name of that.
    """
    held = []
    for row in rows:
        path, _, local = row.key.rpartition(".")
        start = "" if row.init is None else ast.dump(initializer.write(row, name("it")))
        held.append(Held(row, path, local, kinds.get(path, ""), start))
    branches = _branches(held, kinds, owners)
    keys = _covered(branches, held, kinds, owners)
    between = _between(held, keys)
    if 0 < len(between) <= FEW:
        alone = [
            Branch("", path, {one.local: one for one in held if one.path == path and one.start})
            for path in between
        ]
        more = [*alone, *branches]
        branches, keys = more, _covered(more, held, kinds, owners)
    if len(keys) < WORTH or _between(held, keys):
        keys = set()
    before: list[ast.stmt] = []
    after: list[ast.stmt] = []
    loops = [i for i, one in enumerate(held) if one.row.key in keys and one.is_random]
    for i, one in enumerate(held):
        if one.start and one.row.key not in keys:
            line = ast.Expr(initializer.write(one.row, layers.expression(one.row.key)))
            (before if loops and i < loops[0] else after).append(line)
    loop = [_loop(branches, held, kinds, owners, layers)] if keys else []
    return [*before, *loop, *after]


def _between(held: Sequence[Held], keys: set[str]) -> list[str]:
    """The layers that draw between those of a loop and are not in it."""
    drawn = [i for i, one in enumerate(held) if one.row.key in keys and one.is_random]
    if not drawn:
        return []
    inside = held[drawn[0] : drawn[-1]]
    return list(dict.fromkeys(one.path for one in inside if one.is_random and one.row.key not in keys))


def _branches(held: Sequence[Held], kinds: Mapping[str, str], owners: Mapping[str, str]) -> list[Branch]:
    """What a loop does with the modules of each kind."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for one in held:
        groups.setdefault((one.kind, one.local), []).append(one)
    mixed = any(not kind.startswith("nn.") for kind in kinds.values())
    general: dict[str, dict[str, Held]] = {}
    single: dict[str, None] = {}
    for (kind, local), group in groups.items():
        start, _ = Counter(one.start for one in group).most_common(1)[0]
        others = [one for one in group if one.start != start]
        simple = kind.startswith("nn.") and kind != "nn.ParameterDict" and not mixed
        if simple and start and len(others) <= FEW and all(one.start for one in others):
            general.setdefault(kind, {})[local] = next(one for one in group if one.start == start)
            single.update(dict.fromkeys(one.path for one in others))
            continue
        for owner, inside, one in _owned(group, owners):
            general.setdefault(owner, {})[inside] = one
    made = [
        Branch("", path, {one.local: one for one in held if one.path == path and one.start})
        for path in single
    ]
    return [*made, *(Branch(kind, "", found) for kind, found in general.items())]


def _owned(group: Sequence[Held], owners: Mapping[str, str]) -> Iterable[tuple[str, str, Held]]:
    """Parameters that start alike in every use of a block's class: the class, their name in it, and one of them."""
    found: dict[tuple[str, str], list[Held]] = {}
    for one in group:
        parts = one.row.key.split(".")
        for i in range(len(parts) - 1, 0, -1):
            owner = owners.get(".".join(parts[:i]))
            inside = parts[i:]
            if owner is not None:
                if all(part.isidentifier() for part in inside):
                    found.setdefault((owner, ".".join(inside)), []).append(one)
                break
    uses = Counter(owners.values())
    for (owner, local), held in found.items():
        if held[0].start and len({one.start for one in held}) == 1 and len(held) <= uses[owner]:
            yield owner, local, held[0]


def _covered(
    branches: Sequence[Branch], held: Sequence[Held], kinds: Mapping[str, str], owners: Mapping[str, str]
) -> set[str]:
    """The parameters that a loop starts; none where it would draw in another order than line by line."""
    by_kind = {branch.kind: branch for branch in branches if branch.kind}
    by_path = {branch.only: branch for branch in branches if branch.only}
    order = {one.row.key: i for i, one in enumerate(held)}
    by_key = {one.row.key: one for one in held}
    drawn: list[int] = []
    keys: set[str] = set()
    for path in _visited(kinds):
        branch = by_path.get(path) or by_kind.get(kinds.get(path, "") or owners.get(path, ""))
        for local in branch.starts if branch else ():
            key = f"{path}.{local}"
            if key in by_key:
                keys.add(key)
                drawn.extend([order[key]] if by_key[key].is_random else [])
    return keys if drawn == sorted(drawn) else set()


def _visited(paths: Iterable[str]) -> list[str]:
    """The paths of all modules in the order of `modules()`."""
    tree: dict[str, dict[str, None]] = {}
    for path in paths:
        parts = path.split(".")
        for i in range(len(parts)):
            tree.setdefault(".".join(parts[:i]), {})[".".join(parts[: i + 1])] = None
    found: list[str] = []
    ahead = list(reversed(tree.get("", {})))
    while ahead:
        path = ahead.pop()
        found.append(path)
        ahead.extend(reversed(tree.get(path, {})))
    return found


def _loop(
    branches: Sequence[Branch],
    held: Sequence[Held],
    kinds: Mapping[str, str],
    owners: Mapping[str, str],
    layers: Layers,
) -> ast.stmt:
    """`for module in self.modules():`, with a branch for each kind."""
    has = {one.row.key for one in held}
    alike: dict[str, tuple[list[Branch], list[ast.stmt]]] = {}
    for branch in branches:
        body: list[ast.stmt] = []
        for local, one in branch.starts.items():
            target = name(f"module.{local}")
            start: ast.stmt = ast.Expr(initializer.write(one.row, target))
            meant = [path for path, kind in (*kinds.items(), *owners.items()) if kind == branch.kind]
            if any(f"{path}.{local}" not in has for path in meant):
                asked_for = target if branch.kind in kinds.values() else name(f"module.{local.split('.')[0]}")
                start = ast.If(ast.Compare(asked_for, [ast.IsNot()], [literal(None)]), [start], [])
            body.append(start)
        alike.setdefault(ast.dump(ast.Module(body, [])), ([], body))[0].append(branch)
    made: list[ast.stmt] = []
    special_last = sorted(alike.values(), key=lambda one: any(branch.only for branch in one[0]))
    for found, body in special_last:
        asked, first = _asked(found, layers), body[0]
        if len(body) == 1 and isinstance(first, ast.If):  # one condition of two
            both = [asked, first.test]
            made = [ast.If(ast.BoolOp(ast.And(), both), first.body, made)]
        else:
            made = [ast.If(asked, body, made)]
    return ast.For(ast.Name("module", ast.Store()), call("self.modules"), made, [])


def _asked(branches: Sequence[Branch], layers: Layers) -> ast.expr:
    """Whether the loop's module is one of those that the branches are for."""
    module = name("module")
    kinds = [name(branch.kind) for branch in branches if branch.kind]
    asked: list[ast.expr] = [
        ast.Compare(module, [ast.Is()], [layers.expression(branch.only)])
        for branch in branches
        if branch.only
    ]
    if kinds:
        of = kinds[0] if len(kinds) == 1 else ast.Tuple(list(kinds), ast.Load())
        asked.append(call("isinstance", module, of))
    return asked[0] if len(asked) == 1 else ast.BoolOp(ast.Or(), asked)
