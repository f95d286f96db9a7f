"""One use of an op, numbers that fit its types, and what the reference and PyTorch make of them."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody, and the written code, gives it
from numpy.typing import NDArray
from torch import nn

import netspec_numpy
import netspec_torch
from netspec.ir.dim import Dim
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Ref
from netspec.ir.op import Inferred, Op, infer_node
from netspec.ir.types import TensorType
from netspec.ops.dropout import AlphaDropout, alpha_moments
from netspec.ops.rectifier import Rrelu
from netspec_numpy.rule import Context
from netspec_torch import attending, support
from netspec_torch.rule import Lowered, Site, name

Array = NDArray[Any]
Mode = Literal["train", "eval"]
TORCH_SEED = 5


@dataclass(frozen=True)
class Case:
    """One use of an op: the op, its inputs' types, what its rule inferred, and what is frozen."""

    op: Op
    types: tuple[TensorType, ...]
    inferred: Inferred
    frozen: frozenset[str] = frozenset()

    def __str__(self) -> str:
        inputs = ", ".join(one.named() for one in self.types)
        return f"{self.op!r} of {inputs}"


@dataclass(frozen=True)
class Numbers:
    """All arrays that one run needs."""

    inputs: tuple[Array, ...]
    parameters: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    noise: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What one run gave: outputs, gradients of inputs and parameters, and the state after it."""

    outputs: tuple[Array, ...]
    inputs: tuple[Array, ...]
    parameters: Mapping[str, Array]
    state: Mapping[str, Array]


def case(op: Op, *types: TensorType, frozen: frozenset[str] = frozenset()) -> Case:
    """The use of `op` on inputs of these types; Problem where they do not fit."""
    return Case(op, types, infer_node(op, types), frozen)


def shape(kind: TensorType, rows: int | None = None) -> tuple[int, ...]:
    """The sizes as numbers. A letter is how many rows a mask keeps, which is `rows`."""
    letters = {} if rows is None else dict.fromkeys((one for x in kind.sizes for one in x.symbols), rows)
    return tuple(size.evaluate(letters) for size in kind.sizes)


def rows_kept(use: Case, drawn: Numbers) -> int | None:
    """How many rows the mask among the inputs keeps; None where there is none."""
    if use.op.slots[-1:] != ("mask?",) or len(use.types) < len(use.op.slots):
        return None
    return int(drawn.inputs[-1].sum())


def floating(array: Array) -> bool:
    """Whether gradients may flow into it."""
    return bool(np.issubdtype(array.dtype, np.floating))


# ------------------------------------------------------------------------------------------------------ numbers


def spaced(rng: np.random.Generator, sizes: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> Array:
    """Numbers of (low, high), no two of them close and none close to the middle: kinks lie at ties and at zero."""
    count = int(np.prod(sizes))
    places = (rng.permutation(count) + rng.uniform(0.3, 0.7, count)) / max(count, 1)
    places = np.where(abs(places - 0.5) < 0.1 / max(count, 1), places + 0.2 / max(count, 1), places)
    return np.asarray((low + (high - low) * places).reshape(sizes))


def draw(
    kind: TensorType, rng: np.random.Generator, *, edges: bool = False, rows: int | None = None
) -> Array:
    """Numbers of which all facts of `kind` are true. `edges` puts the exact bounds among them."""
    facts, sizes = kind.facts, shape(kind, rows)
    if kind.dtype == "bool":
        return rng.integers(0, 2, sizes).astype(bool)
    if facts.mask:
        return rng.integers(0, 2, sizes).astype(np.int64 if kind.dtype == "int64" else np.float64)
    if facts.places is not None:
        count = int(np.prod([int(size) for size in facts.places]))
        all_places = rng.permuted(np.tile(np.arange(count), (*sizes[:2], 1)), axis=-1)
        return np.asarray(all_places[..., : int(np.prod(sizes[2:]))].reshape(sizes))
    if facts.classes is not None:
        whole = rng.integers(0, facts.classes, sizes)
        return whole if kind.dtype == "int64" else whole.astype(np.float64)
    if kind.dtype == "int64":
        return rng.integers(int(max(facts.low, -5)), int(min(facts.high, 5)) + 1, sizes)
    if facts.log_probabilities is not None:
        return np.asarray(np.log(_simplex(rng, sizes, _axis(kind, facts.log_probabilities))))
    if facts.sums_to_one is not None:
        return _simplex(rng, sizes, _axis(kind, facts.sums_to_one))
    low, high = _interval(facts.low, facts.high)
    x = spaced(rng, sizes, low, high)
    if edges and facts.bounded and x.size:
        bounds = [bound for bound in (facts.low, facts.high) if np.isfinite(bound)]
        x = np.where(rng.uniform(size=sizes) < 0.3, rng.choice(bounds, sizes), x)
    if edges and not facts.bounded:
        x = x * np.exp(rng.normal(scale=2, size=sizes))
    return np.asarray(np.sort(x, axis=_axis(kind, facts.nondecreasing))) if facts.nondecreasing else x


def _interval(low: float, high: float) -> tuple[float, float]:
    """A finite interval inside the bounds."""
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    if np.isfinite(low):
        return low, low + 3
    return (high - 3, high) if np.isfinite(high) else (-2.0, 2.0)


def _axis(kind: TensorType, named: str) -> int:
    """The position of an axis that facts name; `feature` may be any, then the first after the batch."""
    found = kind.find(named)
    return found if found is not None else min(1, kind.rank - 1)


def _simplex(rng: np.random.Generator, sizes: tuple[int, ...], axis: int) -> Array:
    """Positive numbers that sum to one over the axis."""
    raw = np.exp(spaced(rng, sizes))
    return np.asarray(raw / raw.sum(axis=axis, keepdims=True))


def numbers(use: Case, seed: int, *, edges: bool = False) -> Numbers:
    """Inputs, parameters, state and keep masks for one use; the masks are those that PyTorch draws."""
    rng = np.random.default_rng(seed)
    last = use.types[-1:] if any(one.symbols for kind in use.types for one in kind.sizes) else ()
    masks = tuple(
        draw(kind, rng) for kind in last
    )  # the last input is a mask that decides a size of the others
    rows = int(masks[0].sum()) if masks else None
    first = use.types[: len(use.types) - len(masks)]
    inputs = (*(draw(kind, rng, edges=edges, rows=rows) for kind in first), *masks)
    parameters = {one.name: spaced(rng, one.shape, -1.0, 1.2) for one in use.inferred.parameters}
    state: dict[str, Array] = {}
    for one in use.inferred.state:
        low = 0.5 if one.fill else -0.5
        state[one.name] = np.array(3) if one.dtype == "int64" else spaced(rng, one.shape, low, low + 1.2)
    drawn = Numbers(inputs, parameters, state)
    return replace(drawn, noise=_keep_masks(use, drawn)) if use.inferred.noise else drawn


def _keep_masks(use: Case, drawn: Numbers) -> dict[str, Array]:
    """What PyTorch will keep under our seed, seen by sending ones through its layer."""
    if "attention" in use.op.name:
        return _weights_kept(use, drawn)
    if isinstance(use.op, Rrelu):
        return {"slope": _slopes(use, drawn)}
    ones = replace(drawn, inputs=tuple(np.ones_like(x) for x in drawn.inputs))
    (kept,) = _torch_forward(use, ones, "train").outputs
    # What alpha dropout drops is no 0, but it is less than what it makes of 1; of p = 1 nothing is kept.
    least = alpha_moments(use.op.p)[2] if isinstance(use.op, AlphaDropout) and use.op.p > 0 else 0.0
    seen = (kept.detach().numpy() > least + 1e-9).astype(np.float64)

    def of(sizes: tuple[Dim, ...]) -> Array:
        return np.asarray(
            seen[tuple(slice(None if size != 1 else 1) for size in sizes)]
        )  # one for all it spreads over

    return {one.name: of(one.shape) for one in use.inferred.noise}


def _slopes(use: Case, drawn: Numbers) -> Array:
    """The slope that PyTorch draws for every number that is not positive: its gradient."""
    ran = _torch_forward(use, drawn, "train")
    (x,), (y,) = ran.inputs, ran.outputs
    y.sum().backward()  # type: ignore[no-untyped-call]
    return _gradient(x)


def _weights_kept(use: Case, drawn: Numbers) -> dict[str, Array]:
    """The same for dropout inside of an op: which weights come through; none is 0 unless a mask makes it so."""
    seen: list[Array] = []

    def look(layer: nn.Module, inputs: tuple[torch.Tensor, ...], made: torch.Tensor) -> None:
        if isinstance(layer, nn.Dropout):
            seen.append(((made != 0) | (inputs[0] == 0)).numpy().astype(np.float64))

    handle = nn.modules.module.register_module_forward_hook(look)
    try:
        _torch_forward(use, drawn, "train")
    finally:
        handle.remove()
    return {one.name: kept for one, kept in zip(use.inferred.noise, seen, strict=True)}


def pulls(result: tuple[Array, ...], seed: int) -> tuple[Array, ...]:
    """Random gradients for the outputs; zeros for outputs that are no floating numbers."""
    rng = np.random.default_rng(seed)
    return tuple(spaced(rng, y.shape) if floating(y) else np.zeros(y.shape) for y in result)


# ----------------------------------------------------------------------------------------------------- backends


def forward(use: Case, drawn: Numbers, mode: Mode) -> tuple[Array, ...]:
    """The reference's outputs."""
    rule = netspec_numpy.table()[type(use.op)]
    return rule.forward(use.op, drawn.inputs, _context(use, drawn, mode)).outputs


def reference(use: Case, drawn: Numbers, gradients: tuple[Array, ...], mode: Mode) -> Result:
    """The reference's outputs, gradients and new state; a missing gradient is zero."""
    return backward_of(use, drawn, mode)(gradients)


def backward_of(use: Case, drawn: Numbers, mode: Mode) -> Callable[[tuple[Array, ...]], Result]:
    """The reference's run as a function of the outputs' gradients: one forward, and as many backwards as wanted."""
    rule = netspec_numpy.table()[type(use.op)]
    at = _context(use, drawn, mode)
    ahead = rule.forward(use.op, drawn.inputs, at)
    pull = rule.pull
    assert pull is not None, f"{use.op.name} has no backward"

    def run(gradients: tuple[Array, ...]) -> Result:
        back = pull(use.op, ahead.saved, gradients, at)
        assert len(back.inputs) == len(drawn.inputs)
        for x, one in zip(drawn.inputs, back.inputs, strict=True):
            assert one is None or one.shape == x.shape, f"gradient {one.shape} of input {x.shape}"
        inputs = tuple(
            np.zeros(x.shape) if one is None else one
            for x, one in zip(drawn.inputs, back.inputs, strict=True)
        )
        parameters = {key: back.parameters.get(key, np.zeros_like(x)) for key, x in drawn.parameters.items()}
        return Result(ahead.outputs, inputs, parameters, {**drawn.state, **ahead.state})

    return run


def _context(use: Case, drawn: Numbers, mode: Mode) -> Context:
    return Context(
        use.types, use.inferred.outputs, drawn.parameters, drawn.state, drawn.noise, mode, use.frozen
    )


def graph_of(use: Case) -> Graph:
    """A graph of this use alone: inputs `x0`, `x1`, ..., the node `layer`."""
    made = use.inferred
    node = Node(
        "layer",
        use.op,
        tuple(Ref(f"x{i}") for i in range(len(use.types))),
        made.outputs,
        {one.name: f"layer.{one.name}" for one in made.parameters},
        {one.name: f"layer.{one.name}" for one in made.state},
        made.noise,
        frozen=use.frozen,
    )
    return Graph(
        {f"x{i}": kind for i, kind in enumerate(use.types)},
        nodes=(node,),
        parameters={f"layer.{one.name}": GraphParameter(one.name, one.shape) for one in made.parameters},
        state={f"layer.{one.name}": GraphState(one.name, one.shape, one.fill) for one in made.state},
    )


def _called(ref: Ref) -> str:
    """The local of a value in written code."""
    return str(ref).translate(str.maketrans(".[", "__", "]"))


def lowered(use: Case) -> list[tuple[Node, Lowered]]:
    """How the torch backend writes this use, its steps where it does not know the op; each calls its module `layer`."""
    table = netspec_torch.table()
    graph = expanded(graph_of(use), table)
    written = []
    for node in graph.nodes:
        inputs = tuple(name(_called(ref)) for ref in node.inputs)
        types = tuple(graph.type_of(ref) for ref in node.inputs)
        site = Site(inputs, name("layer"), types, node.types, node.frozen)
        written.append((node, table[type(node.op)].lower(node.op, site)))
    return written


def _run_written(expression: ast.expr, written: Lowered, known: Mapping[str, Any]) -> Any:
    """Evaluate generated code as the compiled module would: torch, nn, F, the support it lists, and nothing else."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, **known}
    for one in written.support:
        function = getattr(support, one, None) or getattr(attending, one)
        assert inspect.getdoc(function), f"{one} has no docstring"
        names[one] = function
    tree = ast.fix_missing_locations(ast.Expression(ast.parse(ast.unparse(expression), mode="eval").body))
    return eval(compile(tree, "<lowered>", "eval"), names)


@dataclass(frozen=True)
class _TorchRun:
    """PyTorch's own run of a use: outputs, inputs, and its layers by the path of their node."""

    outputs: tuple[torch.Tensor, ...]
    inputs: list[torch.Tensor]
    layers: list[tuple[Node, nn.Module]]

    def named(self, of: Literal["parameters", "state"]) -> dict[str, torch.Tensor]:
        """The parameters or buffers by the op's local names."""
        found = {}
        for node, layer in self.layers:
            held = dict(layer.named_parameters() if of == "parameters" else layer.named_buffers())
            for local, key in getattr(node, of).items():
                found[key.removeprefix("layer.")] = held.pop(local)
            assert not held, f"{node.op.name} holds more {of} than it says: {list(held)}"
        return found


def _torch_forward(use: Case, drawn: Numbers, mode: Mode) -> _TorchRun:
    """PyTorch's own run, with our parameters and state loaded strictly."""
    inputs = [torch.tensor(x, requires_grad=floating(x)) for x in drawn.inputs]
    known: dict[str, Any] = {f"x{i}": x for i, x in enumerate(inputs)}
    named = {**drawn.parameters, **drawn.state}
    layers: list[tuple[Node, nn.Module]] = []
    torch.default_generator.manual_seed(
        TORCH_SEED
    )  # the generator of the CPU alone, ten times faster than all
    outputs: Any = ()
    for node, written in lowered(use):
        known.pop("layer", None)
        if written.construct is not None:
            with torch.random.fork_rng(devices=[]):
                layer = _run_written(written.construct, written, {})
            assert isinstance(layer, nn.Module)
            layer.double().train(mode == "train")
            owned = {**node.parameters, **node.state}
            mine = {local: torch.tensor(named[key.removeprefix("layer.")]) for local, key in owned.items()}
            layer.load_state_dict(mine, strict=True)
            known["layer"] = layer
            layers.append((node, layer))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using padding='same'")  # a remark on its speed
            outputs = _run_written(written.call, written, known)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        known.update(zip(map(_called, node.refs), outputs, strict=True))
    literal = {float: torch.float64, bool: torch.bool, int: torch.int64}
    outputs = (y if isinstance(y, torch.Tensor) else torch.tensor(y, dtype=literal[type(y)]) for y in outputs)
    return _TorchRun(tuple(outputs), inputs, layers)


def candidate_outputs(use: Case, drawn: Numbers, mode: Mode) -> tuple[Array, ...]:
    """PyTorch's outputs alone."""
    return tuple(_array(y) for y in _torch_forward(use, drawn, mode).outputs)


def candidate(use: Case, drawn: Numbers, gradients: tuple[Array, ...], mode: Mode) -> Result:
    """PyTorch's outputs, gradients by autograd and new state, from the lowering; a missing gradient is zero."""
    made = _torch_forward(use, drawn, mode)
    live = [(y, g) for y, g in zip(made.outputs, gradients, strict=True) if y.requires_grad]
    if live:
        torch.autograd.backward([y for y, _ in live], [torch.tensor(g, dtype=y.dtype) for y, g in live])
    return Result(
        tuple(_array(y) for y in made.outputs),
        tuple(_gradient(x) for x in made.inputs),
        {key: _gradient(x) for key, x in made.named("parameters").items()},
        {key: _array(x) for key, x in made.named("state").items()},
    )


def _array(tensor: torch.Tensor) -> Array:
    return np.asarray(tensor.detach().numpy())


def _gradient(tensor: torch.Tensor) -> Array:
    return np.zeros(tuple(tensor.shape)) if tensor.grad is None else _array(tensor.grad)


def torch_attempt(use: Case) -> bool:
    """Whether PyTorch runs a use that was never inferred, with whatever parameters its own layer starts from."""
    rng = np.random.default_rng(0)
    try:
        known: dict[str, Any] = {f"x{i}": torch.tensor(draw(kind, rng)) for i, kind in enumerate(use.types)}
        for node, written in lowered(use):
            if written.construct is not None:
                known["layer"] = _run_written(written.construct, written, {}).double().train()
            outputs = _run_written(written.call, written, known)
            outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
            known.update(zip(map(_called, node.refs), outputs, strict=False))
    except Exception:  # noqa: BLE001 - whatever it raises, it did not run
        return False
    return True
