"""Pieces of generated code: annotations, arguments, methods, classes."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from netspec.ir.graph import Ref
from netspec_torch import printer
from netspec_torch.body import Body
from netspec_torch.layers import Layers
from netspec_torch.rule import call, literal, method, name

MANY = "dict[str, Tensor]"
"""The annotation of several named tensors."""

EITHER = "Tensor | dict[str, Tensor]"
"""The annotation of one tensor, with or without a dict around it."""


def dictionary(values: Mapping[str, ast.expr]) -> ast.expr:
    """A dict display."""
    return ast.Dict([literal(key) for key in values], list(values.values()))


def returned(values: Mapping[str, ast.expr]) -> ast.expr:
    """A tensor if there is one value, else a dict in declared order."""
    return next(iter(values.values())) if len(values) == 1 else dictionary(values)


def is_none(local: str) -> ast.expr:
    """`local is None`."""
    return ast.Compare(name(local), [ast.Is()], [literal(None)])


def annotation(written: str) -> ast.expr:
    """A type annotation from its text."""
    return ast.parse(written, mode="eval").body


def arguments_of(given: Sequence[tuple[str, str]]) -> ast.arguments:
    """`self` and positional arguments with their types."""
    args = [ast.arg("self"), *(ast.arg(key, annotation(kind)) for key, kind in given)]
    return ast.arguments(posonlyargs=[], args=args, kwonlyargs=[], kw_defaults=[], defaults=[])


def function(
    called: str, arguments: ast.arguments, doc: str, body: Sequence[ast.stmt], returns: str
) -> ast.FunctionDef:
    """A method with its docstring."""
    return ast.FunctionDef(
        name=called,
        args=arguments,
        body=[printer.docstring(doc, 8), *body],
        decorator_list=[],
        returns=annotation(returns),
    )


def class_of(called: str, doc: str, methods: Sequence[ast.stmt], parent: str = "nn.Module") -> ast.ClassDef:
    """A class with its docstring."""
    body = [printer.docstring(doc, 4), *methods]
    return ast.ClassDef(name=called, bases=[name(parent)], keywords=[], body=body, decorator_list=[])


def plain_function(called: str, arguments: ast.arguments, body: Sequence[ast.stmt]) -> ast.FunctionDef:
    """A method that needs no docstring, returning nothing."""
    return ast.FunctionDef(
        name=called, args=arguments, body=list(body), decorator_list=[], returns=ast.Constant(None)
    )


def init(layers: Layers) -> list[ast.stmt]:
    """`__init__` with the layers, if there are any."""
    if not layers:
        return []
    parent = ast.Expr(method(call("super"), "__init__"))
    body = [parent, *layers.statements()]
    return [plain_function("__init__", arguments_of([]), body)]


def value_of(body: Body, ref: Ref) -> ast.expr:
    """The expression of an entry's value, a tensor even where it is a plain number."""
    value = body.values[ref]
    return call("torch.tensor", value) if isinstance(value, (ast.Constant, ast.UnaryOp)) else value
