"""Changes of the graph: layers, their wiring, types, weights and cost, and the formulas above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.saying import Names, Unsayable, changed, said
from netspec.ir.types import TensorType
from netspec.passes.cost import cost
from netspec.passes.diff.change import Change, Group, compared, plain
from netspec.passes.diff.match import Matching, counted, is_formula, mapped
from netspec.text.flow import flow


def graph_changes(old: Graph, new: Graph, found: Matching) -> Iterator[Change]:
    """All changes between two graphs; their formulas speak of values by the new names."""
    theirs = names_of(new)
    ours = names_of(old) | {
        ref: theirs[now]
        for ref in names_of(old)
        if (now := mapped(ref, found.paths)) in theirs and ref.path in found.paths
    }
    yield from _declared(old, new)
    yield from _layers(old, new, found, ours, theirs)
    yield from _outputs(old, new, ours, theirs)
    yield from _types(found)
    yield from _weights(old, new, found)
    yield from _costs(old, new)
    for group in ("loss", "metrics"):
        yield from formulas(group, formulas_of(old, group, ours), formulas_of(new, group, theirs))


def names_of(graph: Graph) -> dict[Ref, str]:
    """What values are called: one of several results by its written name."""
    found = {}
    for node in graph.nodes:
        for ref in node.refs:
            found[ref] = node.names[ref.output] if node.names else str(ref)
    return found


def _declared(old: Graph, new: Graph) -> Iterator[Change]:
    """Inputs and targets by name."""
    for what in ("inputs", "targets"):
        before, after = getattr(old, what), getattr(new, what)
        for name in dict.fromkeys((*before, *after)):
            one, other = before.get(name), after.get(name)
            texts = [
                None if kind is None else typed(kind, like=like)
                for kind, like in ((one, other), (other, one))
            ]
            yield from _told("types", f"{what.removesuffix('s')} {name}", *texts)


def _told(group: Group, subject: str, old: str | None, new: str | None) -> Iterator[Change]:
    """The change of a text that is shown as it stands."""
    if old != new:
        how = "added" if old is None else "removed" if new is None else "changed"
        yield Change(group, subject, how, old or "", new or "")  # type: ignore[arg-type]  # one of the words of How


def typed(kind: TensorType, *, like: TensorType | None = None) -> str:
    """A type with all that is known of its numbers; beside one of the same axes and numbers, the sizes alone."""
    known = [*kind.facts.names(), *([kind.unit] if kind.unit else [])]
    if like is None or (like.names, like.dtype) != (kind.names, kind.dtype):
        return kind.named() + (f", {', '.join(known)}" if known else "")
    sizes = f"[{', '.join(str(size) for size in kind.sizes)}]"
    same = (like.facts, like.unit) == (kind.facts, kind.unit)
    return sizes if same else f"{sizes}, {', '.join(known) or 'nothing known'}"


def head(graph: Graph, node: Node, names: Mapping[Ref, str]) -> str:
    """A layer as it is written: its op with what is not default, or its formula."""
    if is_formula(node):
        return f"formula: {layer_formula(graph, node, names)}"
    arguments = {key: plain(value) for key, value in changed(node.op).items()}
    return f"{node.op.name}: {flow(arguments)}" if arguments else node.op.name


def layer_formula(graph: Graph, node: Node, names: Mapping[Ref, str]) -> str:
    """What a layer that is a formula says."""

    def name(ref: Ref) -> str | None:
        inside = ref.path == node.path or ref.path.startswith(f"{node.path}.")
        return None if inside else names.get(ref, str(ref))

    return _formula(graph, Ref(node.path), name)


def _layers(
    old: Graph, new: Graph, found: Matching, ours: Mapping[Ref, str], theirs: Mapping[Ref, str]
) -> Iterator[Change]:
    """Layers that came, went, are called otherwise, or are something else now."""
    paths, gone, come = found.paths, _by_path(found.removed), _by_path(found.added)
    for node in found.removed:
        yield Change(
            "graph",
            node.path,
            "removed",
            old=head(old, node, names_of(old)),
            note=_behind(node, names_of(old)),
        )
    for node in found.added:
        yield Change("graph", node.path, "added", new=head(new, node, theirs), note=_behind(node, theirs))
    for one, other in found.pairs:
        if one.path != other.path:
            yield Change("graph", one.path, "renamed", one.path, other.path, moved=counted(one, other))
        elif one.names != other.names:
            yield Change("graph", one.path, "renamed", ", ".join(one.names), ", ".join(other.names))
        if is_formula(one) or is_formula(other) or one.op.name != other.op.name:
            yield from _told("graph", other.path, head(old, one, ours), head(new, other, theirs))
            continue
        for key in type(other.op).model_fields:
            yield from compared("graph", f"{other.path}.{key}", _argument(one, key), _argument(other, key))
        before = [mapped(_through(ref, gone), paths) for ref in one.inputs]
        after = [_through(ref, come) for ref in other.inputs]
        if before != after:
            yield Change(
                "graph",
                f"{other.path}.from",
                "changed",
                _listed(before, theirs),
                _listed(other.inputs, theirs),
            )


def _by_path(nodes: tuple[Node, ...]) -> dict[str, Node]:
    return {one.path: one for one in nodes}


def _argument(node: Node, key: str) -> object:
    """An argument, `null` said as a word: None means here that nothing is there."""
    value = getattr(node.op, key)
    return "null" if value is None else value


def _through(ref: Ref, others: Mapping[str, Node]) -> Ref:
    """The value before layers that only one graph has: what stood there still stands behind them."""
    while (node := others.get(ref.path)) is not None and node.inputs:
        ref = node.inputs[0]
    return ref


def _behind(node: Node, names: Mapping[Ref, str]) -> str:
    return f"after {_listed(node.inputs, names)}" if node.inputs and not is_formula(node) else ""


def _listed(refs: Iterable[Ref], names: Mapping[Ref, str]) -> str:
    return ", ".join(names.get(ref, str(ref)) for ref in refs)


def _outputs(old: Graph, new: Graph, ours: Mapping[Ref, str], theirs: Mapping[Ref, str]) -> Iterator[Change]:
    """What the model returns."""
    before, after = (
        _listed(graph.entry("predict").values(), names) for graph, names in ((old, ours), (new, theirs))
    )
    yield from _told("graph", "outputs", before, after)


def _types(found: Matching) -> Iterator[Change]:
    """Layers whose results are of another type now."""
    for old, new in found.pairs:
        if old.types == new.types:
            continue
        alike = zip(old.types, new.types, strict=len(old.types) == len(new.types))
        before, after = zip(
            *((typed(one, like=other), typed(other, like=one)) for one, other in alike), strict=True
        )
        yield Change("types", new.path, "changed", "; ".join(before), "; ".join(after), moved=True)


def _weights(old: Graph, new: Graph, found: Matching) -> Iterator[Change]:
    """How weights start, which of them learn, and whose they are."""
    for before, after in found.pairs:
        for name in after.parameters.keys() & before.parameters.keys():
            ours, theirs = old.parameters[before.parameters[name]], new.parameters[after.parameters[name]]
            subject = f"{after.path}.{name}"
            inits = [one.init if one.init is not None else "as PyTorch" for one in (ours, theirs)]
            yield from compared("parameters", f"{subject}.init", *inits)
            if ours.trainable != theirs.trainable:
                learns = {True: "learns", False: "frozen"}
                yield Change(
                    "parameters", subject, "changed", learns[ours.trainable], learns[theirs.trainable]
                )
            home, now = ours.key.removesuffix(f".{name}"), theirs.key.removesuffix(f".{name}")
            if found.paths.get(home, home) != now:
                yield Change("parameters", f"{subject}.weights", "changed", f"of {home}", f"of {now}")
        statistics = [("frozen" if "statistics" in node.frozen else "kept") for node in (before, after)]
        yield from _told("parameters", f"{after.path}.statistics", *statistics)


def _costs(old: Graph, new: Graph) -> Iterator[Change]:
    """Totals, with how much they grew."""
    before, after = cost(old), cost(new)
    frozen = before.parameters - before.trainable, after.parameters - after.trainable
    totals = {"trainable parameters": (before.trainable, after.trainable), "frozen parameters": frozen}
    for what, (fewer, now) in totals.items():
        if fewer != now:
            share = f"{(now - fewer) / fewer:+.1%}" if fewer else ""
            yield Change("cost", what, "changed", f"{fewer:,}", f"{now:,}", share)
    if before.macs != after.macs:
        less, more = before.macs.value, after.macs.value
        share = f"{(more - less) / less:+.1%}" if less and more is not None else ""
        texts = [f"{one.value:,}" if one.value is not None else str(one) for one in (before.macs, after.macs)]
        yield Change("cost", "MACs of a sample", "changed", texts[0], texts[1], share)


def formulas_of(graph: Graph, entry: str, names: Mapping[Ref, str], *, upper: bool = False) -> dict[str, str]:
    """The formulas of an entry by name; what cannot be said is told by its path.

    In the graph of groups, which is formulas alone (`upper`), `names` are the values that are not said but named.
    """

    def name(ref: Ref) -> str | None:
        inside = graph.node(ref.path) is not None if upper else ref.path.startswith(("loss.", "metrics."))
        return names.get(ref) if inside and upper else None if inside else names.get(ref, str(ref))

    return {key: _formula(graph, ref, name) for key, ref in graph.entry(entry).items()}


def _formula(graph: Graph, ref: Ref, name: Names) -> str:
    try:
        return said(graph, ref, name)
    except Unsayable:
        return str(ref)


def formulas(group: Group, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    """Formulas that came, went or say something else. What has another name and says the same is renamed."""
    gone = {name: text for name, text in old.items() if name not in new}
    come = {name: text for name, text in new.items() if name not in old}
    for name, text in list(gone.items()):
        same = next((other for other, said_ in come.items() if said_ == text), None)
        if same is not None:
            yield Change(group, name, "renamed", name, same)
            del gone[name], come[same]
    for name in dict.fromkeys((*old, *new)):
        if name in gone or name in come or (name in old and name in new):
            yield from _told(group, name, old.get(name), new.get(name))
