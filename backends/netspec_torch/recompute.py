"""Segments that are run again backward: a forward of the model in which only what goes into a segment is kept.

Each node is written as its lowering says, so that the numbers are the model's own to the bit: each in its order, with
the noise that it drew the first time. What a layer learns without a gradient, as running statistics, it learns the
first time alone. In evaluation the model's own forward runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import netspec_torch
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph, Node, Ref
from netspec.recipe.recompute import segments, trained
from netspec_torch.comparison import extra_of
from netspec_torch.file import support
from netspec_torch.foreign import foreign_support
from netspec_torch.layers import home, lower
from netspec_torch.rule import call, name

SEGMENT = "segment"


def recompute(model: nn.Module, graph: Graph, words: Sequence[str]) -> None:
    """Make a model's forward in training run these segments again when their gradients are taken."""
    if not words:
        return
    whole = expanded(graph, netspec_torch.table())
    owner = {node.path: path for path, nodes in segments(graph, words).items() for node in nodes}
    run = _Run(model, whole, owner)
    own = model.forward

    @wraps(own)
    def forward(*inputs: Tensor, **asked: Any) -> Any:
        if not (model.training and torch.is_grad_enabled()):
            return own(*inputs, **asked)
        return run(inputs, **asked)

    model.forward = forward


class _Run:
    """The forward in training: a function for each segment, and one that calls them in their order."""

    def __init__(self, model: nn.Module, graph: Graph, owner: Mapping[str, str]) -> None:
        self._graph = graph
        nodes = trained(graph)
        self._numbers = {key: i for i, key in enumerate([*graph.inputs, *(node.path for node in nodes)])}
        self._layers: dict[str, nn.Module] = {}
        self._model = model
        self._called: dict[str, None] = {}
        wanted = {**graph.entry("predict"), **extra_of(graph)}
        inputs = [Ref(key) for key in graph.inputs]
        functions: list[ast.stmt] = []
        body: list[tuple[ast.stmt, set[Ref]]] = []
        for i, (segment, run) in enumerate(_runs(nodes, owner)):
            if not segment:
                body.append(self._assigned(run[0]))
                continue
            function, statement = self._segment(f"{SEGMENT}{i}", run, set(wanted.values()))
            functions.append(function)
            body.append(statement)
        functions.append(self._function("forward", inputs, body, list(wanted.values())))
        self._space: dict[str, Any] = {"torch": torch, "nn": nn, "F": torch.nn.functional, "Tensor": Tensor}
        text = ast.unparse(self._module(functions))
        exec(compile(text, "<recomputed>", "exec", dont_inherit=True), self._space)  # noqa: S102 - made of checked names and literals, as module.execute
        self._space |= {f"layer_{i}": layer for i, layer in enumerate(self._layers.values())}
        self._space["kept"] = self._kept
        self._states = {
            function.name: [self._layers[home(node)] for node in run if node.state]
            for function, run in zip(
                functions, (run for segment, run in _runs(nodes, owner) if segment), strict=False
            )
            if isinstance(function, ast.FunctionDef)
        }

    def __call__(self, inputs: Sequence[Tensor], *, for_loss: bool | None = None) -> Any:
        """What the model returns in training."""
        made = self._space["forward"](*inputs)
        predict, extra = self._graph.entry("predict"), extra_of(self._graph)
        named = dict(zip((*predict, *extra), made, strict=True))
        if extra and for_loss is not False:
            return named
        outputs = {key: named[key] for key in predict}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def _kept(self, function: Callable[..., Any], *inputs: Any) -> Any:
        """Call a segment so that only its inputs are kept."""
        states = self._states[function.__name__]

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), untouched(states)

        return checkpoint(function, *inputs, use_reentrant=False, context_fn=contexts)

    def _segment(
        self, called: str, nodes: Sequence[Node], wanted: set[Ref]
    ) -> tuple[ast.stmt, tuple[ast.stmt, set[Ref]]]:
        """The function of a segment, and the statement that calls it."""
        inside = {node.path for node in nodes}
        given = list(dict.fromkeys(ref for node in nodes for ref in node.inputs if ref.path not in inside))
        readers = [node for node in trained(self._graph) if node.path not in inside]
        read = {ref for node in readers for ref in node.inputs} | wanted
        results = [ref for node in nodes for ref in node.refs if ref in read]
        function = self._function(called, given, [self._assigned(node) for node in nodes], results)
        target = ast.Tuple([ast.Name(self._local(ref), ast.Store()) for ref in results], ast.Store())
        value = call("kept", name(called), *(name(self._local(ref)) for ref in given))
        return function, (ast.Assign([target], value), set(given))

    def _function(
        self,
        called: str,
        inputs: Sequence[Ref],
        body: Sequence[tuple[ast.stmt, set[Ref]]],
        results: Sequence[Ref],
    ) -> ast.FunctionDef:
        """A function of values, each of which it lets go of once nothing reads it any more."""
        last = {ref: i for i, (_, read) in enumerate(body) for ref in read if ref not in results}
        statements: list[ast.stmt] = []
        for i, (statement, _) in enumerate(body):
            statements.append(statement)
            gone = [ref for ref, place in last.items() if place == i]
            if gone:
                statements.append(ast.Delete([ast.Name(self._local(ref), ast.Del()) for ref in gone]))
        statements.append(ast.Return(ast.Tuple([name(self._local(ref)) for ref in results], ast.Load())))
        arguments = ast.arguments([], [ast.arg(self._local(ref)) for ref in inputs], None, [], [], None, [])
        return ast.FunctionDef(called, arguments, statements, [], None)

    def _assigned(self, node: Node) -> tuple[ast.stmt, set[Ref]]:
        """The statement of one node, and what it reads."""
        place = home(node)
        inputs = tuple(name(self._local(ref)) for ref in node.inputs)
        here = (
            f"layer_{list(self._layers).index(place)}"
            if place in self._layers
            else f"layer_{len(self._layers)}"
        )
        lowered = lower(node, self._graph, netspec_torch.table(), inputs, name(here))
        if lowered.construct is not None and place not in self._layers:
            self._layers[place] = self._model.get_submodule(place)
        self._called.update(dict.fromkeys(lowered.support))
        names: list[ast.expr] = [ast.Name(self._local(ref), ast.Store()) for ref in node.refs]
        target = names[0] if len(names) == 1 else ast.Tuple(names, ast.Store())
        return ast.Assign([target], lowered.call), set(node.inputs)

    def _local(self, ref: Ref) -> str:
        """What a value is called."""
        return f"value_{self._numbers[ref.path]}_{ref.output}"

    def _module(self, functions: Sequence[ast.stmt]) -> ast.Module:
        """All functions, behind the support functions that they call."""
        future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
        own = support()
        called = [foreign_support(key)[0] if ":" in key else own[key][0] for key in self._called]
        return ast.fix_missing_locations(ast.Module([future, *called, *functions], []))


@contextmanager
def untouched(layers: Sequence[nn.Module]) -> Iterator[None]:
    """Within, layers that learn without a gradient learn into copies: they have learned of this batch before."""
    own = [dict(layer._buffers) for layer in layers]  # noqa: SLF001 - buffers are exchanged, not changed
    for layer in layers:
        for key, held in layer._buffers.items():  # noqa: SLF001 - as above
            layer._buffers[key] = None if held is None else held.clone()  # noqa: SLF001 - as above
    try:
        yield
    finally:
        for layer, buffers in zip(layers, own, strict=True):
            layer._buffers.update(buffers)  # noqa: SLF001 - as above


def _runs(nodes: Sequence[Node], owner: Mapping[str, str]) -> Iterator[tuple[str, list[Node]]]:
    """Segments as wholes, and other nodes one by one, in their order."""
    run: list[Node] = []
    segment = ""
    for node in nodes:
        mine = _owner(node.path, owner)
        if run and (mine != segment or not mine):
            yield segment, run
            run = []
        segment = mine
        run.append(node)
    if run:
        yield segment, run


def _owner(path: str, owner: Mapping[str, str]) -> str:
    """The segment of a node; a step of an op that is taken apart belongs to that of the op."""
    while path:
        if path in owner:
            return owner[path]
        path = path.rpartition(".")[0]
    return ""
