"""What `torch.export` would take apart into a dozen small steps, and netspec has a word for: kept whole.

While a module is exported these functions, and `nn.MultiheadAttention`, put one node into the graph, with the inputs of
the call and a key under which the table has what it was. Nothing is computed by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import TypeGuard
from unittest.mock import patch

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from torch import nn

from netspec_torch import support

FUNCTIONS = (
    "local_response_norm",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "softsign",
    "tanhshrink",
    "softmin",
)
"""Functions of `torch.nn.functional` that are written in Python, of which the graph would hold the parts."""


@dataclass(frozen=True)
class Leaf:
    """One call: the function's or class's name, its arguments that are no tensors, and the layer that was called.

    `run` makes the call.
    """

    name: str
    arguments: Mapping[str, object]
    run: Callable[[list[torch.Tensor]], torch.Tensor]
    layer: nn.Module | None = None


CURVES = ("normal_cdf", "mixture_cdf", "lognormal_cdf")
"""Functions that a file written by netspec has copies of."""


class Leaves:
    """The calls that were kept whole during one export, by key."""

    def __init__(self) -> None:
        self.calls: dict[str, Leaf] = {}

    @contextmanager
    def kept(self, module: nn.Module) -> Iterator[None]:
        """Keep calls whole while the module is exported."""
        with ExitStack() as stack:
            for name in FUNCTIONS:
                stack.enter_context(patch.object(F, name, self._function(name, getattr(F, name))))
            for own in {id(one): one for one in map(_globals, module.modules())}.values():
                for name in CURVES:
                    function = own.get(name)
                    if _is_ours(function, name):
                        stack.enter_context(patch.dict(own, {name: self._function(name, function)}))
            for layer in module.modules():
                if isinstance(layer, nn.MultiheadAttention):
                    stack.enter_context(patch.object(layer, "forward", self._attention(layer)))
            yield

    def _function(self, name: str, original: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        """A function that puts one node in place of the original's."""
        parameters = signature(original)

        def leaf(*given: object, **named: object) -> torch.Tensor:
            bound = parameters.bind(*given, **named)
            bound.apply_defaults()
            tensors = {word: one for word, one in bound.arguments.items() if isinstance(one, torch.Tensor)}
            options = {word: one for word, one in bound.arguments.items() if word not in tensors}

            def run(inputs: list[torch.Tensor]) -> torch.Tensor:
                return original(**dict(zip(tensors, inputs, strict=True)), **options)

            same = not name.startswith("lp_pool") and name not in CURVES
            like = torch.empty_like(*tensors.values()) if same else run([*tensors.values()])
            return self._node(Leaf(name, options, run), [*tensors.values()], like)

        return leaf

    def _attention(self, layer: nn.MultiheadAttention) -> Callable[..., object]:
        """The forward of `nn.MultiheadAttention`, and of netspec's own, which gives the values alone."""
        original = layer.forward
        alone = "where" in signature(original).parameters
        words = ("key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")

        def run(inputs: list[torch.Tensor]) -> torch.Tensor:
            query, key, value = inputs[:3]
            made: object = original(query, key, value)
            made = made if alone else made[0]  # type: ignore[index]
            assert isinstance(made, torch.Tensor)
            return made

        def forward(
            query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *given: object, **options: object
        ) -> object:
            said: dict[str, object] = {**dict(zip(words, given, strict=False)), **options}
            masks = [one for one in said.values() if isinstance(one, torch.Tensor)]
            plain = {word: one for word, one in said.items() if not isinstance(one, torch.Tensor)}
            plain["masks"] = len(masks)
            leaf = Leaf("MultiheadAttention", plain, run, layer)
            made = self._node(leaf, [query, key, value, *masks], query.new_empty(query.shape))
            if alone:
                return made
            if not said.get("need_weights", True):
                return made, None
            first = 1 if layer.batch_first else 0
            shape = (query.shape[1 - first], query.shape[first], key.shape[first])
            heads = (
                shape if said.get("average_attn_weights", True) else (shape[0], layer.num_heads, *shape[1:])
            )
            return made, self._node(
                Leaf("weights of attention", {}, lambda x: x[0]), [made], query.new_empty(heads)
            )

        return forward

    def _node(self, leaf: Leaf, inputs: list[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
        """One node of the graph, whose value is like the one given."""
        key = f"{len(self.calls)}"
        self.calls[key] = leaf
        made: torch.Tensor = torch.ops.netspec.leaf(inputs, like, key)
        return made


def _globals(layer: nn.Module) -> dict[str, object]:
    """The names that a layer's `forward` sees."""
    found: dict[str, object] = getattr(type(layer).forward, "__globals__", {})
    return found


def _is_ours(function: object, name: str) -> TypeGuard[Callable[..., torch.Tensor]]:
    """Whether a function is a copy of netspec's own: it has its docstring and takes the same."""
    own = getattr(support, name)
    if not callable(function) or signature(function) != signature(own):
        return False
    return (function.__doc__ or "").split() == (own.__doc__ or "").split()


@torch.library.custom_op("netspec::leaf", mutates_args=())
def _leaf(inputs: list[torch.Tensor], like: torch.Tensor, key: str) -> torch.Tensor:
    """What stands in the graph. `like` has the shape of the value."""
    del inputs, key
    return torch.empty_like(like)


@_leaf.register_fake
def _leaf_shape(inputs: list[torch.Tensor], like: torch.Tensor, key: str) -> torch.Tensor:
    """The shape of the value."""
    del inputs, key
    return torch.empty_like(like)
