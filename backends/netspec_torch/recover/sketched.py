"""From a module to its sketch, and the module itself as what the sketch is held to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import nn
from torch.fx import Interpreter, Node
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as tree

from netspec.ir.types import DType
from netspec.recover.draft import Unsaid
from netspec.recover.sketch import Reading
from netspec.text import SpecError
from netspec_torch.recover import (
    arithmetic,
    cuts,
    modes,
    norms,
    pointwise,
    products,
    reductions,
    shapes,
    shuffles,
    views,
    windows,
)
from netspec_torch.recover.drawing import Drawing
from netspec_torch.recover.exported import EXAMPLES, Exported, export
from netspec_torch.recover.held import Held
from netspec_torch.recover.reading import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int | str, ...]

RULED = (arithmetic, cuts, norms, pointwise, products, reductions, shapes, shuffles, views, windows)
"""The files whose rules are there once they are imported."""

FREE_SIZES = (64, 96, 128, 160)
"""What free sizes are while a module is followed: they differ, so that none is taken for another."""

_DTYPES: dict[DType, torch.dtype] = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}


@dataclass(frozen=True)
class Given:
    """An input of the module: its name, the shape of a sample, the kind of number."""

    name: str
    shape: Shape
    dtype: DType = "float32"


def read(
    module: nn.Module,
    shapes: Sequence[Shape] = (),
    *,
    dtypes: Sequence[DType] = (),
    name: str = "",
    source: str = "",
) -> Reading:
    """A module as a sketch, with itself to be run.

    `shapes` are those of its inputs without the batch, in the order of `forward`; a letter is a size that stays free.
    The module is read as it trains and as it predicts, and is left in the mode it was in. Raises SpecError: NS781 where
    its parameters are not float32, NS782 where PyTorch cannot follow it, NS783 where the shapes are not those of its
    inputs, NS784 where it takes no other size.
    """
    _settled(module)
    given = _inputs(module, shapes, dtypes)
    sizes = _sizes(given)
    examples = [_example(one, sizes) for one in given]
    free = [[0, *(i + 1 for i, size in enumerate(one.shape) if isinstance(size, str))] for one in given]
    word = name or _word(type(module).__name__)
    told = source or f"{type(module).__module__}.{type(module).__qualname__}"
    with _mode(module, training=False):
        evaluated = export(module, examples, free)
    _unfixed(evaluated, given)
    evaluating, values = _drawn(evaluated, given, sizes, word, told)
    training = None
    try:
        with _mode(module, training=True):
            trained = export(module, examples, free)
        training, _ = _drawn(trained, given, sizes, word, told)
    except SpecError:
        evaluating.drawing.notes.append("PyTorch cannot follow the module in training: read as it predicts")
    sketch, same = modes.one(evaluating, training)
    sketch = replace(sketch, kinds=_kinds(module))
    steps = {node: same[value] for value, node in values.items() if value in same}
    return Reading(sketch, _Run(module, evaluated, tuple(given), tuple(sketch.outputs), steps))


def _drawn(
    exported: Exported, given: Sequence[Given], sizes: Mapping[str, int], name: str, source: str
) -> tuple[modes.Drawn, Mapping[str, Node]]:
    """The drawing of one mode with its outputs, and the nodes whose tensors its values are."""
    drawing = Drawing(name, source, {"N": EXAMPLES, **sizes})
    axes = ("place", "feature") if not _slides(exported) else ()
    drawing.pair = axes
    held: dict[str, Held] = {}
    for one in given:
        names = axes if len(one.shape) == 2 else ()
        try:
            held[one.name] = Held(
                drawing.input(one.name, one.shape, one.dtype, names), tuple(range(len(one.shape) + 1))
            )
        except Unsaid as trouble:
            raise _shape_error(f"the input `{one.name}` cannot be: {trouble}") from trouble
    reader = Reader(exported, drawing)
    found = reader.read(held)
    outputs: dict[str, str] = {}
    for word, value in zip(_output_names(exported), found, strict=True):
        if value is None:
            continue
        if not isinstance(value, Held):
            drawing.refuse("output", word, "it is the same for all inputs")
            continue
        try:
            laid = drawing.laid(value)
            if laid in held or laid in outputs.values():
                laid = drawing.one("identity", {}, (laid,))
            outputs[word] = laid
        except Unsaid as trouble:
            drawing.refuse("output", word, str(trouble))
    values = {
        one.value: node
        for node, one in reader.values.items()
        if isinstance(one, Held) and one.is_plain and node.op == "call_function"
    }
    return modes.Drawn(drawing, outputs), values


def _kinds(module: nn.Module) -> dict[str, str]:
    """What parts of the module are instances of, those classes that are none of PyTorch's own."""
    named = module.named_modules(remove_duplicate=False)
    return {
        path: _word(type(one).__name__)
        for path, one in named
        if not type(one).__module__.startswith("torch.")
    }


def _slides(exported: Exported) -> bool:
    """Whether something slides along one axis: then a plain input of two axes has channels."""
    names = (getattr(node.target, "_opname", "") for node in exported.program.graph.nodes)
    return any(name.endswith("1d") or name in {"batch_norm", "group_norm", "instance_norm"} for name in names)


# -------------------------------------------------------------------------------------------------------------- inputs


def _settled(module: nn.Module) -> None:
    """NS781 for a module whose parameters have no numbers yet, or others than a spec's."""
    for key, one in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(one) or one.is_meta:
            message, help = (
                f"`{key}` has no numbers yet",
                "run the module once, or load its weights, and import it then",
            )
        elif one.is_floating_point() and one.dtype != torch.float32:
            message = f"`{key}` is of {str(one.dtype).removeprefix('torch.')}, and the numbers of a spec are float32"
            help = "call `.float()` on the module first"
        else:
            continue
        raise SpecError.of("NS781", message, help=help)


def _inputs(module: nn.Module, shapes: Sequence[Shape], dtypes: Sequence[DType]) -> list[Given]:
    """The inputs of `forward` that have a shape; NS783 where there are more shapes or fewer than it needs."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    every = list(signature(module.forward).parameters.values())
    takes = [one for one in every if one.kind in kinds]
    needed = [one.name for one in takes if one.default is Parameter.empty]
    open_ended = any(one.kind is Parameter.VAR_POSITIONAL for one in every)
    names = [one.name for one in takes]
    names += [f"input{i + 1}" for i in range(len(names), len(shapes))] if open_ended else []
    if not len(needed) <= len(shapes) <= len(names) or not shapes:
        said = ", ".join(f"`{one}`" for one in names) or "nothing"
        raise _shape_error(
            f"`forward` takes {said}, and {len(shapes)} shape{'s are' if len(shapes) != 1 else ' is'} given"
        )
    given: list[Given] = []
    for i, (word, shape) in enumerate(zip(names, shapes, strict=False)):
        dtype = dtypes[i] if i < len(dtypes) else "float32"
        if dtype not in get_args(DType):
            raise _shape_error(f"there is no kind of number `{dtype}`")
        given.append(Given(_unused(_word(word), [one.name for one in given]), tuple(shape), dtype))
    return given


def _sizes(given: Sequence[Given]) -> dict[str, int]:
    """What the free sizes are while the module is followed."""
    letters = dict.fromkeys(size for one in given for size in one.shape if isinstance(size, str))
    return {
        letter: FREE_SIZES[i % len(FREE_SIZES)] + 32 * (i // len(FREE_SIZES))
        for i, letter in enumerate(letters)
    }


def _example(one: Given, sizes: Mapping[str, int]) -> torch.Tensor:
    """A tensor of the shape, with more than one sample."""
    shape = [EXAMPLES, *(sizes[size] if isinstance(size, str) else size for size in one.shape)]
    return torch.zeros(shape, dtype=_DTYPES[one.dtype])


def _unfixed(exported: Exported, given: Sequence[Given]) -> None:
    """NS784 where the module works for one batch alone, or for one of the sizes that are to be free."""
    signed = exported.program.graph_signature.user_inputs
    nodes = [
        node for node in exported.program.graph.nodes if node.op == "placeholder" and node.name in signed
    ]
    for node, one in zip(nodes, given, strict=True):
        for size, letter in zip(node.meta["val"].shape, ("N", *one.shape), strict=True):
            if not isinstance(letter, str) or not _is_number(size):
                continue
            if letter == "N":
                message = f"the module works for a batch of `{size}` alone: that number stands in its code"
                help = "write `x.size(0)` where the batch's size is meant, as in `x.view(x.size(0), -1)`"
            else:
                message = f"the module takes no other `{letter}` than the one it is made for"
                help = f"write the number in the shape in place of `{letter}`"
            raise SpecError.of("NS784", message, help=help)


def _is_number(size: Any) -> bool:
    """Whether a size is no other than at the example."""
    return isinstance(size, int) or size.node.maybe_as_int() is not None


def _shape_error(message: str) -> SpecError:
    """NS783, with what shapes are."""
    return SpecError.of(
        "NS783", message, help="give one shape for each input, without the batch: `--shape 3,224,224`"
    )


# ------------------------------------------------------------------------------------------------------------- outputs


def _output_names(exported: Exported) -> list[str]:
    """What the outputs are called: by their keys, or by their places where there are several."""
    spec = exported.program.call_spec.out_spec
    assert spec is not None
    filled = tree.tree_unflatten(list(range(spec.num_leaves)), spec)
    paths = [path for path, _ in tree.tree_flatten_with_path(filled)[0]]
    if len(paths) == 1 and not paths[0]:
        return ["output"]
    found: list[str] = []
    for path in paths:
        words = [str(getattr(one, "key", getattr(one, "name", getattr(one, "idx", "")))) for one in path]
        word = "_".join(str(int(one) + 1) if one.isdigit() else one for one in words)
        found.append(_unused(_word(word if not word[:1].isdigit() else f"output{word}"), found))
    return found


def _word(text: str) -> str:
    """A name of the language made of one of Python's: `BasicBlock` becomes `basic_block`, `ResNet` `resnet`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    word = re.sub(r"\W+", "_", parted, flags=re.ASCII).lower().strip("_")
    word = re.sub(r"(?<=[a-z])_net(?=_|$)", "net", word)
    return word if word[:1].isalpha() else f"x{word}"


def _unused(word: str, taken: Sequence[str]) -> str:
    """The word, numbered where it is taken."""
    found, count = word, 2
    while found in taken:
        found, count = f"{word}{count}", count + 1
    return found


# ------------------------------------------------------------------------------------------------------------- running


@contextmanager
def _mode(module: nn.Module, *, training: bool) -> Iterator[None]:
    """The module in one mode, each of its layers back in its own afterwards; frozen norms stay as they are."""
    before = {layer: layer.training for layer in module.modules()}
    module.train(training)
    try:
        yield
    finally:
        for layer, mode in before.items():
            layer.training = mode


@dataclass(frozen=True)
class _Run:
    """The module itself, in evaluation."""

    module: nn.Module
    exported: Exported
    given: tuple[Given, ...]
    outputs: tuple[str, ...]
    steps: Mapping[Node, str]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The outputs by name, and of the steps the values that lie as in the source."""
        tensors = [torch.from_numpy(inputs[one.name]) for one in self.given]
        with torch.no_grad(), _mode(self.module, training=False):
            made = self.module(*tensors)
            values = _Watched(self.exported, self.steps)
            values.values(*tensors)
        leaves = [one for one in tree.tree_leaves(made) if isinstance(one, torch.Tensor)]
        found = {name: one.numpy() for name, one in values.found.items()}
        return found | {name: one.numpy() for name, one in zip(self.outputs, leaves, strict=True)}


class _Watched(Interpreter):
    """Runs the graph and keeps the values of steps."""

    def __init__(self, exported: Exported, steps: Mapping[Node, str]) -> None:
        super().__init__(exported.program.graph_module)
        self._exported = exported
        self._steps = steps
        self.found: dict[str, torch.Tensor] = {}

    def values(self, *inputs: torch.Tensor) -> None:
        """Run it on the inputs, with the module's own parameters."""
        program = self._exported.program
        given = iter(inputs)
        feed: list[Any] = []
        for spec in program.graph_signature.input_specs:
            key = spec.target
            if spec.kind.name == "USER_INPUT":
                feed.append(next(given, None))
            else:
                found = program.state_dict.get(str(key), program.constants.get(str(key)))
                feed.append(found.detach().clone() if isinstance(found, torch.Tensor) else found)
        self.run(*feed)

    def run_node(self, n: Node) -> Any:
        """As a node says; a call that was kept whole is made."""
        if n.op == "call_function" and getattr(n.target, "namespace", "") == "netspec":
            inputs = [self.env[one] for one in n.args[0]]  # type: ignore[union-attr, index]
            made = self._exported.leaves[str(n.args[2])].run(inputs)
        else:
            made = super().run_node(n)
        if n in self._steps and isinstance(made, torch.Tensor):
            self.found[self._steps[n]] = made.clone()
        return made
