"""What bodies are made of: nodes, uses of what is written as a class, and layers in series."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from netspec.ir.graph import Node, Ref, Use
from netspec.ir.types import TensorType
from netspec_torch.blocks.slots import Home, Slot
from netspec_torch.rule import Lowered


@dataclass(frozen=True)
class Kind:
    """What a piece is a use of: a block, an op that is said with others, or a group within one of these."""

    sort: str
    name: str
    owner: str = ""


@dataclass(eq=False)
class Item:
    """One thing that a body does: `path` says where, `home` where its layer hangs (empty where it has none)."""

    path: str
    inputs: tuple[Ref, ...]
    refs: tuple[Ref, ...]
    types: tuple[TensorType, ...]
    home: str
    expression: ast.expr


@dataclass(eq=False)
class Leaf(Item):
    """One node."""

    node: Node
    lowered: Lowered

    @property
    def is_call(self) -> bool:
        """Whether it is its layer called with one value, and nothing else."""
        made = self.expression
        return (
            isinstance(made, ast.Call)
            and isinstance(made.func, Home)
            and len(made.args) == 1
            and isinstance(made.args[0], Slot)
            and not made.keywords
            and self.lowered.construct is not None
            and self.home == self.path
            and len(self.refs) == 1
        )


@dataclass(eq=False)
class Piece:
    """Nodes that are written as one class, for one use of it.

    `names` are those of the inputs, `entering` their types.
    """

    path: str
    kind: Kind
    items: list[Item]
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    names: tuple[str, ...] = ()
    entering: tuple[TensorType, ...] = ()
    use: Use | None = None

    def inside(self, path: str) -> str:
        """A path as seen from this piece."""
        return path[len(self.path) + 1 :] if self.path else path


@dataclass(eq=False)
class Call(Item):
    """One use of a piece."""

    piece: Piece


@dataclass(eq=False)
class Series(Item):
    """Layers that are called one after another: copies, which are numbered, or the named layers of a group."""

    parts: list[Item] = field(default_factory=list)
    numbered: bool = False
