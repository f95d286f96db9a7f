"""The walk over an exported graph: every operator that an output needs is read by its rule, in order of execution.

A rule is a function bound to the operators it reads with `@reads("aten.relu", ...)`; it gets the call and gives what
stands for the result. What changes a tensor in place is read as what gives a new one, and every name of the old one
means the new one from there on; where a view of it is used afterwards, that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.fx import Node

from netspec.recover.draft import Unsaid
from netspec_torch.recover.drawing import Drawing
from netspec_torch.recover.exported import Exported, lines_of
from netspec_torch.recover.held import Held, Level, Owned, Size
from netspec_torch.recover.nodes import first_of, flat, hint_of, in_place, inputs_of, short_of, space_of

Rule = Callable[["Call"], Any]

RULES: dict[str, Rule] = {}
"""The rule of every operator that has one, by `namespace.name`."""

CHECKS = frozenset(
    {"_assert_scalar", "_assert_tensor_metadata", "_assert_async", "sym_constrain_range_for_size"}
)
"""Operators that compute nothing."""

VIEWS = frozenset(
    {
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "transpose",
        "permute",
        "t",
        "squeeze",
        "unsqueeze",
        "slice",
        "select",
        "unbind",
        "chunk",
        "split",
        "split_with_sizes",
        "expand",
        "expand_as",
        "narrow",
        "alias",
        "contiguous",
        "detach",
        "getitem",
        "view_as",
        "reshape_as",
        "movedim",
        "swapaxes",
    }
)
"""Operators whose result may be the same memory."""


def reads(*names: str) -> Callable[[Rule], Rule]:
    """Bind a rule to operators, `aten.relu` for all its overloads, in place and not."""

    def bind(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return bind


@dataclass
class Call:
    """One operator of the graph: its arguments by the names of its schema, with values in place of nodes."""

    reader: Reader
    node: Node
    draw: Drawing
    arguments: Mapping[str, Any]
    name: str

    def __getitem__(self, word: str) -> Any:
        """An argument; KeyError where the operator has none of that name."""
        return self.arguments[word]

    def get(self, word: str, default: Any = None) -> Any:
        """An argument, or the default where the operator has none of that name."""
        return self.arguments.get(word, default)

    def held(self, word: str) -> Held:
        """An argument that is a value of the sketch."""
        found = self.arguments[word]
        if isinstance(found, Held):
            return found
        if isinstance(found, Owned):
            raise Unsaid("it works on numbers of the module alone, and not on what goes through it")
        raise Unsaid(f"`{word}` is {_described(found)}")

    def owned(self, word: str) -> Owned | None:
        """An argument that is a parameter or buffer, or None."""
        found = self.arguments.get(word)
        if found is None or isinstance(found, Owned):
            return found
        raise Unsaid(f"its `{word}` is computed from the input, and here it is learned or fixed")

    @property
    def layer(self) -> nn.Module | None:
        """The innermost module that the operator was called in."""
        return self.reader.layer(self.node)

    def users(self) -> list[Node]:
        """What reads the result."""
        return list(self.node.users)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result at the example."""
        return self.reader.hints(self.node)


@dataclass
class Reader:
    """Reads one exported graph into a drawing."""

    exported: Exported
    draw: Drawing
    values: dict[Node, Any] = field(default_factory=dict)
    skipped: dict[Node, Any] = field(default_factory=dict)
    """What rules that looked ahead have said of later nodes."""
    padded: dict[Node, tuple[Held, list[int], str]] = field(default_factory=dict)
    """The padding that a convolution's own layer has put around its input."""
    pooled: dict[str, str] = field(default_factory=dict)
    """What was pooled, by the value of the places that were found."""

    def __post_init__(self) -> None:
        graph = self.exported.program.graph
        self.order = {node: i for i, node in enumerate(graph.nodes)}
        self._modules = dict(self.exported.module.named_modules(remove_duplicate=False))
        self._same: dict[Node, list[Node]] = {}
        self._memory: dict[Node, Node] = {}

    def read(self, inputs: Mapping[str, Held]) -> list[Any]:
        """Read all that the outputs need; what stands for each of them. Refusals are in the drawing."""
        self._sources(inputs)
        self.needed = needed = self._needed()
        for node in self.exported.program.graph.nodes:
            if node.op == "call_function" and node in needed and node not in self.values:
                self.values[node] = self._one(node)
        (out,) = (node for node in self.exported.program.graph.nodes if node.op == "output")
        self.draw.place = ""
        kinds = self.exported.program.graph_signature.output_specs
        given = [
            node for node, spec in zip(out.args[0], kinds, strict=True) if spec.kind.name == "USER_OUTPUT"
        ]
        return [self.value(node) for node in given]

    def _sources(self, inputs: Mapping[str, Held]) -> None:
        """What stands for parameters, buffers, constants and inputs."""
        program = self.exported.program
        places = {
            spec.arg.name: spec for spec in program.graph_signature.input_specs if hasattr(spec.arg, "name")
        }
        given = iter(inputs.values())
        for node in program.graph.nodes:
            if node.op != "placeholder":
                continue
            spec = places.get(node.name)
            if spec is None or spec.kind.name == "USER_INPUT":
                self.values[node] = next(given) if isinstance(node.meta.get("val"), torch.Tensor) else None
                continue
            key = spec.target or node.name
            tensor = program.state_dict.get(key, program.constants.get(key))
            if isinstance(tensor, torch.Tensor):
                learns = spec.kind.name == "PARAMETER" and tensor.requires_grad
                self.values[node] = Owned(tensor, key, learns=learns)

    def _needed(self) -> set[Node]:
        """The nodes that the outputs need, and all that changes in place what they read."""
        nodes = list(self.exported.program.graph.nodes)
        for node in nodes:
            first = first_of(node)
            if first is not None and (short_of(node) in VIEWS or in_place(node)):
                self._memory[node] = self._root(first)
        found: set[Node] = set()
        memory: set[Node] = set()
        for node in reversed(nodes):
            first = first_of(node)
            changes = in_place(node) and first is not None and self._root(first) in memory
            if node.op == "output" or node in found or changes:
                found.update((node, *inputs_of(node)))
                memory.update(self._root(one) for one in inputs_of(node))
        return found

    # ------------------------------------------------------------------------------------------------------- a node

    def _one(self, node: Node) -> Any:
        """What stands for the result of one node; a stand-in where it has no words."""
        self.draw.place = self.path(node)
        short = short_of(node)
        if node in self.skipped:
            return self.skipped[node]
        if short in CHECKS:
            return None
        try:
            return self._kept(node, self._read(node, short))
        except Unsaid as trouble:
            self._refuse(node, short, str(trouble))
        return self._stranger(node)

    def _read(self, node: Node, short: str) -> Any:
        """The result of the rule, of arithmetic of sizes, or of what is fixed."""
        arguments = self._arguments(node)
        rule = RULES.get(f"{space_of(node)}.{short}")
        given = [one for one in flat(arguments.values()) if isinstance(one, (Held, Level, Owned))]
        owned = [one for one in given if isinstance(one, Owned)]
        if given and len(owned) == len(given):
            if (
                rule is None
                or not any(one.learns for one in owned)
                or any(one.tensor.numel() > 1 for one in owned)
            ):
                return self._fixed(node, owned)
            single = {word: self.draw.single(one) if one in owned else one for word, one in arguments.items()}
            return rule(Call(self, node, self.draw, single, short))
        if rule is None and not given and not any(isinstance(one, Size) for one in flat(arguments.values())):
            return self._fixed(node, [])
        if rule is None:
            raise Unsaid("netspec has no op for it")
        return rule(Call(self, node, self.draw, arguments, short))

    def _kept(self, node: Node, result: Any) -> Any:
        """What was changed in place means the result from here on, under every name of it."""
        first = first_of(node)
        if first is None or not in_place(node):
            return result
        if isinstance(self.values.get(first), Owned):
            raise Unsaid("it changes a parameter or buffer of the module while it runs")
        same = self._same.setdefault(first, [first])
        root, now = self._root(first), self.order[node]
        for other, i in self.order.items():
            shares = other not in same and i < now and self._root(other) is root
            if shares and any(self.order[user] > now for user in other.users):
                raise Unsaid("it changes in place what a view of the same numbers is read from afterwards")
        same.append(node)
        self._same[node] = same
        for one in same:
            self.values[one] = result
        return result

    def _root(self, node: Node) -> Node:
        """The node whose memory this one's result may be."""
        return self._memory.get(node, node)

    def _fixed(self, node: Node, given: Sequence[Owned]) -> Any:
        """What is computed from parameters and buffers alone: computed, and where it is only cut or turned, tracked."""
        if in_place(node):
            raise Unsaid("it changes a parameter or buffer of the module while it runs")
        made = self._computed(node, lambda one: one.tensor)
        learns = any(one.learns for one in given)
        of = tuple(dict.fromkeys(key for one in given for key in ((one.key,) if one.key else one.of)))
        whole = given[0] if given else Owned(torch.empty(0))
        if (
            len(given) == 1
            and whole.key
            and short_of(node) in VIEWS | {"clone", "lift_fresh_copy", "_to_copy"}
        ):
            count = torch.arange(whole.tensor.numel()).reshape(whole.tensor.shape)
            places = whole.places if whole.places is not None else count
            moved = self._computed(node, lambda _: places)
            return _paired(made, moved, whole, of)
        return _owned(made, of, learns=learns)

    def _computed(self, node: Node, tensor: Callable[[Owned], torch.Tensor]) -> Any:
        """The operator itself on numbers."""

        def argument(one: Any) -> Any:
            if isinstance(one, Node):
                found = self.value(one)
                return (
                    tensor(found)
                    if isinstance(found, Owned)
                    else found.hint
                    if isinstance(found, Size)
                    else found
                )
            if isinstance(one, (list, tuple)):
                return type(one)(argument(part) for part in one)
            return one

        args, kwargs = argument(tuple(node.args)), {key: argument(one) for key, one in node.kwargs.items()}
        assert callable(node.target)
        try:
            with torch.no_grad():
                return node.target(*args, **kwargs)
        except Exception as trouble:
            raise Unsaid("it computes a weight from others while it runs, in a way of its own") from trouble

    # ---------------------------------------------------------------------------------------------------- arguments

    def value(self, node: Node) -> Any:
        """What stands for a node."""
        return self.values.get(node)

    def _arguments(self, node: Node) -> dict[str, Any]:
        """The arguments of a call by name, defaults included."""
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return {f"{i}": self._argument(one) for i, one in enumerate(node.args)}
        found: dict[str, Any] = {}
        for i, one in enumerate(schema.arguments):
            given = node.args[i] if i < len(node.args) else node.kwargs.get(one.name, one.default_value)
            found[one.name] = self._argument(given)
        return found

    def _argument(self, given: Any) -> Any:
        """One argument."""
        if isinstance(given, Node):
            return self.value(given)
        if isinstance(given, (list, tuple)):
            return [self._argument(one) for one in given]
        return given

    # -------------------------------------------------------------------------------------------------------- places

    def path(self, node: Node) -> str:
        """The dotted path of the module that a node was called in."""
        stack = node.meta.get("nn_module_stack") or {}
        return str(list(stack.values())[-1][0]).partition("@")[0] if stack else ""

    def layer(self, node: Node) -> nn.Module | None:
        """That module."""
        return self._modules.get(self.path(node))

    def hints(self, node: Node) -> tuple[int, ...]:
        """The shape of a node's tensor at the example."""
        value = node.meta.get("val")
        return tuple(hint_of(one) for one in value.shape) if isinstance(value, torch.Tensor) else ()

    def companions(self, node: Node, rank: int) -> Iterator[Held]:
        """Values that a size may have been read off: those that meet the result first, then the latest."""
        later = [one for user in node.users for one in user.all_input_nodes if one is not node]
        earlier = [one for one in reversed(self.order) if self.order[one] < self.order[node]]
        for one in (*later, *earlier):
            found = self.values.get(one)
            if isinstance(found, Held) and len(found.dims) == rank:
                yield found

    def reads_second(self, node: Node) -> bool:
        """Whether the second of two results is needed."""
        return any(user.args[1] == 1 and user in self.needed for user in node.users)

    def numbers(self, node: Any) -> Iterator[float]:
        """The broken numbers in the arguments of a node and of those that it is computed from."""
        if isinstance(node, Node):
            yield from (one for one in node.args if isinstance(one, float))
            yield from (one for one in node.kwargs.values() if isinstance(one, float))
            for one in node.all_input_nodes:
                yield from self.numbers(one)

    def parameters(self, layer: nn.Module) -> dict[str, nn.Parameter]:
        """The parameters of a layer, those of the layers in it included."""
        return dict(layer.named_parameters())

    def _refuse(self, node: Node, short: str, why: str) -> None:
        """Note what has no words, with its place in the module and in its file."""
        leaf = self.exported.leaves.get(str(node.args[2])) if short == "leaf" else None
        path = self.path(node)
        own = lines_of(node.meta.get("stack_trace") or "")
        at = f" ({own[-1][0]}:{own[-1][1]})" if own else ""
        self.draw.refuse(leaf.name if leaf else short.rstrip("_"), f"{path or 'the module itself'}{at}", why)

    def _stranger(self, node: Node) -> Any:
        """Stand-ins for all results of a node."""

        def one(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return tuple(map(one, value)) if isinstance(value, (list, tuple)) else None
            kind = "float32" if value.is_floating_point() or value.is_complex() else "int64"
            kind = "bool" if value.dtype == torch.bool else kind
            return self.draw.stranger(list(value.shape), kind)  # type: ignore[arg-type]

        return one(node.meta.get("val"))


def _owned(made: Any, of: tuple[str, ...], *, learns: bool) -> Any:
    """What was computed, as numbers of the module."""
    if isinstance(made, (list, tuple)):
        return [_owned(one, of, learns=learns) for one in made]
    return Owned(made, learns=learns, of=of) if isinstance(made, torch.Tensor) else made


def _paired(made: Any, places: Any, whole: Owned, of: tuple[str, ...]) -> Any:
    """What was cut or turned, with the places that it came from."""
    if isinstance(made, (list, tuple)):
        return [_paired(a, b, whole, of) for a, b in zip(made, places, strict=True)]
    return Owned(made, whole.key, places, whole.learns, of)


def _described(found: Any) -> str:
    """What an argument is, for messages."""
    if found is None:
        return "not given"
    return {"Level": "one number everywhere", "Noise": "drawn by chance"}.get(
        type(found).__name__, "no tensor"
    )
