"""A graph as Python source: one syntax tree, made from the validated graph alone, without importing torch.

The file that `netspec compile` writes and the module that `netspec.compile` runs are this one text. No text of the spec
becomes code: names are checked, everything else stands in literals, and the printed text is parsed again and compared.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

import netspec_torch
from netspec.ir.expand import expanded, opened
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import Op
from netspec_torch.blocks.classes import classes, hang_all, steps_of
from netspec_torch.blocks.code import write_class
from netspec_torch.blocks.outline import outline
from netspec_torch.body import Body
from netspec_torch.comparison import add_loss, add_metrics, extra_of
from netspec_torch.file import File, Source, finish, support
from netspec_torch.layers import Layers
from netspec_torch.naming import TAKEN, Locals, class_name
from netspec_torch.pieces import (
    EITHER,
    MANY,
    annotation,
    arguments_of,
    class_of,
    dictionary,
    function,
    init,
    is_none,
    returned,
    value_of,
)
from netspec_torch.rule import literal, name

FOR_LOSS = "for_loss"
"""The argument of `forward` that asks for what the loss reads besides the outputs."""

WRITTEN = frozenset({"Aggregate", "GroupMetrics", "Loss", "Metrics", "Running"})
"""The classes of a file that every spec calls so."""

METRICS, GROUP_METRICS = "Metrics", "GroupMetrics"
"""The classes of the metrics of samples, and of those of groups."""


def write(graph: Graph, *, name: str, doc: str = "", digest: str = "", group: Graph | None = None) -> Source:
    """The source of a spec: the model's class, `Loss`, and `Aggregate` where there is a group.

    `name`, `doc` and `digest` (of the spec's text) go into docstrings. Deterministic: the same graph gives the same
    text. SpecError where a layer's name cannot be a module's, or the backend does not know an op.
    """
    table = netspec_torch.table()
    apart = opened(graph, table)
    graph, group = expanded(graph, table), None if group is None else expanded(group, table)
    file = File()
    title = class_name(name)
    if title in support():
        title = f"{title}Net"
    _model(file, graph, title, _title_doc(name, doc), apart)
    if graph.entry("loss"):
        add_loss(file, graph, name)
    if group is not None and group.entry("predict"):
        _aggregate(file, group, name)
    if graph.entry("metrics"):
        add_metrics(file, graph, METRICS, f"The metrics of `{name}`")
    if group is not None and group.entry("metrics"):
        add_metrics(file, group, GROUP_METRICS, f"The metrics of `{name}` over groups")
    return finish(file, title, _file_doc(name, digest))


def text(graph: Graph, *, name: str, doc: str = "", digest: str = "", group: Graph | None = None) -> str:
    """The text of `write`."""
    return write(graph, name=name, doc=doc, digest=digest, group=group).text


def observed(graph: Graph, given: Iterable[str]) -> Source:
    """A class `Observed` whose `forward` returns every node's value that the `given` inputs and targets allow.

    The lowering is the model's own. Values come by the text of their Ref; layers hang where the model has them.
    """
    graph = expanded(graph, netspec_torch.table())
    known = set(given)
    nodes: list[Node] = []
    for node in graph.nodes:
        if all(ref.path in known for ref in node.inputs):
            nodes.append(node)
            known.add(node.path)
    file = File()
    layers = Layers(graph, nodes, netspec_torch.table())
    inputs = [key for key in (*graph.inputs, *graph.targets) if key in set(given)]
    body, arguments = open_body(graph, layers, inputs, set())
    refs = [ref for node in nodes for ref in node.refs]
    body.add(nodes, {ref: ref.path for ref in refs})
    body.statements.append(ast.Return(dictionary({str(ref): body.values[ref] for ref in refs})))
    forward = function("forward", arguments, "Every value.", body.statements, MANY)
    file.take(body)
    file.classes.append(class_of("Observed", "Every value of a graph.", [*init(layers), forward]))
    return finish(file, "Observed", "Every value of a graph, for comparison with the reference.")


def _model(file: File, graph: Graph, title: str, doc: str, compounds: Mapping[str, Op]) -> None:
    """The model: `forward` takes the inputs in order, and returns a tensor, or a dict if there are several outputs.

    The blocks it is made of are classes of their own, in front of it.
    """
    table = netspec_torch.table()
    predict, extra = graph.entry("predict"), extra_of(graph)
    first = list(graph.walk("predict"))
    before = {node.path for node in first}
    later = [node for node in graph.walk("predict", "train") if node.path not in before]
    outlined = outline(graph, (first, later), table, compounds)
    made = classes(outlined.items, {*support(), *TAKEN, title, *WRITTEN})
    for template in made.templates:
        written, inner = write_class(template, made, graph)
        file.take(inner)
        file.called.update(dict.fromkeys(outlined.support))
        file.classes.append(written)
    layers = hang_all(graph, outlined, made)
    body, arguments = open_body(graph, layers, graph.inputs, {FOR_LOSS} if extra else set())
    body.support.update(dict.fromkeys(outlined.support))
    for ref, value in outlined.known.items():
        if isinstance(value, ast.expr):
            body.values[ref] = value
    kept = {outlined.real(ref): key for key, ref in (*predict.items(), *extra.items())}
    sections = [steps_of(items, layers) for items in outlined.sections]
    made_first = {ref for step in sections[0] for ref in step.refs}
    crossing = {
        ref: ref.path.rsplit(".", 1)[-1] for step in sections[1] for ref in step.inputs if ref in made_first
    }
    body.put(sections[0], {**crossing, **kept})
    outputs = {key: value_of(body, outlined.real(ref)) for key, ref in predict.items()}
    answer = returned(outputs)
    if extra:
        switch = ast.Assign([ast.Name(FOR_LOSS, ast.Store())], name("self.training"))
        body.statements.insert(0, ast.If(is_none(FOR_LOSS), [switch], []))
        body.statements.append(ast.If(ast.UnaryOp(ast.Not(), name(FOR_LOSS)), [ast.Return(answer)], []))
        body.put(sections[1], kept)
        everything = {**outputs, **{key: value_of(body, outlined.real(ref)) for key, ref in extra.items()}}
        answer = dictionary(everything)
        arguments.kwonlyargs.append(ast.arg(FOR_LOSS, annotation("bool | None")))
        arguments.kw_defaults.append(literal(None))
    body.statements.append(ast.Return(answer))
    returns = EITHER if extra and len(outputs) == 1 else MANY if len(outputs) > 1 else "Tensor"
    forward = function("forward", arguments, _forward_doc(graph, extra), body.statements, returns)
    file.take(body)
    file.classes.append(class_of(title, doc, [*init(layers), forward]))


def _aggregate(file: File, group: Graph, spec: str) -> None:
    """The step from samples to their group: like the model, with the outputs of all samples as inputs."""
    nodes = list(group.walk("predict"))
    layers = Layers(group, nodes, netspec_torch.table())
    entry = group.entry("predict")
    body, arguments = open_body(group, layers, group.inputs, set())
    body.add(nodes, {ref: key for key, ref in entry.items()})
    body.statements.append(ast.Return(returned({key: value_of(body, ref) for key, ref in entry.items()})))
    returns = MANY if len(entry) > 1 else "Tensor"
    forward = function("forward", arguments, _forward_doc(group, {}), body.statements, returns)
    file.take(body)
    doc = f"`{spec}` from the samples of a group to the group."
    file.classes.append(class_of("Aggregate", doc, [*init(layers), forward]))


def open_body(
    graph: Graph, layers: Layers, inputs: Iterable[str], taken: set[str]
) -> tuple[Body, ast.arguments]:
    """The body and the arguments of a function of the graph's own inputs."""
    body = Body(graph, layers, netspec_torch.table(), Locals({*taken, *layers.support}))
    given = []
    for key in inputs:
        local = body.names.fresh(key)
        body.values[Ref(key)] = name(local)
        given.append((local, "Tensor"))
    return body, arguments_of(given)


def _file_doc(spec: str, digest: str) -> str:
    """The sign on the written file's door."""
    of = f"\n\nsha256 of the spec: {digest}" if digest else ""
    return f"`{spec}`, written by netspec from its spec. It needs PyTorch and nothing else.{of}"


def _title_doc(spec: str, doc: str) -> str:
    """The docstring of the model's class."""
    return f"{spec}\n\n{doc}" if doc.strip() else f"The model of `{spec}`."


def _forward_doc(graph: Graph, extra: Mapping[str, Ref]) -> str:
    """What goes in and what comes out, with shapes."""
    lines = ["Inputs and outputs:" if graph.inputs else "Outputs:", ""]
    lines += [f"* `{key}`: {kind.named()}" for key, kind in graph.inputs.items()]
    given = [f"`{key}`: {graph.type_of(ref).named()}" for key, ref in graph.entry("predict").items()]
    lines += (
        [f"* returns {given[0]}"]
        if len(given) == 1
        else ["* returns a dict", *(f"  - {one}" for one in given)]
    )
    if extra:
        names = ", ".join(f"`{key}`" for key in extra)
        lines += [
            "",
            f"With `{FOR_LOSS}` (left out: in training mode) it returns a dict with what the loss reads too: {names}.",
        ]
    return "\n".join(lines)
