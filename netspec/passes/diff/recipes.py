"""Changes of what is declared: records by their arguments, lists of records by what is in them, mappings by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from netspec.ir.record import Record
from netspec.passes.diff.change import Change, Group, compared, words
from netspec.recipe.data import DataRecipe
from netspec.recipe.training import Training


def data_changes(old: DataRecipe | None, new: DataRecipe | None) -> Iterator[Change]:
    """Changes of the data section."""
    if old is None or new is None:
        if old is not new:
            yield _whole("data", old, new, "source")
        return
    yield from record_changes("data", "source", old.source, new.source)
    yield from mapping_changes("data", "fields.", old.fields, new.fields)
    yield from record_changes("data", "split", old.split, new.split, named=False)
    yield from list_changes("data", "transforms", old.transforms, new.transforms)
    yield from mapping_changes("data", "pad.", old.pad, new.pad)
    for key in ("cache", "workers"):
        yield from compared("data", key, getattr(old, key), getattr(new, key))


def training_changes(old: Training | None, new: Training | None) -> Iterator[Change]:
    """Changes of the training section."""
    if old is None or new is None:
        if old is not new:
            yield _whole("training", old, new, "optimizer")
        return
    yield from _fields("training", "", old, new)


def _whole(group: Group, old: object, new: object, key: str) -> Change:
    """A section that only one spec has, told by its most important part."""
    part = getattr(old if new is None else new, key)
    if new is None:
        return Change(group, key, "removed", old=words(part))
    return Change(group, key, "added", new=words(part))


def _fields(group: Group, prefix: str, old: Record, new: Record) -> Iterator[Change]:
    for key, field in type(new).model_fields.items():
        subject = f"{prefix}{field.alias or key}"
        before, after = getattr(old, key), getattr(new, key)
        if isinstance(before, Record) and isinstance(after, Record):
            yield from record_changes(group, subject, before, after, named=before.name != key)
        elif _records(before) or _records(after):
            yield from list_changes(group, subject, before, after)
        else:
            yield from compared(group, subject, _inside(before, key), _inside(after, key))
    extra = [getattr(one, "__pydantic_extra__", None) or {} for one in (old, new)]
    yield from mapping_changes(group, prefix, *extra)


def _inside(value: object, key: str) -> object:
    """A part of a section without the name that its key says already: `checkpoint: {minimize: crps}`."""
    return value.arguments() if isinstance(value, Record) and value.name == key else value


def _records(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(one, Record) for one in value)


def record_changes(
    group: Group, subject: str, old: Record, new: Record, *, named: bool = True
) -> Iterator[Change]:
    """Changes of one call: another thing altogether, or other arguments. `named` puts its name into the subject."""
    if type(old) is not type(new):
        yield from compared(group, subject, old, new)
        return
    yield from _fields(group, f"{subject}.{new.name}." if named else f"{subject}.", old, new)


def list_changes(
    group: Group, subject: str, old: tuple[Record, ...], new: tuple[Record, ...]
) -> Iterator[Change]:
    """Changes of calls in a row: what came, went, and has other arguments; another order is going and coming."""
    before, after = ([one.name for one in calls] for calls in (old, new))
    for tag, i, k, j, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            for one, other in zip(old[i:k], new[j:m], strict=True):
                yield from record_changes(group, subject, one, other)
            continue
        for place in range(i, k):
            yield Change(group, subject, "removed", old=words(old[place]), note=_after(old, place))
        for place in range(j, m):
            yield Change(group, subject, "added", new=words(new[place]), note=_after(new, place))


def _after(calls: tuple[Record, ...], place: int) -> str:
    return f"after {calls[place - 1].name}" if place else "first"


def mapping_changes(
    group: Group, prefix: str, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[Change]:
    """Changes by key."""
    for key in dict.fromkeys((*old, *new)):
        yield from compared(group, f"{prefix}{key}", old.get(key), new.get(key))
