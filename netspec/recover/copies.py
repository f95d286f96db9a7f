"""Equal neighbours in series: copies of one layer, or of a group of layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from netspec.recover.item import FORMULA, GROUP, Body, Item, flow_of, steps_of
from netspec.recover.skeleton import Skeleton, skeleton
from netspec.recover.sketch import Step


def copies(body: Body, used: Counter[str]) -> Body:
    """Equal neighbours in series as copies of one."""
    made: list[Item] = []
    for item in _inside_first(body, lambda inside, _: copies(inside, used)):
        last = made[-1] if made else None
        if last is not None and _follows(last, item, used) and _worth_copies(item):
            steps = (*_all(last), *_all(item))
            count = last.repeat + item.repeat  # type: ignore[operator]
            made[-1] = replace(last, outputs=item.outputs, steps=steps, repeat=count)
        else:
            made.append(item)
    return tuple(made)


def _worth_copies(item: Item) -> bool:
    """Whether copies of it read better than a list of it."""
    return item.call or bool(item.branches) or item.op not in {FORMULA, GROUP}


def _all(item: Item) -> tuple[Step, ...]:
    return tuple(steps_of([item]))


def _follows(last: Item, item: Item, used: Counter[str]) -> bool:
    """Whether an item does to the one before what that did, and nobody else needs what is between."""
    if len(last.outputs) != 1 or len(item.outputs) != 1 or not item.inputs or not last.inputs:
        return False
    if item.inputs[0] != last.outputs[0] or item.inputs[1:] != last.inputs[1:]:
        return False
    if not isinstance(last.repeat, int) or not isinstance(item.repeat, int):
        return False
    inside = item.taken().count(last.outputs[0])
    if used[last.outputs[0]] > inside:
        return False
    one, other = (skeleton([replace(each, repeat=1)], each.inputs[0]) for each in (last, item))
    return one.form == other.form and one.numbers == other.numbers and one.outer[1:] == other.outer[1:]


def groups(body: Body, entry: str | None, used: Counter[str]) -> Body:
    """Equal stretches in series as copies of a group, where that is shorter."""
    body = _inside_first(body, lambda inside, flow: groups(inside, flow, used))
    made: list[Item] = []
    i = 0
    while i < len(body):
        found = _group(body, i, made[-1].outputs[0] if made and len(made[-1].outputs) == 1 else entry, used)
        if found is None:
            made.append(body[i])
            i += 1
        else:
            item, i = found
            made.append(item)
    return tuple(made)


def _inside_first(body: Body, look: Callable[[Body, str], Body]) -> Body:
    """A body in whose branches `look` was already, with the value that flows in."""
    return tuple(
        item.with_branches([(name, look(inside, item.inputs[0])) for name, inside in item.branches])
        if item.branches and item.repeat == 1
        else item
        for item in body
    )


def _group(body: Body, start: int, flow: str | None, used: Counter[str]) -> tuple[Item, int] | None:
    """The longest run of equal stretches that begins here, and where it ends."""
    for width in range(2, min(9, (len(body) - start) // 2 + 1)):
        first = skeleton(body[start : start + width], flow)
        if first.outer != ((flow,) if flow else ()):
            continue
        count, at = 1, start + width
        while at + width <= len(body) and _alike(body, at, width, first, used):
            count, at = count + 1, at + width
        lines = sum(item.lines() for item in body[start : start + width])
        if count < 2 or count * lines - (lines + 2) < 1:
            continue
        copies = body[start:at]
        one = body[start : start + width]
        steps = tuple(steps_of(copies))
        return Item(GROUP, {}, first.outer, copies[-1].outputs, (("layers", one),), steps, count), at
    return None


def _alike(body: Body, at: int, width: int, first: Skeleton, used: Counter[str]) -> bool:
    """Whether the stretch at a place is a copy of another, which alone it follows."""
    flow = flow_of(body[at - 1])
    if flow is None:
        return False
    other = skeleton(body[at : at + width], flow)
    if other.form != first.form or other.numbers != first.numbers or other.outer != (flow,):
        return False
    inside = Counter(value for item in body[at - width : at + width] for value in item.taken())
    return all(used[value] <= inside[value] for item in body[at - width : at] for value in item.made())
