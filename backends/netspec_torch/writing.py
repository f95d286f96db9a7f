"""A graph as Python source: one syntax tree, made from the validated graph alone, without importing torch.

The file that `netspec compile` writes and the module that `netspec.compile` runs are this one text. No text of the spec
becomes code: names are checked, everything else stands in literals, and the printed text is parsed again and compared.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import netspec_torch
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.types import TensorType
from netspec.ops.accumulation import SHARES, accumulate
from netspec.text import SpecError
from netspec_torch import printer
from netspec_torch.body import Body, shape
from netspec_torch.layers import Layers
from netspec_torch.naming import IMPORTED, Locals, class_name
from netspec_torch.rule import call, literal, method, name, subscript

FOR_LOSS = "for_loss"
"""The argument of `forward` that asks for what the loss reads besides the outputs."""
METRICS, GROUP_METRICS = "Metrics", "GroupMetrics"
"""The classes of the metrics of samples, and of those of groups."""

_MANY = "dict[str, Tensor]"
_EITHER = "Tensor | dict[str, Tensor]"


@dataclass(frozen=True)
class Source:
    """The generated code: its text, its tree, and the name of the model's class in it."""

    text: str
    tree: ast.Module
    model: str


@dataclass
class _File:
    """The classes of a file under construction, with what they call and what stands at line ends."""

    classes: list[ast.stmt]
    comments: dict[int, str]
    support: dict[str, None]

    def take(self, body: Body) -> None:
        """Keep the comments and the support functions of a finished body."""
        self.comments.update(body.comments)
        self.support.update(body.support)


def write(graph: Graph, *, name: str, doc: str = "", digest: str = "", group: Graph | None = None) -> Source:
    """The source of a spec: the model's class, `Loss`, and `Aggregate` where there is a group.

    `name`, `doc` and `digest` (of the spec's text) go into docstrings. Deterministic: the same graph gives the same
    text. SpecError where a layer's name cannot be a module's, or the backend does not know an op.
    """
    file = _File([], {}, {})
    title = class_name(name)
    _model(file, graph, title, _title_doc(name, doc))
    if graph.entry("loss"):
        _loss(file, graph, name)
    if graph.entry("metrics"):
        _metrics(file, graph, METRICS, name)
    if group is not None and group.entry("predict"):
        _aggregate(file, group, name)
        if group.entry("metrics"):
            _metrics(file, group, GROUP_METRICS, name)
    return _finish(file, title, _file_doc(name, digest))


def text(graph: Graph, *, name: str, doc: str = "", digest: str = "", group: Graph | None = None) -> str:
    """The text of `write`."""
    return write(graph, name=name, doc=doc, digest=digest, group=group).text


def observed(graph: Graph, given: Iterable[str]) -> Source:
    """A class `Observed` whose `forward` returns every node's value that the `given` inputs and targets allow.

    The lowering is the model's own. Values come by the text of their Ref; layers hang where the model has them.
    """
    known = set(given)
    nodes: list[Node] = []
    for node in graph.nodes:
        if all(ref.path in known for ref in node.inputs):
            nodes.append(node)
            known.add(node.path)
    file = _File([], {}, {})
    layers = Layers(graph, nodes, netspec_torch.table())
    inputs = [key for key in (*graph.inputs, *graph.targets) if key in set(given)]
    body, arguments = _open(graph, layers, inputs, set())
    refs = [ref for node in nodes for ref in node.refs]
    body.add(nodes, {ref: ref.path for ref in refs})
    body.statements.append(ast.Return(_dictionary({str(ref): body.values[ref] for ref in refs})))
    forward = _function("forward", arguments, "Every value.", body.statements, _MANY)
    file.take(body)
    file.classes.append(_class("Observed", "Every value of a graph.", [*_init(layers), forward]))
    return _finish(file, "Observed", "Every value of a graph, for comparison with the reference.")


# ------------------------------------------------------------------------------------------------------------- classes


def _model(file: _File, graph: Graph, title: str, doc: str) -> None:
    """The model: `forward` takes the inputs in order, and returns a tensor, or a dict if there are several outputs."""
    predict, extra = graph.entry("predict"), _extra(graph)
    first = list(graph.walk("predict"))
    layers = Layers(graph, graph.walk("predict", "train"), netspec_torch.table())
    body, arguments = _open(graph, layers, graph.inputs, {FOR_LOSS} if extra else set())
    kept = {ref: key for key, ref in (*predict.items(), *extra.items())}
    before = {node.path for node in first}
    later = [node for node in graph.walk("predict", "train") if node.path not in before]
    crossing = {
        ref: ref.path.rsplit(".", 1)[-1] for node in later for ref in node.inputs if ref.path in before
    }
    body.add(first, {**crossing, **kept})
    outputs = {key: _value(body, ref) for key, ref in predict.items()}
    answer = _returned(outputs)
    if extra:
        switch = ast.Assign([ast.Name(FOR_LOSS, ast.Store())], name("self.training"))
        body.statements.insert(0, ast.If(_is_none(FOR_LOSS), [switch], []))
        body.statements.append(ast.If(ast.UnaryOp(ast.Not(), name(FOR_LOSS)), [ast.Return(answer)], []))
        body.add(later, kept)
        everything = {**outputs, **{key: _value(body, ref) for key, ref in extra.items()}}
        answer = _dictionary(everything)
        arguments.kwonlyargs.append(ast.arg(FOR_LOSS, _annotation("bool | None")))
        arguments.kw_defaults.append(literal(None))
    body.statements.append(ast.Return(answer))
    returns = _EITHER if extra and len(outputs) == 1 else _MANY if len(outputs) > 1 else "Tensor"
    forward = _function("forward", arguments, _forward_doc(graph, extra), body.statements, returns)
    file.take(body)
    file.classes.append(_class(title, doc, [*_init(layers), forward]))


def _loss(file: _File, graph: Graph, spec: str) -> None:
    """The loss: `terms` gives each term, `forward` their sum."""
    entry = graph.entry("loss")
    body, arguments = _open_comparison(graph, "loss", _given(graph))
    body.statements.append(ast.Return(_dictionary({key: _value(body, ref) for key, ref in entry.items()})))
    terms = _function("terms", arguments, "Each term of the loss, by name.", body.statements, _MANY)
    total: ast.expr | None = None
    for key in entry:
        term = subscript(name("terms"), literal(key))
        total = term if total is None else ast.BinOp(total, ast.Add(), term)
    assert total is not None  # the entry is not empty
    sums: list[ast.stmt] = [
        ast.Assign([ast.Name("terms", ast.Store())], call("self.terms", name("outputs"), name("targets"))),
        ast.Return(total),
    ]
    forward = _function("forward", arguments, "The loss: a number without axes.", sums, "Tensor")
    file.take(body)
    doc = f"The loss of `{spec}`: what the model returned for it, against the targets."
    file.classes.append(_class("Loss", doc, [*_init(body.layers), terms, forward]))


def _aggregate(file: _File, group: Graph, spec: str) -> None:
    """The step from samples to their group: like the model, with the outputs of all samples as inputs."""
    nodes = list(group.walk("predict"))
    layers = Layers(group, nodes, netspec_torch.table())
    entry = group.entry("predict")
    body, arguments = _open(group, layers, group.inputs, set())
    body.add(nodes, {ref: key for key, ref in entry.items()})
    body.statements.append(ast.Return(_returned({key: _value(body, ref) for key, ref in entry.items()})))
    returns = _MANY if len(entry) > 1 else "Tensor"
    forward = _function("forward", arguments, _forward_doc(group, {}), body.statements, returns)
    file.take(body)
    doc = f"`{spec}` from the samples of a group to the group."
    file.classes.append(_class("Aggregate", doc, [*_init(layers), forward]))


def _extra(graph: Graph) -> dict[str, Ref]:
    """What the loss and the metrics read of the model besides its outputs."""
    predicted = set(graph.entry("predict").values())
    return {key: ref for key, ref in graph.entry("train").items() if ref not in predicted}


def _metrics(file: _File, graph: Graph, called: str, spec: str) -> None:
    """The metrics: `values` are what one batch adds, `finish` makes the metrics of the totals."""
    given = _given(graph)
    parts = accumulate(graph, [*given.values(), *(Ref(key) for key in graph.targets)])
    rows = {total.path: (total.how, total.axes) for total in parts.totals}
    body, arguments = _open_comparison(parts.partial, SHARES, given)
    shares = {key: body.values[ref] for key, ref in parts.partial.entry(SHARES).items()}
    body.statements.append(ast.Return(_dictionary(shares)))
    values = _function("values", arguments, "What each sample adds, for one batch.", body.statements, _MANY)
    end = Body(
        parts.finish,
        Layers(parts.finish, (), netspec_torch.table()),
        netspec_torch.table(),
        Locals({"totals"}),
    )
    for path in rows:
        _unpack(end, "totals", path, Ref(path), alone=False)
    end.add(list(parts.finish.walk("metrics")), {}, inline=True)
    metrics = {key: _value(end, ref) for key, ref in parts.finish.entry("metrics").items()}
    end.statements.append(ast.Return(_dictionary(metrics)))
    finish = _function(
        "finish",
        _arguments([("totals", _MANY)]),
        "The metrics, from the totals of all batches.",
        end.statements,
        _MANY,
    )
    file.take(body)
    file.take(end)
    file.support["Running"] = None
    kinds = ast.Dict([literal(key) for key in rows], [literal(value) for value in rows.values()])
    table = ast.Assign([ast.Name("reductions", ast.Store())], kinds)
    doc = f"The metrics of `{spec}`: `update` with every batch, then `compute`."
    methods = [table, *_init(body.layers), values, finish]
    file.classes.append(_class(called, doc, methods, parent="Running"))


def _given(graph: Graph) -> dict[str, Ref]:
    """What the model returns for the loss and the metrics, by name."""
    return {**graph.entry("predict"), **_extra(graph)}


def _open_comparison(graph: Graph, entry: str, outputs: Mapping[str, Ref]) -> tuple[Body, ast.arguments]:
    """The body of a function of `outputs` and `targets` with the nodes of `entry` in it."""
    targets = {key: Ref(key) for key in graph.targets}
    stop = frozenset(ref.path for ref in (*outputs.values(), *targets.values()))
    nodes = list(graph.walk(entry, stop=stop))
    layers = Layers(graph, nodes, netspec_torch.table())
    body = Body(graph, layers, netspec_torch.table(), Locals())
    read = {ref for node in nodes for ref in node.inputs} | set(graph.entry(entry).values())
    for source, given in (("outputs", outputs), ("targets", targets)):
        for key, ref in given.items():
            if ref in read:
                _unpack(body, source, key, ref, alone=len(given) == 1)
    body.add(nodes, {ref: key for key, ref in graph.entry(entry).items()}, inline=True)
    arguments = _arguments([("outputs", _EITHER), ("targets", _EITHER)])
    return body, arguments


def _unpack(body: Body, source: str, key: str, ref: Ref, *, alone: bool) -> None:
    """`cdf = outputs["cdf"]`; the only one may also be given without the dict around it."""
    local = body.names.fresh(key)
    value: ast.expr = subscript(name(source), literal(key))
    if alone:
        value = ast.IfExp(call("isinstance", name(source), name("dict")), value, name(source))
    statement = ast.Assign([ast.Name(local, ast.Store())], value)
    body.statements.append(statement)
    body.comments[id(statement)] = shape(body.graph.type_of(ref))
    body.values[ref] = name(local)


# --------------------------------------------------------------------------------------------------------------- parts


def _open(graph: Graph, layers: Layers, inputs: Iterable[str], taken: set[str]) -> tuple[Body, ast.arguments]:
    """The body and the arguments of a function of the graph's own inputs."""
    body = Body(graph, layers, netspec_torch.table(), Locals(taken))
    given = []
    for key in inputs:
        local = body.names.fresh(key)
        body.values[Ref(key)] = name(local)
        given.append((local, "Tensor"))
    return body, _arguments(given)


def _value(body: Body, ref: Ref) -> ast.expr:
    """The expression of an entry's value, a tensor even where it is a plain number."""
    value = body.values[ref]
    return call("torch.tensor", value) if isinstance(value, (ast.Constant, ast.UnaryOp)) else value


def _returned(values: Mapping[str, ast.expr]) -> ast.expr:
    """A tensor if there is one value, else a dict in declared order."""
    return next(iter(values.values())) if len(values) == 1 else _dictionary(values)


def _dictionary(values: Mapping[str, ast.expr]) -> ast.expr:
    """A dict display."""
    return ast.Dict([literal(key) for key in values], list(values.values()))


def _is_none(local: str) -> ast.expr:
    """`local is None`."""
    return ast.Compare(name(local), [ast.Is()], [literal(None)])


def _annotation(written: str) -> ast.expr:
    """A type annotation from its text."""
    return ast.parse(written, mode="eval").body


def _arguments(given: Sequence[tuple[str, str]]) -> ast.arguments:
    """`self` and positional arguments with their types."""
    args = [ast.arg("self"), *(ast.arg(key, _annotation(kind)) for key, kind in given)]
    return ast.arguments(posonlyargs=[], args=args, kwonlyargs=[], kw_defaults=[], defaults=[])


def _function(
    called: str, arguments: ast.arguments, doc: str, body: Sequence[ast.stmt], returns: str
) -> ast.FunctionDef:
    """A method with its docstring."""
    return ast.FunctionDef(
        name=called,
        args=arguments,
        body=[printer.docstring(doc, 8), *body],
        decorator_list=[],
        returns=_annotation(returns),
    )


def _class(called: str, doc: str, methods: Sequence[ast.stmt], parent: str = "nn.Module") -> ast.ClassDef:
    """A class with its docstring."""
    body = [printer.docstring(doc, 4), *methods]
    return ast.ClassDef(name=called, bases=[name(parent)], keywords=[], body=body, decorator_list=[])


def _init(layers: Layers) -> list[ast.stmt]:
    """`__init__` with the layers, if there are any."""
    if not layers:
        return []
    parent = ast.Expr(method(call("super"), "__init__"))
    body = [parent, *layers.statements()]
    return [_plain_function("__init__", _arguments([]), body)]


def _plain_function(called: str, arguments: ast.arguments, body: Sequence[ast.stmt]) -> ast.FunctionDef:
    """A method that needs no docstring, returning nothing."""
    return ast.FunctionDef(
        name=called, args=arguments, body=list(body), decorator_list=[], returns=ast.Constant(None)
    )


# ------------------------------------------------------------------------------------------------------------ the file


def _finish(file: _File, model: str, doc: str) -> Source:
    """Put imports and support functions before the classes, and print it all."""
    support = _support()
    verbatim: dict[int, str] = {}
    functions: list[ast.stmt] = []
    for key in sorted(file.support):
        if key not in support:
            raise SpecError.of(
                "NS735", f"the torch backend has no support function `{key}`", help="update netspec"
            )
        node, written = support[key]
        functions.append(node)
        verbatim[id(node)] = written
    used = _names([*functions, *file.classes])
    imports = [
        ast.parse(line).body[0] for key, line in IMPORTED.items() if key in used and "from" not in line
    ]
    together = [key for key in ("Tensor", "nn") if key in used]
    imports.sort(key=ast.unparse)
    if together:
        imports.append(ast.ImportFrom("torch", [ast.alias(key) for key in together], 0))
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    body = [printer.docstring(doc, 0), future, *imports, *functions, *file.classes]
    tree = ast.Module(body, [])
    return Source(printer.show(tree, file.comments, verbatim), tree, model)


def _names(statements: Sequence[ast.stmt]) -> set[str]:
    """Every bare name that the statements mention."""
    return {one.id for top in statements for one in ast.walk(top) if isinstance(one, ast.Name)}


@cache
def _support() -> dict[str, tuple[ast.stmt, str]]:
    """The definitions of `support.py` and `running.py` by name, each as its tree and its text."""
    found: dict[str, tuple[ast.stmt, str]] = {}
    for file in ("support.py", "running.py"):
        written = Path(__file__).with_name(file).read_text(encoding="utf-8")
        lines = written.splitlines()
        for node in ast.parse(written).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                found[node.name] = node, "\n".join(lines[first - 1 : node.end_lineno])
    return found


def _file_doc(spec: str, digest: str) -> str:
    """The sign on the written file's door."""
    of = f" (sha256 {digest})" if digest else ""
    return f"`{spec}`, written by netspec from its spec{of}.\n\nIt needs PyTorch and nothing else."


def _title_doc(spec: str, doc: str) -> str:
    """The docstring of the model's class."""
    return f"{spec}\n\n{doc}" if doc.strip() else f"The model of `{spec}`."


def _forward_doc(graph: Graph, extra: Mapping[str, Ref]) -> str:
    """What goes in and what comes out, with shapes."""
    lines = ["Inputs and outputs:" if graph.inputs else "Outputs:", ""]
    lines += [f"* `{key}`: {_described(kind)}" for key, kind in graph.inputs.items()]
    given = [f"`{key}`: {_described(graph.type_of(ref))}" for key, ref in graph.entry("predict").items()]
    lines += (
        [f"* returns {given[0]}"]
        if len(given) == 1
        else ["* returns a dict", *(f"  - {one}" for one in given)]
    )
    if extra:
        lines += [
            "",
            f"With `{FOR_LOSS}` (left out: in training mode) it returns a dict that also holds what the loss reads:",
            ", ".join(f"`{key}`" for key in extra) + ".",
        ]
    return "\n".join(lines)


def _described(kind: TensorType) -> str:
    """A type in words for docstrings."""
    return kind.named()
