"""Why sizes are not legal: the first layer that refuses them, the chain that led there, the nearest legal ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.dim_decide import decide
from netspec.ir.dim_solve import Run
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.types import BATCH, CHANNEL, TensorType
from netspec.passes.demands import Demand, demands, letters
from netspec.passes.sizes import Legal, Solved, legal_sizes, legal_sizes_of
from netspec.passes.specialize import specialized
from netspec.text import Diagnostic, Label, Severity, Span, nearest

LONGEST_TRACE = 5
MOST_USES = 3
IS_NOT = {"==": "is not", ">=": "is less than", ">": "is not more than"}


def refusals(graph: Graph, sizes: Mapping[str, int]) -> tuple[Diagnostic, ...]:
    """Everything that speaks against these sizes, one message for each letter; letters without a size stay free.

    NS280: a layer cannot run. NS281: there is no such letter. NS282, a warning: training would fail. NS283: a letter
    that is left has no legal size.
    """
    known = letters(graph)
    found = [_unknown(letter, known) for letter in sizes if letter not in known]
    told: set[str] = set()
    asked = demands(graph)
    for demand in (*(one for one in asked if not one.training), *(one for one in asked if one.training)):
        about = demand.letters & sizes.keys()
        if not about or about & told or not _refuses(demand, sizes):
            continue
        told |= about
        found.append(_refusal(graph, asked, demand, sizes))
    if not any(one.severity is Severity.ERROR for one in found):
        found += _impossible(asked, [letter for letter in known if letter not in sizes], sizes)
    return tuple(found)


def contradictions(graph: Graph) -> tuple[Diagnostic, ...]:
    """NS283 for each letter of the inputs that has no legal size at all, whatever the others are."""
    return tuple(_impossible(demands(graph), letters(graph), {}))


def _impossible(
    asked: Sequence[Demand], free: Iterable[str], sizes: Mapping[str, int]
) -> Iterator[Diagnostic]:
    """NS283 for every letter that has no legal size at all, at the last of the layers that contradict each other."""
    for letter in free:
        solved = legal_sizes_of(letter, asked, sizes)
        if solved.least is not None or not solved.bounds:
            continue
        *others, last = solved.bounds
        yield Diagnostic(
            "NS283",
            Severity.ERROR,
            f"no size of `{letter}` is legal{f' with {told(solved.held)}' if solved.held else ''}: "
            f"`{last.node.path}` asks for `{last}` ({last.why})",
            _span(last),
            labels=_places(last.node),
            notes=tuple(f"{one.place} asks for `{one}` ({one.why})" for one in others),
            help="let these layers agree: pad, crop or resize before one of them",
        )


def told(sizes: Mapping[str, int]) -> str:
    """Sizes for a sentence: "`H = 65`, `W = 64`"."""
    return ", ".join(f"`{letter} = {size}`" for letter, size in sizes.items())


def _refuses(demand: Demand, sizes: Mapping[str, int]) -> bool:
    if demand.letters <= sizes.keys():
        return not demand.holds(sizes)
    try:
        left, right = demand.left.substitute(sizes), demand.right.substitute(sizes)
    except DimTooComplex:
        return False
    return decide(left, demand.relation, right) is False


def _unknown(letter: str, known: Sequence[str]) -> Diagnostic:
    near = nearest(letter, known)
    listed = ", ".join(f"`{one}`" for one in known)
    return Diagnostic(
        "NS281",
        Severity.ERROR,
        f"there is no free size `{letter}` in this spec",
        help=(f"did you mean `{near}`? " if near else "")
        + (f"its free sizes are {listed}" if known else "all its sizes are numbers"),
    )


def _refusal(graph: Graph, asked: Sequence[Demand], demand: Demand, sizes: Mapping[str, int]) -> Diagnostic:
    about = {letter: size for letter, size in sizes.items() if letter in demand.letters}
    left, right = demand.left.substitute(sizes), demand.right.substitute(sizes)
    solved = {letter: legal_sizes_of(letter, asked, sizes, training=demand.training) for letter in about}
    together = " together" if len(about) > 1 else ""
    verb = "are" if together else "is"
    what = f"cannot be trained with{together}" if demand.training else f"{verb} not legal{together}"
    types = [specialized(graph.type_of(ref), sizes) for ref in _inputs(graph, demand.node)]
    return Diagnostic(
        "NS282" if demand.training else "NS280",
        Severity.WARNING if demand.training else Severity.ERROR,
        f"{told(about)} {what}: at `{demand.node.path}` {left} {IS_NOT[demand.relation]} {right} ({demand.why})",
        _span(demand),
        label=_label(types),
        labels=_places(demand.node),
        notes=_notes(graph, demand, sizes, solved),
        help=_help(solved, sizes) + ("" if demand.training else _cure(graph, about)),
    )


def _inputs(graph: Graph, node: Node) -> tuple[Ref, ...]:
    """The inputs of a node of the graph itself; none of one that lies inside another."""
    return node.inputs if graph.node(node.path) is node else ()


def _label(types: Sequence[TensorType]) -> str:
    if not types:
        return ""
    return f"{'input is' if len(types) == 1 else 'inputs are'} {' and '.join(map(str, types))}"


def _span(demand: Demand) -> Span | None:
    """The argument that a demand is about, where it is written, or the layer."""
    if not demand.node.origin:
        return None
    layer = demand.node.origin[0]
    return layer.arguments.get(demand.at, layer.span) if isinstance(demand.at, str) else layer.span


def _places(node: Node) -> tuple[Label, ...]:
    """Where a layer of a block is used; of many uses the nearest and the outermost."""
    uses = node.origin[1:]
    shown = uses if len(uses) <= MOST_USES else (*uses[: MOST_USES - 1], uses[-1])
    return tuple(Label(one.span, "used here" if one.what == "use" else one.what) for one in shown)


def _help(solved: Mapping[str, Solved], sizes: Mapping[str, int]) -> str:
    """The nearest legal sizes of each letter, the others as they are given."""
    parts = []
    for letter, one in solved.items():
        below, above = one.sizes.nearest(sizes[letter])
        near = [f"`{letter} = {size}`" for size in dict.fromkeys((below, above)) if size is not None]
        held = f" with {told(one.held)}" if one.held else ""
        doubt = ", as far as is known" if one.unknown else ""
        if near:
            parts.append(f"nearest legal{held}: {' and '.join(near)} ({one.sizes}){doubt}")
        else:
            parts.append(f"no size of `{letter}` is legal{held}")
    return "; ".join(parts)


def _cure(graph: Graph, letters_refused: Iterable[str]) -> str:
    """A layer in front of all others that lets any size in, where multiples are all that is asked for."""
    legal = {one.letter: one for one in legal_sizes(graph)}
    for kind in graph.inputs.values():
        space = kind.axes[2:] if kind.batched and kind.rank > 2 and kind.names[1] == CHANNEL else ()
        if not any(str(axis.size) in letters_refused for axis in space):
            continue
        multiples = [_multiple(legal.get(str(axis.size))) for axis in space]
        if 0 in multiples or max(multiples) == 1:
            return ""
        written = multiples[0] if len(set(multiples)) == 1 else multiples
        return f"\nor begin with `- pad_to_multiple: {written}`, and any size is legal (`crop_like` takes it off again)"
    return ""


def _multiple(legal: Legal | None) -> int:
    """The number whose multiples are legal, all of them and as far as is known; 0 where there is none. Sizes are 1."""
    if legal is None:
        return 1
    (run, *more) = legal.alone.sizes.runs or (Run(0, 0),)
    told = not more and run.last is None and not legal.alone.unknown and not legal.joint
    return legal.alone.sizes.period if told and run.first == legal.alone.sizes.period else 0


def _notes(
    graph: Graph, demand: Demand, sizes: Mapping[str, int], solved: Mapping[str, Solved]
) -> tuple[str, ...]:
    """Where something is lost or gained, and the layers that last changed the sizes, nearest first."""
    if graph.node(demand.node.path) is not demand.node or not demand.node.inputs:
        return ()
    places = {0, demand.at} if isinstance(demand.at, int) else {0}
    starts = [ref for i, ref in enumerate(demand.node.inputs) if i in places]
    before = _ancestors(graph, starts)
    alike = {
        node.path: f" and of {_space(other)}"
        for letter, one in solved.items()
        if (found := _rounding(graph, before, sizes, letter, one))
        for node, other in [found]
    }
    changed = [node for node in reversed(before) if _changes(graph, node, sizes)]
    kept = {node.path for node in changed[:LONGEST_TRACE]} | alike.keys()
    return tuple(
        f"`{node.path}` (line {_line(node)}) {_change(graph, node, sizes)}{alike.get(node.path, '')}"
        for node in changed
        if node.path in kept
    )


def _ancestors(graph: Graph, refs: Iterable[Ref]) -> list[Node]:
    """The nodes on the way to some values, along the first input of each, in the order of the graph."""
    paths: set[str] = set()
    for ref in refs:
        node = graph.node(ref.path)
        while node is not None and node.path not in paths:
            paths.add(node.path)
            node = graph.node(node.inputs[0].path) if node.inputs else None
    return [node for node in graph.nodes if node.path in paths]


def _rounding(
    graph: Graph, before: Sequence[Node], sizes: Mapping[str, int], letter: str, solved: Solved
) -> tuple[Node, TensorType] | None:
    """The first layer that makes of this size what it makes of a legal one, and what enters it then."""
    for legal in solved.sizes.nearest(sizes[letter]):
        if legal is None or legal == sizes[letter]:
            continue
        other = {**sizes, letter: legal}
        for node in before:
            if not node.inputs:
                continue
            entering, made = graph.type_of(node.inputs[0]), node.types[0]
            there = specialized(entering, other)
            differs = specialized(entering, sizes).axes != there.axes
            if differs and specialized(made, sizes).axes == specialized(made, other).axes:
                return node, there
    return None


def _changes(graph: Graph, node: Node, sizes: Mapping[str, int]) -> bool:
    """Whether a layer changes a size that is free in the spec."""
    return bool(node.inputs) and _free(node.types[0], sizes) != _free(graph.type_of(node.inputs[0]), sizes)


def _free(kind: TensorType, sizes: Mapping[str, int]) -> list[Dim]:
    return [axis.size.substitute(sizes) for axis in kind.axes if axis.size.value is None]


def _change(graph: Graph, node: Node, sizes: Mapping[str, int]) -> str:
    """What a layer does to the sizes: "makes [8, 32] of [8, 65]"."""
    entering = specialized(graph.type_of(node.inputs[0]), sizes)
    return f"makes {_space(specialized(node.types[0], sizes))} of {_space(entering)}"


def _space(kind: TensorType) -> str:
    """The sizes without the batch."""
    return "[" + ", ".join(str(axis.size) for axis in kind.axes if axis.name != BATCH) + "]"


def _line(node: Node) -> int:
    return node.origin[0].span.line if node.origin else 0
