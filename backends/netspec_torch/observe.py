"""One run of a graph on given numbers: what the reference is compared with.

The layers and the code are those of the compiled module; only `forward` returns every value instead of the outputs.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import netspec_torch
from netspec.backend import Feed, Run
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph
from netspec.ops.dropout import alpha_moments
from netspec.text import SpecError
from netspec_torch.file import Source
from netspec_torch.layers import home
from netspec_torch.module import construct, execute
from netspec_torch.way import PLAIN, Way
from netspec_torch.writing import FOR_LOSS, observed, write

Array = NDArray[Any]


def run(graph: Graph, feed: Feed, *, gradients: bool = True, way: Way = PLAIN) -> Run:
    """Run all of the graph that the feed has numbers for, in the feed's floating type.

    The loss is the sum of the loss terms; its gradients go to trainable parameters and floating inputs. What the loss
    does not reach gets a gradient of zeros. Where gradients arrive from outside, they are sent back in its place. In
    train mode dropout multiplies by the feed's keep masks.
    """
    given = [key for key in (*graph.inputs, *graph.targets) if key in {**feed.inputs, **feed.targets}]
    source = _source(graph, tuple(given))
    model = construct(execute(source), source.model, seed=0)
    floating = _floating(feed)
    model.to(floating).train(feed.mode == "train")
    _load(model, feed)
    way.place(model)
    inputs = {key: _placed(key, feed, way) for key in given}
    differentiable = [key for key in graph.inputs if key in inputs and inputs[key].is_floating_point()]
    for key in differentiable:
        inputs[key].requires_grad_(gradients)
    handles = _keep(model, graph, feed, way) if feed.mode == "train" else []
    if way.compiled:
        torch.compiler.reset()  # a proof compiles many sources, and remembers none of them
    with way.throughout():
        with torch.set_grad_enabled(gradients), way.running():
            made = way.called(model)(*(inputs[key] for key in given))
            values = {
                key: torch.as_tensor(value, dtype=_number(value, floating)) for key, value in made.items()
            }
            loss = _sum_of_terms(graph, values)
        for handle in handles:
            handle()
        want = gradients and (loss is not None or bool(feed.arriving))
        if want:
            _send_back(values, loss, feed)
    trainable = {key: value for key, value in model.named_parameters() if _trainable(graph, key)}
    return Run(
        values={key: _array(value) for key, value in values.items()},
        loss=None if loss is None else float(loss.detach()),
        parameters={key: _gradient(value) for key, value in trainable.items()} if want else {},
        inputs={key: _gradient(inputs[key]) for key in differentiable} if want else {},
        state={key: _array(value) for key, value in model.state_dict().items() if key in graph.state},
        kinds={key: str(value.dtype).removeprefix("torch.") for key, value in values.items()},
    )


def confirm(graph: Graph, feed: Feed, run: Run) -> None:
    """SpecError NS741 unless the module of the written file makes the outputs of `run` of the same feed, bit by bit.

    The run is of the flat form, which shows every value; the file has classes and loops. What only the loss reads is
    among the outputs. A feed without numbers for every input confirms nothing.
    """
    if any(key not in feed.inputs for key in graph.inputs) or not graph.entry("predict"):
        return
    source = write(graph, name="model")
    model = construct(execute(source), source.model, seed=0)
    model.to(_floating(feed)).train(feed.mode == "train")
    _load(model, feed)
    handles = _keep(model, graph, feed, PLAIN) if feed.mode == "train" else []
    entry = {**graph.entry("predict"), **graph.entry("train")}
    extra = any(ref not in graph.entry("predict").values() for ref in entry.values())
    with torch.no_grad():
        made = model(
            *(_placed(key, feed, PLAIN) for key in graph.inputs), **({FOR_LOSS: True} if extra else {})
        )
    for handle in handles:
        handle()
    named = made if isinstance(made, dict) else dict.fromkeys(graph.entry("predict"), made)
    for key, value in named.items():
        wanted = run.values[str(entry[key])]
        if not np.array_equal(_array(value).astype(wanted.dtype), wanted, equal_nan=wanted.dtype.kind == "f"):
            raise SpecError.of(
                "NS741",
                f"the written module gives another `{key}` than its parts do, in {_WHEN[feed.mode]}",
                help="this is a fault of netspec and not of the spec: please report it with the spec",
            )


_WHEN = {"train": "training", "eval": "evaluation"}


_SOURCES: deque[tuple[weakref.ref[Graph], tuple[str, ...], Source]] = deque(maxlen=4)
"""What was written last: a proof runs the same few graphs again and again."""


def _source(graph: Graph, given: tuple[str, ...]) -> Source:
    """The source that gives every value of a graph; the same one while the graph is there."""
    for known, inputs, source in _SOURCES:
        if known() is graph and inputs == given:
            return source
    made = observed(graph, given)
    _SOURCES.append((weakref.ref(graph), given, made))
    return made


def _placed(key: str, feed: Feed, way: Way) -> Tensor:
    """An input or target where the way wants it, in the number type that the feed tells."""
    return way.placed(_typed(feed.inputs[key] if key in feed.inputs else feed.targets[key], key, feed))


def _typed(value: Array, key: str, feed: Feed) -> Tensor:
    """A tensor in the number type that the feed tells."""
    kind = feed.kinds.get(key)
    return _tensor(value) if kind is None else _tensor(value).to(getattr(torch, kind))


def _send_back(values: Mapping[str, Tensor], loss: Tensor | None, feed: Feed) -> None:
    """Send back the gradients that arrive, or that of the loss; what needs none is left alone."""
    if not feed.arriving:
        if loss is not None and loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        return
    reached = [key for key in feed.arriving if key in values and values[key].requires_grad]
    sent = [_typed(feed.arriving[key], key, feed).to(values[key]) for key in reached]
    torch.autograd.backward([values[key] for key in reached], sent)


def _floating(feed: Feed) -> torch.dtype:
    """The floating type that the feed's numbers have."""
    for value in (*feed.parameters.values(), *feed.inputs.values()):
        if np.issubdtype(value.dtype, np.floating):
            return _tensor(value).dtype
    return torch.float32


def _number(value: Tensor | float, floating: torch.dtype) -> torch.dtype:
    """The type of a value; a plain number has the model's own."""
    return value.dtype if isinstance(value, Tensor) else floating


def _load(model: nn.Module, feed: Feed) -> None:
    """Put the feed's parameters and state into the model; a key it lacks keeps its first value."""
    given = {**feed.parameters, **feed.state}
    wanted = model.state_dict()
    model.load_state_dict(
        {**wanted, **{key: _tensor(value) for key, value in given.items() if key in wanted}}
    )


def _keep(model: nn.Module, graph: Graph, feed: Feed, way: Way) -> list[Callable[[], None]]:
    """Make layers with noise use the feed's masks; gives what undoes it."""
    handles: list[Callable[[], None]] = []
    for node in expanded(graph, netspec_torch.table()).nodes:
        for noise in node.noise:
            mask = feed.noise.get(f"{node.path}.{noise.name}")
            if mask is not None:
                inside = noise.name.rpartition(".")[0]
                layer = model.get_submodule(f"{home(node)}.{inside}" if inside else home(node))
                handles.append(
                    layer.register_forward_hook(_given(way.placed(_tensor(mask)), noise.keep)).remove
                )
    return handles


def _given(noise: Tensor, keep: float) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    """A hook that gives what the layer makes of this noise, in place of what it made of its own."""

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], drawn: Tensor) -> Tensor:
        del drawn
        (x,) = inputs
        said = noise.to(x.dtype)
        if isinstance(layer, nn.RReLU):
            return torch.where(x > 0, x, said * x)
        if isinstance(layer, (nn.AlphaDropout, nn.FeatureAlphaDropout)):
            stretch, shift, dropped = alpha_moments(1 - keep)
            return x * said * stretch + said * shift + (1 - said) * dropped
        return x * said / keep if keep else x * said

    return hook


def _sum_of_terms(graph: Graph, values: Mapping[str, Tensor]) -> Tensor | None:
    """The loss; None where the spec has none or the feed has no targets for it."""
    terms = [values.get(str(ref)) for ref in graph.entry("loss").values()]
    found = [term for term in terms if term is not None]
    if not found or len(found) < len(terms):
        return None
    return torch.stack([term.reshape(()) for term in found]).sum()


def _trainable(graph: Graph, key: str) -> bool:
    """Whether training changes the parameter."""
    return key in graph.parameters and graph.parameters[key].trainable


def _tensor(value: Array) -> Tensor:
    """A tensor of its own memory with the array's numbers and type."""
    return torch.from_numpy(np.array(value, order="C"))


def _array(value: Tensor) -> Array:
    """The numbers of a tensor; those of a type that NumPy lacks in float32, which holds them all."""
    there = value.detach().cpu()
    return (there.float() if there.dtype in (torch.bfloat16, torch.float16) else there).numpy().copy()


def _gradient(value: Tensor) -> Array:
    """The gradient that arrived; zeros where none did."""
    return _array(torch.zeros_like(value) if value.grad is None else value.grad)
