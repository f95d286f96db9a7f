"""The code of a class that stands for many uses: its constructor, its `forward`, and the shapes beside the lines."""

from __future__ import annotations

import ast
from functools import partial

from netspec.ir.graph import Graph, Ref
from netspec_torch.blocks.classes import Classes, laid_out, put_in, word
from netspec_torch.blocks.items import Leaf
from netspec_torch.blocks.letters import Letters
from netspec_torch.blocks.slots import MISSING, written
from netspec_torch.blocks.template import Label, Part, Template, annotation_of
from netspec_torch.body import Body, Step
from netspec_torch.layers import Layers
from netspec_torch.naming import Locals
from netspec_torch.pieces import annotation, arguments_of, class_of
from netspec_torch.rule import call, method, name


def write_class(template: Template, made: Classes, graph: Graph) -> tuple[ast.ClassDef, Body]:
    """The class of a template, and the body of its `forward`."""
    layers = Layers(graph)
    for part in template.parts:
        if part.construct is not None:
            layers.hang(part.home, laid_out(part.construct, made.defaults), part.when)
    for part in template.parts:
        if isinstance(part.first, Leaf):
            layers.support.update(one.rpartition(":")[2] for one in part.first.lowered.support)
    body = Body(graph, layers, {}, Locals({*layers.support, *made.defaults}))
    given = []
    for key in template.inputs:
        local = body.names.fresh(key)
        body.values[_ref((f"@{key}", 0))] = name(local)
        given.append((local, "Tensor"))
    letters = Letters(template)
    steps = [_step(part, template, layers, letters) for part in template.parts]
    for part in template.parts:
        if isinstance(part.first, Leaf):
            body.support.update(dict.fromkeys(part.first.lowered.support))
    outputs = [_ref(label) for label in template.outputs]
    kept = {ref: _last(ref.path) for ref in outputs} if len(outputs) > 1 else {}
    body.put(steps, kept, passing=_passing(steps, given, body, outputs), returned=outputs)
    values = [body.values[ref] for ref in outputs]
    result = values[0] if len(values) == 1 else ast.Tuple(values, ast.Load())
    _return(body, result)
    returns = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
    arguments = arguments_of(given)
    forward = ast.FunctionDef(
        name="forward",
        args=arguments,
        body=body.statements,
        decorator_list=[],
        returns=annotation(returns),
    )
    doc = _doc(template)
    return class_of(template.name, doc, [_init(template, layers), forward]), body


def _return(body: Body, result: ast.expr) -> None:
    """End a body: with the last line itself where that makes the result."""
    last = body.statements[-1] if body.statements else None
    target = last.targets[0] if isinstance(last, ast.Assign) else None
    if (
        isinstance(last, ast.Assign)
        and isinstance(target, ast.Name)
        and ast.dump(name(target.id)) == ast.dump(result)
    ):
        body.statements[-1] = ast.Return(last.value)
        body.comments[id(body.statements[-1])] = body.comments.pop(id(last), "")
        return
    body.statements.append(ast.Return(result))


def _ref(label: Label) -> Ref:
    return Ref(*label)


def _last(path: str) -> str:
    return word(path).strip("@")


def _passing(steps: list[Step], given: list[tuple[str, str]], body: Body, outputs: list[Ref]) -> str:
    """What passes from line to line is called as the input, where that is read by the first line alone."""
    if len(given) == 1 and steps:
        ref = Ref(f"@{given[0][0]}")
        late = [one for one in steps[1:] if ref in one.inputs or ref in one.instead.values()]
        if not late and ref not in outputs and ref in body.values and steps[0].when is None:
            return given[0][0]
    return body.names.fresh("y" if any(local == "x" for local, _ in given) else "x")


def _step(part: Part, template: Template, layers: Layers, letters: Letters) -> Step:
    """A part as a step of `forward`."""
    item = part.first
    module = layers.expression(part.home) if part.home else None
    refs = tuple(_ref((part.key, i)) for i in range(len(item.refs)))
    numbered = (
        tuple(f"{_last(part.key)}_{i}" for i in range(len(refs))) if len(refs) > 1 else (_last(part.key),)
    )
    called = numbered
    automatic = True
    if isinstance(item, Leaf):
        called = item.node.names or numbered
        stem = item.node.path.rpartition(".")[2]
        op = item.node.op.name.rpartition(".")[2]
        automatic = stem.rstrip("0123456789") in (op, "residual") or stem.isdigit()
        automatic = automatic or template.pieces[0].kind.sort == "op" or part.key == "_"
        if part.key == "_":
            called = (op,)
    elif len(refs) > 1:
        called = tuple(ref.path.rpartition(".")[2] for ref in item.refs)
    when = None
    if part.when is not None:
        when = _asked(part, template)
    types = [None if one is None else one.types for one in part.told]
    return Step(
        part.key,
        tuple(_ref(label) for label in part.inputs),
        refs,
        partial(put_in, part.call, module=module),
        called,
        letters.shapes(types),
        is_automatic=automatic,
        is_apart=not isinstance(item, Leaf) or bool(item.node.noise or item.node.state),
        when=when,
        instead={_ref((part.key, i)): _ref(label) for i, label in part.bypass.items()},
    )


def _asked(part: Part, template: Template) -> ast.expr:
    """The condition of a part as `forward` asks for it: whether a layer of its choice is there, or a kept word."""
    assert part.when is not None  # the caller has asked
    same = [one for one in template.parts if one.present == part.present]
    held = next((one for one in same if one.construct is not None and one.home.isidentifier()), None)
    if held is not None:
        return ast.Compare(name(f"self.{held.home}"), [ast.IsNot()], [ast.Constant(None)])
    return template.choices[tuple(part.present or ())]


def _init(template: Template, layers: Layers) -> ast.FunctionDef:
    """`__init__` with the parameters of the class, what it keeps for `forward`, and the layers."""
    rows = template.used
    arguments = arguments_of([(row.name, annotation_of(row)) for row in rows])
    arguments.defaults = [written(row.default) for row in rows if row.default is not MISSING]
    kept: list[ast.stmt] = [
        ast.Assign([ast.Attribute(ast.Name("self", ast.Load()), key, ast.Store())], value)
        for key, value in template.stored.items()
    ]
    parent = ast.Expr(method(call("super"), "__init__"))
    return ast.FunctionDef(
        name="__init__",
        args=arguments,
        body=[parent, *kept, *layers.built()],
        decorator_list=[],
        returns=ast.Constant(None),
    )


def _doc(template: Template) -> str:
    """The docstring of a class: the block's own, else what it is."""
    first = template.pieces[0]
    count = len(template.pieces)
    times = "once" if count == 1 else f"{count} times"
    if first.use is not None and first.use.doc.strip():
        return first.use.doc.strip()
    kind = {"block": "The block", "op": "The op", "group": "The group"}[first.kind.sort]
    return f"{kind} `{first.kind.name}`, used {times}."
