"""The JSON Schema of a spec, for editors: what can stand where, with the docs of everything.

It is written in draft 7, which the YAML language server reads best. It is wider than the language: it does not know the
blocks, constants and sizes of a file, so every other name may be a block in the place of an op, and any `$` expression
is good. What `netspec validate` accepts it accepts too, but for a block that is called like an op: that one is held to
the op's arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from netspec import ops
from netspec.ir.op import Op
from netspec.lang.kinds import KINDS, UNITS
from netspec.lang.layer import PARAMETER
from netspec.lang.names import WIRES
from netspec.lang.outcome import GROUPS
from netspec.passes.lint import rules
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.recipe.split import Split
from netspec.recipe.training import Training
from netspec.reference import words
from netspec.reference.described import arguments
from netspec.reference.values import (
    EXPRESSION,
    NAME,
    Schema,
    argument,
    call,
    called,
    either,
    mapping,
    offered,
)

DRAFT = "http://json-schema.org/draft-07/schema#"
OP_NAME = r"^\$?[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$"

_TEXT: Schema = {"type": "string"}
_NULL: Schema = {"type": "null"}
_LAYERS: Schema = {"$ref": "#/definitions/layers"}
_LIST: Schema = {"type": "array", "items": {"$ref": "#/definitions/layer"}}
_FORMULA: Schema = {"$ref": "#/definitions/formula"}
_CALLS: Schema = {"type": "object", "additionalProperties": {"$ref": "#/definitions/initialiser"}}


NO_OTHERS: Mapping[str, type[Op]] = {}


def schema(others: Mapping[str, type[Op]] = NO_OTHERS) -> Schema:
    """The whole schema as plain data, with `others` beside the ops of netspec."""
    return {
        "$schema": DRAFT,
        "title": "netspec, version 1",
        "description": "A CNN, its loss, its data and its training.",
        "type": "object",
        "properties": {
            name: {**_section(name), "description": text} for name, text in words.SECTIONS.items()
        },
        "required": ["netspec"],
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": {"properties": {"layers": {"type": "array"}}},
        "definitions": {
            "expression": {
                "type": "string",
                "pattern": r"^\$",
                "description": "`$` and an expression of constants and sizes: `$width * 2`.",
            },
            "formula": {
                "type": ["string", "number"],
                "description": "An expression of values, targets and constants.",
            },
            "type": _type(),
            "shape": _shape(),
            "layers": _layers(),
            "layer": _layer(others),
            "block": _block(),
            "initialiser": call(INITIALIZERS),
        },
    }


def _named(inside: Schema) -> Schema:
    """A mapping of names; null takes one away that another file has."""
    return {
        "type": "object",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": either(inside, _NULL),
    }


def _section(name: str) -> Schema:
    """What stands in one section."""
    constant: Schema = {"type": ["string", "number", "boolean", "array"]}
    sections: dict[str, Schema] = {
        "netspec": {"const": 1},
        "name": _TEXT,
        "doc": _TEXT,
        "extends": either(_TEXT, {"type": "array", "items": _TEXT}),
        "include": _named(_TEXT),
        "define": _named(constant),
        "inputs": _named({"$ref": "#/definitions/type"}),
        "targets": _named({"$ref": "#/definitions/type"}),
        "blocks": _named({"if": {"type": "array"}, "then": _LAYERS, "else": {"$ref": "#/definitions/block"}}),
        "layers": either(_LAYERS, _NULL),
        "outputs": {"type": "array", "items": _TEXT},
        "init": {
            "type": "object",
            "additionalProperties": either(_CALLS, _NULL),
            "propertyNames": {"pattern": OP_NAME},
        },
        "loss": either(_FORMULA, _named(_FORMULA)),
        "metrics": _named(_FORMULA),
        "aggregate": _keys({"by": {"enum": list(GROUPS)}, "outputs": _named(_FORMULA)}),
        "data": _data(),
        "training": _training(),
        "lint": _lint(),
    }
    return sections[name]


def _keys(inside: dict[str, Schema], told: dict[str, str] | None = None) -> Schema:
    """A mapping with these keys and no others."""
    described = {
        key: {**part, "description": told[key]} if told and key in told else part
        for key, part in inside.items()
    }
    return {"type": "object", "properties": described, "additionalProperties": False}


def _lint() -> Schema:
    """What is silenced, and the rules that something can be set of."""
    set_otherwise = {name: called(kind) for name, kind in rules().items() if kind.model_fields}
    return _keys({"ignore": _reasons(), "rules": _keys(set_otherwise)}, words.LINT)


def _reasons() -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": "^NS[0-9]{3}$"},
        "additionalProperties": either(_TEXT, _NULL),
        "description": "Codes of warnings, each with the reason why it is silenced.",
    }


def _type() -> Schema:
    """A shape, or a mapping with a shape and what the numbers mean."""
    return either(
        _keys(_meaning({"shape": {"$ref": "#/definitions/shape"}}), words.TYPE),
        {"$ref": "#/definitions/shape"},
    )


def _meaning(before: dict[str, Schema]) -> dict[str, Schema]:
    bound = either({"type": "number"}, EXPRESSION)
    return {
        **before,
        "kind": either({"enum": list(KINDS)}, EXPRESSION),
        "unit": either({"enum": list(UNITS)}, EXPRESSION),
        "range": either({"type": "array", "items": bound, "minItems": 2, "maxItems": 2}, EXPRESSION),
        "classes": either({"type": "integer", "minimum": 1}, {"type": "array", "minItems": 1}, EXPRESSION),
    }


def _shape() -> Schema:
    size = either(
        {"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[A-Z][0-9]*$"}, EXPRESSION
    )
    named = {"type": "object", "propertyNames": {"pattern": NAME}, "additionalProperties": size}
    named["not"] = {"anyOf": [{"required": [key]} for key in words.TYPE]}
    return {"anyOf": [{"type": "array", "items": size}, named]}


def _layers() -> Schema:
    """A list of layers; in a spec that extends another, edits by name."""
    layer: Schema = {"$ref": "#/definitions/layer"}
    edit = either(layer, _LIST, _keys(_wires()), _NULL)
    return {
        "anyOf": [
            _LIST,
            {"type": "object", "propertyNames": {"pattern": NAME}, "additionalProperties": edit},
        ]
    }


def _layer(others: Mapping[str, type[Op]]) -> Schema:
    """The name of an op, or a mapping with one op and its wires. Other names may be blocks."""
    catalogue = dict(sorted({**ops.written(), **others}.items()))
    bare, named = offered(catalogue, {name: _op(kind) for name, kind in catalogue.items()})
    heads = {**_structure(), **named}
    known: Schema = {"anyOf": [{"required": [name]} for name in heads]}
    block = {"type": "string", "pattern": OP_NAME, "not": {"enum": list(heads)}, "description": "A block."}
    layer: Schema = {
        "type": "object",
        "properties": {**heads, **_wires()},
        "patternProperties": {OP_NAME: {}},
        "additionalProperties": False,
        "not": {"propertyNames": {"enum": list(WIRES)}},
        "if": known,
        "then": {"propertyNames": {"enum": [*heads, *WIRES]}, "oneOf": known["anyOf"]},
    }
    return {"anyOf": [*bare, block, layer]}


def _op(kind: type[Op]) -> Schema:
    """What stands under an op: its arguments, and inputs that are given by name."""
    if getattr(kind, "free_arguments", False):
        free = called(kind)
        return {**{key: free[key] for key in ("description", "markdownDescription")}, "type": "object"}
    inputs: Schema = {
        slot.strip("*?"): {"type": "string", "description": "An input: the name of a value."}
        for slot in kind.slots
        if slot.strip("*?") not in kind.model_fields
    }
    if len(kind.inputs()) - len(kind.optional()) > 1:
        inputs["branches"] = _branches()
    if kind.name == PARAMETER:  # its one parameter starts as is said under it
        inputs["init"] = {"$ref": "#/definitions/initialiser"}
    return called(kind, more=inputs)


def _branches() -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": _LIST,
        "description": words.STRUCTURE["branches"],
    }


def _structure() -> dict[str, Schema]:
    """Ops that hold layers, and those that stand for a formula or a layer again."""
    inside: dict[str, Schema] = {
        "layers": _LAYERS,
        "residual": either(_LIST, _keys({"layers": _LAYERS, "shortcut": _LAYERS})),
        "branches": _branches(),
        "map": _keys({"axis": _TEXT, "where": _TEXT, "layers": _LAYERS}),
        "reuse": _TEXT,
        "formula": _FORMULA,
    }
    return {name: {**inside[name], "description": text} for name, text in words.STRUCTURE.items()}


def _wires() -> dict[str, Schema]:
    several = either(_TEXT, {"type": "array", "items": _TEXT, "minItems": 1})
    table = _keys(
        {"columns": {"type": "array", "items": _TEXT}, "rows": {"type": "array", "items": {"type": "array"}}}
    )
    inside: dict[str, Schema] = {
        "name": several,
        "from": several,
        "when": {"type": ["string", "boolean"]},
        "repeat": either({"type": "integer", "minimum": 0}, EXPRESSION, table),
        "init": _CALLS,
        "freeze": either({"const": True}, several),
        "as": _keys({key: part for key, part in _meaning({}).items() if key != "classes"}, words.TYPE),
    }
    return {name: {**inside[name], "description": text} for name, text in words.WIRES.items()}


def _block() -> Schema:
    kinds = {"enum": list(words.PARAMETER_TYPES)}
    typed = {"type": "object", "propertyNames": {"enum": [*words.PARAMETER_TYPES, "doc"]}}
    parameter = either(kinds, {"type": ["number", "boolean"]}, typed)
    names: Schema = {"type": "array", "items": _TEXT}
    return _keys(
        {"doc": _TEXT, "inputs": names, "params": _named(parameter), "layers": _LAYERS, "outputs": names},
        words.BLOCK,
    )


def _data() -> Schema:
    transforms: Schema = {"type": "array", "items": call(TRANSFORMS)}
    inside: dict[str, Schema] = {
        "source": call(SOURCES),
        "fields": _named(_TEXT),
        "split": mapping(Split),
        "transforms": either(transforms, _NULL),
        "pad": _named(_TEXT),
        "cache": {"enum": ["auto", "none"]},
        "workers": either({"type": "integer", "minimum": 0, "maximum": 64}, {"enum": ["auto"]}, EXPRESSION),
    }
    return _keys(inside, words.DATA)


def _training() -> Schema:
    """The record of the section, with calls where it holds an optimizer and phases."""
    told = {one.name: argument(one) for one in arguments(Training)}
    phase = call(SCHEDULES)
    calls = {
        "optimizer": call(OPTIMIZERS),
        "schedule": either({"type": "array", "items": phase}, phase, _NULL),
    }
    for name, part in calls.items():
        told[name] = {"description": told[name]["description"], **part}
    return {"type": "object", "properties": told, "additionalProperties": False}


def schema_text(others: Mapping[str, type[Op]] = NO_OTHERS) -> str:
    """The schema as a file."""
    return json.dumps(schema(others), indent=1, ensure_ascii=False) + "\n"
