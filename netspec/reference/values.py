"""The values of arguments as JSON Schema; wherever a value stands, a `$` expression may stand as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any, Literal, TypeAlias, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from netspec.ir.record import Record
from netspec.recipe.distribution import Distribution
from netspec.recipe.quantity import Quantity, units
from netspec.reference.described import Told, arguments, first_sentence, paragraphs

Schema: TypeAlias = dict[str, Any]

EXPRESSION: Schema = {"$ref": "#/definitions/expression"}
NAME = "^[a-z][a-z0-9_]*$"

_PLAIN: dict[type, str] = {int: "integer", float: "number", bool: "boolean", str: "string", NoneType: "null"}
_BOUNDS: dict[type, tuple[str, str]] = {
    Ge: ("ge", "minimum"),
    Gt: ("gt", "exclusiveMinimum"),
    Le: ("le", "maximum"),
    Lt: ("lt", "exclusiveMaximum"),
}


def value(field: FieldInfo) -> Schema:
    """What an argument takes, `$` expressions included."""
    return either(typed(field.annotation, field.metadata), EXPRESSION)


def either(*choices: Schema) -> Schema:
    """One of several; nested choices are laid flat, and what stands twice stands once."""
    flat: list[Schema] = []
    for one in choices:
        for part in one["anyOf"] if set(one) == {"anyOf"} else [one]:
            if part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def typed(annotation: Any, metadata: Iterable[object] = ()) -> Schema:
    """A type as a schema; a part of a list may be a `$` expression, too."""
    parts, origin = get_args(annotation), get_origin(annotation)
    if hasattr(annotation, "__metadata__"):
        return typed(parts[0], (*annotation.__metadata__, *metadata))
    if annotation in _PLAIN:
        return {"type": _PLAIN[annotation], **_bounds(annotation, metadata)}
    if annotation is Quantity:
        return _quantity(units(metadata))
    if annotation is Distribution:
        return {"anyOf": [{"type": ["number", "string"]}, _drawn()]}
    if origin is dict:
        return {"type": "object", "additionalProperties": typed(parts[1])}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin is tuple:
        return _list(parts, metadata)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return mapping(annotation)
    if parts:
        return either(*(typed(part, metadata) for part in parts))
    return {}


def _drawn() -> Schema:
    """The forms of a distribution."""
    number: Schema = {"type": ["number", "string"]}
    ends: Schema = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    normal: Schema = {
        "type": "object",
        "properties": {"mean": number, "std": number},
        "required": ["std"],
        "additionalProperties": False,
    }
    forms = {"uniform": ends, "log_uniform": ends, "normal": normal, "integers": ends}
    return {"type": "object", "properties": forms, "additionalProperties": False}


def mapping(kind: type[Record]) -> Schema:
    """The named arguments of a record."""
    told = arguments(kind)
    found: Schema = {"type": "object", "properties": {one.name: argument(one) for one in told}}
    found["additionalProperties"] = kind.model_config.get("extra") == "allow"
    return found


def argument(one: Told) -> Schema:
    """One argument with its doc and its default."""
    default = {} if one.default is None else {"markdownDescription": f"{one.says} Default: `{one.default}`."}
    return {**value(one.field), "description": one.says, **default}


def called(kind: type[Record], *, more: Schema | None = None, required: Iterable[str] = ()) -> Schema:
    """What stands under a name: nothing, the main argument, or named arguments; `more` are other keys beside these."""
    told = arguments(kind)
    inside = mapping(kind)
    inside["properties"].update(more or {})
    if wanted := [*required, *(one.name for one in told if one.default is None)]:
        inside["required"] = wanted
    main = [value(one.field) for one in told if one.main]
    main += [part for name, part in (more or {}).items() if name == kind.main]  # an input: `pad_like: skip`
    empty: list[Schema] = [] if wanted else [{"type": "null"}]
    return {**told_of(kind), **either(*main, inside, *empty)}


def told_of(kind: type[Record]) -> Schema:
    """The doc of a record: its first sentence for a list, all of it for a pointer that rests."""
    return {"description": first_sentence(kind), "markdownDescription": "\n\n".join(paragraphs(kind))}


def call(kinds: Mapping[str, type[Record]]) -> Schema:
    """A slot of the recipe: a name, or a name with what stands under it. Nothing is required: a spec may extend one.

    That there is one name and no more is left to netspec: limits to their number keep the language server from
    offering any.
    """
    bare, named = offered(kinds, {name: _optional(called(kind)) for name, kind in kinds.items()})
    inside = {"type": "object", "properties": named, "additionalProperties": False}
    return {"anyOf": [*bare, inside]}


def offered(
    kinds: Mapping[str, type[Record]], under: dict[str, Schema]
) -> tuple[list[Schema], dict[str, Schema]]:
    """Names that can stand alone, and all names with what stands under them.

    An editor offers each in one of the two ways: offered in both, it would write both.
    """
    alone = [name for name, kind in kinds.items() if all(one.default is not None for one in arguments(kind))]
    named = {name: {**part, "doNotSuggest": True} if name in alone else part for name, part in under.items()}
    return [{"const": name, **told_of(kinds[name])} for name in alone], named


def _optional(schema: Schema) -> Schema:
    """The same without required arguments."""
    choices = [
        {key: part for key, part in one.items() if key != "required"} for one in schema.get("anyOf", [schema])
    ]
    rest = {key: part for key, part in schema.items() if key in ("description", "markdownDescription")}
    return {**rest, **either(*choices, {"type": "null"})}


def _bounds(annotation: Any, metadata: Iterable[object]) -> Schema:
    found: Schema = {}
    for rule in metadata if annotation in (int, float) else ():
        if type(rule) in _BOUNDS:
            name, key = _BOUNDS[type(rule)]
            found[key] = getattr(rule, name)
    return found


def _quantity(names: tuple[str, ...]) -> Schema:
    """A number with its unit; `epoch` and `step` go as well."""
    written = "|".join(f"{name[:-1]}s?" if name.endswith("s") else name for name in names)
    return {"type": "string", "pattern": rf"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*({written})\s*$"}


def _list(parts: tuple[Any, ...], metadata: Iterable[object]) -> Schema:
    if (pair := get_args(parts[0])) and get_origin(parts[0]) is tuple and pair[0] is str and len(pair) == 2:
        inside = either(typed(pair[1]), EXPRESSION)  # pairs are written as a mapping, or without their names
        return either({"type": "object", "additionalProperties": inside}, {"type": "array", "items": inside})
    items = either(typed(parts[0]), EXPRESSION)
    found: Schema = {"type": "array", "items": items}
    if Ellipsis not in parts:
        return {**found, "minItems": len(parts), "maxItems": len(parts)}
    for rule in metadata:
        if isinstance(rule, MinLen):
            found["minItems"] = rule.min_length
        if isinstance(rule, MaxLen):
            found["maxItems"] = rule.max_length
    return found
