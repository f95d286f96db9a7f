"""The loss and the metrics as classes: what the model returned, against the targets."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import netspec_torch
from netspec.ir.graph import Graph, Ref
from netspec.ops.accumulation import SHARES, accumulate
from netspec_torch.body import Body, shape
from netspec_torch.file import File
from netspec_torch.layers import Layers
from netspec_torch.naming import Locals
from netspec_torch.pieces import EITHER, MANY, arguments_of, class_of, dictionary, function, init, value_of
from netspec_torch.rule import call, literal, name, subscript

EXPECT = "expect"
"""The support function that holds what is compared to its sizes."""


def extra_of(graph: Graph) -> dict[str, Ref]:
    """What the loss and the metrics read of the model besides its outputs."""
    predicted = set(graph.entry("predict").values())
    return {key: ref for key, ref in graph.entry("train").items() if ref not in predicted}


def given_of(graph: Graph) -> dict[str, Ref]:
    """What the model returns for the loss and the metrics, by name."""
    return {**graph.entry("predict"), **extra_of(graph)}


def add_loss(file: File, graph: Graph, spec: str) -> None:
    """The loss: `terms` gives each term, `forward` their sum."""
    entry = graph.entry("loss")
    body, arguments = open_comparison(graph, "loss", given_of(graph))
    body.statements.append(ast.Return(dictionary({key: value_of(body, ref) for key, ref in entry.items()})))
    terms = function("terms", arguments, "Each term of the loss, by name.", body.statements, MANY)
    total: ast.expr | None = None
    for key in entry:
        term = subscript(name("terms"), literal(key))
        total = term if total is None else ast.BinOp(total, ast.Add(), term)
    assert total is not None  # the entry is not empty
    sums: list[ast.stmt] = [
        ast.Assign([ast.Name("terms", ast.Store())], call("self.terms", name("outputs"), name("targets"))),
        ast.Return(total),
    ]
    forward = function("forward", arguments, "The loss: a number without axes.", sums, "Tensor")
    file.take(body)
    doc = f"The loss of `{spec}`: what the model returned for it, against the targets."
    file.classes.append(class_of("Loss", doc, [*init(body.layers), terms, forward]))


def add_metrics(file: File, graph: Graph, called: str, what: str) -> None:
    """The metrics: `values` are what one batch adds, `finish` makes the metrics of the totals."""
    given = given_of(graph)
    parts = accumulate(graph, [*given.values(), *(Ref(key) for key in graph.targets)])
    body, arguments = open_comparison(parts.partial, SHARES, given)
    shares = {key: body.values[ref] for key, ref in parts.partial.entry(SHARES).items()}
    body.statements.append(ast.Return(dictionary(shares)))
    values = function("values", arguments, "What each sample adds, for one batch.", body.statements, MANY)
    layers = Layers(parts.finish, parts.finish.walk("metrics"), netspec_torch.table())
    end = Body(parts.finish, layers, netspec_torch.table(), Locals({"totals", *layers.support}))
    for total in parts.totals:
        _unpack(end, "totals", total.path, Ref(total.path), alone=False)
    wanted = {ref: key for key, ref in parts.finish.entry("metrics").items()}
    end.add(list(parts.finish.walk("metrics")), wanted, inline=True)
    metrics = {key: value_of(end, ref) for key, ref in parts.finish.entry("metrics").items()}
    end.statements.append(ast.Return(dictionary(metrics)))
    finish = function(
        "finish",
        arguments_of([("totals", MANY)]),
        "The metrics, from the totals of all batches.",
        end.statements,
        MANY,
    )
    file.take(body)
    file.take(end)
    file.need("Running")
    kinds = literal(tuple((total.path, total.how, total.axes) for total in parts.totals))
    table = ast.Assign([ast.Name("reductions", ast.Store())], kinds)
    doc = f"{what}: `update` with every batch, then `compute`."
    methods = [table, *init(body.layers), values, finish]
    file.classes.append(class_of(called, doc, methods, parent="Running"))


def open_comparison(graph: Graph, entry: str, outputs: Mapping[str, Ref]) -> tuple[Body, ast.arguments]:
    """The body of a function of `outputs` and `targets` with the nodes of `entry` in it.

    The only output of the model, or the only target, may also come without its dict.
    """
    targets = {key: Ref(key) for key in graph.targets}
    stop = frozenset(ref.path for ref in (*outputs.values(), *targets.values()))
    nodes = list(graph.walk(entry, stop=stop))
    layers = Layers(graph, nodes, netspec_torch.table())
    body = Body(graph, layers, netspec_torch.table(), Locals({*layers.support, EXPECT}))
    read = {ref for node in nodes for ref in node.inputs} | set(graph.entry(entry).values())
    kinds, unpacked = [], []
    for source, given, returned in (
        ("outputs", outputs, graph.entry("predict")),
        ("targets", targets, targets),
    ):
        kinds.append((source, EITHER if len(returned) == 1 else MANY))
        for key, ref in given.items():
            if ref in read:
                _unpack(body, source, key, ref, alone=list(returned) == [key])
                unpacked.append(ref)
    if len(unpacked) > 1:
        _expect(body, unpacked)
    body.add(nodes, {ref: key.rpartition(".")[2] for key, ref in graph.entry(entry).items()}, inline=True)
    return body, arguments_of(kinds)


def _expect(body: Body, refs: Sequence[Ref]) -> None:
    """`expect(cdf=(cdf, ("N", 600)), volume=(volume, ("N",)))`: nothing is broadcast behind the user's back."""
    pairs = []
    for ref in refs:
        local = body.values[ref]
        assert isinstance(local, ast.Name)  # it was just unpacked
        wanted = tuple(
            int(str(one)) if str(one).isdecimal() else str(one) for one in body.graph.type_of(ref).sizes
        )
        pairs.append(ast.keyword(local.id, ast.Tuple([local, literal(wanted)], ast.Load())))
    body.statements.append(ast.Expr(ast.Call(name(EXPECT), [], pairs)))
    body.support[EXPECT] = None


def _unpack(body: Body, source: str, key: str, ref: Ref, *, alone: bool) -> None:
    """`cdf = outputs["cdf"]`; the only one may also be given without the dict around it."""
    local = body.names.fresh(key.rpartition(".")[2])
    value: ast.expr = subscript(name(source), literal(key))
    if alone:
        value = ast.IfExp(call("isinstance", name(source), name("dict")), value, name(source))
    statement = ast.Assign([ast.Name(local, ast.Store())], value)
    body.statements.append(statement)
    body.comments[id(statement)] = shape(body.graph.type_of(ref))
    body.values[ref] = name(local)
