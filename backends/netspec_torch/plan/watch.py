"""What one step of a model asks of its layers: every call, forward and backward, kept to be judged afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

PRODUCTS = frozenset(
    {
        torch.matmul,
        torch.bmm,
        torch.mm,
        torch.addmm,
        torch.baddbmm,
        torch.einsum,
        torch.Tensor.matmul,
        torch.Tensor.__matmul__,
        nn.functional.linear,
        nn.functional.conv1d,
        nn.functional.conv2d,
        nn.functional.conv3d,
        nn.functional.conv_transpose1d,
        nn.functional.conv_transpose2d,
        nn.functional.conv_transpose3d,
        nn.functional.scaled_dot_product_attention,
    }
)
"""What autocast computes in half numbers whatever it is given."""


@dataclass
class Call:
    """One call of a layer or of a product: what it was, what it read, what it gave, and what gradient arrived."""

    path: str
    run: Callable[..., Any]
    inputs: tuple[Any, ...]
    named: dict[str, Any]
    layer: nn.Module | None = None
    state: dict[str, Tensor] = field(default_factory=dict)
    made: list[Tensor] = field(default_factory=list)
    arrived: dict[int, Tensor] = field(default_factory=dict)


class Watch:
    """Keeps every call of one step of a model, forward and backward."""

    def __init__(self, model: nn.Module) -> None:
        self.calls: list[Call] = []
        self._model = model
        self._stack: list[str] = [""]
        self._leaves = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within, calls are kept."""
        handles: list[RemovableHandle] = []
        for path, layer in self._model.named_modules():
            leaf = bool(path) and not any(True for _ in layer.children())
            handles += self._leaf(path, layer) if leaf else self._block(path, layer)
        try:
            with _Products(self):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _leaf(self, path: str, layer: nn.Module) -> list[RemovableHandle]:
        """Hooks that keep the calls of a layer."""

        def enter(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            self._leaves += 1
            state = {key: value.clone() for key, value in layer.named_buffers()}
            self.calls.append(Call(path, layer, _detached(inputs), named, layer, state))

        def leave(_: nn.Module, __: tuple[Any, ...], ___: dict[str, Any], made: Any) -> None:
            self._leaves -= 1
            _listen(self.calls[-1], made)

        return [
            layer.register_forward_pre_hook(enter, with_kwargs=True),
            layer.register_forward_hook(leave, with_kwargs=True),
        ]

    def _block(self, path: str, block: nn.Module) -> list[RemovableHandle]:
        """Hooks that tell which block is under way."""
        return [
            block.register_forward_pre_hook(lambda _, __: self._stack.append(path)),
            block.register_forward_hook(lambda _, __, ___: self._left()),
        ]

    def _left(self) -> None:
        """A block is done; a hook must not return anything."""
        self._stack.pop()

    def product(
        self, run: Callable[..., Any], inputs: tuple[Any, ...], named: dict[str, Any], made: Any
    ) -> None:
        """Keep a product that stands outside of any layer."""
        if self._leaves == 0 and isinstance(made, Tensor) and made.is_floating_point():
            call = Call(self._stack[-1], run, _detached(inputs), named)
            _listen(call, made)
            self.calls.append(call)


class _Products(TorchFunctionMode):
    """Hands every product of matrices to the watch."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if func in PRODUCTS:
            self._watch.product(func, tuple(args), dict(kwargs or {}), made)
        return made


def _detached(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs as they came, cut from what made them."""
    return tuple(
        one.detach()
        if isinstance(one, Tensor)
        else _detached(tuple(one))
        if isinstance(one, list | tuple)
        else one
        for one in inputs
    )


def _listen(call: Call, made: Any) -> None:
    """Keep the results of a call, and the gradients that will arrive at them."""
    for i, one in enumerate(tensors_of(made)):
        call.made.append(one.detach())
        if one.requires_grad:
            one.register_hook(partial(_arrived, call, i))  # type: ignore[no-untyped-call]


def _arrived(call: Call, i: int, gradient: Tensor) -> None:
    """Keep the gradient of one result."""
    call.arrived[i] = gradient.detach()


def tensors_of(made: Any) -> list[Tensor]:
    """The tensors of a result, in their order."""
    if isinstance(made, Tensor):
        return [made]
    if isinstance(made, dict):
        made = tuple(made.values())
    return [tensor for one in made for tensor in tensors_of(one)] if isinstance(made, list | tuple) else []
